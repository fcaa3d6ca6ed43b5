"""All theorems together: what a result says, and what makes it unknown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from boltproofs import induction, induction_proof
from boltproofs import verify as verifier
from boltproofs.arbitrary import CASES
from boltproofs.findings import Findings
from boltproofs.payout_theorems import PAYOUT_THEOREMS
from boltproofs.second_opinion import answer
from boltproofs.security.proof import prove_security
from boltproofs.solving import Task
from boltproofs.theorems import INDUCTIVE, STRUCTURE
from boltproofs.verify import THEOREMS, UnknownTheoremError, VerifyResult, lemmas_of, summary_lines, verify
from boltspec import commit
from boltspec.rules import requirements

FEW = ["SecretsHeld", "RevokedNotPublished"]
FIELDS = {"name", "status", "kind", "unbounded", "bounds", "obligations", "seconds", "witness", "refuted_without"}


class InProcess:
    """Does at once and here what a pool would have other processes do: they would not see what a test has planted."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __enter__(self) -> InProcess:
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, function: Callable[..., Any], *arguments: object) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*arguments))
        return future


@pytest.fixture(name="here")
def _here(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Verify in this process and in one case only."""
    monkeypatch.setattr(verifier, "ProcessPoolExecutor", InProcess)
    monkeypatch.setattr(verifier, "CASES", CASES[:1])
    monkeypatch.setattr(induction_proof, "CASES", CASES[:1])
    induction.forget_settings()
    yield
    induction.forget_settings()


def status(result: VerifyResult) -> dict[str, str]:
    return {entry.name: entry.status for entry in result.theorems}


def test_theorems_are_proved_together_with_their_lemmas() -> None:
    said: list[str] = []
    result = verify(FEW, progress=said.append)
    assert status(result) == {
        "SecretsHeld": "proved",
        "RevokedNotPublished": "proved",
        "RevokeAfterNew": "proved",
        "IdsBelowNext": "proved",
        **{goal.name: "proved" for goal in STRUCTURE},
    }
    assert result.holds
    assert said
    data = json.loads(json.dumps(result.to_json()))
    assert {"theorems", "solver", "version"} <= set(data)
    assert data["solver"].startswith("z3 ")
    for entry in data["theorems"]:
        assert set(entry) >= FIELDS
        assert entry["witness"] is True
        assert entry["obligations"] > 0
        assert entry["refuted_without"] == list(THEOREMS[entry["name"]].fails_without)
        assert entry["kind"] == ("on chain" if entry["name"] == "RevokedNotPublished" else "inductive")
    assert list(summary_lines(result)) == [f"{len(result.theorems)} proved, 0 refuted, 0 unknown"]


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(UnknownTheoremError, match="NoSuch"):
        verify(["SecretsHeld", "NoSuch"])


def test_every_rule_that_a_theorem_must_fail_without_exists() -> None:
    for theorem in THEOREMS.values():
        # What a commitment pays is arithmetic: its tests plant errors instead.
        assert theorem.fails_without or theorem in PAYOUT_THEOREMS
        assert all(rule in requirements() for rule in theorem.fails_without)


def test_no_time_proves_nothing(here: None) -> None:
    result = verify(seconds=0)
    assert set(status(result).values()) == {"unknown"}
    assert not result.holds
    assert all("out of time" in str(entry.reason) for entry in result.theorems)


def test_without_a_rule_a_theorem_is_refuted_and_what_rests_on_it_is_unknown(here: None) -> None:
    result = verify(["SecretsHeld", "OneUnackedCommit"], without=frozenset({"D02-commitment-signed-s-01"}))
    unknown = {goal.name: "unknown" for goal in STRUCTURE} | {"IdsBelowNext": "unknown", "SecretsHeld": "unknown"}
    assert status(result) == unknown | {"OneUnackedCommit": "refuted"}
    assert result.without == ["D02-commitment-signed-s-01"]
    by_name = {entry.name: entry for entry in result.theorems}
    assert "leads to" in str(by_name["OneUnackedCommit"].counterexample)
    assert str(by_name["SecretsHeld"].reason).startswith("rests on StageOrder, OneUnackedCommit")
    assert not result.holds
    assert f"0 proved, 1 refuted, {len(unknown) - 1} unknown" in list(summary_lines(result))


def test_a_chain_theorem_whose_lemma_fails_is_unknown(here: None) -> None:
    result = verify(["NoFalsePenalty"], without=frozenset({"B02-revoke-and-ack-s-01"}))
    assert status(result)["RevealsSuperseded"] == "refuted"
    assert status(result)["NoFalsePenalty"] == "unknown"


def test_a_wrong_specification_is_refuted(here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "owes_revocation", lambda channel: channel.local_revocations >= 0)
    result = verify(["RevokeAfterNew"])
    assert status(result)["RevokeAfterNew"] == "refuted"
    assert status(result)["OneUnackedCommit"] == "refuted"
    assert "revoke" in next(entry.counterexample or "" for entry in result.theorems if entry.counterexample).lower()


def test_a_theorem_that_no_missing_rule_refutes_does_not_hold(here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "refute_without", lambda *_: frozenset())
    result = verify(["SecretsHeld"])
    entry = next(entry for entry in result.theorems if entry.name == "SecretsHeld")
    assert "the check may be unable to fail" in str(entry.reason)
    assert not result.holds


@pytest.mark.parametrize("without", [frozenset(), frozenset({"B02-adding-htlc-s-05"})])
def test_a_theorem_without_witness_does_not_hold(
    without: frozenset[str], here: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(induction_proof, "find", lambda *_: None)
    monkeypatch.setattr(verifier, "refute_without", lambda names, *_: frozenset(names))
    result = verify(["MonotoneNumbers"], without=without)
    assert not result.holds
    assert all("may be empty" in str(entry.reason) for entry in result.theorems)


def test_a_theorem_of_which_nothing_was_asked_is_unknown(here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "prove_case", lambda *_: Findings())
    monkeypatch.setattr(verifier, "refute_without", lambda names, *_: frozenset(names))
    assert set(status(verify(["StageOrder"])).values()) == {"unknown"}


def test_nothing_holds_of_no_theorems() -> None:
    assert not VerifyResult([], "z3", "0", 0, 0.0).holds


def test_lemmas_are_followed_to_the_end() -> None:
    for theorem in INDUCTIVE:
        assert {goal.name for goal in STRUCTURE} <= {theorem.name, *lemmas_of(theorem)}
    chosen = {theorem.name for theorem in verifier._wanted(["PenaltySafety"])}
    assert chosen >= {"SecretsHeld", "Conservation", "NonNegative", "StageOrder", "OneUnackedCommit"}


def test_both_solvers_agree_on_every_obligation(tmp_path: Path) -> None:
    """Every obligation of one case is written, read again and answered alike; those on chain are added.

    Those about runs have a test of their own: test_run_theorems.py::test_cvc5_agrees.
    """
    task = Task(smtlib_dir=tmp_path, cross_check=True)
    findings = induction_proof.prove_case(1, list(induction_proof.BY_NAME), task)
    for name in verifier.QUICK:
        findings.add(prove_security(name, task))
    asked = [*induction_proof.BY_NAME, *verifier.QUICK]
    assert {name: asdict(entry)["unknown"] for name, entry in findings.by_name.items()} == dict.fromkeys(asked)
    assert not any(entry.counterexample for entry in findings.by_name.values())
    scripts = sorted(tmp_path.glob("*.smt2"))
    assert len(scripts) == findings.cross_checked > sum(entry.obligations for entry in findings.by_name.values())
    assert {answer(script.read_text("utf-8"), 20_000) for script in scripts[::25]} == {"unsat"}
