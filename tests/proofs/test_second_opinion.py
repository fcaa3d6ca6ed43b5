"""The second opinion: cvc5 on the same obligations."""

from __future__ import annotations

from pathlib import Path

import pytest
import z3

from boltproofs import solving
from boltproofs.formulas import conjunction, disjunction
from boltproofs.second_opinion import answer, smtlib
from boltproofs.solving import Desk, Task

X, Y = z3.Int("x"), z3.Int("htlcs.member!1.amount_msat")


def holding(*facts: z3.BoolRef) -> z3.Solver:
    solver = z3.Solver()
    solver.add(*facts)
    return solver


CONTRADICTION = (X > 5, X < 6)
POSSIBLE = (X > 5, X < 7)


def test_cvc5_answers_what_the_solver_holds() -> None:
    assert answer(smtlib(holding(*CONTRADICTION), "two\nlines"), 5_000) == "unsat"
    assert answer(smtlib(holding(*POSSIBLE), ""), 5_000) == "sat"
    assert answer(smtlib(holding(Y / 1000 == 3, Y > 4_000), ""), 5_000) == "unsat"


def test_what_is_pushed_is_asked_too_and_what_is_popped_is_not() -> None:
    solver = holding(X > 5)
    solver.push()
    solver.add(X < 6)
    assert answer(smtlib(solver, ""), 5_000) == "unsat"
    solver.pop()
    assert answer(smtlib(solver, ""), 5_000) == "sat"


def test_conjunctions_and_disjunctions_of_nothing_can_be_read() -> None:
    assert answer(smtlib(holding(z3.Implies(conjunction([]), X > 0), X == 0), ""), 5_000) == "unsat"
    assert answer(smtlib(holding(z3.Or(disjunction([]), X > 0), X == 0), ""), 5_000) == "unsat"
    assert answer(smtlib(holding(conjunction(POSSIBLE), disjunction(POSSIBLE)), ""), 5_000) == "sat"


def test_a_script_that_cvc5_does_not_accept_is_an_error() -> None:
    with pytest.raises((ValueError, RuntimeError)):
        answer("(set-logic ALL)\n(assert (frobnicate 3))\n(check-sat)\n", 5_000)
    with pytest.raises(ValueError, match="does not accept"):
        answer("(set-logic ALL)\n(set-option :no-such-option true)\n(check-sat)\n", 5_000)


def test_a_script_without_a_question_is_not_answered() -> None:
    assert answer("(set-logic ALL)\n", 5_000) == "unknown"


def test_a_desk_says_met_or_failed() -> None:
    desk = Desk(Task())
    assert desk.ask(holding(*CONTRADICTION), "T", "here").met
    asked = desk.ask(holding(*POSSIBLE), "T", "here")
    assert asked.failed
    assert not asked.met
    assert desk.cross_checked == 0


@pytest.mark.parametrize(("facts", "other"), [(CONTRADICTION, "sat"), (CONTRADICTION, "unknown"), (POSSIBLE, "unsat")])
def test_a_disagreement_is_unknown(
    facts: tuple[z3.BoolRef, ...], other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solving, "answer", lambda *_: other)
    desk = Desk(Task(cross_check=True))
    asked = desk.ask(holding(*facts), "T", "this step")
    assert not asked.met
    assert not asked.failed
    assert f"cvc5 {other} at this step" in str(asked.unknown)
    assert desk.cross_checked == 1


def test_no_question_is_asked_after_the_time_is_up() -> None:
    asked = Desk(Task(deadline=0.0)).ask(holding(*CONTRADICTION), "T", "here")
    assert not asked.met
    assert asked.unknown == "out of time at here"


def test_every_obligation_is_written_as_a_script(tmp_path: Path) -> None:
    desk = Desk(Task(smtlib_dir=tmp_path))
    for facts in (CONTRADICTION, POSSIBLE):
        desk.ask(holding(*facts), "Theorem", "send It, opener local")
    scripts = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    assert set(scripts) == {f"Theorem-send_It_opener_local-{number}.smt2" for number in (1, 2)}
    assert sorted(answer(script, 5_000) for script in scripts.values()) == ["sat", "unsat"]
    assert all(script.startswith("; Theorem: send It") for script in scripts.values())
