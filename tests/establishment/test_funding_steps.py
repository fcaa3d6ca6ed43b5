"""funding_created, funding_signed, and when the funding transaction may be published."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from boltspec.channel import Link
from boltspec.establishment.accepter import next_funding_signed, received_by_push
from boltspec.establishment.funding import NOT_SEEN, FundingSeen, Outpoint, look
from boltspec.establishment.messages import ChannelReady, ChannelReestablish
from boltspec.establishment.opener import next_funding_created, owes_publication, publish_funding_transaction
from boltspec.establishment.ready import established
from boltspec.establishment.resume import is_remembered, reconnected
from boltspec.establishment.scenario import OPEN_CHANNEL, REAL_SCID
from boltspec.establishment.state import Awaited, Establishment, see
from boltspec.establishment.steps import receive, send
from boltspec.establishment.temptations import (
    NOTHING_SIGNED,
    NOWHERE,
    UNKNOWN_ID,
    funding_outpoints,
    lawful_transaction,
)
from boltspec.rules import Reaction
from boltspec.units import Blocks, Msat
from boltspec.verdict import Accepted, Refused, Rejected


def taken(verdict: Any) -> Establishment:
    """Return the state after a step that must be taken."""
    assert isinstance(verdict, Accepted), verdict
    assert isinstance(verdict.state, Establishment)
    return verdict.state


LIES = dict(funding_outpoints(OPEN_CHANNEL.funding_satoshis))


@pytest.mark.parametrize("lie", ["missing output", "wrong output", "amount less 1", "foreign script"])
def test_opener_names_only_the_agreed_output(pair: Any, lie: str) -> None:
    pair = pair.with_terms()
    message = next_funding_created(pair.opener, LIES[lie])
    assert pair.refused_to_opener(message) == "B02-funding-created-f-04"
    # The accepter cannot look into a transaction of which it knows the txid only.
    assert pair.rejected_by_accepter(message) is None


def test_opener_uses_no_malleable_transaction(pair: Any) -> None:
    pair = pair.with_terms()
    assert pair.refused_to_opener(next_funding_created(pair.opener, LIES["malleable"])) == "B02-funding-created-f-02"


def test_funding_created_is_signed_and_of_the_same_channel(pair: Any) -> None:
    pair = pair.with_terms()
    right = next_funding_created(pair.opener, pair.funding)
    unsigned = replace(right, signature=NOTHING_SIGNED)
    other = replace(right, temporary_channel_id=UNKNOWN_ID)
    assert pair.refused_to_opener(right) is pair.rejected_by_accepter(right) is None
    assert pair.refused_to_opener(unsigned) == "B02-funding-created-f-05"
    assert pair.refused_to_opener(other) == "B02-funding-created-f-01"
    assert pair.rejected_by_accepter(other) == "D02-channel-establishment-r-02"


@pytest.mark.parametrize("flaw", ["nothing", "high S", "other outpoint"])
def test_bad_signature_for_the_accepter_is_warned_of(pair: Any, flaw: str) -> None:
    pair = pair.with_terms()
    right = next_funding_created(pair.opener, pair.funding)
    elsewhere = next_funding_created(pair.opener, Outpoint(lawful_transaction(OPEN_CHANNEL.funding_satoshis), 1))
    signature = {
        "nothing": NOTHING_SIGNED,
        "high S": replace(right.signature, low_s=False),
        "other outpoint": elsewhere.signature,
    }[flaw]
    verdict = receive(pair.accepter, replace(right, signature=signature))
    assert verdict == Rejected("B02-funding-created-e-01", Reaction.WARN_OR_FAIL)


def test_funding_signed_is_signed_and_of_the_same_channel(pair: Any) -> None:
    pair = pair.with_terms()
    pair = pair.opener_sends(next_funding_created(pair.opener, pair.funding))
    right = next_funding_signed(pair.accepter)
    unsigned, other = replace(right, signature=NOTHING_SIGNED), replace(right, channel_id=NOWHERE)
    high_s = replace(right, signature=replace(right.signature, low_s=False))
    assert pair.refused_to_accepter(right) is pair.rejected_by_opener(right) is None
    assert pair.refused_to_accepter(unsigned) == "B02-funding-signed-e-02"
    assert pair.rejected_by_opener(unsigned) == pair.rejected_by_opener(high_s) == "B02-funding-signed-f-01"
    assert pair.refused_to_accepter(other) == "B02-funding-signed-e-01"
    assert pair.rejected_by_opener(other) == "D02-channel-establishment-r-02"


def test_signatures_of_the_two_first_commitments_are_not_interchangeable(pair: Any) -> None:
    pair = pair.with_terms()
    created = next_funding_created(pair.opener, pair.funding)
    pair = pair.opener_sends(created)
    swapped = replace(next_funding_signed(pair.accepter), signature=created.signature)
    assert pair.rejected_by_opener(swapped) == "B02-funding-signed-f-01"


def test_funding_transaction_is_published_once_and_only_with_a_way_out(pair: Any) -> None:
    pair = pair.with_terms()
    named = pair.opener_sends(next_funding_created(pair.opener, pair.funding))
    early = publish_funding_transaction(named.opener, pair.funding)
    assert early == Refused("B02-funding-signed-f-02")
    assert not owes_publication(named.opener)
    signed = named.accepter_sends(next_funding_signed(named.accepter))
    assert owes_publication(signed.opener)
    published = publish_funding_transaction(signed.opener, pair.funding)
    assert isinstance(published, Accepted)
    published_and_seen = see(published.state, look(pair.funding, pair.funding.funding_txid, Blocks(0), REAL_SCID))
    assert not owes_publication(published_and_seen)
    assert isinstance(publish_funding_transaction(published_and_seen, pair.funding), Refused)
    assert isinstance(publish_funding_transaction(signed.accepter, pair.funding), Refused)


def test_look_shows_the_outpoint_of_the_published_transaction_only(pair: Any) -> None:
    transaction = pair.funding.funding_txid
    seen = look(pair.funding, transaction, Blocks(1), REAL_SCID)
    assert seen == FundingSeen(transaction.outputs[0], Blocks(1), False, REAL_SCID)
    assert look(pair.funding, transaction, Blocks(0), REAL_SCID).short_channel_id is None
    assert look(pair.funding, replace(transaction, malleated=True), Blocks(1), REAL_SCID) == NOT_SEEN
    assert look(LIES["missing output"], transaction, Blocks(1), REAL_SCID) == NOT_SEEN
    assert look(None, transaction, Blocks(1), REAL_SCID) == NOT_SEEN


def test_coinbase_matures_at_100_confirmations(pair: Any) -> None:
    outpoint = LIES["coinbase"]
    at = {depth: look(outpoint, outpoint.funding_txid, Blocks(depth), REAL_SCID).spendable for depth in (99, 100)}
    assert at == {99: False, 100: True}


def test_push_counts_at_minimum_depth(pair: Any) -> None:
    assert received_by_push(pair.with_depth(Blocks(2)).accepter) == Msat(0)
    assert received_by_push(pair.with_depth(Blocks(3)).accepter) == OPEN_CHANNEL.push_msat
    assert received_by_push(pair.with_depth(Blocks(3)).opener) == Msat(0)


def test_after_a_lost_connection_the_opener_begins_anew_and_the_accepter_waits(pair: Any) -> None:
    agreed = pair.with_terms()
    opener, accepter = reconnected(agreed.opener), reconnected(agreed.accepter)
    assert opener == pair.opener
    assert accepter.awaited is Awaited.OPEN_CHANNEL
    again = receive(accepter, replace(OPEN_CHANNEL, temporary_channel_id=2))
    assert isinstance(again, Accepted)
    assert again.state.open_channel == replace(OPEN_CHANNEL, temporary_channel_id=2)
    assert isinstance(receive(agreed.accepter, OPEN_CHANNEL), Rejected)


def reestablished(state: Any) -> Any:
    """Return a remembered state after channel_reestablish of both."""
    sent = taken(send(state, ChannelReestablish(state.funding)))
    return taken(receive(sent, ChannelReestablish(state.funding)))


def test_who_has_let_the_funding_be_published_remembers_the_channel(pair: Any) -> None:
    """B02-retransmission-f-01, B02-retransmission-f-02, B02-retransmission-e-01, B02-retransmission-e-02"""
    named = pair.with_terms()
    named = named.opener_sends(next_funding_created(named.opener, pair.funding))
    assert is_remembered(named.accepter) is is_remembered(named.opener) is False
    signed = named.accepter_sends(next_funding_signed(named.accepter))
    assert is_remembered(signed.accepter)
    assert not is_remembered(signed.opener)
    published = taken(publish_funding_transaction(signed.opener, pair.funding))
    assert is_remembered(published)
    assert reconnected(published) == replace(published, link=Link.DOWN)
    assert reconnected(signed.opener) == pair.opener


def test_a_transaction_that_is_not_to_be_seen_is_published_again_after_a_crash(pair: Any) -> None:
    written = taken(publish_funding_transaction(pair.with_funding().opener, pair.funding))
    restarted = reconnected(written)
    assert owes_publication(restarted)
    assert isinstance(publish_funding_transaction(restarted, pair.funding), Accepted)
    seen = see(restarted, look(pair.funding, pair.funding.funding_txid, Blocks(0), REAL_SCID))
    assert not owes_publication(seen)
    assert isinstance(publish_funding_transaction(seen, pair.funding), Refused)


def test_channel_ready_is_sent_again_after_channel_reestablish_and_only_then(pair: Any) -> None:
    """B02-retransmission-n-06, B02-retransmission-n-08, B02-retransmission-n-09, B02-retransmission-n-11"""
    ready = ChannelReady(pair.funding, alias=101)
    used = pair.in_operation().opener
    assert send(used, ready) == Refused("B02-retransmission-n-09")
    assert isinstance(send(used, replace(ready, alias=102)), Accepted)
    down = reconnected(used)
    assert send(down, ready) == Refused("B02-retransmission-n-06")
    assert receive(down, ready) == Rejected("D02-retransmission-r-02", Reaction.WARN_OR_FAIL)
    up = reestablished(down)
    again = taken(send(up, ready))
    assert send(again, ready) == Refused("B02-retransmission-n-09")
    assert taken(receive(again, ChannelReady(pair.funding, alias=201))) == again
    assert established(again) == established(used)


@pytest.mark.parametrize(
    ("number", "broken"), [(0, "B02-retransmission-n-07"), (1, None), (2, "B02-retransmission-n-13")]
)
def test_an_unused_channel_is_resumed_at_commitment_1(pair: Any, number: int, broken: str | None) -> None:
    verdict = receive(reconnected(pair.in_operation().accepter), ChannelReestablish(pair.funding, number))
    assert (verdict.rule if isinstance(verdict, Rejected) else None) == broken


def test_channel_reestablish_of_a_forgotten_channel_is_answered_by_an_error(pair: Any) -> None:
    signed = pair.with_funding()
    verdict = receive(reconnected(signed.opener), ChannelReestablish(pair.funding))
    assert verdict == Rejected("B01-error-warning-s-02", Reaction.FAIL_CHANNEL)
    remembering = reconnected(signed.accepter)
    assert isinstance(receive(remembering, replace(OPEN_CHANNEL, temporary_channel_id=2)), Accepted)


def test_an_opener_does_not_forget_what_it_has_published_for_a_proposal_of_the_peer(pair: Any) -> None:
    published = reconnected(taken(publish_funding_transaction(pair.with_funding().opener, pair.funding)))
    assert receive(published, OPEN_CHANNEL) == Rejected("D02-channel-establishment-r-01", Reaction.FAIL_CHANNEL)


def test_nothing_is_signed_before_there_are_terms(pair: Any) -> None:
    with pytest.raises(ValueError, match="no terms"):
        next_funding_created(pair.opener, pair.funding)
    with pytest.raises(ValueError, match="no funding output"):
        next_funding_signed(pair.accepter)
