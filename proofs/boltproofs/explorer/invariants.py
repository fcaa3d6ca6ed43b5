"""Which property a world, or the step into it, breaks.

Channel and step properties are asked of honest nodes only: what a corrupt party believes is nobody's concern.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from boltspec.channel import Channel
from boltspec.properties.catalogue import CHANNEL_PROPERTIES, STEP_PROPERTIES, WORLD_PROPERTIES
from boltspec.properties.property import ChannelProperty, Step, StepProperty, WorldProperty
from boltspec.scenario import Scenario
from boltspec.world import Move, World


@dataclass(frozen=True, slots=True)
class Invariants:
    """The properties that a search asks for."""

    channel: tuple[ChannelProperty, ...] = CHANNEL_PROPERTIES
    step: tuple[StepProperty, ...] = STEP_PROPERTIES
    world: tuple[WorldProperty, ...] = WORLD_PROPERTIES

    def of_channel(self, channel: Channel) -> str | None:
        """Return the name of the first property that an honest node's state breaks."""
        return next((entry.name for entry in self.channel if not entry.holds(channel)), None)

    def of_step(self, step: Step) -> str | None:
        """Return the name of the first property that an honest node's step breaks."""
        return next((entry.name for entry in self.step if not entry.holds(step)), None)

    def of_world(self, world: World, scenario: Scenario) -> str | None:
        """Return the name of the first world property that is broken."""
        return next((entry.name for entry in self.world if not entry.holds(world, scenario)), None)

    def broken_by(self, before: World, move: Move, after: World, scenario: Scenario) -> str | None:
        """Return the name of the first property that the move breaks: in its step, a node, or the world."""
        step = step_of(before, move, after, scenario)
        if step is not None:
            name = self.of_step(step) or self.of_channel(step.after)
            if name is not None:
                return name
        return self.of_world(after, scenario)

    def broken_at_first(self, world: World, scenario: Scenario) -> str | None:
        """Return the name of the first property that the initial world breaks."""
        for node, corrupt in zip(world.nodes, scenario.corrupt, strict=True):
            name = None if corrupt else self.of_channel(node)
            if name is not None:
                return name
        return self.of_world(world, scenario)


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
        return invariants.broken_at_first(worlds[-1], scenario) is not None
    return invariants.broken_by(worlds[-2], moves[-1], worlds[-1], scenario) is not None


def step_of(before: World, move: Move, after: World, scenario: Scenario) -> Step | None:
    """Return the step that an honest node takes in a move, if it takes one."""
    party = move.party
    if move.action not in ("send", "deliver") or not after.connected or scenario.corrupt[party]:
        return None
    sending = move.action == "send"
    message = after.wires[party][-1] if sending else before.wires[1 - party][0]
    return Step(before.nodes[party], sending, message, after.nodes[party])
