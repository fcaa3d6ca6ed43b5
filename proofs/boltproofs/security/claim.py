"""The form of what is claimed: for all numbers, if the premise holds, so does the goal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from boltproofs.security.boundary import Boundary
from boltproofs.security.numbers import Numbers

Predicate = Callable[[Numbers], bool]


@dataclass(frozen=True)
class Claim:
    """For all numbers: if the premise holds, so does the goal. Both are plain Python over the specification."""

    label: str
    premise: Predicate
    goal: Predicate


@dataclass(frozen=True)
class Condition:
    """A condition on the parameters, and that it is exact: just below it something goes wrong."""

    name: str
    """What it bounds."""
    text: str
    """The inequality."""
    needed_by: Claim
    """A claim that assumes it, here without it."""
    just_missed: Predicate
    """It fails, by one: the claim is false then."""
    enough: str = ""
    """When what BOLT 2 recommends is enough."""
    run: Boundary | None = None
    """Worlds of small numbers, on either side of it."""


def both(*predicates: Predicate) -> Predicate:
    """Return the predicate that all of these hold."""
    return lambda numbers: all(predicate(numbers) for predicate in predicates)
