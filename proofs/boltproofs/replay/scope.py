"""The whole of a small scenario, for replay: all its maximal runs, or runs that take each of its transitions.

Few scenarios have so few runs that all can be replayed: the number of orders of independent moves is enormous. But
what model and chain do at a transition depends on the world before it alone, so runs that together take every
transition of the search leave nothing out that the others would show. The search is the plain one, without the
explorer's reductions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any, NamedTuple

from boltproofs.explorer.family import World
from boltproofs.families import family_of
from boltproofs.replay.runs import Run, remembering
from boltproofs.trace import Trace
from boltspec.move import Move

MOST_TRANSITIONS = 6_000
"""A scenario with more is not small."""
MOST_RUNS = 1_000
"""All maximal runs are replayed where there are no more than so many."""


class Extent(StrEnum):
    """How much of a scenario is replayed."""

    RUNS = "all runs"
    """Every maximal run."""
    TRANSITIONS = "all transitions"
    """Maximal runs that take every transition."""
    SAMPLE = "sample"
    """Maximal runs drawn at random."""


class Edge(NamedTuple):
    """A transition."""

    move: Move
    to: int
    """Index of the world that it leads to."""


@dataclass(frozen=True)
class Scope:
    """The transition graph of a scenario, its worlds numbered in the order of a breadth-first search."""

    scenario: Any
    worlds: tuple[World, ...]
    edges: tuple[tuple[Edge, ...], ...]
    """What leaves each world."""
    arrivals: tuple[tuple[int, int], ...]
    """By world, the edge of a shortest way to it: where it leaves from, and which it is there; (-1, -1) at first."""

    @property
    def transitions(self) -> int:
        """Number of transitions."""
        return sum(map(len, self.edges))

    @cached_property
    def runs(self) -> int:
        """Number of maximal runs. CycleError if there are endless ones."""
        order = TopologicalSorter({index: [edge.to for edge in out] for index, out in enumerate(self.edges)})
        counts: dict[int, int] = {}
        for index in order.static_order():
            counts[index] = sum(counts[edge.to] for edge in self.edges[index]) or 1
        return counts[0]

    @property
    def extent(self) -> Extent:
        """What is replayed of it."""
        return Extent.RUNS if self.runs <= MOST_RUNS else Extent.TRANSITIONS


def explored(scenario: Any, most: int = MOST_TRANSITIONS) -> Scope | None:
    """Return the whole of a scenario; ``None`` if it has more than ``most`` transitions."""
    family, steps = family_of(scenario), remembering(scenario)
    worlds = [family.initial(scenario)]
    numbers = {worlds[0]: 0}
    edges: list[tuple[Edge, ...]] = []
    arrivals = [(-1, -1)]
    room = most
    while len(edges) < len(worlds):
        here = len(edges)
        out: list[Edge] = []
        for move, after in family.successors(worlds[here], scenario, steps):
            if after not in numbers:
                numbers[after] = len(worlds)
                worlds.append(after)
                arrivals.append((here, len(out)))
            out.append(Edge(move, numbers[after]))
        edges.append(tuple(out))
        room -= len(out)
        if room < 0:
            return None
    return Scope(scenario, tuple(worlds), tuple(edges), tuple(arrivals))


def covering(scope: Scope) -> Iterator[Run]:
    """Yield maximal runs that together take every transition; each takes one that none before has taken."""
    if not scope.transitions:
        yield _run(scope, [])
    fresh = [dict.fromkeys(range(len(out))) for out in scope.edges]
    for index, untaken in enumerate(fresh):
        while untaken:
            way = _through(scope, index, fresh)
            for before, taken in way:
                fresh[before].pop(taken, None)
            yield _run(scope, way)


Way = list[tuple[int, int]]
"""Edges in a row: where each leaves from, and which it is there."""


def _through(scope: Scope, index: int, fresh: list[dict[int, None]]) -> Way:
    """Return a maximal way through a world, from there on by fresh edges where there are any."""
    way = _way_to(scope, index)
    while scope.edges[index]:
        taken = next(iter(fresh[index]), 0)
        way.append((index, taken))
        index = scope.edges[index][taken].to
    return way


def _way_to(scope: Scope, index: int) -> Way:
    """Return a shortest way from the first world."""
    way: Way = []
    while index:
        way.append(scope.arrivals[index])
        index = scope.arrivals[index][0]
    return way[::-1]


def _run(scope: Scope, way: Way) -> Run:
    edges = [scope.edges[before][taken] for before, taken in way]
    worlds = (scope.worlds[0], *(scope.worlds[edge.to] for edge in edges))
    return Run(Trace(scope.scenario, frozenset(), tuple(edge.move for edge in edges)), worlds)
