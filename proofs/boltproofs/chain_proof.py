"""Proving the theorems on chain: each claim on unknown numbers, each counterexample on plain ones."""

from __future__ import annotations

import time

import z3

from boltproofs.arbitrary import unknown
from boltproofs.chain_theorems import CHAIN_THEOREMS, ChainTheorem, Claim, Numbers
from boltproofs.collection import as_formula
from boltproofs.findings import Finding, Findings
from boltproofs.solving import QUERY_TIMEOUT_MS, Desk, Task
from boltspec.rules import without

BY_NAME = {theorem.name: theorem for theorem in CHAIN_THEOREMS}


def prove_on_chain(name: str, task: Task) -> Findings:
    """Put all claims of a theorem to the solver, and check what is demanded of it."""
    theorem, findings, desk = BY_NAME[name], Findings(), Desk(task)
    finding = findings.of(name)
    with without(task.without):
        for claim in theorem.claims:
            finding.add(_settled(theorem, claim, desk))
            findings.paths += 1
    if not task.without:
        for rule in theorem.fails_without:
            with without(frozenset({rule})):
                refuted = any(_counterexample(claim) is not None for claim in theorem.claims)
            finding.refutations.append((rule, refuted))
    findings.cross_checked = desk.cross_checked
    return findings


def _unknowns() -> Numbers:
    return Numbers(*(unknown(name) for name in Numbers._fields))


def _posed(claim: Claim) -> z3.Solver:
    """Return a solver that holds the premise and the negated goal."""
    numbers, solver = _unknowns(), _premise(claim)
    solver.add(z3.Not(as_formula(lambda: claim.goal(numbers))))
    return solver


def _premise(claim: Claim) -> z3.Solver:
    numbers, solver = _unknowns(), z3.Solver()
    solver.set(timeout=QUERY_TIMEOUT_MS)
    solver.add([z3.Int(name) >= 0 for name in Numbers._fields])
    solver.add(as_formula(lambda: claim.premise(numbers)))
    return solver


def _values(solver: z3.Solver) -> Numbers | None:
    if solver.check() != z3.sat:
        return None
    model = solver.model()
    return Numbers(*(model.eval(z3.Int(name), model_completion=True).as_long() for name in Numbers._fields))


def _counterexample(claim: Claim) -> Numbers | None:
    """Return plain numbers for which the premise holds and the goal fails."""
    numbers = _values(_posed(claim))
    return numbers if numbers is not None and claim.premise(numbers) and not claim.goal(numbers) else None


def _settled(theorem: ChainTheorem, claim: Claim, desk: Desk) -> Finding:
    started = time.monotonic()
    solver = _posed(claim)
    asked = desk.ask(solver, theorem.name, claim.label)
    finding = Finding(obligations=1, unknown=asked.unknown)
    if asked.failed:
        numbers = _counterexample(claim)
        finding.counterexample = f"not so: {claim.label}\n  for {numbers}" if numbers else None
        finding.unknown = None if numbers else "a counterexample that the plain interpreter does not confirm"
    witness = _values(_premise(claim))
    finding.witness = witness is not None and claim.premise(witness)
    finding.seconds = time.monotonic() - started
    return finding
