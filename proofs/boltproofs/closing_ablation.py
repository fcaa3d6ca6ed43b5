"""Ablation of cooperative close: what each of its rules is for.

As :mod:`boltproofs.ablation` does for the update dance, in the same words: a rule is switched off and the scenarios in
which it decides something are searched. It is *necessary* if a property breaks, *redundant here* if one breaks only
with another rule off as well, which alone would have held, and else *not covered*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from boltproofs.ablation import Mapper, Outcome
from boltproofs.citations import switchable_rules
from boltproofs.closing_scenarios import CLOSE_SCENARIOS
from boltproofs.plain_search import Goal, PlainBounds, PlainResult, PlainVerdict, plain_search
from boltspec.closing.properties import CLOSE_PROPERTIES, CloseProperty
from boltspec.closing.scenario import CloseScenario
from boltspec.closing.world import World, initial, successors
from boltspec.rules import noticing, without

SECTIONS = ("shutdown", "closing-signed", "closing-complete", "channel-close", "legacy-closing-tx", "closing-tx")
"""Sections whose rules are those of cooperative close."""
BOUNDS = PlainBounds(states=20_000)
"""Bound of a single search: twice the largest scenario with all rules on."""
SMALL_STATES = 300
"""Up to this size of a scenario every rival of a rule is tried; above, only those that begin to decide something."""


@dataclass(frozen=True, slots=True)
class CloseBaseline:
    """A scenario searched with every rule on."""

    scenario: str
    result: PlainResult
    deciding: frozenset[str]
    """Rules that decide something in it."""


@dataclass(frozen=True, slots=True)
class CloseFinding:
    """What ablation says of one rule of cooperative close."""

    rule: str
    outcome: Outcome
    reason: str
    """The outcome in a sentence."""
    scenarios: tuple[str, ...]
    """Scenarios in which the rule decides something."""
    scenario: str | None = None
    """Where the attack succeeds."""
    property: str | None = None
    """What it breaks."""
    trace: tuple[str, ...] = ()
    """The attack, shortest in that scenario: without this rule, or without it and ``subsumed_by``."""
    subsumed_by: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return the finding as a JSON object."""
        return {
            "rule": self.rule,
            "outcome": self.outcome.value,
            "reason": self.reason,
            "subsumed_by": self.subsumed_by,
            "scenarios": list(self.scenarios),
            "scenario": self.scenario,
            "property": self.property,
            "trace": list(self.trace),
        }


def closing_rules() -> tuple[str, ...]:
    """Return the rules of cooperative close that can be switched off."""
    return tuple(rule for rule in switchable_rules() if rule.split("-", 1)[1].rsplit("-", 2)[0] in SECTIONS)


def findings(rules: Sequence[str] = (), each: Mapper = map) -> tuple[CloseFinding, ...]:
    """Say of each rule (all of them if none is named) what it is for; ``each`` may share the work with others."""
    baselines = tuple(each(baseline, CLOSE_SCENARIOS))
    ordered = tuple(sorted(baselines, key=lambda one: one.result.states))
    return tuple(each(partial(finding, ordered), rules or closing_rules()))


def baseline(name: str) -> CloseBaseline:
    """Search a scenario with every rule on."""
    result, deciding = searched(name)
    return CloseBaseline(name, result, deciding)


def searched(name: str, off: Iterable[str] = ()) -> tuple[PlainResult, frozenset[str]]:
    """Search a scenario without some rules; also return the rules that decided something."""
    scenario = CLOSE_SCENARIOS[name]
    with noticing() as deciding, without(frozenset(off)):
        result = plain_search(initial(scenario), _moves(scenario), _goals(scenario), BOUNDS)
    return result, frozenset(deciding)


def _moves(scenario: CloseScenario) -> Callable[[World], Iterable[tuple[str, World]]]:
    return lambda world: successors(world, scenario)


def _goals(scenario: CloseScenario) -> list[Goal[World]]:
    return [_goal(entry, scenario) for entry in CLOSE_PROPERTIES]


def _goal(entry: CloseProperty, scenario: CloseScenario) -> Goal[World]:
    return Goal(entry.name, lambda _, world: entry.holds(world, scenario), entry.final)


def finding(baselines: Sequence[CloseBaseline], rule: str) -> CloseFinding:
    """Say what one rule is for."""
    where = tuple(one.scenario for one in baselines if rule in one.deciding)
    unknown = []
    for name in where:
        result, _ = searched(name, (rule,))
        if result.verdict is PlainVerdict.VIOLATED:
            reason = f"without it {result.property} breaks in {len(result.trace)} moves of {name}"
            return CloseFinding(rule, Outcome.NECESSARY, reason, where, name, result.property, result.trace)
        if result.verdict is PlainVerdict.UNKNOWN:
            unknown.append(name)
    subsumed = _subsumed(baselines, rule, where)
    if subsumed is not None:
        return subsumed
    return CloseFinding(rule, Outcome.NOT_COVERED, _why_not(where, unknown), where)


def _why_not(where: tuple[str, ...], unknown: list[str]) -> str:
    if unknown:
        return f"without it {', '.join(unknown)} has more worlds than are searched"
    if where:
        return "it decides something, but no stated property breaks without it"
    return "it decides nothing in any of the scenarios"


def _subsumed(baselines: Sequence[CloseBaseline], rule: str, where: tuple[str, ...]) -> CloseFinding | None:
    """Look for a rule that prevents what this one would: only with both off something breaks."""
    for one in (one for one in baselines if one.scenario in where):
        deciding = searched(one.scenario, (rule,))[1] & frozenset(closing_rules())
        rivals = deciding - {rule} - (frozenset() if one.result.states <= SMALL_STATES else one.deciding)
        for rival in sorted(rivals, key=lambda rival: (rival in one.deciding, rival)):
            result = _with_both_off(one.scenario, rule, rival)
            if result is not None:
                reason = f"{rival} prevents the same: without both {result.property} breaks, without either none does"
                return CloseFinding(
                    rule, Outcome.REDUNDANT, reason, where, one.scenario, result.property, result.trace, rival
                )
    return None


def _with_both_off(name: str, rule: str, rival: str) -> PlainResult | None:
    """Return how a scenario breaks with both rules off, if it does not with the rival off."""
    if searched(name, (rival,))[0].verdict is not PlainVerdict.HOLDS:
        return None
    result, _ = searched(name, (rule, rival))
    return result if result.verdict is PlainVerdict.VIOLATED else None
