"""Accounting and state: money is neither made nor lost, updates only move forward."""

from __future__ import annotations

from itertools import pairwise

from boltspec.channel import Channel
from boltspec.commit import has_moved_by
from boltspec.commitment import (
    View,
    above_reserve,
    balance,
    fee,
    is_in,
    offered_count,
    offered_value,
    pending,
    without_unsigned_offers,
)
from boltspec.fees import anchors_cost
from boltspec.htlc import LOCAL, REMOTE, Event, Htlc, Removal, Side, Stage
from boltspec.messages import CommitmentSigned, UpdateAddHtlc, UpdateFee, UpdateFulfillHtlc
from boltspec.params import LOCKTIME_THRESHOLD
from boltspec.properties.property import ChannelProperty, Step, StepProperty
from boltspec.units import Height, Msat, to_msat


def _conserved(channel: Channel) -> bool:
    return all(_adds_up(channel, view) for view in View)


def _adds_up(channel: Channel, view: View) -> bool:
    """Say whether a commitment pays neither more nor less than the capacity.

    An output cannot be negative: if a balance were, the other outputs would be worth more than the channel.
    """
    capacity, held = channel.params.capacity_msat, pending(channel, view)
    local, remote = balance(channel, LOCAL, view), balance(channel, REMOTE, view)
    return local + remote + held == capacity and local + held <= capacity and remote + held <= capacity


def _non_negative(channel: Channel) -> bool:
    return all(balance(channel, side, view) >= Msat(0) for view in View for side in Side)


def _keeps_reserve(step: Step) -> bool:
    if not isinstance(step.message, UpdateAddHtlc):
        return True
    side, view = (LOCAL, View.REMOTE_NEXT) if step.sending else (REMOTE, View.LOCAL_NEXT)
    return above_reserve(step.after, side, view) >= Msat(0)


def _fee_affordable(step: Step) -> bool:
    side, view = (LOCAL, View.REMOTE_NEXT) if step.sending else (REMOTE, View.LOCAL_NEXT)
    params = step.after.params
    if not isinstance(step.message, UpdateAddHtlc | UpdateFee) or params.opener is not side:
        return True
    left = above_reserve(step.after, side, view) - to_msat(anchors_cost(params))
    both = step.sending and isinstance(step.message, UpdateAddHtlc)
    owners = (REMOTE, LOCAL) if both else (view.owner,)
    judged = step.after if step.sending else without_unsigned_offers(step.after)
    return all(left >= to_msat(fee(judged, view, owner)) for owner in owners)


def _lawful_stage(htlc: Htlc) -> bool:
    """Say whether the pair of stages can occur.

    We remove an HTLC when both are irrevocably committed to it. The peer may do so one step earlier as we see it:
    when the HTLC is in our current commitment and our revocation is still owed (B02-removing-htlc-r-01).
    """
    if (htlc.removal is Removal.NONE) is not (htlc.removed is Stage.ABSENT):
        return False
    if htlc.added is Stage.ABSENT or htlc.removed is Stage.IRREVOCABLE:
        return False
    if htlc.removed is Stage.ABSENT or htlc.added is Stage.IRREVOCABLE:
        return True
    return htlc.offerer is LOCAL and htlc.added is Stage.ACK_COMMITTED and htlc.removed is Stage.PENDING


def _stages_in_order(channel: Channel) -> bool:
    return _fees_in_order(channel) and channel.htlcs.all(_lawful_stage)


def _one_unacked(channel: Channel) -> bool:
    if not 0 <= channel.local_commitment_number - channel.local_revocations <= 1:
        return False
    if not 0 <= channel.remote_commitment_number - channel.remote_revocations <= 1:
        return False
    return _only_owed_is_awaited(channel)


def _only_owed_is_awaited(channel: Channel) -> bool:
    """Say whether updates wait for a revocation only while one is outstanding."""
    ours_owed = channel.local_revocations < channel.local_commitment_number
    theirs_owed = channel.remote_revocations < channel.remote_commitment_number
    if not ours_owed and has_moved_by(channel, Event.SEND_REVOKE_AND_ACK):
        return False
    return theirs_owed or not has_moved_by(channel, Event.RECEIVE_REVOKE_AND_ACK)


def _fees_in_order(channel: Channel) -> bool:
    """Say whether fee updates went stage by stage: none has overtaken a newer one, and a number stands for one rate."""
    newest = channel.feerates.newest
    return all(
        near.number >= far.number and (near.number != far.number or near.feerate_per_kw == far.feerate_per_kw)
        for near, far in pairwise(newest)
    )


def _limits_hold(channel: Channel) -> bool:
    params = channel.params
    return all(
        offered_count(channel, side, view) <= params.binding(side).max_accepted_htlcs
        and offered_value(channel, side, view) <= params.binding(side).max_htlc_value_in_flight_msat
        for side, view in ((LOCAL, View.REMOTE_NEXT), (REMOTE, View.LOCAL_NEXT))
    )


def _terms_lawful(channel: Channel) -> bool:
    params = channel.params

    def lawful(htlc: Htlc) -> bool:
        minimum = params.announced_by(htlc.recipient).htlc_minimum_msat
        return (
            htlc.amount_msat > Msat(0)
            and htlc.amount_msat >= minimum
            and htlc.cltv_expiry < Height(LOCKTIME_THRESHOLD)
        )

    return channel.htlcs.all(lawful)


def _ids_below_next(channel: Channel) -> bool:
    return channel.htlcs.all(
        lambda htlc: htlc.id < (channel.next_local_htlc_id if htlc.offerer is LOCAL else channel.next_remote_htlc_id)
    )


def uncommitted_offers(channel: Channel, offerer: Side) -> int:
    """Return how many offers of a side no signature covers."""
    return channel.htlcs.count(lambda htlc: htlc.offerer is offerer and htlc.added is Stage.PENDING)


def _uncommitted_last(channel: Channel) -> bool:
    first_local = channel.next_local_htlc_id - uncommitted_offers(channel, LOCAL)
    first_remote = channel.next_remote_htlc_id - uncommitted_offers(channel, REMOTE)
    if first_local < 0 or first_remote < 0:
        return False

    def in_its_place(htlc: Htlc) -> bool:
        first = first_local if htlc.offerer is LOCAL else first_remote
        return htlc.id >= first if htlc.added is Stage.PENDING else htlc.id < first

    return channel.htlcs.all(in_its_place)


def _numbers_grow(step: Step) -> bool:
    grown = [
        step.after.local_commitment_number - step.before.local_commitment_number,
        step.after.local_revocations - step.before.local_revocations,
        step.after.remote_commitment_number - step.before.remote_commitment_number,
        step.after.remote_revocations - step.before.remote_revocations,
        step.after.next_local_htlc_id - step.before.next_local_htlc_id,
        step.after.next_remote_htlc_id - step.before.next_remote_htlc_id,
    ]
    return all(0 <= growth <= 1 for growth in grown) and sum(grown) <= 1


def _commits_something(step: Step) -> bool:
    if not (step.sending and isinstance(step.message, CommitmentSigned)):
        return True
    new, old, opener = View.REMOTE_NEXT, View.REMOTE_LATEST, step.before.params.opener
    fees = (step.before.feerates.at(view.additions_from[opener]) for view in (new, old))
    if next(fees).number != next(fees).number:
        return True
    return step.before.htlcs.any(lambda htlc: is_in(htlc, new) is not is_in(htlc, old))


def _paid_for_by_preimage(step: Step) -> bool:
    if not isinstance(step.message, UpdateFulfillHtlc):
        return True
    htlc = step.before.htlcs.find(REMOTE if step.sending else LOCAL, step.message.id)
    return htlc is not None and step.message.payment_preimage == htlc.payment_hash


CONSERVATION = ChannelProperty(
    "Conservation",
    "In every commitment balances and pending HTLCs add up to the capacity, and no part of them exceeds it.",
    _conserved,
)
NON_NEGATIVE = ChannelProperty("NonNegative", "No balance is below zero in any commitment.", _non_negative)
RESERVE = StepProperty("Reserve", "An offer never takes its offerer below its reserve.", _keeps_reserve)
FEE_AFFORDABLE = StepProperty(
    "FeeAffordable",
    "An offer or a feerate of the opener leaves it, above its reserve, what fee and anchors cost; whose peer judges it"
    " counts no HTLC of its own that is not signed for.",
    _fee_affordable,
)
STAGE_ORDER = ChannelProperty(
    "StageOrder", "An HTLC is removed only after both are committed to it, and each update goes stage by stage.",
    _stages_in_order,
)
ONE_UNACKED_COMMIT = ChannelProperty(
    "OneUnackedCommit",
    "Each side has at most one commitment that is signed and not yet answered, and only then updates wait for it.",
    _one_unacked,
)
LIMITS_HOLD = ChannelProperty("LimitsHold", "HTLC count and value in flight stay within the limits.", _limits_hold)
TERMS_LAWFUL = ChannelProperty(
    "TermsLawful", "Every HTLC has a positive amount not below the minimum, and a height as expiry.", _terms_lawful
)
IDS_BELOW_NEXT = ChannelProperty("IdsBelowNext", "Every HTLC's id is below the next one to be given.", _ids_below_next)
UNCOMMITTED_LAST = ChannelProperty(
    "UncommittedLast",
    "The offers that no signature covers have the highest ids: they can be forgotten, and ids go on without a gap.",
    _uncommitted_last,
)
MONOTONE_NUMBERS = StepProperty(
    "MonotoneNumbers", "Commitment, revocation and HTLC numbers never decrease; a step moves one of them by one.",
    _numbers_grow,
)
NO_EMPTY_COMMIT = StepProperty(
    "NoEmptyCommit", "Every commitment that we sign commits to some update.", _commits_something
)
FULFIL_PROVES = StepProperty(
    "FulfilProves", "An HTLC is fulfilled only with the preimage of its hash.", _paid_for_by_preimage
)
