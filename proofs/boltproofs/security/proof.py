"""Proving theorems about balance security: the specification's functions on unknown numbers, along every path.

A claim is explored under its premise. What is asked of the solver is whether numbers exist that satisfy the premise and
take no path on which the goal holds; so a path that was not found would be a counterexample. A counterexample is
evaluated with plain numbers before anybody is told.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import z3

from boltproofs.arbitrary import unknown
from boltproofs.execution import DEFINED, Unsupported, paths
from boltproofs.findings import Finding, Findings
from boltproofs.formulas import conjunction, disjunction
from boltproofs.security.boundary import examine
from boltproofs.security.claim import Claim, Condition, Predicate
from boltproofs.security.numbers import Numbers
from boltproofs.security.theorem import Outside, SecurityTheorem, Subsumed
from boltproofs.security.theorems import SECURITY_THEOREMS
from boltproofs.solving import QUERY_TIMEOUT_MS, Desk, Task
from boltproofs.symbolic import formula_of
from boltspec.rules import noticing, without

BY_NAME = {theorem.name: theorem for theorem in SECURITY_THEOREMS}
SMALL = 30
"""Counterexamples are looked for among numbers up to this first, so that they can be read."""


def prove_security(name: str, task: Task) -> Findings:
    """Put all claims of a theorem to the solver, and check what is demanded of it."""
    theorem, findings, desk = BY_NAME[name], Findings(), Desk(task)
    finding = findings.of(name)
    with without(task.without):
        for claim in theorem.claims():
            finding.add(_settled(theorem, claim, desk))
            findings.paths += 1
        for pose in theorem.obligations:
            for label, solver in pose():
                finding.add(_asked(theorem, label, solver, desk))
    if task.without:
        finding.add(_what_does_their_work(theorem, task))
    else:
        finding.add(_exactness(theorem, task))
        finding.add(_need_of_rules(theorem, task))
    findings.cross_checked = desk.cross_checked
    return findings


# --- claims ---


def unknowns() -> Numbers:
    """Return numbers of which nothing is known."""
    return Numbers(*(unknown(name) for name in Numbers._fields))


def _typed() -> z3.Solver:
    solver = z3.Solver()
    solver.set(timeout=QUERY_TIMEOUT_MS)
    solver.add([z3.Int(name) >= 0 for name in Numbers._fields])
    return solver


def _where(predicate: Predicate, known: z3.Solver) -> z3.BoolRef:
    """Return where a predicate holds, among the numbers that the solver knows to be possible."""
    numbers = unknowns()
    return disjunction(
        conjunction([*run.conditions, formula_of(outcome)]) for outcome, run in paths(lambda: predicate(numbers), known)
    )


@dataclass(frozen=True)
class Posed:
    """A claim as questions."""

    premise: z3.Solver
    refutation: z3.Solver
    """The premise, and that the goal fails."""


def pose(claim: Claim) -> Posed:
    """Explore a claim along every path, with the rules that are on."""
    premise = _typed()
    premise.add(_where(claim.premise, premise))
    goal = _where(claim.goal, premise)
    premise.add(DEFINED.facts)
    refutation = _typed()
    refutation.add(*premise.assertions(), z3.Not(goal))
    return Posed(premise, refutation)


def _values(solver: z3.Solver) -> Numbers | None:
    """Return plain numbers that a solver allows, small ones if there are such; products are exact."""
    for most in (SMALL, None):
        solver.push()
        solver.add(DEFINED.exact)
        if most is not None:
            solver.add([z3.Int(name) <= most for name in Numbers._fields])
        found = solver.check() == z3.sat
        model = solver.model() if found else None
        solver.pop()
        if model is not None:
            return Numbers(*(model.eval(z3.Int(name), model_completion=True).as_long() for name in Numbers._fields))
    return None


def counterexample(claim: Claim) -> Numbers | None:
    """Return plain numbers for which the premise holds and the goal fails, evaluated by the plain interpreter."""
    numbers = _values(pose(claim).refutation)
    return numbers if numbers is not None and claim.premise(numbers) and not claim.goal(numbers) else None


def _settled(theorem: SecurityTheorem, claim: Claim, desk: Desk) -> Finding:
    started = time.monotonic()
    finding = Finding(obligations=1)
    try:
        posed = pose(claim)
        asked = desk.ask(posed.refutation, theorem.name, claim.label)
        finding.unknown = asked.unknown
        if asked.failed:
            numbers = counterexample(claim)
            if numbers is None:
                finding.unknown = "a counterexample that the plain interpreter does not confirm"
            else:
                finding.counterexample = f"not so: {claim.label}\n  for {shown(numbers)}"
        witness = _values(posed.premise)
        finding.witness = witness is not None and bool(claim.premise(witness))
    except Unsupported as limit:
        finding.unknown = f"{limit} at {claim.label}"
    finding.seconds = time.monotonic() - started
    return finding


def shown(numbers: Numbers) -> str:
    """Return the numbers that are not zero."""
    named = zip(Numbers._fields, numbers, strict=True)
    return ", ".join(f"{name}={value}" for name, value in named if value) or "zero everywhere"


def _asked(theorem: SecurityTheorem, label: str, solver: z3.Solver, desk: Desk) -> Finding:
    """Settle an obligation about all HTLCs; its premises are those of the induction, which has witnesses for them."""
    started = time.monotonic()
    asked = desk.ask(solver, theorem.name, label)
    finding = Finding(obligations=1, unknown=asked.unknown)
    if asked.failed:
        finding.counterexample = f"not so: {label}\n  for {solver.model()}"
    finding.seconds = time.monotonic() - started
    return finding


# --- that conditions are exact ---


def _exactness(theorem: SecurityTheorem, task: Task) -> Finding:
    finding = Finding()
    for condition in theorem.conditions:
        if task.expired:
            finding.unknown = f"out of time at {condition.name}"
            break
        finding.add(_is_exact(condition))
    return finding


def _is_exact(condition: Condition) -> Finding:
    """Show that a condition is needed, by numbers that just miss it, and by runs of the world itself."""
    finding = Finding()
    claim = condition.needed_by
    missed = Claim(claim.label, lambda n: claim.premise(n) and condition.just_missed(n), claim.goal)
    numbers = counterexample(missed)
    if numbers is None:
        finding.unknown = f"{condition.text} is not shown to be exact"
        return finding
    finding.notes.append(f"{condition.name}: {condition.text}" + (f"; {condition.enough}" if condition.enough else ""))
    if condition.run is None:
        return finding
    found = examine(condition.run)
    finding.unknown = found.problem
    steps = "; ".join(map(str, found.run))
    finding.notes.append(f"  holds in all {found.worlds:,} worlds where it just holds ({condition.run.holds.brief()})")
    finding.notes.append(f"  one block less breaks {condition.run.property} ({condition.run.fails.brief()}): {steps}")
    return finding


# --- that rules are needed ---


def _need_of_rules(theorem: SecurityTheorem, task: Task) -> Finding:
    finding = Finding()
    claims = tuple(theorem.claims())
    for rule in theorem.fails_without:
        finding.refutations.append((rule, not task.expired and _is_refuted(claims, frozenset({rule}))))
    for subsumed in theorem.subsumed:
        alone, together = frozenset({subsumed.rule}), frozenset({subsumed.rule, *subsumed.by})
        if task.expired or _is_refuted(claims, alone) or not _is_refuted(claims, together):
            finding.unknown = f"{subsumed.rule} is not subsumed by {', '.join(subsumed.by)}"
        else:
            finding.notes.append(_subsumption(subsumed))
    finding.notes += [_no_part(outside) for outside in theorem.outside]
    return finding


def _what_does_their_work(theorem: SecurityTheorem, task: Task) -> Finding:
    """Name what subsumes the rules that are off, having checked that it does; or say why they play no part."""
    finding, claims = Finding(), tuple(theorem.claims())
    for subsumed in theorem.subsumed:
        if subsumed.rule not in task.without or not task.without.isdisjoint(subsumed.by):
            continue
        if _is_refuted(claims, frozenset({subsumed.rule, *subsumed.by})):
            finding.notes.append(_subsumption(subsumed))
        else:
            finding.unknown = f"{subsumed.rule} is not subsumed by {', '.join(subsumed.by)}"
    finding.notes += [_no_part(outside) for outside in theorem.outside if outside.rule in task.without]
    return finding


def _subsumption(subsumed: Subsumed) -> str:
    return f"{subsumed.rule} is subsumed by {', '.join(subsumed.by)}: {subsumed.why}"


def _no_part(outside: Outside) -> str:
    return f"{outside.rule} plays no part: {outside.why}"


def _is_refuted(claims: Iterable[Claim], rules: frozenset[str]) -> bool:
    """Say whether a claim fails on plain numbers while some rules are off; only those that consult one are tried."""
    concerned = [claim for claim in claims if _consulted(claim) & rules]
    with without(rules):
        return any(counterexample(claim) is not None for claim in concerned)


_consulted_by: dict[str, frozenset[str]] = {}


def _consulted(claim: Claim) -> frozenset[str]:
    """Return the rules that decide something in a claim, on any path."""
    if claim.label not in _consulted_by:
        with noticing() as notes:
            pose(claim)
        _consulted_by[claim.label] = frozenset(notes.deciding)
    return _consulted_by[claim.label]
