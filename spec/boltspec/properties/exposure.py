"""Fees and dust: who sets the feerate, who can pay it, and how much would go to miners."""

from __future__ import annotations

from typing import NamedTuple

from boltspec.channel import Channel
from boltspec.commitment import View, above_reserve, commitment, fee, feerate, is_in
from boltspec.fees import anchors_cost, is_trimmed
from boltspec.htlc import LOCAL
from boltspec.messages import (
    BADONION,
    CommitmentSigned,
    UpdateFailMalformedHtlc,
)
from boltspec.outputs import outputs
from boltspec.properties.agreement import honest_and_talking
from boltspec.properties.property import OfBoth, Step, StepProperty, WorldProperty
from boltspec.scenario import FeeWish, Scenario
from boltspec.units import FeeratePerKw, to_msat
from boltspec.world import World


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

    ``fee_spike_multiple`` bounds by how much the feerate may grow in all; at 0 there is no buffer.
    """
    params = scenario.params
    opener = 0 if params.opener is LOCAL else 1
    rates = [wish.feerate_per_kw for wish in scenario.wishes if isinstance(wish, FeeWish)]
    crossing = [wish for wish in scenario.wishes if wish.party != opener and not isinstance(wish, FeeWish)]
    most = FeeratePerKw(params.feerate_per_kw * params.policy.fee_spike_multiple)
    return len(crossing) <= min(params.policy.fee_spike_multiple, 1) and all(rate <= most for rate in rates)


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
