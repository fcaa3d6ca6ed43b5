"""Putting one obligation to the solvers, within the time that is left."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import z3

from boltproofs.second_opinion import answer, smtlib

QUERY_TIMEOUT_MS = 60_000
"""How long one question to a solver may take."""


@dataclass(frozen=True)
class Task:
    """How units of work are to be done."""

    without: frozenset[str] = frozenset()
    """Rules that are off."""
    deadline: float | None = None
    """When to stop, on the monotonic clock; obligations that are left are unknown."""
    smtlib_dir: Path | None = None
    """Where to write every obligation as SMT-LIB."""
    cross_check: bool = False
    """Ask cvc5 too."""

    @property
    def expired(self) -> bool:
        """Whether the time is up."""
        return self.deadline is not None and time.monotonic() > self.deadline


@dataclass
class Asked:
    """The answer to one obligation: ``met``, ``failed`` or why it is unknown."""

    met: bool = False
    failed: bool = False
    unknown: str | None = None


@dataclass
class Desk:
    """Asks the solvers and keeps count."""

    task: Task
    cross_checked: int = 0
    written: dict[str, int] = field(default_factory=dict)

    def ask(self, solver: z3.Solver, theorem: str, where: str) -> Asked:
        """Ask whether what the solver holds (assumptions and negated goal) is impossible."""
        if self.task.expired:
            return Asked(unknown=f"out of time at {where}")
        result = solver.check()
        if self.task.smtlib_dir is not None or self.task.cross_check:
            disagreement = self._second_opinion(solver, theorem, where, str(result))
            if disagreement is not None:
                return Asked(unknown=disagreement)
        if result == z3.unknown:
            return Asked(unknown=f"{solver.reason_unknown()} at {where}")
        return Asked(met=result == z3.unsat, failed=result == z3.sat)

    def _second_opinion(self, solver: z3.Solver, theorem: str, where: str, result: str) -> str | None:
        script = smtlib(solver, f"{theorem}: {where}\nz3 says {result}; unsat means that the obligation is met")
        if self.task.smtlib_dir is not None:
            number = self.written[theorem] = self.written.get(theorem, 0) + 1
            name = f"{theorem}-{where}-{number}".replace(" ", "_").replace(",", "")
            (self.task.smtlib_dir / f"{name}.smt2").write_text(script, encoding="utf-8")
        if not self.task.cross_check:
            return None
        self.cross_checked += 1
        other = answer(script, QUERY_TIMEOUT_MS)
        return None if other == result else f"z3 says {result} and cvc5 {other} at {where}"
