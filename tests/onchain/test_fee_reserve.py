"""How many coins a wallet keeps for a channel, and that each pays for what it is kept for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boltspec.chain.fee_reserve import HEAVIEST, Need, coin_sat, coins_needed, is_defended, need
from boltspec.channel import Channel, opened
from boltspec.htlc import LOCAL, REMOTE, Htlc, Stage
from boltspec.htlcs import NO_HTLCS
from boltspec.params import MAINNET_LIMITS, Params
from boltspec.rules import without
from boltspec.units import FeeratePerKw, Height, Msat, Sat

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


def test_channel_without_anchors_needs_none_and_neither_does_who_breaks_the_rule() -> None:
    assert coins_needed(channel(replace(ANCHORS, option_anchors=False), htlc(0, 400_000))) == 0
    with without(frozenset({RESERVE})):
        assert coins_needed(channel(ANCHORS, htlc(0, 400_000))) == 0


@pytest.mark.parametrize("feerate", [253, 1_000, 10_000, 125_000])
def test_coin_is_rounded_up(feerate: int) -> None:
    least = int(coin_sat(FeeratePerKw(feerate)))
    assert (least - 1) * 1000 < feerate * HEAVIEST <= least * 1000


def test_need_of_all_channels_is_met_by_as_many_coins_of_enough_each() -> None:
    needed = need((channel(ANCHORS), channel(ANCHORS, htlc(0, 400_000))), 1, FeeratePerKw(1_000))
    assert needed == Need(4, coin_sat(FeeratePerKw(1_000)))
    enough = (needed.coin_sat,) * 4
    assert is_defended(needed, enough)
    assert not is_defended(needed, enough[1:])
    assert not is_defended(needed, (*enough[1:], needed.coin_sat - Sat(1)))
    assert is_defended(Need(0, needed.coin_sat), ())
