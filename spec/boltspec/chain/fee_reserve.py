"""What a wallet keeps back to have a channel's transactions confirmed (BOLT 5, General; D05-general-n-06).

With ``option_anchors`` a commitment is paid for by a child and each HTLC transaction by an input that is added to it;
either takes a coin of the wallet (:mod:`boltspec.chain.bidding`). A coin that has done so is free again only once that
is confirmed. So as many coins are kept as transactions of the channel may wait at once, each worth what the heaviest of
them costs at the feerate up to which the node is prepared to go. That feerate is the node's own choice; above it the
node still offers more, with whatever else its wallet has.

Claims pay out of what they claim, and so do transactions without anchors, whose fee was agreed on: for them nothing is
kept. Neither is it for a commitment without an anchor of ours, in which we have nothing and to which no coin can be
added.

Coins are kept once a node has something at stake, and not before (BOLT 5, General, Rationale): else a stranger would
bind a wallet with channels that never come to be. So a channel that the peer opens is kept for only once it is funded;
whether to take on one more thing, be it a channel or an HTLC, is asked of all that has been agreed to.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltspec.chain.bidding import RESERVE
from boltspec.chain.conditions import Kind
from boltspec.channel import Channel
from boltspec.commitment import View, commitment, feerate, untrimmed_at
from boltspec.establishment.channel_type import Feature
from boltspec.establishment.state import OPENER, Establishment, pays_as_agreed
from boltspec.fees import HTLC_OUTPUT_WEIGHT, is_trimmed
from boltspec.htlc import LOCAL, Stage
from boltspec.outputs import main_outputs
from boltspec.rules import duty
from boltspec.units import Blocks, FeeratePerKw, Sat
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
    return max(_transactions(channel, view) for view in OWN_COMMITMENTS)


def _transactions(channel: Channel, view: View) -> int:
    """Return how many of our transactions can take a coin once a commitment of ours is published.

    Each of its HTLCs has one, and the commitment itself if it has an anchor of ours, without which it is fixed
    (:func:`boltspec.chain.bidding.is_fixed`).
    """
    htlcs = untrimmed_at(channel, view, LOCAL, feerate(channel, view)) + _on_their_way(channel, view)
    return 1 + htlcs if htlcs or _has_main_output(channel, view) else 0


def _on_their_way(channel: Channel, view: View) -> int:
    """Return how many HTLCs we have offered that the peer may bring into our commitment, but not yet sign for."""
    rate = feerate(channel, view)
    return channel.htlcs.count(
        lambda htlc: (
            htlc.offerer is LOCAL and htlc.added < Stage.ACKED and not is_trimmed(channel.params, rate, LOCAL, htlc)
        )
    )


def _has_main_output(channel: Channel, view: View) -> bool:
    """Say whether a commitment of ours without HTLC outputs pays us, and so has an anchor of ours."""
    mains = main_outputs(channel.params, LOCAL, commitment(channel, view), 0)
    return any(output.kind is Kind.TO_LOCAL for output in mains)


def coins_to_offer(channel: Channel) -> int:
    """Return how many coins one more HTLC takes: its own, and the commitment's if that had no anchor of ours before."""
    if not channel.params.option_anchors or not duty(RESERVE):
        return 0
    return 1 if coins_needed(channel) else 2


def coins_promised(state: Establishment, channel: Channel | None) -> int:
    """Return how many coins a channel may need that has been proposed: as yet one, if there is none but the proposal.

    Before more is taken on, all that was promised is reckoned with: the peer can have its channel funded at any time,
    but not once its transaction is confirmed and pays something else.
    """
    if state.seen.confirmations > Blocks(0) and not pays_as_agreed(state):
        return 0
    if channel is not None:
        return coins_needed(channel)
    proposed = state.open_channel.channel_type if state.open_channel is not None else None
    return int(proposed is not None and Feature.OPTION_ANCHORS in proposed and duty(RESERVE))


def is_at_stake(state: Establishment) -> bool:
    """Say whether something of ours is at stake in a channel, so that coins are kept for it.

    In our own one it is from the proposal on: it is we who want it, and the funding transaction makes the coin. In the
    peer's nothing is before the agreed output is confirmed; ``funding_created`` may name what never comes, or what is
    somebody else's. Once we have said ``channel_ready`` there may be HTLCs, and a reorganisation that takes the funding
    transaction away does not end that: it may come back (B05-general-n-03).
    """
    return state.role is OPENER or pays_as_agreed(state) or state.ready_sent


def coins_kept(state: Establishment, channel: Channel | None) -> int:
    """Return how many coins are kept for a channel, so that nothing else is paid with them."""
    return coins_promised(state, channel) if is_at_stake(state) else 0


def coin_sat(defended_per_kw: FeeratePerKw) -> Sat:
    """Return what each coin is worth at least, rounded up to whole satoshis."""
    return Sat(-(-(defended_per_kw * HEAVIEST) // 1000))


def is_defended(needed: Need, coins_sat: tuple[Sat, ...]) -> bool:
    """Say whether coins of these amounts are what is needed: as many of them, each worth enough."""
    return sum(amount >= needed.coin_sat for amount in coins_sat) >= needed.coins
