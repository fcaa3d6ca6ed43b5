"""Fees and dust: who sets the feerate, who can pay it, and how much would go to miners."""

from __future__ import annotations

from typing import NamedTuple

from boltspec.channel import Channel
from boltspec.commitment import View, above_reserve, commitment, dust_balance, fee, feerate, is_in
from boltspec.fees import anchors_cost, is_trimmed
from boltspec.htlc import LOCAL, REMOTE, Side
from boltspec.messages import (
    BADONION,
    CommitmentSigned,
    UpdateAddHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
    UpdateFulfillHtlc,
)
from boltspec.outputs import outputs
from boltspec.properties.agreement import honest_and_talking
from boltspec.properties.property import OfBoth, Step, StepProperty, WorldProperty
from boltspec.scenario import FeeWish, Scenario
from boltspec.units import FeeratePerKw, to_msat
from boltspec.world import World


def _opener_sets_feerate(step: Step) -> bool:
    if not isinstance(step.message, UpdateFee):
        return True
    params, policy = step.before.params, step.before.params.policy
    in_range = policy.least_feerate_per_kw <= step.message.feerate_per_kw <= policy.most_feerate_per_kw
    return in_range and params.opener is (LOCAL if step.sending else REMOTE)


def _dust_bounded(step: Step) -> bool:
    channel, message, view = step.after, step.message, View.REMOTE_NEXT
    rate, most = feerate(channel, view), channel.params.policy.max_dust_htlc_exposure_msat
    match message:
        case UpdateAddHtlc() if step.sending:
            htlc = channel.htlcs.find(LOCAL, message.id)
            owners = [side for side in Side if htlc is not None and is_trimmed(channel.params, rate, side, htlc)]
        case UpdateFee() if step.sending and not channel.params.option_anchors:
            owners = list(Side) if rate > feerate(step.before, view) else []
        case _:
            return True
    return all(dust_balance(channel, view, owner, rate) <= most for owner in owners)


def _exposed_not_claimed(step: Step) -> bool:
    if not (step.sending and isinstance(step.message, UpdateFulfillHtlc)):
        return True
    htlc, most = step.before.htlcs.find(REMOTE, step.message.id), step.before.params.policy.max_dust_htlc_exposure_msat
    return htlc is None or (htlc.remote_exposure_msat <= most and htlc.local_exposure_msat <= most)


def _malformed_is_badonion(step: Step) -> bool:
    return not isinstance(step.message, UpdateFailMalformedHtlc) or bool(step.message.failure_code & BADONION)


def _pays_for_all(node: Channel) -> bool:
    return all(_pays(node, view) for view in View)


def _opener_can_pay(world: World, scenario: Scenario, pays: tuple[bool, bool]) -> bool:
    return any(scenario.corrupt) or all(pays) or not _is_within_buffer(scenario)


def _pays(node: Channel, view: View) -> bool:
    cost = to_msat(fee(node, view, view.owner)) + to_msat(anchors_cost(node.params))
    return above_reserve(node, node.params.opener, view) >= cost


def _is_within_buffer(scenario: Scenario) -> bool:
    """Say whether no more can cross than the buffer is made for: one HTLC of the other side, a feerate in proportion.

    ``fee_spike_multiple`` bounds by how much the feerate may grow in all.
    """
    params = scenario.params
    opener = 0 if params.opener is LOCAL else 1
    rates = [wish.feerate_per_kw for wish in scenario.wishes if isinstance(wish, FeeWish)]
    crossing = [wish for wish in scenario.wishes if wish.party != opener and not isinstance(wish, FeeWish)]
    most = FeeratePerKw(params.feerate_per_kw * params.policy.fee_spike_multiple)
    return len(crossing) <= 1 and all(rate <= most for rate in rates)


class _Kept(NamedTuple):
    """The HTLCs that are not trimmed, as one node computes them."""

    held: frozenset[tuple[bool, int]]
    """From its own newest commitment."""
    signed: frozenset[tuple[bool, int]]
    """From the peer's newest, which it has signed."""
    have_outputs: bool
    """In every view they are those that have an output."""


def _all_kept(node: Channel) -> _Kept:
    have_outputs = all(_kept(node, view) == _in_outputs(node, view) for view in View)
    return _Kept(_kept(node, View.LOCAL_LATEST), _kept(node, View.REMOTE_LATEST), have_outputs)


def _dust_alike(world: World, scenario: Scenario, kept: tuple[_Kept, _Kept]) -> bool:
    if not honest_and_talking(world, scenario):
        return True
    return all(one.have_outputs for one in kept) and all(
        kept[1 - holder].signed == kept[holder].held
        for holder in (0, 1)
        if not any(isinstance(message, CommitmentSigned) for message in world.wires[1 - holder])
    )


def _kept(node: Channel, view: View) -> frozenset[tuple[bool, int]]:
    """Return the HTLCs of a view that are not trimmed: whether its owner offered them, and their ids."""
    params, rate, owner = node.params, feerate(node, view), view.owner
    kept = node.htlcs.keep(lambda htlc: is_in(htlc, view) and not is_trimmed(params, rate, owner, htlc))
    return frozenset((htlc.offerer is owner, htlc.id) for htlc in kept.items)


def _in_outputs(node: Channel, view: View) -> frozenset[tuple[bool, int]]:
    made = outputs(node.params, view.owner, commitment(node, view))
    return frozenset((output.htlc.offered_by_owner, output.htlc.id) for output in made if output.htlc is not None)


OPENER_SETS_FEERATE = StepProperty(
    "OpenerSetsFeerate", "Only who pays the fees changes the feerate, to one that both find reasonable.",
    _opener_sets_feerate,
)
DUST_BOUNDED = StepProperty(
    "DustBounded",
    "Neither an offer of a trimmed HTLC nor, without anchors, a higher feerate lets more than the limit go to miners.",
    _dust_bounded,
)
EXPOSED_NOT_CLAIMED = StepProperty(
    "ExposedNotClaimed", "An HTLC that exposes its recipient to more than the limit is not fulfilled.",
    _exposed_not_claimed,
)
MALFORMED_IS_BADONION = StepProperty(
    "MalformedIsBadonion", "A malformed failure says with its code that the onion cannot be read.",
    _malformed_is_badonion,
)
OPENER_CAN_PAY = WorldProperty(
    "OpenerCanPay",
    "While at most one HTLC of the other side and a feerate within the fee spike buffer cross what the opener offers,"
    " it can pay for every commitment, above its reserve.",
    OfBoth(_pays_for_all, _opener_can_pay),
)
DUST_CONSISTENCY = WorldProperty(
    "DustConsistency", "Signer and holder of a commitment trim the same HTLCs, those without an output in it.",
    OfBoth(_all_kept, _dust_alike),
)
