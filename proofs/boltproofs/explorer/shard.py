"""One process's share of a search: the worlds whose fingerprints it owns.

A search goes level by level. In each, every shard expands its newest worlds, keeps the successors that it owns, and
hands on the others. A world is kept as its fingerprint and that of the world from which it was reached first; worlds
themselves live for one level only.
"""

from __future__ import annotations

import gc
import time
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from resource import RUSAGE_SELF, getrusage
from typing import NamedTuple

from boltproofs.explorer.digest import Digests, fingerprint_of
from boltproofs.explorer.exchange import Parcels, Reached, unpack
from boltproofs.explorer.family import Family, Property, Scenario, World
from boltproofs.explorer.memory import remembering
from boltproofs.explorer.watch import Watch
from boltspec.move import Move
from boltspec.rules import without

WORLDS_BETWEEN_CHECKS = 128
"""After so many worlds a shard looks at the clock."""
ROOT = -1
"""In place of the parent of the initial world."""


class Snapshot(NamedTuple):
    """What one shard knows between two levels."""

    parents: bytes
    """Pairs of fingerprints as 64-bit numbers of this machine: a world, and from which it was reached first. The
    initial world is its own."""
    newest: bytes
    """A parcel of the worlds that are to be expanded next."""


def packed_parents(parents: dict[int, int]) -> bytes:
    """Return fingerprints with those of their parents as bytes."""
    pairs = array("Q")
    for child, parent in parents.items():
        pairs.append(child)
        pairs.append(child if parent == ROOT else parent)
    return pairs.tobytes()


def unpacked_parents(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield what :func:`packed_parents` has packed."""
    pairs = array("Q")
    pairs.frombytes(content)
    for child, parent in zip(pairs[::2], pairs[1::2], strict=True):
        yield child, ROOT if parent == child else parent


class Violation(NamedTuple):
    """A property was broken: by a move from one world to another, or in the world that was reached."""

    property: str
    parent: int
    fingerprint: int
    move: Move | None = None
    """The move that breaks it; ``None`` if it is the world that does."""
    at_end: bool = False
    """It is broken because no move is possible: one move nearer to the start than what else its level breaks."""


class Stop(StrEnum):
    """Why a search ended before everything was seen."""

    TIME = "out of time"
    MEMORY = "out of memory"
    STATES = "too many states"
    DEPTH = "as deep as wanted"


@dataclass(frozen=True, slots=True)
class Bounds:
    """When a search gives up; ``None`` for never."""

    seconds: float | None = None
    states: int | None = None
    depth: int | None = None
    """Most moves of a counterexample."""
    memory_bytes: int | None = None
    """Most memory that one process may have used."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is searched for."""

    family: Family
    scenario: Scenario
    without: frozenset[str]
    bounds: Bounds = Bounds()
    asked: frozenset[str] | None = None
    """Names of the properties that are asked for; ``None`` for all."""
    extra: tuple[Property, ...] = ()
    """Properties beside those of the family."""
    shards: int = 1

    @property
    def properties(self) -> tuple[Property, ...]:
        """Everything that is asked for."""
        own = self.family.properties
        return (*(one for one in own if self.asked is None or one.name in self.asked), *self.extra)


@dataclass(frozen=True, slots=True)
class Level:
    """What a shard reports of one level."""

    transitions: int
    violations: tuple[Violation, ...]
    stopped: Stop | None
    """Why not all worlds of the level were expanded."""


@contextmanager
def collector_off() -> Iterator[None]:
    """Keep the garbage collector from walking all worlds again and again: they hold no cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Shard:
    """The worlds with ``fingerprint % shards == index``."""

    def __init__(self, task: Task, index: int = 0) -> None:
        self._task = task
        self._index = index
        self.digests = Digests()
        self._steps = remembering(task.family.steps, self.digests, task.scenario)
        self._stands_for = task.family.reduction(task.scenario)
        self._watch = Watch(task.family, task.scenario, task.properties, self.digests)
        self._parents: dict[int, int] = {}
        self._newest: list[Reached] = []
        self._found: list[list[Reached]] = [[] for _ in range(task.shards)]

    def begin(self) -> tuple[Violation, ...]:
        """Start from the initial world, if this shard owns it."""
        with without(self._task.without):
            world = self._task.family.initial(self._task.scenario)
            fingerprint = self.digests.fingerprint(world)
            if fingerprint % self._task.shards != self._index:
                return ()
            names = self._watch.at_first(world)
        self._parents[fingerprint] = ROOT
        self._newest.append(Reached(fingerprint, ROOT, world))
        return tuple([Violation(name, ROOT, fingerprint) for name in names])

    @property
    def states(self) -> int:
        """How many worlds this shard has seen."""
        return len(self._parents)

    @property
    def waiting(self) -> int:
        """How many worlds are to be expanded in the next level."""
        return len(self._newest)

    def parent(self, fingerprint: int) -> int:
        """Return from which world one of ours was reached first; ``ROOT`` for the initial one."""
        return self._parents[fingerprint]

    def fingerprints(self) -> frozenset[int]:
        """Return the fingerprints of all worlds that this shard has seen."""
        return frozenset(self._parents)

    def snapshot(self) -> Snapshot:
        """Return what this shard knows, between two levels."""
        return Snapshot(packed_parents(self._parents), Parcels(self.digests).pack(self._newest))

    def restore(self, snapshots: Iterable[Snapshot]) -> None:
        """Take up those worlds of an interrupted search that this shard owns."""
        task, parents = self._task, self._parents
        for snapshot in snapshots:
            pairs = unpacked_parents(snapshot.parents)
            parents.update((child, parent) for child, parent in pairs if child % task.shards == self._index)
            newest = unpack(snapshot.newest, self.digests)
            self._newest += [one for one in newest if one.fingerprint % task.shards == self._index]

    def found(self, owner: int) -> list[Reached]:
        """Return the worlds found in the last level that a shard owns, and forget them."""
        worlds, self._found[owner] = self._found[owner], []
        return worlds

    def absorb(self, worlds: Iterable[Reached]) -> tuple[Violation, ...]:
        """Keep those worlds that are new, and return what they break."""
        violations = []
        with without(self._task.without):
            for reached in worlds:
                if reached.fingerprint in self._parents:
                    continue
                self._parents[reached.fingerprint] = reached.parent
                self._newest.append(reached)
                for name in self._broken_in(reached):
                    violations.append(Violation(name, reached.parent, reached.fingerprint))
        return tuple(violations)

    def _broken_in(self, reached: Reached) -> tuple[str, ...]:
        return self._watch.of_world(reached.world)

    def expand(self, deadline: float | None, ends_only: bool = False) -> Level:
        """Expand the newest worlds; stop at the deadline (of ``time.monotonic``) or when memory runs out.

        ``ends_only`` keeps nothing of what is found: it only asks whether a world is the last one.
        """
        worlds, self._newest = self._newest, []
        transitions, violations = 0, list[Violation]()
        stopped = None
        with without(self._task.without):
            for index, reached in enumerate(worlds):
                stopped = self._must_stop(deadline) if index % WORLDS_BETWEEN_CHECKS == 0 else None
                if stopped:
                    break
                if ends_only:
                    self._look_for_end(reached, violations)
                else:
                    transitions += self._expand_one(reached, violations)
        return Level(transitions, tuple(violations), stopped)

    def _must_stop(self, deadline: float | None) -> Stop | None:
        if deadline is not None and time.monotonic() > deadline:
            return Stop.TIME
        limit = self._task.bounds.memory_bytes
        # Linux counts the largest resident size in units of 1024 bytes.
        if limit is not None and getrusage(RUSAGE_SELF).ru_maxrss * 1024 > limit:
            return Stop.MEMORY
        return None

    def _expand_one(self, reached: Reached, violations: list[Violation]) -> int:
        parents = self._parents
        neighbours = self._neighbours(reached, violations)
        for one in neighbours:
            if one.fingerprint not in parents:
                self._found[one.fingerprint % self._task.shards].append(one)
        if not neighbours:
            self._note_end(reached, violations)
        return len(neighbours)

    def _neighbours(self, reached: Reached, violations: list[Violation]) -> list[Reached]:
        """Return the worlds that moves lead to, and note what the moves break."""
        task, watch, found = self._task, self._watch, []
        parts_before = reached.parts or self.digests.parts(reached.world)
        for move, successor in task.family.successors(reached.world, task.scenario, self._steps):
            after = self._stands_for(successor)
            parts = self.digests.parts_after(reached.world, parts_before, after)
            fingerprint = fingerprint_of(parts)
            for name in watch.of_move(reached.world, move, successor):
                violations.append(Violation(name, reached.fingerprint, fingerprint, move))
            found.append(Reached(fingerprint, reached.fingerprint, after, parts))
        return found

    def _look_for_end(self, reached: Reached, violations: list[Violation]) -> None:
        task = self._task
        if next(task.family.successors(reached.world, task.scenario, self._steps), None) is None:
            self._note_end(reached, violations)

    def _note_end(self, reached: Reached, violations: list[Violation]) -> None:
        for name in self._watch.of_end(reached.world):
            violations.append(Violation(name, reached.parent, reached.fingerprint, at_end=True))

    def moves_from(self, before: World) -> list[tuple[Move, int, World]]:
        """Return the moves from a world, each with the fingerprint of the world that it leads to, and that world."""
        with without(self._task.without):
            found = self._task.family.successors(before, self._task.scenario, self._steps)
            reached = [(move, self._stands_for(after)) for move, after in found]
            return [(move, self.digests.fingerprint(after), after) for move, after in reached]
