"""What of BOLT 2 is specified, what is exempt and why, and that ablation has something to say of every rule."""

from __future__ import annotations

from typing import Any

import pytest

from boltproofs.ablation import Outcome, ablate_by
from boltproofs.citations import cited, spec_sources, switchable_rules
from boltproofs.rule_status import BY_CONSTRUCTION, rule_statuses
from boltspec.rules import constructions, exemptions, requirements

LATER = ("option_dual_fund", "option_splice", "option_quiesce")
"""Features that are specified on their own."""
WANTED = {
    row.id
    for row in requirements().values()
    if row.bolt == 2 and row.klass in ("state", "onchain") and not any(one in row.feature for one in LATER)
}
"""The whole life of a channel."""
SPECIFIED = cited(spec_sources())


def test_every_row_of_the_life_of_a_channel_is_specified_or_exempt() -> None:
    assert len(WANTED) > 200
    assert sorted(WANTED - SPECIFIED - exemptions().keys()) == []


@pytest.mark.parametrize("rule", sorted(exemptions()))
def test_an_exemption_is_needed_and_has_a_reason(rule: str) -> None:
    assert rule in requirements()
    assert rule not in SPECIFIED, "specified, hence not exempt"
    assert len(exemptions()[rule].split()) >= 5


def test_every_rule_has_a_verdict_of_ablation_whatever_is_searched() -> None:
    """In a world in which nothing can move: even there each rule is told what it is not covered for."""
    ablated = ablate_by(map, (), ["careless-reserve"]).to_json()
    statuses = {one.requirement.id: one for one in rule_statuses({"theorems": []}, ablated)}
    assert statuses.keys() == requirements().keys()
    demands = [rule for rule in switchable_rules() if requirements()[rule].level in ("MUST", "MUST_NOT")]
    assert len(demands) > 100
    for rule in demands:
        assert statuses[rule].ablation in set(Outcome)
        assert statuses[rule].reason
    assert statuses["D02-adding-htlc-s-01"].ablation == Outcome.NECESSARY


def test_every_demand_can_be_switched_off_or_is_met_by_construction() -> None:
    demands = {rule for rule in WANTED & SPECIFIED if requirements()[rule].level in ("MUST", "MUST_NOT")}
    assert sorted(demands - set(switchable_rules()) - constructions().keys()) == []
    assert constructions().keys() <= SPECIFIED - set(switchable_rules())
    rows = {one.requirement.id: one for one in rule_statuses({"theorems": []}, {"rules": [], "scenarios": []}, bolt=2)}
    for rule, built in constructions().items():
        assert rows[rule].ablation == BY_CONSTRUCTION
        assert built.breaks in str(rows[rule].reason)


def test_json_says_of_each_row_what_is_known() -> None:
    ablated: dict[str, Any] = {"rules": [], "scenarios": []}
    rows = {one.requirement.id: one.to_json() for one in rule_statuses({"theorems": []}, ablated, bolt=2)}
    exempt = rows["B02-shutdown-s-05"]
    assert (exempt["specified"], exempt["class"]) == (False, "state")
    assert exempt["exempt"] == exemptions()["B02-shutdown-s-05"]
    assert rows["B02-shutdown-s-01"]["exempt"] is None
