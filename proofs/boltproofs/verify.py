"""Proving all theorems: ``boltspec verify``.

The work is cut into units that run in separate processes: one per case of the induction, one per theorem and rule whose
removal must refute it, one per theorem on chain, one per theorem about runs. The answer *unknown* (of the solver, or
because time ran out) is never counted as proved; and a theorem whose lemma is not proved is unknown too, whatever
became of its own obligations.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import z3

from boltproofs.arbitrary import CASES
from boltproofs.findings import Findings
from boltproofs.induction_proof import prove_case, refute_without
from boltproofs.run_proof import RUN_THEOREMS, prove_runs
from boltproofs.runs import RunTheorem
from boltproofs.security.proof import BY_NAME as SECURITY
from boltproofs.security.proof import prove_security
from boltproofs.security.theorem import SecurityTheorem
from boltproofs.security.theorems import SECURITY_THEOREMS
from boltproofs.solving import Task
from boltproofs.theorems import INDUCTIVE, STRUCTURE, InductiveTheorem

UNBOUNDED = ("amounts", "heights", "feerates", "limits", "HTLCs", "trace length")
"""What no inductive theorem bounds."""

Theorem = InductiveTheorem | RunTheorem | SecurityTheorem
QUICK = ("PenaltySafety", "RevokedNotPublished", "NoFalsePenalty")
"""Theorems about balance security that take little time."""
SOON: tuple[Theorem, ...] = (*INDUCTIVE, *(SECURITY[name] for name in QUICK), *RUN_THEOREMS)
"""Those that the main job proves; the others about balance security take as long as all of these together."""
ALL: tuple[Theorem, ...] = (*INDUCTIVE, *SECURITY_THEOREMS, *RUN_THEOREMS)
THEOREMS: dict[str, Theorem] = {theorem.name: theorem for theorem in ALL}
"""All theorems by name."""
SPOKEN: dict[str, str] = {re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower(): name for name in THEOREMS}
"""Their names in lower case with hyphens, ``balance-security``, which are understood as well."""


@dataclass
class TheoremResult:
    """What came of one theorem."""

    name: str
    status: str
    """``proved``, ``refuted`` or ``unknown``."""
    kind: str
    """``inductive``, ``on chain`` or ``runs``."""
    sentence: str
    unbounded: list[str]
    bounds: dict[str, str]
    obligations: int
    seconds: float
    witness: bool
    """The premises were satisfied by a concrete state, on which the plain interpreter took the step."""
    refuted_without: list[str]
    """Rules without which the plain interpreter violates the property."""
    lemmas: list[str]
    notes: list[str] = field(default_factory=list)
    """Exact conditions with what goes wrong just below them, rules that others subsume."""
    counterexample: str | None = None
    reason: str | None = None
    """Why the status is unknown, or which demand on a proved theorem is not met."""


@dataclass
class VerifyResult:
    """What came of all theorems that were asked for."""

    theorems: list[TheoremResult]
    solver: str
    version: str
    paths: int
    seconds: float
    without: list[str] = field(default_factory=list)
    cross_checked: int = 0
    """How many obligations cvc5 answered too."""

    @property
    def holds(self) -> bool:
        """Whether every theorem is proved, has its witness and is refuted without its rules."""
        return bool(self.theorems) and all(entry.status == "proved" and not entry.reason for entry in self.theorems)

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return asdict(self)


class UnknownTheoremError(ValueError):
    """No theorem has this name."""


def verify(
    names: Sequence[str] | None = None,
    without: frozenset[str] = frozenset(),
    seconds: float | None = None,
    *,
    smtlib_dir: Path | None = None,
    cross_check: bool = False,
    workers: int = 2,
    progress: Callable[[str], None] = lambda _: None,
) -> VerifyResult:
    """Prove theorems by name (all by default), with some rules switched off.

    With no rule off each theorem's demands are checked as well: a witness, and a counterexample for each rule in
    ``fails_without``. ``seconds`` bounds the whole; what is left then is unknown. Raises :class:`UnknownTheoremError`.
    """
    wanted = _wanted(names)
    started = time.monotonic()
    deadline = started + seconds if seconds is not None else None
    if smtlib_dir is not None:
        smtlib_dir.mkdir(parents=True, exist_ok=True)
    task = Task(without, deadline, smtlib_dir, cross_check)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        findings, refutations = _collect(_submit(pool, wanted, task), progress)
    results = [_result(theorem, findings, refutations, bool(without)) for theorem in wanted]
    _withdraw(results)
    return VerifyResult(
        theorems=results,
        solver=f"z3 {z3.get_version_string()}",
        version=version("boltspec"),
        paths=findings.paths,
        seconds=round(time.monotonic() - started, 2),
        without=sorted(without),
        cross_checked=findings.cross_checked,
    )


@dataclass
class _Work:
    """What the processes were asked to do."""

    cases: list[Future[Findings]]
    """The inductive theorems, all together in each case."""
    others: list[Future[Findings]]
    """The other theorems, one by one."""
    weakened: dict[str, Future[frozenset[str]]]
    """By rule, the inductive theorems that are refuted without it."""
    demanded: list[tuple[str, str]]
    """Which theorem is to be refuted without which rule."""


PROVERS: tuple[tuple[type, Callable[[str, Task], Findings]], ...] = (
    (RunTheorem, prove_runs),
    (SecurityTheorem, prove_security),
)
"""How each kind of theorem is proved that is not inductive."""


def _submit(pool: ProcessPoolExecutor, wanted: list[Theorem], task: Task) -> _Work:
    inductive = [theorem for theorem in wanted if isinstance(theorem, InductiveTheorem)]
    names = [theorem.name for theorem in inductive]
    demanded = [] if task.without else [(theorem.name, rule) for theorem in inductive for rule in theorem.fails_without]
    # What takes longest comes last in the list of theorems and begins first here: no core waits for it at the end.
    others = [
        pool.submit(prove, theorem.name, task)
        for theorem in reversed(wanted)
        for kind, prove in PROVERS
        if isinstance(theorem, kind)
    ]
    return _Work(
        cases=[pool.submit(prove_case, case, names, task) for case in range(len(CASES)) if inductive],
        others=others,
        weakened={
            rule: pool.submit(refute_without, [name for name, needed in demanded if needed == rule], rule, task)
            for rule in dict.fromkeys(rule for _, rule in demanded)
        },
        demanded=demanded,
    )


def _collect(work: _Work, progress: Callable[[str], None]) -> tuple[Findings, dict[str, list[tuple[str, bool]]]]:
    """Wait for everything; return the findings, and by theorem without which rules it is refuted."""
    findings = Findings()
    for number, case in enumerate(work.cases, start=1):
        findings.add(case.result())
        progress(f"induction: case {number} of {len(work.cases)}")
    for entry in work.others:
        findings.add(entry.result())
    refutations: dict[str, list[tuple[str, bool]]] = {}
    for name, rule in work.demanded:
        refutations.setdefault(name, []).append((rule, name in work.weakened[rule].result()))
        progress(f"{name} without {rule}")
    return findings, refutations


def _wanted(names: Sequence[str] | None) -> list[Theorem]:
    """Return the theorems of these names and all lemmas that they rest on."""
    chosen: dict[str, Theorem] = {}

    def choose(name: str) -> None:
        if name not in THEOREMS:
            raise UnknownTheoremError(name)
        if name not in chosen:
            chosen[name] = THEOREMS[name]
            for lemma in lemmas_of(THEOREMS[name]):
                choose(lemma)

    for name in names or THEOREMS:
        choose(SPOKEN.get(name, name))
    return [theorem for name, theorem in THEOREMS.items() if name in chosen]


def explained(names: Sequence[str] | None = None) -> frozenset[str]:
    """Return the rules of which theorems of these names, or their lemmas, say why they play no part."""
    security = [theorem for theorem in _wanted(names) if isinstance(theorem, SecurityTheorem)]
    return frozenset(outside.rule for theorem in security for outside in theorem.outside)


def lemmas_of(theorem: Theorem) -> list[str]:
    """Return the names of the theorems that a proof assumes, itself left out."""
    if not isinstance(theorem, InductiveTheorem):
        return list(theorem.lemmas)
    goals = (*STRUCTURE, *theorem.lemmas)
    return [goal.name for goal in goals if goal.name != theorem.name]


def _result(
    theorem: Theorem, findings: Findings, refutations: dict[str, list[tuple[str, bool]]], weakened: bool
) -> TheoremResult:
    found = findings.of(theorem.name)
    tried = [*refutations.get(theorem.name, []), *found.refutations]
    if not found.obligations:
        found.unknown = found.unknown or "nothing was asked of the solver"
    status = "refuted" if found.counterexample else ("unknown" if found.unknown else "proved")
    result = TheoremResult(
        name=theorem.name,
        status=status,
        kind=_kind(theorem),
        sentence=theorem.goal.sentence if isinstance(theorem, InductiveTheorem) else theorem.sentence,
        unbounded=list(UNBOUNDED if isinstance(theorem, InductiveTheorem) else theorem.unbounded),
        bounds=_bounds(theorem),
        obligations=found.obligations,
        seconds=round(found.seconds, 2),
        witness=found.witness,
        refuted_without=[rule for rule, refuted in tried if refuted],
        lemmas=lemmas_of(theorem),
        notes=found.notes,
        counterexample=found.counterexample,
        reason=found.unknown,
    )
    if status == "proved":
        result.reason = _unmet(result, () if weakened else theorem.fails_without)
    return result


def _kind(theorem: Theorem) -> str:
    match theorem:
        case InductiveTheorem():
            return "inductive"
        case SecurityTheorem():
            return "on chain"
        case RunTheorem():
            return "runs"


def _bounds(theorem: Theorem) -> dict[str, str]:
    """Return what a theorem bounds or demands of its parameters: an inductive one nothing."""
    if isinstance(theorem, RunTheorem):
        return {"bounded": theorem.bounded}
    if isinstance(theorem, SecurityTheorem):
        return theorem.bounds
    return {}


def _unmet(result: TheoremResult, fails_without: Sequence[str]) -> str | None:
    """Return which demand on a proved theorem is not met: a witness, a counterexample without each of these rules."""
    if not result.witness:
        return "no concrete state satisfies the premises: the theorem may be empty"
    missing = [rule for rule in fails_without if rule not in result.refuted_without]
    return f"not refuted without {', '.join(missing)}: the check may be unable to fail" if missing else None


def _withdraw(results: list[TheoremResult]) -> None:
    """Make proofs unknown that rest on a lemma which is not proved."""
    status = {result.name: result.status for result in results}
    for _ in results:
        for result in results:
            failed = [lemma for lemma in result.lemmas if status[lemma] != "proved"]
            if result.status == "proved" and failed:
                result.status = status[result.name] = "unknown"
                result.reason = f"rests on {', '.join(failed)}, which {'is' if len(failed) == 1 else 'are'} not proved"


def summary_lines(result: VerifyResult) -> Iterator[str]:
    """Yield what is to be said of a result beside its table, theorem by theorem."""
    for entry in result.theorems:
        if entry.status != "proved" or entry.reason:
            yield f"{entry.name}: {entry.status}" + (f" ({entry.reason})" if entry.reason else "")
            if entry.counterexample:
                yield entry.counterexample
    yield from _notes(result)
    counts = Counter(entry.status for entry in result.theorems)
    yield ", ".join(f"{counts[status]} {status}" for status in ("proved", "refuted", "unknown"))


def _notes(result: VerifyResult) -> Iterator[str]:
    """Yield what the theorems say beside being proved, each thing once: several share their conditions."""
    said: set[str] = set()
    for entry in result.theorems:
        new = [note for note in entry.notes if note not in said]
        said.update(new)
        if new:
            yield f"{entry.name}:"
            yield from (f"  {note}" for note in new)
