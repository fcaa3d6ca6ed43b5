"""Theorems about runs: a few steps of one node, or of two that talk to each other, whatever the numbers.

A *claim* has a run and a goal. The run is plain Python over the specification's own steps. It starts from a state in
which every number is unknown, hands messages with unknown numbers to the steps, and returns what came of it, or
``None`` where a step did not take its message. The goal has to hold of everything that a run returns. What is finite
(roles, script forms, whether a signature is good) is chosen by a number as well: :func:`choose`.

The prover runs a claim along every path with unknown numbers; a counterexample is run again with plain ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from boltspec.htlcs import Htlcs

T = TypeVar("T")


class Values(Protocol):
    """Where a run takes its numbers from: unknown ones in a proof, plain ones when an example is run again."""

    def __call__(self, name: str) -> Any:
        """Return the unsigned integer of that name, less than 2^64: the same one each time."""

    def htlcs(self) -> Htlcs:
        """Return any number of HTLCs, at any stages, of which nothing can be asked but whether there are such."""


def choose(values: Values, name: str, options: Sequence[T]) -> T:
    """Return any of the options: which one the number of that name says, the last for all greater numbers."""
    for number, option in enumerate(options[:-1]):
        if values(name) == number:
            return option
    return options[-1]


Run = Callable[[Values], Any]
"""Returns what the goal looks at, ``None`` where the run does not get through."""


@dataclass(frozen=True)
class RunClaim:
    """For all numbers: if the run gets through, the goal holds of what it returns."""

    label: str
    run: Run
    goal: Callable[[Any], bool]
    fails_without: tuple[str, ...] = ()
    """Rules without any one of which the claim is refuted."""


@dataclass(frozen=True)
class RunTheorem:
    """A property of runs, as a number of claims."""

    name: str
    sentence: str
    claims: tuple[RunClaim, ...]
    unbounded: tuple[str, ...]
    bounded: str
    """What is enumerated or assumed, in words."""
    lemmas: tuple[str, ...] = ()
    """Names of theorems that the argument uses besides."""

    @property
    def fails_without(self) -> tuple[str, ...]:
        """Rules without any one of which some claim is refuted."""
        return tuple(dict.fromkeys(rule for claim in self.claims for rule in claim.fails_without))
