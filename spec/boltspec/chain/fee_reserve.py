"""What a wallet keeps back to have a channel's transactions confirmed (BOLT 5, General; D05-general-n-06).

With ``option_anchors`` a commitment is paid for by a child and each HTLC transaction by an input that is added to it;
either takes a coin of the wallet (:mod:`boltspec.chain.bidding`). A coin that has done so is free again only once that
is confirmed. So as many coins are kept as transactions of the channel may wait at once, each worth what the heaviest of
them costs at the feerate up to which the node is prepared to go. That feerate is the node's own choice; above it the
node still offers more, with whatever else its wallet has.

Claims pay out of what they claim, and so do transactions without anchors, whose fee was agreed on: for them nothing is
kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltspec.chain.bidding import RESERVE
from boltspec.channel import Channel
from boltspec.commitment import View, feerate, untrimmed_at
from boltspec.fees import HTLC_OUTPUT_WEIGHT
from boltspec.htlc import LOCAL
from boltspec.rules import duty
from boltspec.units import FeeratePerKw, Sat
from boltspec.weights import INPUT_WEIGHT, KEY_SIZE, SIGNATURE_SIZE, commitment_weight

OWN_COMMITMENTS = (View.LOCAL_LATEST, View.LOCAL_NEXT)
"""The commitment that would be published now, and the one that the peer may sign next."""
COIN_INPUT_WEIGHT = INPUT_WEIGHT + 1 + 1 + SIGNATURE_SIZE + 1 + KEY_SIZE
"""A P2WPKH coin; one of P2TR weighs less."""
CHANGE_WEIGHT = 4 * 43
"""A P2TR output; one of P2WPKH weighs less."""
FRAME_WEIGHT = 4 * (4 + 1 + 1 + 4) + 2
"""Version, numbers of inputs and outputs, lock time; marker and flag."""
ANCHOR_SCRIPT_SIZE = 40
ANCHOR_INPUT_WEIGHT = INPUT_WEIGHT + 1 + 1 + SIGNATURE_SIZE + 1 + ANCHOR_SCRIPT_SIZE
CHILD_WEIGHT = FRAME_WEIGHT + ANCHOR_INPUT_WEIGHT + COIN_INPUT_WEIGHT + CHANGE_WEIGHT
"""Of the child that spends our anchor."""
HTLC_SUCCESS_WEIGHT_ANCHORS = 706
"""Of the heavier of both HTLC transactions, before a coin is added (BOLT 3, Appendix A)."""
PAID_HTLC_WEIGHT = HTLC_SUCCESS_WEIGHT_ANCHORS + COIN_INPUT_WEIGHT + CHANGE_WEIGHT + HTLC_OUTPUT_WEIGHT
"""Of an HTLC transaction with its coin and change, and of its output in the commitment, for which the child pays."""
HEAVIEST = max(commitment_weight(True, 0) + CHILD_WEIGHT, PAID_HTLC_WEIGHT)
"""What one coin has to pay for."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a wallet keeps: so many coins of at least so much each."""

    coins: int
    coin_sat: Sat


def coins_needed(channel: Channel) -> int:
    """Return how many transactions of the channel may have to be paid for at once: its commitment, its HTLCs."""
    if not channel.params.option_anchors or not duty(RESERVE):
        return 0
    return 1 + max(untrimmed_at(channel, view, LOCAL, feerate(channel, view)) for view in OWN_COMMITMENTS)


def coin_sat(defended_per_kw: FeeratePerKw) -> Sat:
    """Return what each coin is worth at least, rounded up to whole satoshis."""
    return Sat(-(-(defended_per_kw * HEAVIEST) // 1000))


def need(channels: tuple[Channel, ...], coming: int, defended_per_kw: FeeratePerKw) -> Need:
    """Return what is kept for some channels, and for so many transactions of channels and HTLCs that are to come."""
    return Need(sum(coins_needed(channel) for channel in channels) + coming, coin_sat(defended_per_kw))


def is_defended(needed: Need, coins_sat: tuple[Sat, ...]) -> bool:
    """Say whether coins of these amounts are what is needed: as many of them, each worth enough."""
    return sum(amount >= needed.coin_sat for amount in coins_sat) >= needed.coins
