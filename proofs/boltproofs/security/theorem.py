"""The form of a theorem about balance security."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import z3

from boltproofs.security.claim import Claim, Condition

Claims = Callable[[], Iterator[Claim]]
Obligations = Callable[[], Iterator[tuple[str, z3.Solver]]]


@dataclass(frozen=True)
class Subsumed:
    """A rule without which the theorem still holds, since other rules do its work."""

    rule: str
    by: tuple[str, ...]
    """Without these as well it is refuted; that is checked."""
    why: str


@dataclass(frozen=True)
class Outside:
    """A requirement that no claim depends on."""

    rule: str
    why: str


@dataclass(frozen=True)
class SecurityTheorem:
    """A property of one honest party on chain, as claims about single outputs and obligations about all of them."""

    name: str
    sentence: str
    groups: tuple[Claims, ...]
    fails_without: tuple[str, ...]
    lemmas: tuple[str, ...] = ()
    """Names of inductive theorems that provide what premises assume."""
    obligations: tuple[Obligations, ...] = ()
    conditions: tuple[Condition, ...] = ()
    subsumed: tuple[Subsumed, ...] = ()
    outside: tuple[Outside, ...] = ()
    unbounded: tuple[str, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)
    """What is bounded or assumed, beside the conditions."""

    def claims(self) -> Iterable[Claim]:
        """Return all claims."""
        return [claim for group in self.groups for claim in group()]

    @property
    def bounds(self) -> dict[str, str]:
        """What the theorem demands of the parameters, and what it assumes."""
        return {condition.name: condition.text for condition in self.conditions} | self.notes
