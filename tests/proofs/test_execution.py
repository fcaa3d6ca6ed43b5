"""Path enumeration: every path once, none lost, nothing hidden."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from boltproofs.collection import as_formula
from boltproofs.execution import Infeasible, Unsupported, paths, running, summary
from boltproofs.symbolic import SymBool, SymInt

unknown = SymInt(z3.Int("x"))


def sign() -> str:
    if unknown < 0:
        return "negative"
    return "positive" if unknown > 0 else "zero"


def counted(solver: z3.Solver, function: Callable[[], Any]) -> list[Any]:
    return [outcome for outcome, _ in paths(function, solver)]


def test_every_possible_path_is_taken_once() -> None:
    assert sorted(counted(z3.Solver(), sign)) == ["negative", "positive", "zero"]


def test_a_path_that_contradicts_what_is_known_is_not_taken() -> None:
    solver = z3.Solver()
    solver.add(unknown.term >= 0)
    assert sorted(counted(solver, sign)) == ["positive", "zero"]
    solver.add(unknown.term < 0)
    assert counted(solver, sign) == []


def test_the_solver_knows_the_path_while_it_is_looked_at_and_forgets_it_after() -> None:
    solver = z3.Solver()
    for outcome, _ in paths(sign, solver):
        assert (solver.check(unknown.term < 0) == z3.sat) == (outcome == "negative")
    assert not solver.assertions()


@pytest.mark.parametrize("error", [Infeasible, Unsupported, ValueError])
def test_the_solver_forgets_a_path_that_ends_in_an_error(error: type[Exception]) -> None:
    def failing() -> None:
        if unknown < 0:
            raise error("an end")

    solver = z3.Solver()
    if error is Infeasible:
        assert counted(solver, failing) == [None]
    else:
        with pytest.raises(error):
            counted(solver, failing)
    assert not solver.assertions()
    with pytest.raises(Unsupported, match="outside an execution"):
        running()


def test_the_solver_forgets_paths_that_nobody_asks_for_any_more() -> None:
    solver = z3.Solver()
    enumeration: Any = paths(sign, solver)
    next(enumeration)
    assert solver.assertions()
    enumeration.close()
    assert not solver.assertions()


class Undecided(z3.Solver):  # type: ignore[misc]  # z3 ships no types
    """A solver that never knows."""

    def check(self, *_: object) -> z3.CheckSatResult:
        return z3.unknown


def test_a_branch_of_which_the_solver_knows_nothing_is_taken_both_ways() -> None:
    solver = Undecided()
    solver.add(unknown.term >= 0)
    assert sorted(counted(solver, sign)) == ["negative", "positive", "zero"]


def test_the_same_condition_is_answered_alike_throughout_a_path() -> None:
    def asked_twice() -> bool:
        return bool(unknown < 0) is bool(unknown < 0)

    assert counted(z3.Solver(), asked_twice) == [True, True]
    assert [value for _, value in summary(asked_twice)] == [True, True]


def test_what_is_computed_once_is_not_computed_again_before_the_first_new_decision() -> None:
    computed = []

    def function() -> bool:
        running().once(lambda: computed.append("first"))
        first = bool(unknown < 0)
        running().once(lambda: computed.append("second"))
        return first and bool(unknown < -5)

    assert sorted(counted(z3.Solver(), function)) == [False, False, True]
    # The second run repeats the first decision differently, the third repeats all but the last.
    assert computed.count("first") == 1
    assert computed.count("second") == 2


def test_a_decision_within_what_is_computed_once_is_refused() -> None:
    def function() -> bool:
        decided: bool = running().once(lambda: bool(unknown < 0))
        return decided

    with pytest.raises(Unsupported, match="left out"):
        counted(z3.Solver(), function)
    with pytest.raises(Unsupported, match="left out"):
        summary(function)


def test_a_function_that_depends_on_something_hidden_is_refused() -> None:
    calls = []

    def function() -> bool:
        calls.append(1)
        return bool(unknown < len(calls)) and bool(unknown < -5)

    with pytest.raises(Unsupported, match="hidden"):
        counted(z3.Solver(), function)


def test_identities_of_formulas_that_were_forgotten_do_not_mislead() -> None:
    def function() -> int:
        # Hundreds of formulas come and go: Z3 gives their identities to others unless somebody keeps them.
        return sum(1 for number in range(300) if unknown < number)

    solver = z3.Solver()
    solver.add(unknown.term >= 0, unknown.term <= 3)
    assert sorted(counted(solver, function)) == [296, 297, 298, 299]


TREES = st.recursive(st.integers(0, 9), lambda trees: st.tuples(st.integers(-3, 3), trees, trees), max_leaves=12)
"""Trees of decisions ``x < bound``, with a number at each leaf."""


def walked(tree: Any, x: Any) -> int:
    while not isinstance(tree, int):
        bound, lower, upper = tree
        tree = lower if x < bound else upper
    return tree


@given(TREES, st.integers(-5, 5))
@settings(max_examples=100, deadline=None)
def test_a_value_takes_exactly_one_path_and_it_ends_where_the_plain_run_does(tree: Any, x: int) -> None:
    value = (z3.Int("x"), z3.IntVal(x))
    for explored in (
        [(run.conditions, outcome) for outcome, run in paths(lambda: walked(tree, unknown), z3.Solver())],
        summary(lambda: walked(tree, unknown)),
    ):
        outcomes = [
            outcome
            for conditions, outcome in explored
            if all(z3.is_true(z3.simplify(z3.substitute(condition, value))) for condition in conditions)
        ]
        assert outcomes == [walked(tree, x)]
    holds = z3.substitute(as_formula(lambda: walked(tree, unknown) == 3), value)
    assert z3.is_true(z3.simplify(holds)) == (walked(tree, x) == 3)


def test_and_or_and_not_mean_in_a_formula_what_they_mean_in_python() -> None:
    a, b = SymBool(z3.Bool("a")), SymBool(z3.Bool("b"))
    solver = z3.Solver()
    for formula, meant in (
        (as_formula(lambda: a and b), z3.And(a.formula, b.formula)),
        (as_formula(lambda: a or b), z3.Or(a.formula, b.formula)),
        (as_formula(lambda: not a or (b and not a)), z3.Not(a.formula)),
        (as_formula(lambda: all(x for x in (a, b, True))), z3.And(a.formula, b.formula)),
        (as_formula(lambda: False), z3.BoolVal(False)),
    ):
        assert solver.check(formula != meant) == z3.unsat
