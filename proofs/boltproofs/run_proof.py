"""Proving theorems about runs: each path of each claim is one question to the solver.

One more question for each claim is whether all numbers take one of the paths that were found.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import z3

from boltproofs.closing_theorems import CLOSING_THEOREMS
from boltproofs.collection import as_formula
from boltproofs.connection_theorems import CONNECTION_THEOREMS
from boltproofs.establishment_theorems import ESTABLISHMENT_THEOREMS
from boltproofs.execution import DEFINED, Execution, Unsupported, defined_apart, entered, paths, searching
from boltproofs.findings import Finding, Findings
from boltproofs.formulas import conjunction, disjunction
from boltproofs.groups import Form, forms
from boltproofs.onion_theorems import ONION_THEOREMS
from boltproofs.payment_theorems import PAYMENT_THEOREMS
from boltproofs.payout_theorems import PAYOUT_THEOREMS
from boltproofs.resumption_theorems import RESUMPTION_THEOREMS
from boltproofs.runs import RunClaim, RunTheorem
from boltproofs.solving import QUERY_TIMEOUT_MS, Desk, Task
from boltproofs.symbolic import SymBool, SymInt
from boltspec.htlc import Htlc
from boltspec.htlcs import Htlcs
from boltspec.rules import without
from boltspec.units import Height, Msat


def _htlc_of(form: Form) -> Htlc:
    offerer, added, removal, removed = form
    return Htlc(offerer, 0, Msat(1_000), 0, Height(500), added, removal, removed)


RUN_THEOREMS: tuple[RunTheorem, ...] = (
    *ESTABLISHMENT_THEOREMS,
    *PAYOUT_THEOREMS,
    *CLOSING_THEOREMS,
    *RESUMPTION_THEOREMS,
    *PAYMENT_THEOREMS,
    *ONION_THEOREMS,
    *CONNECTION_THEOREMS,
)
"""All theorems about runs."""
BY_NAME = {theorem.name: theorem for theorem in RUN_THEOREMS}
FORMS: tuple[tuple[z3.BoolRef, Htlc], ...] = tuple(
    (z3.Bool(f"htlcs.{'.'.join(part.name for part in form)}"), _htlc_of(form)) for form in forms()
)
"""Every combination of stages, possible or not: whether there are HTLCs in it, and what such a one looks like."""
NUMBER_BOUND = 1 << 64


@cache
def _unknown(name: str) -> tuple[SymInt, z3.BoolRef]:
    """Return the unknown number of that name, and what is known of it."""
    term = z3.Int(name)
    return SymInt(term), z3.And(term >= 0, term < NUMBER_BOUND)


class AnyHtlcs:
    """Any number of HTLCs: of each form there may be some. Only :meth:`any` can be asked, of what a form tells."""

    def any(self, wanted: Callable[[Htlc], bool]) -> SymBool:
        """Say whether there are HTLCs of a form for which the predicate holds."""
        return SymBool(disjunction(there for there, member in FORMS if _tells(wanted, member)))


def _tells(wanted: Callable[[Htlc], bool], member: Htlc) -> bool:
    answer = wanted(member)
    if not isinstance(answer, bool):
        raise Unsupported("only the stages of these HTLCs are known")
    return answer


@dataclass
class Numbers:
    """The unknown numbers of a claim, with what is known of them: on whatever path, so each path is told all of it."""

    facts: dict[str, z3.BoolRef] = field(default_factory=dict)
    """By the name of the number."""
    _whole: list[z3.BoolRef] = field(default_factory=list)

    def add(self, name: str, fact: z3.BoolRef) -> None:
        """Add what is known of another number."""
        self.facts[name] = fact
        self._whole.clear()

    @property
    def whole(self) -> z3.BoolRef:
        """All that is known, as one formula."""
        if not self._whole:
            self._whole.append(conjunction(self.facts.values()))
        return self._whole[0]


class UnknownValues:
    """Unknown numbers, for the path that is being run."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        """Of all paths of a claim."""
        _tell(numbers.whole)

    def __call__(self, name: str) -> Any:
        """Return the unknown integer of that name."""
        number, fact = _unknown(name)
        if name not in self._numbers.facts:
            self._numbers.add(name, fact)
            _tell(fact)
        return number

    def htlcs(self) -> Any:
        """Return any number of HTLCs."""
        return AnyHtlcs()


def _tell(fact: z3.BoolRef) -> None:
    """Tell the solver of the path that is being run."""
    solver = searching().solver
    assert solver is not None
    solver.add(fact)


@dataclass(frozen=True)
class PlainValues:
    """The numbers of a model."""

    model: z3.ModelRef

    def __call__(self, name: str) -> Any:
        """Return the integer that the model has for the name."""
        return int(self.model.eval(z3.Int(name), model_completion=True).as_long())

    def htlcs(self) -> Htlcs:
        """Return one HTLC for every form that there are some of."""
        found = Htlcs()
        for number, (there, member) in enumerate(FORMS):
            if z3.is_true(self.model.eval(there, model_completion=True)):
                found = found.add(replace(member, id=number))
        return found


def prove_runs(name: str, task: Task) -> Findings:
    """Put all claims of a theorem to the solver, and check what is demanded of it."""
    theorem, findings, desk = BY_NAME[name], Findings(), Desk(task)
    finding = findings.of(name)
    with without(task.without):
        for claim in theorem.claims:
            with defined_apart():
                finding.add(_settled(claim, theorem, findings, desk))
    if not task.without:
        finding.refutations += [(rule, _is_refuted(theorem, rule, task)) for rule in theorem.fails_without]
    findings.cross_checked = desk.cross_checked
    return findings


def refuted_without(rule: str) -> str | None:
    """Return the name of a theorem about runs that plain numbers refute once a rule is off; ``None`` if none is."""
    task = Task()
    needing = (theorem for theorem in RUN_THEOREMS if rule in theorem.fails_without)
    return next((theorem.name for theorem in needing if _is_refuted(theorem, rule, task)), None)


def _is_refuted(theorem: RunTheorem, rule: str, task: Task) -> bool:
    with without(frozenset({rule})):
        claims = (claim for claim in theorem.claims if rule in claim.fails_without)
        with defined_apart():
            return any(not task.expired and counterexample(claim) is not None for claim in claims)


def _settled(claim: RunClaim, theorem: RunTheorem, findings: Findings, desk: Desk) -> Finding:
    started, finding = time.monotonic(), Finding(witness=False)
    solver, ways = _solver(), _Ways()
    try:
        for outcome, run in paths(lambda: claim.run(UnknownValues(ways.numbers)), solver):
            if desk.task.expired:
                break
            findings.paths += 1
            ways.note(run)
            if outcome is None:
                continue
            finding.witness = finding.witness or _plain(claim, solver) is True
            with _failing(claim, outcome, run, solver):
                asked = desk.ask(solver, theorem.name, claim.label)
                finding.obligations += 1
                finding.unknown = finding.unknown or asked.unknown
                if asked.failed:
                    _explain(claim, solver, finding)
        asked = desk.ask(ways.none_of_them(), "paths", claim.label)
        if not asked.met:
            finding.unknown = finding.unknown or asked.unknown or f"not every path was found at {claim.label}"
    except Unsupported as limit:
        finding.unknown = f"{limit} at {claim.label}"
    finding.seconds = time.monotonic() - started
    return finding


@dataclass
class _Ways:
    """All paths of a claim, as conditions, with what is known of the numbers."""

    conditions: list[z3.BoolRef] = field(default_factory=list)
    assumptions: list[z3.BoolRef] = field(default_factory=list)
    numbers: Numbers = field(default_factory=Numbers)

    def note(self, run: Execution) -> None:
        self.conditions.append(conjunction(run.conditions))
        self.assumptions += run.assumptions

    def none_of_them(self) -> z3.Solver:
        """Return the question whether some numbers take none of the paths."""
        solver = _solver()
        solver.add(DEFINED.facts)
        solver.add(self.numbers.whole, *self.assumptions)
        solver.add(z3.Not(disjunction(self.conditions)))
        return solver


def _solver() -> z3.Solver:
    solver = z3.Solver()
    solver.set(timeout=QUERY_TIMEOUT_MS)
    return solver


@contextmanager
def _failing(claim: RunClaim, outcome: Any, run: Execution, solver: z3.Solver) -> Iterator[None]:
    """Let the solver hold, within a ``with`` block, that the goal fails at the end of a path."""
    solver.push()
    try:
        with entered(run):
            goal = as_formula(lambda: claim.goal(outcome))
        solver.add(DEFINED.facts)
        solver.add(z3.Not(goal))
        yield
    finally:
        solver.pop()


def _explain(claim: RunClaim, solver: z3.Solver, finding: Finding) -> None:
    numbers = _refuting_numbers(claim, solver)
    if numbers is None:
        finding.unknown = "a counterexample that the plain interpreter does not confirm"
    elif finding.counterexample is None:
        finding.counterexample = f"not so: {claim.label}\n  for {numbers}"


def _plain(claim: RunClaim, solver: z3.Solver) -> bool | None:
    """Run a claim with the numbers of what the solver holds: whether the goal holds, ``None`` without an outcome."""
    if solver.check() != z3.sat:
        return None
    outcome = claim.run(PlainValues(solver.model()))
    return None if outcome is None else bool(claim.goal(outcome))


def _refuting_numbers(claim: RunClaim, solver: z3.Solver) -> str | None:
    """Return numbers for which the goal fails when the claim is run with them."""
    if _plain(claim, solver) is not False:
        return None
    model = solver.model()
    return ", ".join(sorted(f"{entry.name()}={model[entry]}" for entry in model.decls()))


def counterexample(claim: RunClaim) -> str | None:
    """Return numbers that refute a claim, confirmed by the plain interpreter; ``None`` if none are found."""
    solver, numbers = _solver(), Numbers()
    for outcome, run in paths(lambda: claim.run(UnknownValues(numbers)), solver):
        if outcome is None:
            continue
        with _failing(claim, outcome, run, solver):
            found = _refuting_numbers(claim, solver)
        if found is not None:
            return found
    return None
