"""Symbolic integers and booleans: our own wrappers around Z3 terms.

The specification is plain Python. Handed a :class:`SymInt` instead of an ``int`` it computes a term; where it branches
on a :class:`SymBool`, the running execution (:mod:`boltproofs.execution`) decides which way to go and remembers it.

Never hand raw Z3 terms to the specification: ``bool(a == b)`` of two Z3 terms compares syntax and is silently false.
The wrappers are unhashable on purpose, so that they cannot end up in sets and dictionaries either.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

import z3

from boltproofs import execution
from boltproofs.formulas import FALSE, TRUE


def term_of(value: Any) -> z3.ArithRef:
    """Return the Z3 term of a symbolic or plain integer."""
    if isinstance(value, SymInt):
        return value.term
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"not an integer: {value!r}")
    return _literal(int(value))


@cache
def _literal(value: int) -> z3.IntNumRef:
    return z3.IntVal(value)


def formula_of(value: Any) -> z3.BoolRef:
    """Return the Z3 formula of a symbolic or plain boolean."""
    if isinstance(value, SymBool):
        return value.formula
    if isinstance(value, bool):
        return TRUE if value else FALSE
    raise TypeError(f"not a boolean: {value!r}")


class SymBool:
    """A boolean that is not known yet. Branching on it asks the running execution."""

    __slots__ = ("formula",)
    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __init__(self, formula: z3.BoolRef) -> None:
        self.formula = formula

    def __bool__(self) -> bool:
        return execution.running().decide(self.formula)

    def __eq__(self, other: object) -> SymBool:  # type: ignore[override]
        return SymBool(self.formula == formula_of(other))

    def __repr__(self) -> str:
        return f"SymBool({self.formula})"


class SymInt:
    """An integer that is not known. Arithmetic builds a term, comparison a :class:`SymBool`."""

    __slots__ = ("term",)
    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __init__(self, term: z3.ArithRef) -> None:
        self.term = term

    def __add__(self, other: Any) -> SymInt:
        return SymInt(self.term + term_of(other))

    def __radd__(self, other: Any) -> SymInt:
        return SymInt(term_of(other) + self.term)

    def __sub__(self, other: Any) -> SymInt:
        return SymInt(self.term - term_of(other))

    def __rsub__(self, other: Any) -> SymInt:
        return SymInt(term_of(other) - self.term)

    def __neg__(self) -> SymInt:
        return SymInt(-self.term)

    def __mul__(self, other: Any) -> SymInt:
        factor = z3.simplify(term_of(other))
        if z3.is_int_value(factor) or z3.is_int_value(self.term):
            return SymInt(self.term * factor)
        return SymInt(execution.DEFINED.product(z3.simplify(self.term), factor))

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> SymInt:
        divisor = term_of(other)
        if not (z3.is_int_value(divisor) and divisor.as_long() > 0):
            raise TypeError("only division by a positive constant: Z3 and Python round alike there")
        return SymInt(self.term / divisor)

    def __eq__(self, other: object) -> SymBool:  # type: ignore[override]
        return SymBool(self.term == term_of(other))

    def __ne__(self, other: object) -> SymBool:  # type: ignore[override]
        return SymBool(self.term != term_of(other))

    def __lt__(self, other: Any) -> SymBool:
        return SymBool(self.term < term_of(other))

    def __le__(self, other: Any) -> SymBool:
        return SymBool(self.term <= term_of(other))

    def __gt__(self, other: Any) -> SymBool:
        return SymBool(self.term > term_of(other))

    def __ge__(self, other: Any) -> SymBool:
        return SymBool(self.term >= term_of(other))

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __repr__(self) -> str:
        return f"SymInt({self.term})"
