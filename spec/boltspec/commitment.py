"""What a commitment pays (BOLT 2, Normal Operation; BOLT 3, Commitment Transaction).

A commitment is a *view* of the channel: it includes the updates that have come far enough. A view is given by its
owner (whose commitment transaction it is) and by the least stage from which local and remote updates count. The six
views in the table below are all the commitments that can matter at a time; a step of the dance only renames them, the
next one becoming the latest and the latest the previous one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from boltspec.channel import Channel
from boltspec.fees import commitment_fee, is_trimmed
from boltspec.htlc import LOCAL, REMOTE, Htlc, Removal, Side, Stage
from boltspec.units import FeeratePerKw, Height, Msat, Sat, to_msat

NOTHING = Msat(0)
"""No money."""


class View(Enum):
    """Which commitment: its owner, and the least stage of local and of remote updates that it includes."""

    LOCAL_PREVIOUS = (LOCAL, Stage.IRREVOCABLE, Stage.ACKED)
    """Our commitment before the newest; equal to it once we have revoked."""
    LOCAL_LATEST = (LOCAL, Stage.ACK_COMMITTED, Stage.COMMITTED)
    """Our newest signed commitment."""
    LOCAL_NEXT = (LOCAL, Stage.ACKED, Stage.PENDING)
    """What the peer would sign for us next."""
    REMOTE_PREVIOUS = (REMOTE, Stage.ACKED, Stage.IRREVOCABLE)
    """The peer's commitment before the newest; equal to it once the peer has revoked."""
    REMOTE_LATEST = (REMOTE, Stage.COMMITTED, Stage.ACK_COMMITTED)
    """The peer's newest commitment that we signed."""
    REMOTE_NEXT = (REMOTE, Stage.PENDING, Stage.ACKED)
    """What we would sign for the peer next."""

    def __init__(self, owner: Side, local_from: Stage, remote_from: Stage) -> None:
        self.owner = owner
        self.additions_from = (local_from, remote_from)
        """By offerer: the least stage at which the view includes an addition or a fee update of this side."""
        self.removals_from = (remote_from, local_from)
        """By offerer: the least stage at which the view includes the removal of such an HTLC, by the other side."""


def is_added(htlc: Htlc, view: View) -> bool:
    """Say whether the view includes the HTLC's ``update_add_htlc``."""
    return htlc.added >= view.additions_from[htlc.offerer]


def is_removed(htlc: Htlc, view: View) -> bool:
    """Say whether the view includes the HTLC's removal."""
    return htlc.removed >= view.removals_from[htlc.offerer]


def is_in(htlc: Htlc, view: View) -> bool:
    """Say whether the HTLC is pending in the view."""
    return is_added(htlc, view) and not is_removed(htlc, view)


def change(htlc: Htlc, side: Side, view: View) -> Msat:
    """Return by how much the HTLC changes the settled balance of a side in the view.

    Its offerer has paid while it is pending or fulfilled, its recipient is paid once it is fulfilled.
    """
    offerer = htlc.offerer
    if htlc.added < view.additions_from[offerer]:
        return NOTHING
    gone, fulfilled = htlc.removed >= view.removals_from[offerer], htlc.removal is Removal.FULFILL
    if offerer is side:
        return NOTHING if gone and not fulfilled else -htlc.amount_msat
    return htlc.amount_msat if gone and fulfilled else NOTHING


def balance(channel: Channel, side: Side, view: View) -> Msat:
    """Return the balance of a side in the view, before fees."""
    return channel.settled_msat(side) + channel.htlcs.total(lambda htlc: change(htlc, side, view), NOTHING)


def pending(channel: Channel, view: View) -> Msat:
    """Return the value of all HTLCs that are pending in the view."""
    return channel.htlcs.total(lambda htlc: htlc.amount_msat if is_in(htlc, view) else NOTHING, NOTHING)


def offered_value(channel: Channel, side: Side, view: View) -> Msat:
    """Return the value of the HTLCs that a side offers in the view."""
    return channel.htlcs.total(
        lambda htlc: htlc.amount_msat if htlc.offerer is side and is_in(htlc, view) else NOTHING, NOTHING
    )


def offered_count(channel: Channel, side: Side, view: View) -> int:
    """Return the number of HTLCs that a side offers in the view."""
    return channel.htlcs.count(lambda htlc: htlc.offerer is side and is_in(htlc, view))


def untrimmed_count(channel: Channel, view: View, owner: Side) -> int:
    """Return how many HTLCs of the view have an output in a commitment of that owner, whose dust limit decides."""
    return untrimmed_at(channel, view, owner, feerate(channel, view))


def untrimmed_at(channel: Channel, view: View, owner: Side, rate: FeeratePerKw) -> int:
    """Return how many HTLCs of the view would have an output at some feerate."""
    return channel.htlcs.count(lambda htlc: is_in(htlc, view) and not is_trimmed(channel.params, rate, owner, htlc))


def dust_balance(channel: Channel, view: View, owner: Side, rate: FeeratePerKw) -> Msat:
    """Return the value of the HTLCs that have no output in a commitment of that owner at some feerate.

    All that were offered so far count, by either side, unless the view includes their removal.
    """
    return channel.htlcs.total(
        lambda htlc: htlc.amount_msat
        if not is_removed(htlc, view) and is_trimmed(channel.params, rate, owner, htlc)
        else NOTHING,
        NOTHING,
    )


def feerate(channel: Channel, view: View) -> FeeratePerKw:
    """Return the feerate of the view: that of the newest ``update_fee`` which it includes."""
    return channel.feerates.at(view.additions_from[channel.params.opener]).feerate_per_kw


def fee(channel: Channel, view: View, owner: Side) -> Sat:
    """Return the base fee that the opener owes for a commitment of that owner with the updates of the view."""
    return commitment_fee(channel.params, feerate(channel, view), untrimmed_count(channel, view, owner))


def above_reserve(channel: Channel, side: Side, view: View) -> Msat:
    """Return what a side has in the view above the reserve that it must keep; negative if it is below."""
    return balance(channel, side, view) - to_msat(channel.params.binding(side).channel_reserve_satoshis)


def without_unsigned_offers(channel: Channel) -> Channel:
    """Return the channel without our HTLCs that the peer has acknowledged but not yet signed for.

    AMBIGUOUS: unsigned-offers: what the peer can afford is judged without them. It may have sent its update before it
    acknowledged them; and after a lost connection it comes again, behind the acknowledgment.
    """
    return replace(
        channel, htlcs=channel.htlcs.keep(lambda htlc: htlc.offerer is REMOTE or htlc.added is not Stage.ACKED)
    )


class CommittedHtlc(NamedTuple):
    """An HTLC as a commitment transaction has it."""

    offered_by_owner: bool
    id: int
    amount_msat: Msat
    payment_hash: int
    cltv_expiry: Height


@dataclass(frozen=True, slots=True)
class Commitment:
    """What a commitment transaction commits to: the same value for both nodes.

    Balances are before fees and trimming, which follow from it and the channel's constants (:mod:`boltspec.outputs`).
    """

    number: int
    feerate_per_kw: FeeratePerKw
    to_owner_msat: Msat
    to_other_msat: Msat
    htlcs: tuple[CommittedHtlc, ...]


def commitment(channel: Channel, view: View) -> Commitment:
    """Return the commitment of a view, as either node computes it."""
    owner = view.owner
    return Commitment(
        number=commitment_number(channel, view),
        feerate_per_kw=feerate(channel, view),
        to_owner_msat=balance(channel, owner, view),
        to_other_msat=balance(channel, owner.other, view),
        htlcs=channel.htlcs.keep(lambda htlc: is_in(htlc, view)).collect(
            lambda htlc: CommittedHtlc(
                htlc.offerer is owner, htlc.id, htlc.amount_msat, htlc.payment_hash, htlc.cltv_expiry
            )
        ),
    )


def commitment_number(channel: Channel, view: View) -> int:
    """Return the number of the commitment that the view stands for."""
    match view:
        case View.LOCAL_PREVIOUS:
            return channel.local_revocations
        case View.LOCAL_LATEST:
            return channel.local_commitment_number
        case View.LOCAL_NEXT:
            return channel.local_commitment_number + 1
        case View.REMOTE_PREVIOUS:
            return channel.remote_revocations
        case View.REMOTE_LATEST:
            return channel.remote_commitment_number
        case View.REMOTE_NEXT:
            return channel.remote_commitment_number + 1
