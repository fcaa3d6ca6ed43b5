"""Symbolic integers and booleans: they compute terms, and never decide anything silently."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
import z3
from hypothesis import given, settings
from hypothesis import strategies as st

from boltproofs.execution import DEFINED, Unsupported, defined_apart, paths, summary
from boltproofs.groups import GROUP_SUMS, Group, forms
from boltproofs.symbolic import SymBool, SymInt, formula_of, term_of

X, Y = SymInt(z3.Int("x")), SymInt(z3.Int("y"))
ARITHMETIC = (operator.add, operator.sub)
COMPARISONS = (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)


def evaluated(term: z3.ExprRef, x: int, y: int) -> Any:
    value = z3.simplify(z3.substitute(term, (z3.Int("x"), z3.IntVal(x)), (z3.Int("y"), z3.IntVal(y))))
    return value.as_long() if z3.is_int_value(value) else z3.is_true(value)


def test_symbols_that_are_defined_apart_are_forgotten_and_no_sum_outlives_them() -> None:
    before = dict(vars(DEFINED))
    with defined_apart():
        assert not DEFINED.facts
        assert SymInt(z3.Int("x")) * SymInt(z3.Int("y")) is not None
        assert len(DEFINED.facts) == 1
        with pytest.raises(Unsupported, match="outlive"):
            GROUP_SUMS.sum(Group.of("htlcs", forms()[0]), z3.IntVal(1))
    assert vars(DEFINED) == before


@pytest.mark.parametrize("operation", [*ARITHMETIC, *COMPARISONS])
@given(x=st.integers(), y=st.integers())
@settings(max_examples=20, deadline=None)
def test_operators_compute_what_they_compute_on_plain_integers(
    operation: Callable[[Any, Any], Any], x: int, y: int
) -> None:
    for left, right in ((X, Y), (x, Y), (X, y)):
        result = operation(left, right)
        term = result.term if isinstance(result, SymInt) else result.formula
        assert evaluated(term, x, y) == operation(x, y)


@given(st.integers(), st.integers(min_value=1, max_value=10**6))
@settings(max_examples=50, deadline=None)
def test_division_by_a_positive_constant_rounds_down_as_in_python(x: int, divisor: int) -> None:
    assert evaluated((X // divisor).term, x, 0) == x // divisor
    assert evaluated((-X).term, x, 0) == -x
    assert evaluated((X * divisor).term, x, 0) == x * divisor


@pytest.mark.parametrize("divisor", [0, -3, Y])
def test_other_divisors_are_refused(divisor: Any) -> None:
    with pytest.raises(TypeError, match="positive constant"):
        X // divisor


def test_of_a_product_of_two_unknowns_only_the_sign_is_known() -> None:
    solver = z3.Solver()
    product = X * Y
    solver.add(DEFINED.facts)
    solver.add(X.term >= 0, Y.term >= 0)
    assert solver.check((product < 0).formula) == z3.unsat
    assert solver.check(X.term == 2, Y.term == 3, (product != 6).formula) == z3.sat
    assert (X * Y).term.eq(product.term)


@pytest.mark.parametrize("value", [True, 1.5, None, "1", z3.Int("raw")])
def test_what_is_no_integer_is_not_taken_for_one(value: object) -> None:
    with pytest.raises(TypeError, match="not an integer"):
        term_of(value)
    with pytest.raises(TypeError, match="not an integer"):
        operator.eq(X, value)


@pytest.mark.parametrize("value", [1, None, X, z3.Bool("raw")])
def test_what_is_no_boolean_is_not_taken_for_one(value: object) -> None:
    with pytest.raises(TypeError, match="not a boolean"):
        formula_of(value)


@pytest.mark.parametrize("value", [X, SymBool(z3.Bool("b"))])
def test_unknowns_cannot_be_put_into_sets(value: object) -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(value)


@pytest.mark.parametrize("condition", [X, X == Y, X != Y, SymBool(z3.Bool("b"))])
def test_branching_outside_an_execution_is_refused(condition: object) -> None:
    with pytest.raises(Unsupported, match="outside an execution"):
        bool(condition)


def test_a_negation_asks_the_execution() -> None:
    branches = summary(lambda: not SymBool(z3.Bool("b")))
    assert sorted(value for _, value in branches) == [False, True]
    with pytest.raises(Unsupported, match="outside an execution"):
        assert SymBool(z3.Bool("b")) != SymBool(z3.Bool("c"))


def test_an_integer_is_true_where_it_is_not_zero() -> None:
    solver = z3.Solver()
    zero = {value: solver.check(X.term == 0) for value, _ in paths(lambda: bool(X), solver)}
    assert zero == {True: z3.unsat, False: z3.sat}
