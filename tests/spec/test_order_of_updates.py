"""What is sent again after a lost connection, and in which order (BOLT 2, Message Retransmission)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boltproofs.explorer.search import Verdict, search
from boltproofs.families import SCENARIOS
from boltproofs.resumption_scenarios import HIGHEST_FEERATE, LOWEST_FEERATE, OUT_OF_SAVING
from boltproofs.scenario_parts import ANCHORS, FROM_B, PUSH
from boltspec import fee_updates, reestablish, update
from boltspec.channel import Link, opened
from boltspec.commit import next_commitment_signed
from boltspec.htlc import LOCAL, REMOTE, Htlc, Stage
from boltspec.htlcs import Htlcs
from boltspec.messages import (
    BADONION,
    CommitmentSigned,
    Message,
    UpdateAddHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
    UpdateFulfillHtlc,
)
from boltspec.party import receive, send
from boltspec.reestablish import disconnected, retransmission
from boltspec.scenario import Scenario
from boltspec.units import FeeratePerKw, Height, Msat
from boltspec.verdict import Accepted, Rejected

GAIN, SAVING = SCENARIOS["resume-gain"], SCENARIOS["resume-saving"]
LOWER = UpdateFee(LOWEST_FEERATE.feerate_per_kw)
OFFER = UpdateAddHtlc(0, OUT_OF_SAVING.amount_msat, OUT_OF_SAVING.payment_hash, OUT_OF_SAVING.cltv_expiry)


def test_offers_come_after_the_feerate_that_leaves_room_for_them() -> None:
    channel = opened(SAVING.params, SAVING.push_msat)
    for message in (LOWER, OFFER):
        sent = send(channel, message)
        assert isinstance(sent, Accepted)
        channel = sent.state
    sent = send(channel, next_commitment_signed(channel))
    assert isinstance(sent, Accepted)
    again = retransmission(replace(sent.state, owes_commitment=True))
    assert again[:2] == (LOWER, OFFER)
    assert isinstance(again[2], CommitmentSigned)


def test_without_the_lower_feerate_the_offer_is_too_much() -> None:
    channel = opened(SAVING.params, SAVING.push_msat)
    assert not isinstance(send(channel, OFFER), Accepted)


@pytest.mark.parametrize("scenario", [GAIN, SAVING], ids=lambda scenario: scenario.name)
def test_offers_first_make_honest_nodes_reject_each_other(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    right = reestablish._committed_updates
    monkeypatch.setattr(
        reestablish,
        "_committed_updates",
        lambda channel: sorted(right(channel), key=lambda update: not isinstance(update, UpdateAddHtlc)),
    )
    found = search(scenario)
    assert (found.verdict, found.trace is not None and found.trace.property) == (Verdict.VIOLATED, "NeverRejected")
    monkeypatch.undo()
    assert search(scenario).verdict is Verdict.HOLDS


# --- acknowledgments that come first ---


@pytest.mark.parametrize("name", ["resume-crossing-fee", "resume-crossing-offer"])
def test_counting_unsigned_offers_makes_honest_nodes_reject_each_other(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (update, fee_updates):
        monkeypatch.setattr(module, "without_unsigned_offers", lambda channel: channel)
    found = search(SCENARIOS[name])
    assert (found.verdict, found.trace is not None and found.trace.property) == (Verdict.VIOLATED, "NeverRejected")
    monkeypatch.undo()
    assert search(SCENARIOS[name]).verdict is Verdict.HOLDS


@pytest.mark.parametrize(("stage", "taken"), [(Stage.ACKED, True), (Stage.ACK_COMMITTED, False)])
def test_receiver_of_a_feerate_counts_its_own_offers_once_they_are_signed(stage: Stage, taken: bool) -> None:
    """The opener can just pay for a commitment without HTLCs."""
    scenario = SCENARIOS["resume-crossing-fee"]
    htlc = Htlc(LOCAL, 0, FROM_B.amount_msat, FROM_B.payment_hash, FROM_B.cltv_expiry, stage)
    channel = opened(scenario.params.mirrored(), scenario.push_msat)
    verdict = receive(replace(channel, htlcs=Htlcs((htlc,))), UpdateFee(HIGHEST_FEERATE.feerate_per_kw))
    assert isinstance(verdict, Accepted) is taken
    assert taken or (isinstance(verdict, Rejected) and verdict.rule == "B02-update-fee-r-03")


# --- the same updates ---

CODES = tuple(BADONION | code for code in (0x4005, 0x4018, 0))
"""Codes for an onion that cannot be read, and the least one that is lawful."""


def irrevocable_offer(htlc_id: int) -> Htlc:
    """Return an HTLC of the peer that can be removed."""
    return Htlc(REMOTE, htlc_id, Msat(5_000_000), htlc_id, Height(500), Stage.IRREVOCABLE)


def test_updates_that_are_sent_again_are_those_that_were_sent() -> None:
    count = 2 + len(CODES)
    offers = Htlcs(tuple(irrevocable_offer(htlc_id) for htlc_id in range(count)))
    channel = replace(opened(ANCHORS, PUSH), htlcs=offers, next_remote_htlc_id=count)
    sent: list[Message] = [UpdateFulfillHtlc(0, 0), UpdateFailHtlc(1)]
    sent += [UpdateFailMalformedHtlc(2 + place, code) for place, code in enumerate(CODES)]
    sent += [UpdateFee(FeeratePerKw(1_500)), UpdateAddHtlc(0, Msat(5_000_000), 9, Height(500))]
    for message in (*sent, None):
        verdict = send(channel, next_commitment_signed(channel) if message is None else message)
        assert isinstance(verdict, Accepted), verdict
        channel = verdict.state
    again = retransmission(replace(disconnected(channel), link=Link.UP, owes_commitment=True))
    assert again[:-1] == tuple(sent)
