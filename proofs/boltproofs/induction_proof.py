"""Units of work of the induction: all obligations of a case, or the search for one counterexample."""

from __future__ import annotations

import time
from collections.abc import Sequence

import z3

from boltproofs.arbitrary import CASES
from boltproofs.counterexample import find, find_opening
from boltproofs.execution import Unsupported
from boltproofs.findings import Finding, Findings
from boltproofs.induction import (
    Setting,
    Taken,
    Ways,
    concerns,
    pose,
    pose_everything,
    pose_no_path,
    pose_opening,
    pose_untyped,
    settle,
    taken_paths,
)
from boltproofs.solving import QUERY_TIMEOUT_MS, Asked, Desk, Task
from boltproofs.steps import STEPS, StepKind, steps_by_distance
from boltproofs.theorems import INDUCTIVE, InductiveTheorem
from boltspec.properties.property import ChannelProperty, LossProperty
from boltspec.rules import without

BY_NAME = {theorem.name: theorem for theorem in INDUCTIVE}


def prove_case(index: int, names: Sequence[str], task: Task) -> Findings:
    """Put all obligations of some theorems in one case to the solver."""
    theorems = tuple(BY_NAME[name] for name in names)
    case, findings, desk = CASES[index], Findings(), Desk(task)
    with without(task.without):
        for theorem in theorems:
            _opening(theorem, settle(case, QUERY_TIMEOUT_MS), findings, desk)
        for step in STEPS:
            _step(step, theorems, settle(case, QUERY_TIMEOUT_MS, step.link), findings, desk)
    findings.cross_checked = desk.cross_checked
    return findings


def _opening(theorem: InductiveTheorem, setting: Setting, findings: Findings, desk: Desk) -> None:
    """The property holds of a channel that has just been opened."""
    if not isinstance(theorem.goal, ChannelProperty):
        return
    started = time.monotonic()
    solver = pose_opening(theorem, setting.case, QUERY_TIMEOUT_MS)
    asked = desk.ask(solver, theorem.name, f"opening, {setting.case}")
    finding = Finding(obligations=1, unknown=asked.unknown)
    if asked.failed:
        example = find_opening(solver, setting, theorem)
        finding.counterexample = str(example) if example else None
        finding.unknown = None if example else "a counterexample that the plain interpreter does not confirm"
    finding.seconds = time.monotonic() - started
    findings.of(theorem.name).add(finding)


def _step(
    step: StepKind, theorems: tuple[InductiveTheorem, ...], setting: Setting, findings: Findings, desk: Desk
) -> None:
    """Every property holds after the step wherever it is accepted; somewhere it is, if it may be in this case."""
    where, ways = f"{step}, {setting.case}", Ways()
    witnessed = not step.is_open_to(setting.case)
    try:
        for path in taken_paths(setting, step, ways):
            if desk.task.expired:
                break
            findings.paths += 1
            if path is None:
                continue
            witnessed = witnessed or _witnessed(setting, path)
            for theorem in theorems:
                if not concerns(theorem, step):
                    continue
                findings.of(theorem.name).add(_obligation(theorem, setting, path, desk, where))
            _shared(theorems, findings, _untyped(setting, path, desk, where))
        _shared(theorems, findings, _no_path(setting, step, ways, desk, where))
    except Unsupported as limit:
        _shared(theorems, findings, f"{limit} at {where}")
    for theorem in theorems:
        findings.of(theorem.name).witness &= witnessed


def _shared(theorems: tuple[InductiveTheorem, ...], findings: Findings, unknown: str | None) -> None:
    """Put on record what makes all theorems unknown."""
    for theorem in theorems:
        findings.of(theorem.name).add(Finding(unknown=unknown))


def _witnessed(setting: Setting, path: Taken) -> bool:
    setting.solver.push()
    try:
        pose_everything(setting, path)
        return find(setting, path, None) is not None
    finally:
        setting.solver.pop()


def _untyped(setting: Setting, path: Taken, desk: Desk, where: str) -> str | None:
    """Return what is wrong unless all counters and amounts stay unsigned."""
    setting.solver.push()
    try:
        pose_untyped(setting, path)
        asked = desk.ask(setting.solver, "types", where)
    finally:
        setting.solver.pop()
    return _reason(asked, f"a counter or an amount may become negative at {where}")


def _no_path(setting: Setting, step: StepKind, ways: Ways, desk: Desk, where: str) -> str | None:
    """Return what is wrong unless every channel and message takes one of the paths."""
    setting.solver.push()
    try:
        pose_no_path(setting, step, ways)
        asked = desk.ask(setting.solver, "paths", where)
    finally:
        setting.solver.pop()
    return _reason(asked, f"not every path was found at {where}")


def _reason(asked: Asked, failure: str) -> str | None:
    return None if asked.met else asked.unknown or failure


def _obligation(theorem: InductiveTheorem, setting: Setting, path: Taken, desk: Desk, where: str) -> Finding:
    started = time.monotonic()
    setting.solver.push()
    try:
        if not pose(theorem, setting, path):
            # A step property may not speak of the message; one of a lost connection always does, and was worked out.
            return Finding(obligations=int(isinstance(theorem.goal, LossProperty)))
        asked = desk.ask(setting.solver, theorem.name, where)
        finding = Finding(obligations=1, unknown=asked.unknown)
        if asked.failed:
            _explain(finding, theorem, setting, path)
    finally:
        setting.solver.pop()
    finding.seconds = time.monotonic() - started
    return finding


def _explain(finding: Finding, theorem: InductiveTheorem, setting: Setting, path: Taken) -> None:
    example = find(setting, path, theorem)
    if example is not None:
        finding.counterexample = str(example)
    else:
        finding.unknown = "a counterexample that the plain interpreter does not confirm"


def refute_without(names: Sequence[str], rule: str, task: Task) -> frozenset[str]:
    """Return those theorems that the plain interpreter violates once the rule is off; the step is looked for."""
    left = {name: BY_NAME[name] for name in names}
    with without(task.without | {rule}):
        for step, case in ((step, case) for steps in steps_by_distance(rule) for case in CASES for step in steps):
            concerned = [theorem for theorem in left.values() if concerns(theorem, step)]
            if concerned and not task.expired:
                for name in _refuted_at(step, settle(case, QUERY_TIMEOUT_MS, step.link), concerned):
                    del left[name]
            if not left:
                break
    return frozenset(names) - left.keys()


def _refuted_at(step: StepKind, setting: Setting, theorems: Sequence[InductiveTheorem]) -> frozenset[str]:
    """Return the names of the theorems that the step refutes; each of its paths is looked at once for all."""
    left, refuted = list(theorems), set[str]()
    for path in taken_paths(setting, step):
        if path is not None:
            found = [theorem for theorem in left if _refuted_on(path, setting, theorem)]
            refuted |= {theorem.name for theorem in found}
            left = [theorem for theorem in left if theorem not in found]
        if not left:
            break
    return frozenset(refuted)


def _refuted_on(path: Taken, setting: Setting, theorem: InductiveTheorem) -> bool:
    setting.solver.push()
    try:
        posed = pose(theorem, setting, path)
        return posed and setting.solver.check() == z3.sat and find(setting, path, theorem) is not None
    finally:
        setting.solver.pop()
