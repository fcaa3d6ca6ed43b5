"""Conjunctions and disjunctions of any number of formulas, also of none.

Z3 prints an ``and`` or ``or`` of nothing as a bare word, which is no SMT-LIB; other solvers would not read it. What is
plainly true or false is left out here, as most of what the prover puts together is: that is much cheaper than having
the solver do it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import z3

TRUE = z3.BoolVal(True)
"""What is plainly true; told by identity, which is quick."""
FALSE = z3.BoolVal(False)
"""What is plainly false."""
_CONTEXT = z3.main_ctx()


def _asts(terms: list[Any]) -> tuple[int, Any]:
    """Return terms as the C interface of Z3 takes them: their sorts are known and need not be checked."""
    return len(terms), (z3.Ast * len(terms))(*[term.as_ast() for term in terms])


def added_up(terms: Iterable[z3.ArithRef]) -> z3.ArithRef:
    """Return the sum of any number of integer terms; zero if there are none."""
    present = list(terms)
    if len(present) <= 1:
        return present[0] if present else z3.IntVal(0)
    return z3.ArithRef(z3.Z3_mk_add(_CONTEXT.ref(), *_asts(present)), _CONTEXT)


def conjunction(formulas: Iterable[z3.BoolRef]) -> z3.BoolRef:
    """Return that all hold; true if there are none."""
    present = []
    for formula in formulas:
        if formula is FALSE:
            return FALSE
        if formula is not TRUE:
            present.append(formula)
    if len(present) <= 1:
        return present[0] if present else TRUE
    return z3.BoolRef(z3.Z3_mk_and(_CONTEXT.ref(), *_asts(present)), _CONTEXT)


def disjunction(formulas: Iterable[z3.BoolRef]) -> z3.BoolRef:
    """Return that one holds at least; false if there are none."""
    present = []
    for formula in formulas:
        if formula is TRUE:
            return TRUE
        if formula is not FALSE:
            present.append(formula)
    if len(present) <= 1:
        return present[0] if present else FALSE
    return z3.BoolRef(z3.Z3_mk_or(_CONTEXT.ref(), *_asts(present)), _CONTEXT)


def implication(premise: z3.BoolRef, conclusion: z3.BoolRef) -> z3.BoolRef:
    """Return that the conclusion holds where the premise does."""
    if conclusion is TRUE or premise is FALSE:
        return TRUE
    if premise is TRUE:
        return conclusion
    return z3.Implies(premise, conclusion)
