"""The worlds of cooperative close: every scenario holds, and honest nodes agree whatever their fee ranges are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from boltproofs.ablation import Outcome, baseline, finding
from boltproofs.closing_scenarios import CLOSE_SCENARIOS, LEGACY, ONE_LEFT, POLICY_A, POLICY_B, fees
from boltproofs.explorer.search import Verdict, search
from boltspec.closing.state import ClosingPolicy
from boltspec.units import Msat, Sat

HIGHEST = 2


@pytest.mark.parametrize("name", sorted(CLOSE_SCENARIOS))
def test_scenario_holds(name: str) -> None:
    result = search(CLOSE_SCENARIOS[name])
    assert (result.verdict, result.trace) == (Verdict.HOLDS, None)


def policies(policy: ClosingPolicy) -> Iterator[ClosingPolicy]:
    for low, wanted, high in product(range(HIGHEST + 1), repeat=3):
        if low <= wanted <= high:
            for sends in (False, True):
                yield replace(policy, fee_satoshis=Sat(wanted), fee_range=fees(low, high), sends_fee_range=sends)


@pytest.mark.parametrize("push_msat", [LEGACY.push_msat, ONE_LEFT], ids=["rich funder", "poor funder"])
@pytest.mark.parametrize("first", list(policies(POLICY_A)))
def test_honest_nodes_close_or_fail_with_every_pair_of_small_fee_ranges(first: ClosingPolicy, push_msat: Msat) -> None:
    """CloseSucceeds says that they close if the ranges meet, CloseTerminates that the negotiation ends if not."""
    for second in policies(POLICY_B):
        scenario = replace(LEGACY, name="pair", policies=(first, second), starts=(True, False), push_msat=push_msat)
        assert search(scenario).verdict is Verdict.HOLDS, (first, second)


@pytest.mark.parametrize(
    ("rule", "scenario", "broken"),
    [
        ("D02-closing-signed-s-01", "legacy-careless", "NoCloseWithHtlcs"),
        ("B02-closing-complete-k-02", "simple-corrupt-closer", "MutualCloseCorrect"),
        ("B02-closing-complete-c-23", "simple-corrupt-closee", "MutualCloseCorrect"),
        ("D02-closing-signed-f-01", "legacy-broke-funder", "CloseTerminates"),
        ("D02-shutdown-r-03", "legacy-corrupt-htlc", "NoCloseWithHtlcs"),
        ("B02-shutdown-r-06", "legacy-upfront-corrupt", "UpfrontScriptKept"),
    ],
)
def test_without_a_rule_a_scenario_breaks(rule: str, scenario: str, broken: str) -> None:
    result = search(CLOSE_SCENARIOS[scenario], without=frozenset({rule}))
    assert result.trace is not None
    assert (result.verdict, result.trace.property) == (Verdict.VIOLATED, broken)


def test_finding_names_the_attack() -> None:
    found = finding((baseline("simple-corrupt-closer"),), "B02-closing-complete-k-02")
    assert found.outcome is Outcome.NECESSARY
    assert found.trace is not None
    assert found.trace.scenario.name == "simple-corrupt-closer"
