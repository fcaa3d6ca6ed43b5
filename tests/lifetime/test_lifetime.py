"""Whole lives: every small world holds, and what two honest nodes do from open_channel to the close."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boltproofs.ablation import Outcome, baseline, finding
from boltproofs.citations import rules_of_modules
from boltproofs.explorer.search import Verdict, search
from boltproofs.families import SCENARIOS
from boltproofs.life_scenarios import LARGE, LIFE_SCENARIOS
from boltspec.channel import Link
from boltspec.closing.transaction import ClosingTx
from boltspec.establishment.messages import ChannelReady
from boltspec.lifetime.messages import Error
from boltspec.lifetime.owed import is_resending, owed
from boltspec.lifetime.state import End, Life, failed
from boltspec.lifetime.steps import may_publish_commitment, receive, send
from boltspec.lifetime.world import World, initial, successors
from boltspec.messages import ChannelReestablish, RevokeAndAck, UpdateAddHtlc
from boltspec.rules import Reaction
from boltspec.units import Height, Msat
from boltspec.verdict import Accepted, Refused, Rejected

SMALL = [name for name in LIFE_SCENARIOS if name not in LARGE]
OFFER = UpdateAddHtlc(0, Msat(50_000_000), 1, Height(500))


def walk(world: World, name: str, *labels: str) -> World:
    """Take moves by their text."""
    for label in labels:
        found = {str(move): after for move, after in successors(world, SCENARIOS[name])}
        assert label in found, f"{label}: possible are {', '.join(found)}"
        world = found[label]
    return world


TO_FUNDED = (
    "A send open_channel", "B deliver OpenChannel", "B send accept_channel", "A deliver AcceptChannel",
    "A send funding_created", "B deliver FundingCreated", "B send funding_signed", "A deliver FundingSigned",
    "A publish the funding transaction", "chain mine",
)  # fmt: skip
TO_OPEN = (
    *TO_FUNDED, "A send channel_ready", "B deliver ChannelReady", "B send channel_ready", "A deliver ChannelReady",
)  # fmt: skip


def funded(name: str = "life-lost-offer") -> World:
    return walk(initial(LIFE_SCENARIOS[name]), name, *TO_FUNDED)


def opened(name: str = "life-lost-offer") -> World:
    return walk(initial(LIFE_SCENARIOS[name]), name, *TO_OPEN)


@pytest.mark.parametrize("name", SMALL)
def test_every_small_world_holds(name: str) -> None:
    assert search(LIFE_SCENARIOS[name]).verdict is Verdict.HOLDS


def test_every_rule_of_lifetime_is_necessary() -> None:
    baselines = tuple(map(baseline, SMALL))
    for rule in sorted(rules_of_modules("lifetime")):
        assert finding(baselines, rule).outcome is Outcome.NECESSARY, rule


def test_no_htlc_before_both_channel_ready() -> None:
    for life in funded().nodes:
        assert isinstance(send(life, OFFER), Refused)
        assert isinstance(receive(life, OFFER), Rejected)
    sender, receiver = opened().nodes
    assert isinstance(send(sender, OFFER), Accepted)
    assert isinstance(receive(receiver, OFFER), Accepted)


def test_a_lost_channel_ready_is_repeated_before_the_signature_that_was_lost_with_it() -> None:
    name = "life-lost-offer"
    lost = walk(
        funded(), name, "B send channel_ready", "A deliver ChannelReady", "A send channel_ready",
        "A send update_add_htlc", "A send owed CommitmentSigned", "chain disconnect",
        "A send owed ChannelReestablish", "B send owed ChannelReestablish",
        "A deliver ChannelReestablish", "B deliver ChannelReestablish",
    )  # fmt: skip
    assert [type(message) for message in owed(lost.nodes[0])] == [ChannelReady]
    again = walk(lost, name, "A send owed ChannelReady")
    assert is_resending(again.nodes[0])


def test_before_channel_reestablish_nothing_else_is_said() -> None:
    down = walk(opened(), "life-lost-offer", "chain disconnect").nodes[0]
    assert [type(message) for message in owed(down)] == [ChannelReestablish]
    assert down.establishment.funding is not None
    for message in (OFFER, RevokeAndAck(0), ChannelReady(down.establishment.funding)):
        assert isinstance(send(down, message), Refused)
        assert isinstance(receive(down, message), Rejected)


def test_a_failed_channel_takes_nothing_and_says_its_error_on_each_connection() -> None:
    life = failed(opened().nodes[0], owes_error=True)
    assert owed(life) == (Error(),)
    assert receive(life, OFFER) == Accepted(life)
    assert isinstance(send(life, OFFER), Refused)
    assert may_publish_commitment(life)
    told = send(life, Error())
    assert isinstance(told, Accepted)
    assert owed(told.state) == ()


def test_a_failed_channel_that_both_have_agreed_to_close_publishes_no_commitment() -> None:
    life = failed(opened().nodes[0], owes_error=True)
    assert life.closing is not None
    agreed = replace(life, closing=replace(life.closing, published=(ClosingTx(()),)))
    assert may_publish_commitment(life)
    assert not may_publish_commitment(agreed)


def test_an_error_of_the_peer_fails_the_channel_unless_there_is_none_yet() -> None:
    before, after = initial(LIFE_SCENARIOS["life"]).nodes[0], opened().nodes[0]
    assert ends(before) is End.FORGOTTEN
    assert ends(after) is End.FAILED


def ends(life: Life) -> End:
    verdict = receive(life, Error())
    assert isinstance(verdict, Accepted)
    return verdict.state.end


@pytest.mark.parametrize("closing_signed_received", [False, True])
def test_after_the_peers_closing_signed_no_revocation_is_repeated(closing_signed_received: bool) -> None:
    """B02-retransmission-n-16: it proved that the peer had it, so who asks for it then lies."""
    life = opened().nodes[0]
    assert life.closing is not None
    channel = replace(
        life.closing.channel,
        local_commitment_number=2,
        local_revocations=2,
        remote_commitment_number=2,
        remote_revocations=2,
        remote_secrets=2,
        link=Link.SENT,
    )
    closing = replace(life.closing, channel=channel)
    life = replace(life, closing=closing, closing_signed_received=closing_signed_received)
    taken = receive(life, ChannelReestablish(3, 1, 0))
    if closing_signed_received:
        assert isinstance(taken, Rejected)
        assert (taken.rule, taken.reaction) == ("B02-retransmission-n-16", Reaction.FAIL_CHANNEL)
    else:
        assert isinstance(taken, Accepted)
        assert taken.state.channel is not None
        assert taken.state.channel.owes_revocation
