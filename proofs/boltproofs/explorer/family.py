"""A family of worlds: what the explorer has to know of them, and nothing more.

The update dance is one family, establishment another, cooperative close a third. Each has scenarios, a first world for
each of them, a transition relation and properties. Search, ablation, traces and ladders know worlds only through this
record; :mod:`boltproofs.families` lists all of them.

What is asked of a world: it is a frozen, hashable dataclass. Its fields hold plain values, components (frozen
dataclasses, named tuples, frozensets) and tuples of these, as deep as need be. Where properties are stated of nodes it
has a field ``nodes``, one for each party.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from boltspec.move import Move

World: TypeAlias = Any
"""A world of some family."""
Steps: TypeAlias = Any
"""A record of the pure functions that a transition relation is made of."""


class Scenario(Protocol):
    """What scenarios of all families have."""

    @property
    def name(self) -> str:
        """Its name, unique among the scenarios of all families."""

    @property
    def title(self) -> str:
        """What happens in it, in a line."""

    @property
    def corrupt(self) -> tuple[bool, bool]:
        """Which parties are corrupt: nobody asks what they believe."""


class Form(StrEnum):
    """What a property speaks about, and so when it is asked."""

    NODE = "of a node"
    """``holds(node)``: of every state of an honest party."""
    STEP = "of a step"
    """``holds(step)``: of every message that an honest party sends or takes."""
    MOVE = "of a move"
    """``holds(before, after, scenario)``: of every move."""
    WORLD = "of the world"
    """``holds(world, scenario)``: of every world."""
    END = "of the end"
    """``holds(world, scenario)``: of every world in which no move is possible."""


@dataclass(frozen=True, slots=True)
class Property:
    """A property, in the form in which a search asks for it."""

    name: str
    sentence: str
    form: Form
    holds: Callable[..., bool]
    felt: bool
    """Its violation is felt by someone: money is lost, honest nodes disagree. Else it is one node's own caution."""


class Stated(Protocol):
    """What the specification's own properties have, whatever their form."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def sentence(self) -> str:
        """What it says."""

    @property
    def holds(self) -> Callable[..., bool]:
        """The predicate."""


def stated(form: Form, properties: Iterable[Stated], felt: Callable[[str], bool]) -> tuple[Property, ...]:
    """Return properties of the specification as the search asks for them; ``felt`` is asked of their names."""
    return tuple(Property(one.name, one.sentence, form, one.holds, felt(one.name)) for one in properties)


@dataclass(frozen=True, slots=True)
class Rung:
    """A move as a ladder shows it: lines in three columns."""

    left: tuple[str, ...] = ()
    """What changes at A."""
    middle: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    """What changes at B."""


class Shown(Protocol):
    """How runs of a family are shown."""

    def rung(self, scenario: Any, before: World, move: Move, after: World) -> Rung:
        """Return a move as lines."""

    def numbers(self, scenario: Any, before: World, move: Move | None, after: World, broken: Property) -> list[str]:
        """Return the numbers that say how the last move, if there is one, breaks a property."""


@dataclass(frozen=True, slots=True)
class Reduced:
    """Something that a search leaves out, since it cannot make a difference."""

    what: str
    """What is left out."""
    checked_by: str
    """The test that compares with a search that does not leave it out."""

    def to_json(self) -> dict[str, str]:
        """Return it as a JSON object."""
        return {"what": self.what, "checked_by": self.checked_by}


def _nothing(_scenario: object) -> tuple[Reduced, ...]:
    return ()


def _itself(_scenario: object) -> Callable[[World], World]:
    return lambda world: world


def _no_step(_before: World, _move: Move, _after: World, _scenario: object) -> None:
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Worlds of one kind."""

    name: str
    title: str
    kind: type
    """Type of its scenarios: no other family has the same."""
    scenarios: Mapping[str, Any]
    """All of them, by name."""
    large: frozenset[str]
    """Names of scenarios that are searched once, not again for every rule."""
    initial: Callable[[Any], World]
    """``scenario -> world``"""
    successors: Callable[[World, Any, Steps], Iterator[tuple[Move, World]]]
    """``(world, scenario, steps) -> moves``, in an order that does not depend on anything else."""
    steps: Steps
    """Computes each result anew; a search hands ``successors`` the same functions with a memory."""
    properties: tuple[Property, ...]
    home: tuple[str, ...]
    """Modules and packages of the specification, without ``boltspec.``, whose rules belong here first of all."""
    worlds: str
    """The module that the transition relation is in: rules of all that it imports can decide something here."""
    shown: Shown
    deep: frozenset[str] = frozenset()
    """Names of scenarios that take so long that they are searched only when they are asked for."""
    reduction: Callable[[Any], Callable[[World], World]] = field(default=_itself)
    """For a scenario, the function that says which world stands for a world in a search."""
    reduced: Callable[[Any], tuple[Reduced, ...]] = field(default=_nothing)
    """For a scenario, what a search of it leaves out."""
    step_of: Callable[[World, Move, World, Any], Any] = field(default=_no_step)
    """``(before, move, after, scenario) -> step`` of an honest party, a tuple that its properties are asked of."""
    replayable: bool = False
    """Its moves make transactions: traces can be replayed on a chain."""

    def __reduce__(self) -> tuple[Callable[[str], Family], tuple[str]]:
        """Let a family travel between processes by its name."""
        return _named, (self.name,)

    def property(self, name: str) -> Property:
        """Return the property of that name; ``KeyError`` if there is none."""
        for one in self.properties:
            if one.name == name:
                return one
        raise KeyError(name)

    def take(self, world: World, scenario: Any, move: Move) -> World:
        """Return the world after a move; ``ValueError`` if it is not possible here."""
        for candidate, after in self.successors(world, scenario, self.steps):
            if candidate == move:
                return after
        raise ValueError(f"not possible in this state: {move}")


def _named(name: str) -> Family:
    from boltproofs.families import FAMILIES  # noqa: PLC0415  # families are made of this class

    return next(family for family in FAMILIES if family.name == name)
