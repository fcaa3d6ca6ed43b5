"""funding_created, funding_signed, and when the funding transaction may be published."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from boltspec.establishment.accepter import next_funding_signed, received_by_push
from boltspec.establishment.funding import NOT_SEEN, FundingSeen, Outpoint, look
from boltspec.establishment.opener import next_funding_created, owes_publication, publish_funding_transaction
from boltspec.establishment.scenario import OPEN_CHANNEL, REAL_SCID
from boltspec.establishment.state import Awaited, reconnected
from boltspec.establishment.steps import receive
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
    assert not owes_publication(published.state)
    assert isinstance(publish_funding_transaction(published.state, pair.funding), Refused)
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


def test_with_a_funding_output_a_lost_connection_is_not_for_establishment(pair: Any) -> None:
    with pytest.raises(ValueError, match="channel_reestablish"):
        reconnected(pair.with_funding().accepter)


def test_nothing_is_signed_before_there_are_terms(pair: Any) -> None:
    with pytest.raises(ValueError, match="no terms"):
        next_funding_created(pair.opener, pair.funding)
    with pytest.raises(ValueError, match="no funding output"):
        next_funding_signed(pair.accepter)
