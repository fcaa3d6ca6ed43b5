"""Ablation of channel establishment: what each of its rules is for.

A rule is switched off and the establishment scenarios in which it decides something are searched. The outcomes are
those of :mod:`boltproofs.ablation`: *necessary* with the shortest attack, *redundant here* with the rule that prevents
the same, or *not covered* with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import boltspec.establishment
from boltproofs.ablation import Mapper, Outcome
from boltproofs.citations import rules_in
from boltproofs.plain_search import DEPTH, Goal, PlainBounds, PlainResult, PlainVerdict, plain_search, reachable
from boltspec.establishment.properties import DAMAGE, FINAL_PROPERTIES, PROPERTIES, Property
from boltspec.establishment.scenario import SCENARIOS, Scenario
from boltspec.establishment.state import ACCEPTER, OPENER, Establishment
from boltspec.establishment.steps import receive, send
from boltspec.establishment.world import World, initial, offers, successors
from boltspec.rules import noticing, without
from boltspec.verdict import Accepted, Refused, Rejected

EVERY_PROPERTY = (*PROPERTIES, *FINAL_PROPERTIES)
FELT = (*DAMAGE, *FINAL_PROPERTIES)
"""Properties whose violation is felt by someone: the others are a node's own caution."""
BOUNDS = PlainBounds(states=60_000)
"""Bound of each single search: several times what any scenario needs with all rules on."""
DAMAGE_BOUNDS = PlainBounds(states=3_000)
"""Bounds of the search for damage, which goes on where the first property has broken."""

AnyVerdict = Accepted[Establishment] | Refused | Rejected


@dataclass(frozen=True, slots=True)
class EstablishmentBaseline:
    """A scenario searched with every rule on."""

    scenario: str
    result: PlainResult
    deciding: frozenset[str]
    """Rules that decide something in it."""

    def to_json(self) -> dict[str, object]:
        """Return the search as a JSON object with the fields of the explorer's."""
        return {"scenario": self.scenario, "without": [], **self.result.to_json()}


@dataclass(frozen=True, slots=True)
class Attack:
    """A shortest run that breaks a property."""

    scenario: str
    without: tuple[str, ...]
    property: str
    labels: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return the run as a JSON object."""
        return {
            "scenario": self.scenario,
            "without": list(self.without),
            "property": self.property,
            "moves": list(self.labels),
        }


@dataclass(frozen=True, slots=True)
class EstablishmentFinding:
    """What ablation says of one rule."""

    rule: str
    outcome: Outcome
    reason: str
    attack: Attack | None = None
    """Shortest attack without this rule."""
    damage: Attack | None = None
    """Shortest attack that is felt by someone, if there is one."""
    subsumed_by: str | None = None
    scenarios: tuple[str, ...] = ()
    """Scenarios in which the rule decides something."""

    def to_json(self) -> dict[str, object]:
        """Return the finding as a JSON object with the fields of :class:`boltproofs.ablation.Finding`."""
        return {
            "rule": self.rule,
            "outcome": self.outcome.value,
            "reason": self.reason,
            "subsumed_by": self.subsumed_by,
            "scenarios": list(self.scenarios),
            "trace": self.attack.to_json() if self.attack else None,
            "damage": self.damage.to_json() if self.damage else None,
        }


@cache
def establishment_rules() -> tuple[str, ...]:
    """Return the ids of all rules that the establishment modules consult."""
    folder = Path(next(iter(boltspec.establishment.__path__)))
    return rules_in(sorted(folder.glob("*.py")))


def searched(
    name: str,
    off: Iterable[str] = (),
    properties: Sequence[Property] = EVERY_PROPERTY,
    bounds: PlainBounds = BOUNDS,
) -> PlainResult:
    """Search a scenario with some rules off."""
    scenario = SCENARIOS[name]
    with without(frozenset(off)):
        return plain_search(initial(scenario), partial(_moves, scenario), goals(scenario, properties), bounds)


def _moves(scenario: Scenario, world: World) -> Iterator[tuple[str, World]]:
    return successors(world, scenario)


def goals(scenario: Scenario, properties: Sequence[Property]) -> tuple[Goal[World], ...]:
    """Return the properties as goals of a search of that scenario."""
    return tuple(Goal(entry.name, _Holds(entry, scenario), entry in FINAL_PROPERTIES) for entry in properties)


@dataclass(frozen=True, slots=True)
class _Holds:
    """A property in one scenario."""

    property: Property
    scenario: Scenario

    def __call__(self, before: World, after: World) -> bool:
        return self.property.holds(before, after, self.scenario)


def baseline(name: str) -> EstablishmentBaseline:
    """Search a scenario with every rule on."""
    with noticing() as deciding:
        result = searched(name)
    return EstablishmentBaseline(name, result, frozenset(deciding))


def findings(workers: int = 1, rules: Sequence[str] = ()) -> tuple[EstablishmentFinding, ...]:
    """Say of each rule (all of them if none is named) what it is for; ``workers`` processes share the work."""
    if workers == 1:
        return findings_by(map, rules)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return findings_by(pool.map, rules)


def findings_by(each: Mapper, rules: Sequence[str] = ()) -> tuple[EstablishmentFinding, ...]:
    """The same with a ``map`` of the caller's."""
    return tuple(each(partial(finding, baselines(each)), rules or establishment_rules()))


def baselines(each: Mapper = map) -> tuple[EstablishmentBaseline, ...]:
    """Search all scenarios with every rule on, those with few states first."""
    return tuple(sorted(each(baseline, SCENARIOS), key=lambda one: one.result.states))


def finding(baselines: Sequence[EstablishmentBaseline], rule: str) -> EstablishmentFinding:
    """Say what one rule is for."""
    where = tuple(one.scenario for one in baselines if rule in one.deciding)
    attack, unknown = _shortest(where, rule, EVERY_PROPERTY)
    if attack is not None:
        return _necessary(rule, where, attack)
    if unknown:
        reason = f"without it {', '.join(unknown)} has more worlds than are searched"
        return EstablishmentFinding(rule, Outcome.NOT_COVERED, reason, scenarios=where)
    subsumed = _subsumed(rule, where)
    if subsumed is not None:
        return subsumed
    reason = "it decides something, but no stated property breaks without it"
    if not where:
        reason = "it decides nothing in any of the scenarios"
    return EstablishmentFinding(rule, Outcome.NOT_COVERED, reason, scenarios=where)


def _shortest(
    where: Sequence[str], rule: str, properties: Sequence[Property], bounds: PlainBounds = BOUNDS
) -> tuple[Attack | None, list[str]]:
    best: Attack | None = None
    unknown = []
    for name in where:
        depth = None if best is None else len(best.labels) - 1
        result = searched(name, (rule,), properties, replace(bounds, depth=depth))
        if result.verdict is PlainVerdict.UNKNOWN and result.stopped != DEPTH:
            unknown.append(name)
        if result.property is not None:
            best = Attack(name, (rule,), result.property, result.trace)
    return best, unknown


def _necessary(rule: str, where: tuple[str, ...], attack: Attack) -> EstablishmentFinding:
    felt = any(entry.name == attack.property for entry in FELT)
    damage = attack if felt else _shortest(where, rule, FELT, DAMAGE_BOUNDS)[0]
    reason = f"without it {attack.property} breaks in {len(attack.labels)} moves of {attack.scenario}"
    if damage is not None and damage is not attack:
        reason += f", and {damage.property} in {len(damage.labels)} moves of {damage.scenario}"
    return EstablishmentFinding(rule, Outcome.NECESSARY, reason, attack, damage, None, where)


def _subsumed(rule: str, where: tuple[str, ...]) -> EstablishmentFinding | None:
    """Look for rules that stop whatever this one stops: without it the same messages are stopped by them."""
    rivals: set[str] = set()
    for name in where:
        for instead in _stopped_instead(SCENARIOS[name], rule):
            if instead is None:
                return None
            rivals.add(instead)
    if not rivals:
        return None
    reason = f"every message that it stops is stopped by {', '.join(sorted(rivals))} as well"
    return EstablishmentFinding(rule, Outcome.REDUNDANT, reason, subsumed_by=min(rivals), scenarios=where)


def _stopped_instead(scenario: Scenario, rule: str) -> Iterator[str | None]:
    """Yield, for every message that the rule stops, the rule that stops it without this one; ``None`` if none does."""
    for world in reachable(initial(scenario), partial(_moves, scenario)):
        for party in (OPENER, ACCEPTER):
            state = world.nodes[party]
            if scenario.corrupt[party]:
                continue
            steps: list[Callable[[], AnyVerdict]] = []
            steps += [partial(send, state, message) for _, message in offers(world, scenario, party)]
            steps += [partial(receive, state, message) for message in world.wires[party.other][:1]]
            for step in steps:
                if _rule_of(step()) == rule:
                    with without(frozenset({rule})):
                        yield _rule_of(step())


def _rule_of(verdict: AnyVerdict) -> str | None:
    return None if isinstance(verdict, Accepted) else verdict.rule
