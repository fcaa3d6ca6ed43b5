"""The worlds of connections, searched; and what each rule is for."""

from __future__ import annotations

from pathlib import Path

import pytest

import boltspec.connection
from boltproofs.ablation import Outcome, baseline, finding
from boltproofs.citations import rules_in
from boltproofs.explorer.search import Verdict
from boltspec.connection.scenario import SCENARIOS
from boltspec.rules import requirements

RULES = rules_in(sorted(Path(next(iter(boltspec.connection.__path__))).glob("*.py")))
MIRRORED = {"B01-init-s-04", "B09-features-o-03"}
"""Each forbids what the other does, to nodes that know all features that there are."""


@pytest.fixture(scope="module")
def baselines() -> tuple:  # type: ignore[type-arg]
    return tuple(sorted((baseline(name) for name in SCENARIOS), key=lambda one: one.result.states))


def test_every_property_holds_in_every_scenario(baselines: tuple) -> None:  # type: ignore[type-arg]
    verdicts = {one.result.scenario.name: one.result.verdict for one in baselines}
    assert verdicts == dict.fromkeys(SCENARIOS, Verdict.HOLDS)


def test_every_rule_is_necessary_or_has_one_that_does_the_same(baselines: tuple) -> None:  # type: ignore[type-arg]
    found = {rule: finding(baselines, rule) for rule in RULES}
    assert set(RULES) <= set(requirements())
    assert {rule for rule, one in found.items() if one.outcome is Outcome.REDUNDANT} == MIRRORED
    assert {rule for rule, one in found.items() if one.outcome is Outcome.NOT_COVERED} == set()
