"""A second opinion: the same obligations as SMT-LIB, answered by cvc5."""

from __future__ import annotations

import cvc5
import z3


def smtlib(solver: z3.Solver, comment: str) -> str:
    """Return what the solver holds as an SMT-LIB script; ``unsat`` means that the obligation is met."""
    header = "".join(f"; {line}\n" for line in comment.splitlines())
    return f"{header}(set-logic ALL)\n{solver.to_smt2()}"


def answer(script: str, timeout_ms: int) -> str:
    """Return cvc5's answer to a script with one ``check-sat``: ``sat``, ``unsat`` or ``unknown``."""
    solver = cvc5.Solver()
    solver.setOption("tlimit-per", str(timeout_ms))
    parser = cvc5.InputParser(solver)
    parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, script, "obligation")
    symbols = parser.getSymbolManager()
    said = "unknown"
    while not (command := parser.nextCommand()).isNull():
        printed = command.invoke(solver, symbols).strip()
        if printed in ("sat", "unsat", "unknown"):
            said = printed
        elif printed:
            raise ValueError(f"cvc5 does not accept the script: {printed}")
    return said
