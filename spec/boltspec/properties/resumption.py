"""Resumption: what holds when connections are lost, nodes crash or lose data (BOLT 2, Message Retransmission)."""

from __future__ import annotations

from boltspec.channel import Channel, Link
from boltspec.feerates import forget_pending
from boltspec.htlc import Stage
from boltspec.properties.property import OfBoth, WorldProperty
from boltspec.scenario import Scenario
from boltspec.world import World


def _forgets_uncommitted(world: World, scenario: Scenario, committed: tuple[bool, bool]) -> bool:
    return all(corrupt or done for corrupt, done in zip(scenario.corrupt, committed, strict=True))


def _all_committed(node: Channel) -> bool:
    """Say whether every update is covered by a signature, or the connection is up."""
    if node.link is Link.UP:
        return True
    if forget_pending(node.feerates) != node.feerates:
        return False
    return node.htlcs.all(lambda htlc: Stage.PENDING not in (htlc.added, htlc.removed))


def _resumed_at_last(world: World, scenario: Scenario) -> bool:
    if any(scenario.corrupt):
        return True
    if not world.connected:
        return world.failed or not any(node.behind for node in world.nodes)
    return all(
        node.link is Link.UP and not (node.owes_commitment or node.owes_revocation or node.behind)
        for node in world.nodes
    )


def _done_at_last(world: World, scenario: Scenario) -> bool:
    if not world.connected or any(scenario.corrupt):
        return True
    return not any(world.wires) and all(map(_is_done, world.nodes))


def _is_done(node: Channel) -> bool:
    if node.local_commitment_number != node.local_revocations:
        return False
    if node.remote_commitment_number != node.remote_revocations:
        return False
    changing = node.feerates.at(Stage.PENDING).number != node.feerates.at(Stage.IRREVOCABLE).number
    return not changing and not node.htlcs.any(lambda _: True)


UNCOMMITTED_FORGOTTEN = WorldProperty(
    "UncommittedForgotten", "A lost connection leaves no update that no signature covers.",
    OfBoth(_all_committed, _forgets_uncommitted),
)
RECONNECT_LIVE = WorldProperty(
    "ReconnectLive",
    "Honest nodes that can connect again resume the channel; one that is behind sees to it that the other fails it.",
    _resumed_at_last,
)
HONEST_PROGRESS = WorldProperty(
    "HonestProgress", "Between honest nodes every update becomes irrevocable and every HTLC is settled.", _done_at_last
)
