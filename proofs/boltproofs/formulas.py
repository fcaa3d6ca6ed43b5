"""Conjunctions and disjunctions of any number of formulas, also of none.

Z3 prints an ``and`` or ``or`` of nothing as a bare word, which is no SMT-LIB; other solvers would not read it.
"""

from __future__ import annotations

from collections.abc import Iterable

import z3


def conjunction(formulas: Iterable[z3.BoolRef]) -> z3.BoolRef:
    """Return that all hold; true if there are none."""
    present = list(formulas)
    return z3.And(present) if present else z3.BoolVal(True)


def disjunction(formulas: Iterable[z3.BoolRef]) -> z3.BoolRef:
    """Return that one holds at least; false if there are none."""
    present = list(formulas)
    return z3.Or(present) if present else z3.BoolVal(False)
