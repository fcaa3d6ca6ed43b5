"""The forms that a property takes.

A *channel property* holds in every state of an honest node. A *step property* relates the states before and after one
step. A *world property* speaks about both nodes and the wires. Each is a pure predicate with a name and a sentence, and
runs on plain states (explorer, tests, node) and, for the first two, on symbolic ones (prover).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from boltspec.channel import Channel
from boltspec.messages import Message
from boltspec.scenario import Scenario
from boltspec.world import World

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ChannelProperty:
    """Holds in every reachable state of an honest node's channel."""

    name: str
    sentence: str
    holds: Callable[[Channel], bool]


class Step(NamedTuple):
    """A step that an honest node has taken."""

    before: Channel
    sending: bool
    """The node sent the message; else it received it."""
    message: Message
    after: Channel


@dataclass(frozen=True, slots=True)
class StepProperty:
    """Holds for every step of an honest node."""

    name: str
    sentence: str
    holds: Callable[[Step], bool]


@dataclass(frozen=True, slots=True)
class LossProperty:
    """Holds whenever an honest node loses its connection."""

    name: str
    sentence: str
    holds: Callable[[Channel, Channel], bool]
    """``(before, after)``"""


@dataclass(frozen=True, slots=True)
class OfBoth(Generic[T]):
    """A predicate on worlds that compares what the two nodes believe.

    What a node believes depends on the node alone: a search, which meets few nodes in many worlds, works it out once
    for each.
    """

    belief: Callable[[Channel], T]
    agree: Callable[[World, Scenario, tuple[T, T]], bool]

    def __call__(self, world: World, scenario: Scenario) -> bool:
        """Say whether it holds in a world."""
        first, second = world.nodes
        return self.agree(world, scenario, (self.belief(first), self.belief(second)))


@dataclass(frozen=True, slots=True)
class WorldProperty:
    """Holds in every reachable world."""

    name: str
    sentence: str
    holds: Callable[[World, Scenario], bool]
