"""How many coins a wallet keeps for a channel, and that each pays for what it is kept for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from boltspec.chain.bidding import is_fixed
from boltspec.chain.fee_reserve import (
    HEAVIEST,
    Need,
    coin_sat,
    coins_kept,
    coins_needed,
    coins_promised,
    coins_to_offer,
    is_defended,
)
from boltspec.chain.transactions import commitment_transaction
from boltspec.channel import Channel, opened
from boltspec.commitment import View, commitment
from boltspec.establishment.channel_type import STATIC_REMOTEKEY
from boltspec.establishment.funding import NOT_SEEN, FundingOutput, FundingSeen, Script
from boltspec.establishment.scenario import OPEN_CHANNEL as OPENING
from boltspec.establishment.state import ACCEPTER, OPENER, Awaited, Establishment, Node
from boltspec.htlc import LOCAL, REMOTE, Htlc, Stage
from boltspec.htlcs import NO_HTLCS
from boltspec.params import MAINNET_LIMITS, Params
from boltspec.rules import without
from boltspec.units import Blocks, FeeratePerKw, Height, Msat, Sat

ANCHORS = Params(Sat(1_000_000), LOCAL, FeeratePerKw(1_000), True, MAINNET_LIMITS, MAINNET_LIMITS)
RESERVE = "D05-general-n-06"


def channel(params: Params, *htlcs: Htlc) -> Channel:
    found = NO_HTLCS
    for htlc in htlcs:
        found = found.add(htlc)
    return replace(opened(params), htlcs=found)


def htlc(number: int, amount_msat: int, stage: Stage = Stage.IRREVOCABLE) -> Htlc:
    return Htlc(LOCAL if number % 2 else REMOTE, number, Msat(amount_msat), number, Height(500), stage)


def test_channel_with_anchors_needs_a_coin_for_its_commitment_and_one_for_each_htlc_output() -> None:
    assert coins_needed(channel(ANCHORS)) == 1
    assert coins_needed(channel(ANCHORS, htlc(0, 354_000), htlc(1, 354_000))) == 3
    assert coins_needed(channel(ANCHORS, htlc(0, 353_999), htlc(1, 354_000))) == 2, "a trimmed one has no transaction"


def test_htlc_counts_as_soon_as_the_peer_can_sign_for_it() -> None:
    offered = htlc(0, 400_000, Stage.PENDING)
    assert coins_needed(channel(ANCHORS, offered)) == 2


@pytest.mark.parametrize("stage", [Stage.PENDING, Stage.COMMITTED, Stage.ACKED])
def test_htlc_that_we_offer_counts_as_soon_as_it_has_left(stage: Stage) -> None:
    assert coins_needed(channel(ANCHORS, htlc(1, 400_000, stage))) == 2
    assert coins_needed(channel(ANCHORS, htlc(1, 353_999, stage))) == 1, "a trimmed one has no transaction"


def pushed(amount_msat: int, *htlcs: Htlc) -> Channel:
    """A channel that the peer has opened, with so much for us."""
    peers = replace(ANCHORS, opener=REMOTE)
    return replace(channel(peers, *htlcs), local_msat=Msat(amount_msat), remote_msat=Msat(10**9 - amount_msat))


def test_commitment_without_an_anchor_of_ours_takes_no_coin() -> None:
    """No coin can be added to it (:func:`boltspec.chain.bidding.is_fixed`); our first HTLC output makes an anchor."""
    assert coins_needed(pushed(353_999)) == 0
    assert coins_needed(pushed(354_000)) == 1
    assert coins_needed(pushed(0, htlc(0, 353_999))) == 0
    assert coins_needed(pushed(0, htlc(0, 354_000))) == 2


@pytest.mark.parametrize("amount_msat", [0, 353_999, 354_000, 400_000])
@pytest.mark.parametrize("htlcs", [(), (htlc(0, 353_999),), (htlc(0, 354_000),)])
def test_commitment_counts_where_a_coin_can_be_added_to_it(amount_msat: int, htlcs: tuple[Htlc, ...]) -> None:
    found = pushed(amount_msat, *htlcs)
    ours = commitment_transaction(found.params, 0, commitment(found, View.LOCAL_LATEST), htlcs_signed=True)
    assert bool(coins_needed(found)) is not is_fixed(ours, True)


def test_offer_takes_a_coin_for_its_commitment_too_if_that_had_no_anchor_of_ours() -> None:
    assert coins_to_offer(pushed(400_000)) == 1
    assert coins_to_offer(pushed(0)) == 2
    assert coins_to_offer(channel(replace(ANCHORS, option_anchors=False))) == 0


def peers(**changes: Any) -> Establishment:
    """A channel of the peer's that is not funded yet."""
    return replace(Establishment(Node(), ACCEPTER, Awaited.FUNDING_CREATED, OPENING), **changes)


def shown(output: FundingOutput | None, confirmations: int = 1) -> FundingSeen:
    return FundingSeen(output, Blocks(confirmations))


AGREED = FundingOutput(OPENING.funding_satoshis, Script.FUNDING)


def test_own_channel_is_kept_for_from_its_proposal_on() -> None:
    assert coins_kept(Establishment(Node()), None) == 0
    ours = Establishment(Node(), OPENER, Awaited.ACCEPT_CHANNEL, OPENING)
    assert coins_kept(ours, None) == 1
    assert coins_kept(ours, channel(ANCHORS)) == 1
    assert coins_kept(replace(ours, open_channel=replace(OPENING, channel_type=STATIC_REMOTEKEY)), None) == 0


def test_channel_of_the_peer_is_kept_for_once_the_agreed_output_is_confirmed() -> None:
    named = peers(awaited=Awaited.CHANNEL_READY)
    assert coins_kept(peers(), None) == 0
    assert coins_kept(named, pushed(400_000)) == 0
    assert coins_kept(replace(named, seen=shown(AGREED)), pushed(400_000)) == 1
    assert coins_kept(replace(named, seen=shown(AGREED)), pushed(0)) == 0


@pytest.mark.parametrize(
    "output",
    [
        None,
        FundingOutput(OPENING.funding_satoshis, Script.FOREIGN),
        FundingOutput(OPENING.funding_satoshis - Sat(1), Script.FUNDING),
    ],
    ids=["no such output", "somebody else's", "too little"],
)
def test_nothing_is_kept_or_promised_for_what_another_transaction_pays(output: FundingOutput | None) -> None:
    named = peers(awaited=Awaited.CHANNEL_READY, seen=shown(output))
    assert coins_kept(named, pushed(400_000)) == 0
    assert coins_promised(named, pushed(400_000)) == 0


def test_channel_that_was_ready_is_kept_for_though_a_reorganisation_takes_its_funding_away() -> None:
    gone = peers(awaited=Awaited.CHANNEL_READY, seen=NOT_SEEN)
    assert coins_kept(gone, pushed(400_000)) == 0, "before channel_ready nothing was done in it"
    assert coins_kept(replace(gone, ready_sent=True), pushed(400_000, htlc(0, 400_000))) == 2


def test_what_the_peer_has_only_proposed_is_promised_a_coin() -> None:
    assert coins_promised(peers(), None) == 1
    assert coins_promised(peers(), pushed(400_000)) == 1
    assert coins_promised(peers(open_channel=replace(OPENING, channel_type=STATIC_REMOTEKEY)), None) == 0
    with without(frozenset({RESERVE})):
        assert coins_promised(peers(), None) == 0


def test_channel_without_anchors_needs_none_and_neither_does_who_breaks_the_rule() -> None:
    assert coins_needed(channel(replace(ANCHORS, option_anchors=False), htlc(0, 400_000))) == 0
    with without(frozenset({RESERVE})):
        assert coins_needed(channel(ANCHORS, htlc(0, 400_000))) == 0


@pytest.mark.parametrize("feerate", [253, 1_000, 10_000, 125_000])
def test_coin_is_rounded_up(feerate: int) -> None:
    least = int(coin_sat(FeeratePerKw(feerate)))
    assert (least - 1) * 1000 < feerate * HEAVIEST <= least * 1000


def test_need_is_met_by_as_many_coins_of_enough_each() -> None:
    needed = Need(4, coin_sat(FeeratePerKw(1_000)))
    enough = (needed.coin_sat,) * 4
    assert is_defended(needed, enough)
    assert not is_defended(needed, enough[1:])
    assert not is_defended(needed, (*enough[1:], needed.coin_sat - Sat(1)))
    assert is_defended(Need(0, needed.coin_sat), ())
