"""Fees and dust seen from one node: what an update leaves the opener, and how much it exposes to miners.

BOLT 2, Adding an HTLC, Updating Fees, Bounding exposure to trimmed HTLCs; the arithmetic is BOLT 3's
(:mod:`boltspec.fees`). Each is about the step that makes the update, for all amounts, feerates and limits.
"""

from __future__ import annotations

from boltspec.channel import Channel
from boltspec.commitment import View, above_reserve, fee, feerate, is_removed, untrimmed_at
from boltspec.fees import anchors_cost, commitment_fee, is_trimmed
from boltspec.htlc import LOCAL, REMOTE, Htlc, Side, Stage
from boltspec.messages import UpdateAddHtlc, UpdateFee, UpdateFulfillHtlc
from boltspec.properties.property import Step, StepProperty
from boltspec.units import FeeratePerKw, Msat, to_msat


def _reasonable_feerate(step: Step) -> bool:
    if not isinstance(step.message, UpdateFee):
        return True
    if step.before.params.opener is not (LOCAL if step.sending else REMOTE):
        return False
    policy, rate = step.before.params.policy, step.message.feerate_per_kw
    return policy.least_feerate_per_kw <= rate <= policy.most_feerate_per_kw


def _keeps_the_buffer(step: Step) -> bool:
    params, view = step.after.params, View.REMOTE_NEXT
    if not (step.sending and isinstance(step.message, UpdateAddHtlc) and params.opener is LOCAL):
        return True
    rate = FeeratePerKw(feerate(step.after, view) * params.policy.fee_spike_multiple)
    left = above_reserve(step.after, LOCAL, view) - to_msat(anchors_cost(params))
    return all(
        left >= to_msat(commitment_fee(params, rate, untrimmed_at(step.after, view, owner, rate) + 1))
        for owner in Side
    )


def _affordable_to_the_peer(step: Step) -> bool:
    params, view = step.after.params, View.REMOTE_NEXT
    if not (step.sending and isinstance(step.message, UpdateAddHtlc) and params.opener is REMOTE):
        return True
    left = above_reserve(step.after, REMOTE, view) - to_msat(anchors_cost(params))
    return all(left >= to_msat(fee(step.after, view, owner)) for owner in Side)


def _exposes_little(step: Step) -> bool:
    params, view, message = step.after.params, View.REMOTE_NEXT, step.message
    if not step.sending:
        return True
    rate, most = feerate(step.after, view), params.policy.max_dust_htlc_exposure_msat
    if isinstance(message, UpdateAddHtlc):
        htlc = Htlc(LOCAL, message.id, message.amount_msat, message.payment_hash, message.cltv_expiry, Stage.PENDING)
        owners = [owner for owner in Side if is_trimmed(params, rate, owner, htlc)]
    elif isinstance(message, UpdateFee) and not params.option_anchors and rate > feerate(step.before, view):
        owners = list(Side)
    else:
        return True
    return all(_dust_known(step.after, owner, rate) <= most for owner in owners)


def _dust_known(channel: Channel, owner: Side, rate: FeeratePerKw) -> Msat:
    """Return the value of the trimmed HTLCs that are known, less those that the peer's next commitment drops."""
    return channel.htlcs.total(
        lambda htlc: htlc.amount_msat
        if is_trimmed(channel.params, rate, owner, htlc) and not is_removed(htlc, View.REMOTE_NEXT)
        else Msat(0),
        Msat(0),
    )


def _not_overexposed(step: Step) -> bool:
    if not (step.sending and isinstance(step.message, UpdateFulfillHtlc)):
        return True
    htlc = step.before.htlcs.find(REMOTE, step.message.id)
    most = step.before.params.policy.max_dust_htlc_exposure_msat
    return htlc is not None and htlc.remote_exposure_msat <= most and htlc.local_exposure_msat <= most


FEERATES_REASONABLE = StepProperty(
    "FeeratesReasonable",
    "Only the opener changes the feerate, to one that the node's owner finds reasonable.",
    _reasonable_feerate,
)
FEE_SPIKE_BUFFER = StepProperty(
    "FeeSpikeBuffer",
    "After its own offer the opener could pay for one more HTLC, at the feerate times fee_spike_multiple.",
    _keeps_the_buffer,
)
AFFORDABLE_TO_OPENER = StepProperty(
    "AffordableToOpener",
    "A node that did not open the channel offers only what the opener can pay for, in either commitment.",
    _affordable_to_the_peer,
)
DUST_EXPOSURE = StepProperty(
    "DustExposure",
    "Neither an offer of a trimmed HTLC nor, without anchors, a higher feerate exposes more than the limit to miners.",
    _exposes_little,
)
NO_OVEREXPOSED_FULFIL = StepProperty(
    "NoOverexposedFulfil",
    "A node shows no preimage for an HTLC that exposed it to more than the limit when it was offered.",
    _not_overexposed,
)
