"""One process's share of a search: the worlds whose fingerprints it owns.

A search goes level by level. In each, every shard expands its newest worlds, keeps the successors that it owns, and
hands on the others. A world is kept as its fingerprint and that of the world from which it was reached first; worlds
themselves live for one level only.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from resource import RUSAGE_SELF, getrusage
from typing import NamedTuple

from boltproofs.explorer.digest import Digests
from boltproofs.explorer.exchange import Reached
from boltproofs.explorer.invariants import Invariants, Names, step_of
from boltproofs.explorer.memory import Memory
from boltproofs.explorer.reductions import Reduction
from boltspec.channel import Channel
from boltspec.rules import without
from boltspec.scenario import Scenario
from boltspec.world import Move, World, initial, successors

WORLDS_BETWEEN_CHECKS = 128
"""After so many worlds a shard looks at the clock."""
ROOT = -1
"""In place of the parent of the initial world."""


class Violation(NamedTuple):
    """A property was broken, by the move that leads from one world to another."""

    property: str
    parent: int
    fingerprint: int


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

    scenario: Scenario
    without: frozenset[str]
    invariants: Invariants
    bounds: Bounds
    shards: int = 1


@dataclass(frozen=True, slots=True)
class Level:
    """What a shard reports of one level."""

    transitions: int
    violations: tuple[Violation, ...]
    stopped: Stop | None
    """Why not all worlds of the level were expanded."""


@contextmanager
def _collector_off() -> Iterator[None]:
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
        self._steps = Memory(self.digests).steps()
        self._reduction = Reduction(task.scenario)
        self._parents: dict[int, int] = {}
        self._newest: list[Reached] = []
        self._found: list[list[Reached]] = [[] for _ in range(task.shards)]
        self._of_channel: dict[bytes, Names] = {}
        self._of_step: dict[tuple[bytes, bool, bytes, bytes], Names] = {}

    def begin(self) -> tuple[Violation, ...]:
        """Start from the initial world, if this shard owns it."""
        with without(self._task.without):
            world = initial(self._task.scenario)
            fingerprint = self.digests.fingerprint(world)
            if fingerprint % self._task.shards != self._index:
                return ()
            names = self._task.invariants.broken_at_first(world, self._task.scenario)
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

    def found(self, owner: int) -> list[Reached]:
        """Return the worlds found in the last level that a shard owns, and forget them."""
        worlds, self._found[owner] = self._found[owner], []
        return worlds

    def absorb(self, worlds: Iterable[Reached]) -> tuple[Violation, ...]:
        """Keep those worlds that are new, and return what they break."""
        task, violations = self._task, []
        with without(task.without):
            for reached in worlds:
                if reached.fingerprint in self._parents:
                    continue
                self._parents[reached.fingerprint] = reached.parent
                self._newest.append(reached)
                for name in task.invariants.of_world(reached.world, task.scenario):
                    violations.append(Violation(name, reached.parent, reached.fingerprint))
        return tuple(violations)

    def expand(self, deadline: float | None) -> Level:
        """Expand the newest worlds; stop at the deadline (of ``time.monotonic``) or when memory runs out."""
        worlds, self._newest = self._newest, []
        transitions, violations = 0, list[Violation]()
        stopped = None
        with without(self._task.without), _collector_off():
            for index, reached in enumerate(worlds):
                stopped = self._must_stop(deadline) if index % WORLDS_BETWEEN_CHECKS == 0 else None
                if stopped:
                    break
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
        shards, transitions = self._task.shards, 0
        for move, successor in successors(reached.world, self._task.scenario, self._steps):
            transitions += 1
            after = self._reduction.of(successor)
            fingerprint = self.digests.fingerprint(after)
            for name in self._broken_by_step(reached.world, move, after):
                violations.append(Violation(name, reached.fingerprint, fingerprint))
            if fingerprint not in self._parents:
                self._found[fingerprint % shards].append(Reached(fingerprint, reached.fingerprint, after))
        return transitions

    def _broken_by_step(self, before: World, move: Move, after: World) -> Names:
        step = step_of(before, move, after, self._task.scenario)
        if step is None:
            return ()
        of = self.digests.of
        key = (of(step.before), step.sending, of(step.message), of(step.after))
        if key not in self._of_step:
            self._of_step[key] = self._task.invariants.of_step(step) + self._broken_by_channel(step.after, key[3])
        return self._of_step[key]

    def _broken_by_channel(self, channel: Channel, digest: bytes) -> Names:
        if digest not in self._of_channel:
            self._of_channel[digest] = self._task.invariants.of_channel(channel)
        return self._of_channel[digest]

    def move_between(self, before: World, fingerprint: int) -> tuple[Move, World]:
        """Return the first move from a world to the one with that fingerprint, and that world."""
        with without(self._task.without):
            for move, after in successors(before, self._task.scenario, self._steps):
                reached = self._reduction.of(after)
                if self.digests.fingerprint(reached) == fingerprint:
                    return move, reached
        raise AssertionError("a path of fingerprints that the specification does not take")
