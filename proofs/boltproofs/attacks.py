"""Known attacks that need one channel, each found again by search from the rule that is missing.

An attack is data: its usual name, the rules that are switched off, the world in which it is looked for, and the
property whose violation is the loss. Nothing of the run is written down. That the rules are what prevents it is part of
the check: with them on the same search ends without a violation. The attacks are in :mod:`boltproofs.known_attacks`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from boltproofs.explorer.family import Scenario
from boltproofs.explorer.search import Result, Verdict, search


@dataclass(frozen=True, slots=True)
class Attack:
    """A known attack."""

    name: str
    title: str
    scenario: Scenario
    property: str
    """What it breaks."""
    without: frozenset[str]
    """The rules that are missing; none if it is a condition on constants that is not met."""
    remedy: Scenario
    """Where the search must find nothing with the rules on: the same world, unless constants are at fault."""


@dataclass(frozen=True, slots=True)
class AttackFound:
    """What came of looking for an attack."""

    attack: Attack
    weakened: Result
    """The search without the rules."""
    guarded: Result
    """The search with every rule on."""

    @property
    def holds(self) -> bool:
        """The attack is found without the rules, and with them there is none."""
        return self.weakened.verdict is Verdict.VIOLATED and self.guarded.verdict is Verdict.HOLDS

    def to_json(self) -> dict[str, object]:
        """Return it as a JSON object."""
        trace = self.weakened.trace
        return {
            "name": self.attack.name,
            "title": self.attack.title,
            "without": sorted(self.attack.without),
            "scenario": self.attack.scenario.name,
            "property": self.attack.property,
            "found": self.weakened.verdict is Verdict.VIOLATED,
            "moves": None if trace is None else [str(move) for move in trace.moves],
            "prevented": self.guarded.verdict is Verdict.HOLDS,
        }


def look_for(attacks: Iterable[Attack]) -> tuple[AttackFound, ...]:
    """Look for attacks, each in its weakened world and in the one that prevents it."""
    return tuple(
        AttackFound(
            attack,
            search(attack.scenario, without=attack.without, asked={attack.property}),
            search(attack.remedy, asked={attack.property}),
        )
        for attack in attacks
    )
