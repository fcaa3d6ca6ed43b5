"""Agreement: the two nodes compute the same commitments, and when all is quiet their newest ones mirror each other."""

from __future__ import annotations

from typing import NamedTuple

from boltspec.channel import Channel, Link
from boltspec.commitment import Commitment, View, commitment
from boltspec.htlc import Stage
from boltspec.messages import CommitmentSigned
from boltspec.properties.property import OfBoth, WorldProperty
from boltspec.scenario import Scenario
from boltspec.world import World


def honest_and_talking(world: World, scenario: Scenario) -> bool:
    """Say whether two honest nodes are connected and have resumed the channel."""
    return not any(scenario.corrupt) and world.connected and all(map(_is_resumed, world.nodes))


def _is_resumed(node: Channel) -> bool:
    """Say whether a node owes its peer nothing from before the connection was lost."""
    return node.link is Link.UP and not (node.owes_commitment or node.owes_revocation or node.behind)


def _never_rejected(world: World, scenario: Scenario) -> bool:
    return world.blame is None


class _Newest(NamedTuple):
    """The newest commitments, as one node computes them."""

    held: Commitment
    """Its own, which it holds."""
    signed: Commitment
    """The peer's, which it has signed."""


def _newest(node: Channel) -> _Newest:
    return _Newest(commitment(node, View.LOCAL_LATEST), commitment(node, View.REMOTE_LATEST))


def _same_view(world: World, scenario: Scenario, newest: tuple[_Newest, _Newest]) -> bool:
    if not honest_and_talking(world, scenario):
        return True
    for holder in (0, 1):
        under_way = any(isinstance(message, CommitmentSigned) for message in world.wires[1 - holder])
        if not under_way and newest[1 - holder].signed != newest[holder].held:
            return False
    return True


def _quiet_nodes_mirror(world: World, scenario: Scenario) -> bool:
    if not honest_and_talking(world, scenario) or any(world.wires):
        return True
    live = [htlc for node in world.nodes for htlc in node.htlcs.items]
    if any(htlc.added is not Stage.IRREVOCABLE or htlc.removed is not Stage.ABSENT for htlc in live):
        return True
    if any(node.feerates.at(Stage.PENDING) != node.feerates.at(Stage.IRREVOCABLE) for node in world.nodes):
        return True
    first, second = (commitment(node, View.LOCAL_LATEST) for node in world.nodes)
    return _terms(first) == _terms(_mirrored(second))


def _mirrored(commitment: Commitment) -> Commitment:
    """Return the same payouts as a commitment of the other owner."""
    return Commitment(
        number=commitment.number,
        feerate_per_kw=commitment.feerate_per_kw,
        to_owner_msat=commitment.to_other_msat,
        to_other_msat=commitment.to_owner_msat,
        htlcs=tuple(sorted(htlc._replace(offered_by_owner=not htlc.offered_by_owner) for htlc in commitment.htlcs)),
    )


def _terms(commitment: Commitment) -> tuple[object, ...]:
    """Return what a commitment pays; the numbers of two sides need not be equal."""
    return commitment.feerate_per_kw, commitment.to_owner_msat, commitment.to_other_msat, commitment.htlcs


NEVER_REJECTED = WorldProperty(
    "NeverRejected", "An honest node never rejects a message of an honest node.", _never_rejected
)
SAME_VIEW = WorldProperty(
    "SameView",
    "Signer and holder of a commitment compute it alike once its signature has arrived.",
    OfBoth(_newest, _same_view),
)
EVENTUAL_AGREEMENT = WorldProperty(
    "EventualAgreement", "With nothing pending and nothing in flight the newest commitments mirror each other.",
    _quiet_nodes_mirror,
)
