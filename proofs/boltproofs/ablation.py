"""Ablation: what each rule of the specification is for.

A rule is switched off and the scenarios of all families in which it decides something are searched again. It is

- *necessary* if a property breaks: the shortest trace shows how, and a second search looks for the *damage*, a broken
  property whose violation is felt by someone (money lost, honest nodes that disagree): others are a node's own caution;
- *necessary* too if a theorem about runs is refuted without it by plain numbers, though no scenario breaks;
- *redundant here* if none does, and either whatever it stops is stopped by other rules as well, or with some other
  rules off a property breaks that their absence alone does not break: those rules prevent the same; or it is asked only
  where another rule is missing;
- *not covered* otherwise.

A rule can only matter in a scenario in which it decides something: a guard that fails, a duty that is done
(:func:`boltspec.rules.noticing`). All other scenarios would be searched in vain and are left out; this is exact. Where
it decides something in few worlds, the others are taken from the search with every rule on
(:mod:`boltproofs.explorer.again`). Rules are looked at in the families whose own they are first, and in others only if
nothing breaks there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache, partial
from typing import Protocol, TypeVar

from boltproofs.citations import rules_of_modules, rules_of_worlds, switchable_rules
from boltproofs.crew import Crew
from boltproofs.explorer.again import Record
from boltproofs.explorer.search import Result, Survey, Verdict, recorded, search, survey
from boltproofs.explorer.shard import Bounds, Stop
from boltproofs.families import FAMILIES, SCENARIOS, family_of, small
from boltproofs.run_proof import refuted_without
from boltproofs.trace import Trace
from boltspec.rules import Notes, noticing

BOUNDS = Bounds(states=50_000)
"""Bounds of each search of a small scenario without a rule: far more than it has with all of them on."""
DAMAGE_BOUNDS = Bounds(states=2_000)
"""Bounds of the search for damage, once it is known that the rule is necessary."""
SURVEY_BOUNDS = Bounds(states=5_000)
"""Bounds of the search for all that breaks: without some rules a world may have no end."""
MANY_STATES = 1_000
"""In scenarios with more worlds than these nobody looks for rivals one by one."""

OUTSIDE = "no world that is searched contains this part of the protocol"
"""Why rules of other parts of the specification are not covered."""

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
    subsumed_by: tuple[str, ...]
    """Rules that prevent what this one would, if it is redundant."""
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
            "subsumed_by": list(self.subsumed_by),
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


def ablate(rules: Sequence[str] = (), workers: int = 1, scenarios: Sequence[str] = ()) -> Ablation:
    """Say of each rule (all that can be switched off if none is named) what it is for.

    ``workers`` processes share the work; ``scenarios`` are those that may be searched, all small ones by default.
    """
    if workers == 1:
        return ablate_by(map, rules, scenarios)
    with Crew(workers) as crew:
        return ablate_by(crew.map, rules, scenarios)


def ablate_by(each: Mapper, rules: Sequence[str] = (), scenarios: Sequence[str] = ()) -> Ablation:
    """The same with a ``map`` of the caller's; scenarios and rules are handed to it family by family."""
    baselines = tuple(each(baseline, scenarios or small()))
    ordered = tuple(sorted(baselines, key=lambda one: one.result.states))
    named = rules or switchable_rules()
    found = {one.rule: one for one in each(partial(finding, ordered), sorted(named, key=_home))}
    return Ablation(baselines, tuple(found[rule] for rule in named))


def _home(rule: str) -> int:
    """Return the place of the family that a rule is looked at in first; others come last."""
    homes = (place for place, family in enumerate(FAMILIES) if rule in rules_of_modules(*family.home))
    return next(homes, len(FAMILIES))


def baseline(name: str) -> Baseline:
    """Search a scenario with every rule on."""
    return _recorded(name)[0]


@cache
def _recorded(name: str) -> tuple[Baseline, Record | None]:
    """Search a scenario with every rule on, once in each process; the record is there if its properties hold."""
    with noticing() as notes:
        result, record = recorded(SCENARIOS[name])
    holds = result.verdict is Verdict.HOLDS
    return Baseline(result, frozenset(notes.deciding)), record if holds else None


def _searched(
    name: str, without: frozenset[str], asked: Iterable[str] | None = None, bounds: Bounds = BOUNDS
) -> tuple[Result, Notes]:
    with noticing() as notes:
        result = search(SCENARIOS[name], without=without, asked=asked, bounds=bounds, known=_recorded(name)[1])
    return result, notes


def finding(baselines: Sequence[Baseline], rule: str) -> Finding:
    """Say what one rule is for."""
    where = tuple(one.result.scenario.name for one in baselines if rule in one.deciding)
    own = tuple(name for name in where if rule in rules_of_modules(*family_of(SCENARIOS[name]).home))
    tried = _tried(rule, own)
    if tried.trace is None:
        tried.add(_tried(rule, tuple(name for name in where if name not in own)))
    if tried.trace is not None:
        return _necessary(rule, where, own or where, tried.trace)
    if tried.too_large:
        reason = f"without it {', '.join(tried.too_large)} has more worlds than are searched"
        return _not_covered(rule, where, reason)
    return (
        _needed_by_theorem(rule, where)
        or _subsumed(baselines, rule, where, tried)
        or _not_covered(rule, where, _why_not_covered(rule, where))
    )


def _needed_by_theorem(rule: str, where: tuple[str, ...]) -> Finding | None:
    """Ask the theorems about runs: what takes a silent peer or an odd state is shown there and not by search."""
    theorem = refuted_without(rule)
    if theorem is None:
        return None
    reason = f"no scenario breaks without it, but {theorem} is refuted: boltspec verify {theorem} --without {rule}"
    return Finding(rule, Outcome.NECESSARY, None, None, (), where, reason)


def _why_not_covered(rule: str, where: tuple[str, ...]) -> str:
    if where:
        return "it decides something, but no stated property breaks without it"
    inside = any(rule in rules_of_worlds(family.worlds) for family in FAMILIES)
    return "it decides nothing in any of the scenarios" if inside else OUTSIDE


@dataclass
class _Tried:
    """What came of searching scenarios without a rule."""

    trace: Trace | None = None
    """The shortest way in which one of them breaks."""
    too_large: list[str] = field(default_factory=list)
    """Scenarios that could not be searched to their end."""
    instead: set[str] = field(default_factory=set)
    """Rules that stopped what this one would have stopped."""
    let_through: bool = False
    """Something happened that the rule would have stopped."""

    def add(self, other: _Tried) -> None:
        """Put together what came of further scenarios."""
        self.trace = self.trace or other.trace
        self.too_large += other.too_large
        self.instead |= other.instead
        self.let_through = self.let_through or other.let_through


def _tried(rule: str, where: tuple[str, ...]) -> _Tried:
    tried = _Tried()
    for name in where:
        depth = None if tried.trace is None else len(tried.trace.moves) - 1
        result, notes = _searched(name, frozenset({rule}), bounds=replace(BOUNDS, depth=depth))
        if result.verdict is Verdict.UNKNOWN and result.stopped is not Stop.DEPTH:
            tried.too_large.append(name)
        tried.trace = result.trace or tried.trace
        tried.instead |= notes.instead
        tried.let_through |= notes.let_through
    return tried


def _not_covered(rule: str, where: tuple[str, ...], reason: str) -> Finding:
    return Finding(rule, Outcome.NOT_COVERED, None, None, (), where, reason)


def _necessary(rule: str, where: tuple[str, ...], own: tuple[str, ...], trace: Trace) -> Finding:
    damage = trace if _is_damage(trace) else _damage(rule, own)
    reason = f"without it {trace.property} breaks in {len(trace.moves)} moves of {trace.scenario.name}"
    if damage is not None and damage is not trace:
        reason += f", and {damage.property} in {len(damage.moves)} moves of {damage.scenario.name}"
    return Finding(rule, Outcome.NECESSARY, trace, damage, (), where, reason)


def _is_damage(trace: Trace) -> bool:
    return trace.property is not None and trace.family().property(trace.property).felt


def _damage(rule: str, where: tuple[str, ...]) -> Trace | None:
    """Return the shortest attack that is felt by someone, if one is near."""
    best: Trace | None = None
    for name in where:
        felt = [one.name for one in family_of(SCENARIOS[name]).properties if one.felt]
        depth = None if best is None else len(best.moves) - 1
        result, _ = _searched(name, frozenset({rule}), felt, replace(DAMAGE_BOUNDS, depth=depth))
        best = result.trace or best
    return best


# --- rules that others make redundant ---


def _subsumed(baselines: Sequence[Baseline], rule: str, where: tuple[str, ...], tried: _Tried) -> Finding | None:
    """Look for other rules that prevent what this one would, in scenarios where few rules matter first.

    A rule that is asked only where another is missing is redundant as well, though no property tells the two apart.
    """
    before: tuple[str, frozenset[str]] | None = None
    for one in sorted(baselines, key=lambda baseline: (len(baseline.deciding), baseline.result.states)):
        name = one.result.scenario.name
        if where and name not in where:
            continue
        for rivals in _rivals(one, rule, frozenset(tried.instead)):
            lost = _lost(name, rule, rivals)
            if lost is None:
                before = before or ((name, rivals) if not where else None)
                continue
            fewest, broken = _fewest(name, rule, rivals, lost)
            trace = _searched(name, fewest | {rule}, {broken})[0].trace
            others = " and ".join(sorted(fewest))
            reason = f"{others} will do: in {name} {broken} breaks only if they are missing as well"
            return Finding(rule, Outcome.REDUNDANT, trace, None, tuple(sorted(fewest)), where, reason)
    if before is not None:
        name, rivals = before
        reason = f"{' and '.join(sorted(rivals))} comes before it: in {name} it is asked only where that is missing"
        return Finding(rule, Outcome.REDUNDANT, None, None, tuple(sorted(rivals)), where, reason)
    if tried.instead and not tried.let_through:
        reason = f"whatever it stops is stopped by {' or '.join(sorted(tried.instead))} as well"
        return Finding(rule, Outcome.REDUNDANT, None, None, tuple(sorted(tried.instead)), where, reason)
    return None


def _rivals(one: Baseline, rule: str, instead: frozenset[str]) -> Iterator[frozenset[str]]:
    """Yield sets of other rules that may do what this one does.

    First those that stopped something in its place; then those that begin to decide something when it falls silent, and
    when they do in turn; then all rules on the same message and side, then each on the same message. For a rule that is
    never asked they are those that may be asked before it, each alone: if it is not asked even without all of them,
    there is no need to look.
    """
    name = one.result.scenario.name
    akin = frozenset(rival for rival in one.deciding if rival != rule and _akin(rule, rival))
    if rule not in one.deciding:
        if akin and one.result.states <= MANY_STATES and rule in _surveyed(name, akin).deciding:
            yield from (frozenset({rival}) for rival in sorted(akin) if rule in _surveyed(name, {rival}).deciding)
        return
    if instead:
        yield instead
    chain = frozenset[str]()
    while new := _surveyed(name, chain | {rule}).deciding - one.deciding - chain - {rule}:
        chain |= new
        yield chain
    yield akin
    if one.result.states <= MANY_STATES:
        same = sorted(rival for rival in one.deciding if rival != rule and _section(rival) == _section(rule))
        yield from (frozenset({rival}) for rival in same)


def _section(rule: str) -> str:
    """Return the section that a rule is about, whoever it binds: ``closing-signed`` of ``B02-closing-signed-r-08``."""
    return rule[4:-5]


def _akin(rule: str, rival: str) -> bool:
    """Say whether two rules are about the same section and role: ``B02-commitment-signed-r-01``, ``D02-...-r-02``."""
    return rule[3:-3] == rival[3:-3]


@dataclass(frozen=True, slots=True)
class _Surveyed:
    """All that happens in a scenario without some rules."""

    survey: Survey
    deciding: frozenset[str]


def _surveyed(name: str, without: Iterable[str]) -> _Surveyed:
    """Return what happens without some rules, worked out once: rules are looked at one after the other."""
    return _survey_of(name, frozenset(without))


@cache
def _survey_of(name: str, without: frozenset[str]) -> _Surveyed:
    with noticing() as notes:
        found = survey(SCENARIOS[name], without, SURVEY_BOUNDS, _recorded(name)[1])
    return _Surveyed(found, frozenset(notes.deciding))


def _lost(name: str, rule: str, rivals: frozenset[str]) -> str | None:
    """Return a property that holds without the rivals and breaks when the rule is missing too."""
    if not rivals:
        return None
    without_rivals = _surveyed(name, rivals).survey
    if not without_rivals.complete:
        return None
    return min(_surveyed(name, rivals | {rule}).survey.broken - without_rivals.broken, default=None)


def _fewest(name: str, rule: str, rivals: frozenset[str], lost: str) -> tuple[frozenset[str], str]:
    """Leave out rivals that are not needed for the rule to matter; return the others and what breaks."""
    for rival in sorted(rivals):
        still_lost = _lost(name, rule, rivals - {rival})
        if still_lost is not None:
            rivals, lost = rivals - {rival}, still_lost
    return rivals, lost
