"""Theorems about runs: they hold, have witnesses and need their rules; wrong ones are refuted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import z3

from boltproofs import run_proof
from boltproofs.closing_states import SCRIPT_A, legacy_closing
from boltproofs.run_proof import RUN_THEOREMS, AnyHtlcs, PlainValues, counterexample, prove_runs
from boltproofs.runs import RunClaim, RunTheorem, Values, choose
from boltproofs.solving import Task
from boltproofs.verify import verify
from boltspec.closing import legacy, transaction
from boltspec.establishment import state as establishment_state
from boltspec.htlc import LOCAL, Stage
from boltspec.htlcs import Htlcs
from boltspec.rules import requirements
from boltspec.units import Sat

BY_NAME = {theorem.name: theorem for theorem in RUN_THEOREMS}
QUICK = (
    "ReserveAboveDust", "LimitsSane", "FirstCommitmentPayable", "FirstCommitmentsPay", "FundingVerified",
    "WayOutBeforeFunding", "SimpleCloseTerminates", "NoUpdateAfterShutdown", "NoCloseWithHtlcs",
    "ReestablishNumbers", "StaleStateSafe", "ReestablishAgrees",
    "FinalNodeIsPaid", "ProberLearnsNothing", "FailureIsPrescribed",
    "BadOnionIsAnswered", "BothKeepOneConnection",
)  # fmt: skip
"""Those that take a few seconds; all are proved by ``make verify``."""


@pytest.mark.parametrize("name", QUICK)
def test_a_theorem_holds_has_witnesses_and_needs_its_rules(name: str) -> None:
    finding = prove_runs(name, Task()).of(name)
    assert (finding.counterexample, finding.unknown, finding.witness) == (None, None, True)
    assert finding.obligations >= len(BY_NAME[name].claims)
    assert finding.refutations
    assert [rule for rule, refuted in finding.refutations if not refuted] == []


@pytest.mark.parametrize("theorem", RUN_THEOREMS, ids=lambda theorem: theorem.name)
def test_a_theorem_names_rules_that_exist_and_claims_apart(theorem: RunTheorem) -> None:
    assert set(theorem.fails_without) <= set(requirements())
    labels = [claim.label for claim in theorem.claims]
    assert len(labels) == len(set(labels))


def test_a_rule_that_is_off_refutes_with_numbers_that_show_it() -> None:
    result = verify(["FirstCommitmentPayable"], frozenset({"B02-open-channel-r-21"}), workers=1)
    (entry,) = result.theorems
    assert (entry.status, result.holds) == ("refuted", False)
    assert "the accepter that takes open_channel" in (entry.counterexample or "")


def test_a_rule_without_which_nothing_fails_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    theorem = BY_NAME["SimpleCloseTerminates"]
    idle = replace(theorem, claims=(replace(theorem.claims[1], fails_without=("B02-open-channel-r-21",)),))
    monkeypatch.setitem(run_proof.BY_NAME, theorem.name, idle)
    assert prove_runs(theorem.name, Task()).of(theorem.name).refutations == [("B02-open-channel-r-21", False)]


def test_cvc5_agrees(tmp_path: Path) -> None:
    findings = prove_runs("WayOutBeforeFunding", Task(cross_check=True, smtlib_dir=tmp_path))
    finding = findings.of("WayOutBeforeFunding")
    assert (finding.unknown, finding.counterexample) == (None, None)
    assert findings.cross_checked == finding.obligations + len(BY_NAME["WayOutBeforeFunding"].claims)
    assert len(list(tmp_path.glob("*.smt2"))) == findings.cross_checked


# --- specifications that are wrong are refuted ---


def test_a_fee_that_the_fundee_pays_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = transaction.legacy_transaction

    def wrong(channel: Any, scripts: Any, fee: Sat, signer: Any, *, own_output: bool = True) -> Any:
        other = replace(channel, params=replace(channel.params, opener=channel.params.opener.other))
        return right(other, scripts, fee, signer, own_output=own_output)

    monkeypatch.setattr(legacy, "legacy_transaction", wrong)
    assert counterexample(BY_NAME["LegacyCloseCorrect"].claims[0]) is not None


def test_a_counter_that_makes_no_progress_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_outside(fee: Sat, one: Sat, other: Sat) -> bool:
        return min(one, other) <= fee <= max(one, other)

    monkeypatch.setattr(legacy, "is_strictly_between", not_outside)
    sends, receives, _ = BY_NAME["LegacyCloseTerminates"].claims
    assert counterexample(sends) is not None
    assert counterexample(receives) is not None


def test_an_amount_that_is_one_satoshi_short_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = establishment_state.agreed_output

    def at_least(state: Any) -> Any:
        found = right(state)
        if found is None or state.seen.output is None or state.seen.output.amount_sat + Sat(1) != found.amount_sat:
            return found
        return state.seen.output

    monkeypatch.setattr(establishment_state, "agreed_output", at_least)
    assert counterexample(BY_NAME["FundingVerified"].claims[0]) is not None


# --- the machinery ---


def _greater(values: Values) -> Any:
    return values("one"), values("two")


def _claim(goal: Any) -> RunClaim:
    return RunClaim("claim", _greater, goal)


def test_numbers_are_unsigned_and_below_2_to_the_64() -> None:
    assert counterexample(_claim(lambda pair: pair[0] >= 0 and pair[0] < 1 << 64)) is None
    assert counterexample(_claim(lambda pair: pair[0] < (1 << 64) - 1)) is not None
    assert counterexample(_claim(lambda pair: pair[0] <= pair[1])) is not None


def test_every_option_is_tried() -> None:
    claim = RunClaim("choice", lambda values: choose(values, "choice", (1, 2, 3)), lambda got: got > 0)
    assert counterexample(claim) is None
    for wanted in (1, 2, 3):
        assert counterexample(replace(claim, goal=wanted.__ne__)) is not None


def test_a_run_that_never_gets_through_has_no_witness(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = RunTheorem("Empty", "Nothing.", (RunClaim("nothing", lambda values: None, bool),), (), "")
    monkeypatch.setitem(run_proof.BY_NAME, "Empty", empty)
    finding = prove_runs("Empty", Task()).of("Empty")
    assert (finding.obligations, finding.witness) == (0, False)


def test_any_number_of_htlcs_may_be_there_or_not() -> None:
    claim = RunClaim("htlcs", lambda values: values.htlcs(), lambda htlcs: htlcs.any(lambda one: one.offerer is LOCAL))
    assert counterexample(claim) is not None
    pending = replace(claim, goal=lambda htlcs: not htlcs.any(lambda one: one.added is Stage.PENDING))
    assert counterexample(pending) is not None


def test_htlcs_are_made_plain_with_their_stages() -> None:
    solver = z3.Solver()
    wanted = AnyHtlcs().any(lambda one: one.added is Stage.ACKED and one.removed is Stage.PENDING)
    solver.add(wanted.formula)
    assert solver.check() == z3.sat
    plain = PlainValues(solver.model()).htlcs()
    assert isinstance(plain, Htlcs)
    assert plain.any(lambda one: one.added is Stage.ACKED and one.removed is Stage.PENDING)


def _amount(htlc: Any) -> Any:
    return htlc.amount_msat


def test_amounts_of_such_htlcs_cannot_be_asked_for() -> None:
    claim = RunClaim("amount", lambda values: values.htlcs().any(_amount), bool)
    monkeypatched = RunTheorem("Amounts", "Nothing.", (claim,), (), "")
    run_proof.BY_NAME["Amounts"] = monkeypatched
    try:
        assert "stages" in (prove_runs("Amounts", Task()).of("Amounts").unknown or "")
    finally:
        del run_proof.BY_NAME["Amounts"]


def test_states_of_closing_begin_without_a_message() -> None:
    node = legacy_closing(lambda name: 0)  # type: ignore[arg-type]
    assert (node.sent, node.received, node.published, node.local_script) == (None, None, (), SCRIPT_A)
