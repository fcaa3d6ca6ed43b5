"""Ablation: what each rule of the specification is for.

A rule is switched off and the small scenarios are searched. It is

- *necessary* if a property breaks: the shortest trace shows how, and a second search looks for the *damage*, a broken
  property of the whole world (money lost, honest nodes that disagree) rather than of one node's books;
- *redundant here* if none does, but with another rule off as well one does that the other rule alone would have
  prevented: that other rule subsumes it;
- *not covered* otherwise.

A rule can only matter in a scenario in which it decides something: a guard that fails, a duty that is done
(:func:`boltspec.rules.noticing`). All other scenarios would be searched in vain and are left out; this is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from multiprocessing import get_context
from typing import Protocol, TypeVar

from boltproofs.citations import switchable_rules
from boltproofs.explorer.invariants import EVERY_PROPERTY, Invariants, named
from boltproofs.explorer.search import Result, Verdict, search
from boltproofs.explorer.shard import Bounds, Stop
from boltproofs.scenarios import SCENARIOS, SMALL
from boltproofs.trace import Trace
from boltspec.properties.catalogue import WORLD_PROPERTIES
from boltspec.rules import noticing

DAMAGE = named([entry.name for entry in WORLD_PROPERTIES])
"""Properties whose violation is felt by someone."""
BOUNDS = Bounds(states=200_000)
"""Bounds of each single search: far more than any small scenario needs with all rules on."""
DAMAGE_BOUNDS = Bounds(states=5_000)
"""Bounds of the search for damage: without a rule a world may have no end."""

T = TypeVar("T")
U = TypeVar("U")


class Mapper(Protocol):
    """Applies a function to many values, in this process or in others; the results keep their order."""

    def __call__(self, function: Callable[[T], U], values: Iterable[T], /) -> Iterable[U]:
        """Return what the function makes of each value."""


class Outcome(StrEnum):
    """What ablation says of a rule."""

    NECESSARY = "necessary"
    REDUNDANT = "redundant here"
    NOT_COVERED = "not covered"


@dataclass(frozen=True, slots=True)
class Baseline:
    """A scenario searched with every rule on."""

    result: Result
    deciding: frozenset[str]
    """Rules that decide something in it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What ablation says of one rule."""

    rule: str
    outcome: Outcome
    trace: Trace | None
    """Shortest attack: without this rule, or without it and ``subsumed_by``."""
    damage: Trace | None
    """Shortest attack on a property of the world, if one was found."""
    subsumed_by: str | None
    scenarios: tuple[str, ...]
    """Scenarios in which the rule decides something."""
    reason: str
    """The outcome in a sentence."""

    def to_json(self) -> dict[str, object]:
        """Return the finding as a JSON object."""
        return {
            "rule": self.rule,
            "outcome": self.outcome.value,
            "reason": self.reason,
            "subsumed_by": self.subsumed_by,
            "scenarios": list(self.scenarios),
            "trace": self.trace.to_json() if self.trace else None,
            "damage": self.damage.to_json() if self.damage else None,
        }


@dataclass(frozen=True, slots=True)
class Ablation:
    """All findings, and the searches with every rule on that they start from."""

    baselines: tuple[Baseline, ...]
    findings: tuple[Finding, ...]

    @property
    def explained(self) -> bool:
        """Every scenario holds, and every rule is necessary or subsumed by another."""
        holds = all(baseline.result.verdict is Verdict.HOLDS for baseline in self.baselines)
        return holds and all(finding.outcome is not Outcome.NOT_COVERED for finding in self.findings)

    def to_json(self) -> dict[str, object]:
        """Return everything as a JSON object."""
        return {
            "scenarios": [baseline.result.to_json() for baseline in self.baselines],
            "rules": [finding.to_json() for finding in self.findings],
        }


def ablate(rules: Sequence[str] = (), workers: int = 1, scenarios: Sequence[str] = SMALL) -> Ablation:
    """Say of each rule (all of them if none is named) what it is for; ``workers`` processes share the work."""
    if workers == 1:
        return ablate_by(map, rules, scenarios)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return ablate_by(pool.map, rules, scenarios)


def ablate_by(each: Mapper, rules: Sequence[str] = (), scenarios: Sequence[str] = SMALL) -> Ablation:
    """The same with a ``map`` of the caller's."""
    baselines = tuple(each(baseline, scenarios))
    ordered = tuple(sorted(baselines, key=lambda one: one.result.states))
    return Ablation(baselines, tuple(each(partial(finding, ordered), rules or switchable_rules())))


def baseline(name: str) -> Baseline:
    """Search a scenario with every rule on."""
    result, deciding = _searched(name, frozenset())
    return Baseline(result, deciding)


def _searched(
    name: str,
    without: frozenset[str],
    invariants: Invariants = EVERY_PROPERTY,
    bounds: Bounds = BOUNDS,
) -> tuple[Result, frozenset[str]]:
    with noticing() as deciding:
        result = search(SCENARIOS[name], without=without, invariants=invariants, bounds=bounds)
    return result, frozenset(deciding)


def finding(baselines: Sequence[Baseline], rule: str) -> Finding:
    """Say what one rule is for."""
    where = tuple(one.result.scenario.name for one in baselines if rule in one.deciding)
    trace, stopped = _shortest(rule, where, EVERY_PROPERTY, BOUNDS)
    if trace is not None:
        return _necessary(rule, where, trace)
    if stopped:
        return _not_covered(rule, where, f"without it {', '.join(stopped)} has more worlds than are searched")
    subsumed = _subsumed(baselines, rule, where)
    if subsumed is not None:
        return subsumed
    reason = "it decides something, but no stated property breaks without it"
    return _not_covered(rule, where, reason if where else "it decides nothing in any of the scenarios")


def _shortest(
    rule: str, where: tuple[str, ...], invariants: Invariants, bounds: Bounds
) -> tuple[Trace | None, list[str]]:
    """Return the shortest way in which some scenario breaks without the rule, and what could not be searched."""
    best: Trace | None = None
    stopped = []
    for name in where:
        depth = None if best is None else len(best.moves) - 1
        result, _ = _searched(name, frozenset({rule}), invariants, replace(bounds, depth=depth))
        if result.verdict is Verdict.UNKNOWN and result.stopped is not Stop.DEPTH:
            stopped.append(name)
        best = result.trace or best
    return best, stopped


def _not_covered(rule: str, where: tuple[str, ...], reason: str) -> Finding:
    return Finding(rule, Outcome.NOT_COVERED, None, None, None, where, reason)


def _necessary(rule: str, where: tuple[str, ...], trace: Trace) -> Finding:
    damage = trace if _is_damage(trace) else _damage(rule, where)
    reason = f"without it {trace.property} breaks in {len(trace.moves)} moves of {trace.scenario.name}"
    if damage is not None and damage is not trace:
        reason += f", and {damage.property} in {len(damage.moves)} moves of {damage.scenario.name}"
    return Finding(rule, Outcome.NECESSARY, trace, damage, None, where, reason)


def _is_damage(trace: Trace) -> bool:
    return any(entry.name == trace.property for entry in WORLD_PROPERTIES)


def _damage(rule: str, where: tuple[str, ...]) -> Trace | None:
    return _shortest(rule, where, DAMAGE, DAMAGE_BOUNDS)[0]


def _subsumed(baselines: Sequence[Baseline], rule: str, where: tuple[str, ...]) -> Finding | None:
    """Look for another rule that prevents what this one would: only with both off something breaks."""
    for one in baselines:
        name = one.result.scenario.name
        deciding = _searched(name, frozenset({rule}))[1] if name in where else one.deciding
        # Rules that begin to decide something when this one falls silent come first.
        for rival in sorted(deciding - {rule}, key=lambda rival: (rival in one.deciding, rival)):
            trace = _with_both_off(name, rule, rival, decides_already=name in where)
            if trace is not None:
                reason = f"{rival} prevents the same: without both {trace.property} breaks, without either none does"
                return Finding(rule, Outcome.REDUNDANT, trace, None, rival, where, reason)
    return None


def _with_both_off(name: str, rule: str, rival: str, decides_already: bool) -> Trace | None:
    """Return how a scenario breaks with both rules off, if it does not with the rival off."""
    without_rival, deciding = _searched(name, frozenset({rival}))
    if without_rival.verdict is not Verdict.HOLDS or not (decides_already or rule in deciding):
        return None
    return _searched(name, frozenset({rule, rival}))[0].trace
