"""A plain breadth-first search: any world, any moves, any properties.

For worlds that are small enough to be kept whole: no fingerprints, no reductions, one process. A world is given by its
initial state and a function that yields labelled successors; states must be hashable. What is found first is a
shortest counterexample, since all states of one depth are searched before the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)

DEPTH = "depth"
"""What :attr:`PlainResult.stopped` says if the bound on the number of moves was hit."""


class PlainVerdict(StrEnum):
    """What came of a search."""

    HOLDS = "holds"
    """Every reachable state was seen; no property broke."""
    VIOLATED = "violated"
    UNKNOWN = "unknown"
    """A bound was hit first."""


@dataclass(frozen=True, slots=True)
class Goal(Generic[S]):
    """A property to be searched for violations."""

    name: str
    holds: Callable[[S, S], bool]
    """``(before, after)`` of a move; ``before`` is ``after`` in the initial state and in final ones."""
    final: bool = False
    """Only states without successors are looked at."""


@dataclass(frozen=True, slots=True)
class PlainBounds:
    """How far a search goes before it gives up."""

    states: int = 200_000
    seconds: float = 120.0
    depth: int | None = None
    """Moves from the initial state; ``None`` for any number."""


@dataclass(frozen=True, slots=True)
class PlainResult:
    """What came of a search, and what it covered."""

    verdict: PlainVerdict
    states: int
    transitions: int
    depth: int
    """How many moves deep every run was followed."""
    seconds: float
    property: str | None = None
    """Name of the property that broke."""
    trace: tuple[str, ...] = ()
    """Labels of a shortest run that breaks it."""
    stopped: str | None = None
    """Which bound was hit, if the verdict is unknown."""

    def to_json(self) -> dict[str, object]:
        """Return the result as a JSON object."""
        return {
            "verdict": self.verdict.value,
            "states": self.states,
            "transitions": self.transitions,
            "depth": self.depth,
            "seconds": round(self.seconds, 3),
            "property": self.property,
            "trace": list(self.trace),
            "stopped": self.stopped,
        }


class _Search(Generic[S]):
    """One search under way."""

    def __init__(self, initial: S, goals: Iterable[Goal[S]], bounds: PlainBounds) -> None:
        every = tuple(goals)
        self._moves = tuple(goal for goal in every if not goal.final)
        self._finals = tuple(goal for goal in every if goal.final)
        self._bounds = bounds
        self._started = time.monotonic()
        self._parents: dict[S, tuple[S, str] | None] = {initial: None}
        self._initial = initial
        self._transitions = self._depth = 0

    def run(self, successors: Callable[[S], Iterable[tuple[str, S]]]) -> PlainResult:
        """Search level by level."""
        broken = self._broken(self._moves, self._initial, self._initial)
        if broken is not None:
            return self._violated(broken, self._initial, ())
        level: list[S] = [self._initial]
        while level:
            if self._bounds.depth is not None and self._depth >= self._bounds.depth:
                return self._result(PlainVerdict.UNKNOWN, stopped=DEPTH)
            reached: list[S] = []
            for state in level:
                if time.monotonic() - self._started > self._bounds.seconds:
                    return self._result(PlainVerdict.UNKNOWN, stopped="time")
                found = self._expanded(state, successors, reached)
                if found is not None:
                    return found
                if len(self._parents) > self._bounds.states:
                    return self._result(PlainVerdict.UNKNOWN, stopped="states")
            self._depth += 1
            level = reached
        return self._result(PlainVerdict.HOLDS)

    def _expanded(
        self, state: S, successors: Callable[[S], Iterable[tuple[str, S]]], reached: list[S]
    ) -> PlainResult | None:
        """Look at all successors of a state; return the result if a property breaks."""
        final = True
        for label, after in successors(state):
            final = False
            self._transitions += 1
            broken = self._broken(self._moves, state, after)
            if broken is not None:
                return self._violated(broken, state, (label,))
            if after not in self._parents:
                self._parents[after] = (state, label)
                reached.append(after)
        broken = self._broken(self._finals, state, state) if final else None
        return None if broken is None else self._violated(broken, state, ())

    @staticmethod
    def _broken(goals: Sequence[Goal[S]], before: S, after: S) -> str | None:
        return next((goal.name for goal in goals if not goal.holds(before, after)), None)

    def _violated(self, name: str, state: S, last: tuple[str, ...]) -> PlainResult:
        labels: list[str] = []
        parent = self._parents[state]
        while parent is not None:
            state, label = parent
            labels.append(label)
            parent = self._parents[state]
        return self._result(PlainVerdict.VIOLATED, name, (*reversed(labels), *last))

    def _result(
        self,
        verdict: PlainVerdict,
        broken: str | None = None,
        trace: tuple[str, ...] = (),
        stopped: str | None = None,
    ) -> PlainResult:
        seconds = time.monotonic() - self._started
        return PlainResult(
            verdict, len(self._parents), self._transitions, self._depth, seconds, broken, trace, stopped
        )


def plain_search(
    initial: S,
    successors: Callable[[S], Iterable[tuple[str, S]]],
    goals: Iterable[Goal[S]],
    bounds: PlainBounds | None = None,
) -> PlainResult:
    """Search every state that can be reached, until a property breaks or a bound is hit.

    A violation in the first states is found whatever the bounds are; only a search that ended by itself says that
    everything holds.
    """
    return _Search(initial, goals, bounds or PlainBounds()).run(successors)


def reachable(initial: S, successors: Callable[[S], Iterable[tuple[str, S]]]) -> Iterator[S]:
    """Yield every state that can be reached, nearest first. Only for worlds that are known to be finite."""
    known, level = {initial}, [initial]
    while level:
        yield from level
        reached = dict.fromkeys(after for state in level for _, after in successors(state))
        level = [state for state in reached if state not in known]
        known.update(level)


def replayed(
    initial: S, successors: Callable[[S], Iterable[tuple[str, S]]], labels: Iterable[str]
) -> tuple[S, ...]:
    """Return every state of a run, the initial one first; ``ValueError`` at the first label that is not possible."""
    states = [initial]
    for index, wanted in enumerate(labels):
        after = next((state for label, state in successors(states[-1]) if label == wanted), None)
        if after is None:
            raise ValueError(f"labels[{index}]: not possible here: {wanted}")
        states.append(after)
    return tuple(states)
