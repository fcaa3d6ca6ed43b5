"""Which property a world, or the step into it, breaks.

Channel and step properties are asked of honest nodes only: what a corrupt party believes is nobody's concern.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from boltspec.channel import Channel, Link
from boltspec.properties.catalogue import CHANNEL_PROPERTIES, STEP_PROPERTIES, WORLD_PROPERTIES
from boltspec.properties.property import ChannelProperty, Step, StepProperty, WorldProperty
from boltspec.scenario import Scenario
from boltspec.world import Move, World

Names = tuple[str, ...]
"""Names of properties, in the order of the catalogue."""


@dataclass(frozen=True, slots=True)
class Invariants:
    """The properties that a search asks for."""

    channel: tuple[ChannelProperty, ...] = CHANNEL_PROPERTIES
    step: tuple[StepProperty, ...] = STEP_PROPERTIES
    world: tuple[WorldProperty, ...] = WORLD_PROPERTIES

    def of_channel(self, channel: Channel) -> Names:
        """Return the names of the properties that an honest node's state breaks."""
        return tuple([entry.name for entry in self.channel if not entry.holds(channel)])

    def of_step(self, step: Step) -> Names:
        """Return the names of the properties that an honest node's step breaks."""
        return tuple([entry.name for entry in self.step if not entry.holds(step)])

    def of_world(self, world: World, scenario: Scenario) -> Names:
        """Return the names of the world properties that are broken."""
        return tuple([entry.name for entry in self.world if not entry.holds(world, scenario)])

    def broken_by(self, before: World, move: Move, after: World, scenario: Scenario) -> Names:
        """Return the names of the properties that a move breaks: in its step, a node, or the world."""
        step = step_of(before, move, after, scenario)
        of_node = () if step is None else self.of_step(step) + self.of_channel(step.after)
        return of_node + self.of_world(after, scenario)

    def broken_at_first(self, world: World, scenario: Scenario) -> Names:
        """Return the names of the properties that the initial world breaks."""
        honest = [node for node, corrupt in zip(world.nodes, scenario.corrupt, strict=True) if not corrupt]
        return sum(map(self.of_channel, honest), ()) + self.of_world(world, scenario)


EVERY_PROPERTY = Invariants()
"""All properties of the catalogue."""


def named(names: Collection[str]) -> Invariants:
    """Return the invariants with these names."""
    return Invariants(
        tuple(entry for entry in CHANNEL_PROPERTIES if entry.name in names),
        tuple(entry for entry in STEP_PROPERTIES if entry.name in names),
        tuple(entry for entry in WORLD_PROPERTIES if entry.name in names),
    )


def breaks(name: str, worlds: Sequence[World], moves: Sequence[Move], scenario: Scenario) -> bool:
    """Say whether the last move of a run breaks the property of that name."""
    invariants = named({name})
    if not moves:
        return bool(invariants.broken_at_first(worlds[-1], scenario))
    return bool(invariants.broken_by(worlds[-2], moves[-1], worlds[-1], scenario))


def step_of(before: World, move: Move, after: World, scenario: Scenario) -> Step | None:
    """Return the step that an honest node takes in a move, if it takes one."""
    party = move.party
    if move.action not in ("send", "deliver") or not after.connected or scenario.corrupt[party]:
        return None
    node, sending = before.nodes[party], move.action == "send"
    if sending and (node.owes_commitment or node.owes_revocation) and node.link is Link.UP:
        return None  # it only sends again what it sent before
    message = after.wires[party][-1] if sending else before.wires[1 - party][0]
    return Step(node, sending, message, after.nodes[party])
