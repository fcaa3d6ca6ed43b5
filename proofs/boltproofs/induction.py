"""Proving inductive theorems over the real steps.

For each case, each of the steps (:mod:`boltproofs.steps`) is run on an arbitrary channel and an arbitrary message,
along every path; wherever it is accepted, each property has to hold afterwards. One question to the solver
is one *obligation*. Two more obligations of each step are everybody's:

* every channel and message takes one of the paths (:func:`pose_no_path`);
* what the types say of the state is still so after the step (:func:`pose_untyped`), since it is assumed before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import z3

from boltproofs.arbitrary import (
    NUMBERS,
    Case,
    ConnectionLost,
    Input,
    arbitrary_channel,
    arbitrary_groups,
    arbitrary_message,
    arbitrary_params,
    domain,
    unknown,
)
from boltproofs.collection import Universal, as_formula, formula_from
from boltproofs.execution import DEFINED, Execution, Unsupported, entered, paths, summary
from boltproofs.formulas import TRUE, conjunction, disjunction
from boltproofs.groups import Group
from boltproofs.steps import StepKind
from boltproofs.symbolic import formula_of, term_of
from boltproofs.theorems import STRUCTURE, InductiveTheorem
from boltspec.channel import Channel, Link, opened
from boltspec.htlc import Htlc
from boltspec.properties.catalogue import CHANNEL_PROPERTIES
from boltspec.properties.property import ChannelProperty, LossProperty, Step, StepProperty
from boltspec.rules import noticing, with_every_rule
from boltspec.verdict import Accepted


@dataclass(frozen=True)
class Statement:
    """A property of the state before the step, to be assumed."""

    goal: ChannelProperty
    branches: list[tuple[list[z3.BoolRef], Any]]
    """The conditions under which it says something, and what."""
    formula: z3.BoolRef
    htlcs: Any
    """All HTLCs of the channel that it is about."""

    @classmethod
    def about(cls, channel: Channel, goal: ChannelProperty) -> Statement:
        """Evaluate a property on an arbitrary channel."""
        branches = summary(lambda: goal.holds(channel))
        return cls(goal, branches, formula_from(branches), channel.htlcs)

    def of(self, htlcs: list[Htlc]) -> list[z3.BoolRef]:
        """Return what the property says of HTLCs that were looked up, under the conditions under which it says it."""
        about_each = any(isinstance(value, Universal) for _, value in self.branches)
        return [self._instance(htlc) for htlc in htlcs if about_each]

    def _instance(self, htlc: Htlc) -> z3.BoolRef:
        def of_one(value: Any) -> z3.BoolRef:
            if isinstance(value, Universal) and value.htlcs is self.htlcs:
                return as_formula(lambda: value.of_each(htlc))
            return value.formula if isinstance(value, Universal) else formula_of(value)

        return disjunction(conjunction([*conditions, of_one(value)]) for conditions, value in self.branches)


@dataclass
class Setting:
    """Everything that the obligations of one case share."""

    case: Case
    groups: tuple[Group, ...]
    channel: Channel
    statements: dict[str, Statement]
    solver: z3.Solver

    def assumed(self, theorem: InductiveTheorem, taken: list[Htlc]) -> list[z3.BoolRef]:
        """Return what a theorem assumes of the state before the step, beside the structure of the whole."""
        goals = [*theorem.lemmas]
        if isinstance(theorem.goal, ChannelProperty):
            goals.append(theorem.goal)
        formulas = [formula for goal in STRUCTURE for formula in self.statements[goal.name].of(taken)]
        for goal in goals:
            statement = self.statements[goal.name]
            formulas += [statement.formula, *statement.of(taken)]
        return formulas


def settle(case: Case, timeout_ms: int, link: Link = Link.UP) -> Setting:
    """Prepare an arbitrary channel that satisfies the structural invariants, resumed so far: once for all questions.

    Raises :class:`Unsupported` if a property asks a rule: it would be another one where the rule is off.
    """
    return _settled(case, timeout_ms, link)


@cache
def _settled(case: Case, timeout_ms: int, link: Link) -> Setting:
    with with_every_rule(), noticing() as notes:
        groups = _possible(case)
        channel = arbitrary_channel(case, groups, link)
        statements = {goal.name: Statement.about(channel, goal) for goal in CHANNEL_PROPERTIES}
    if notes.deciding:
        forget_settings()  # groups remember what was computed of them: asked again, nothing would be noticed
        raise Unsupported(f"a property asks {', '.join(sorted(notes.deciding))}")
    solver = z3.Solver()
    solver.set(timeout=timeout_ms)
    solver.add(domain(channel))
    solver.add([statements[goal.name].formula for goal in STRUCTURE])
    return Setting(case, groups, channel, statements, solver)


@cache
def _possible(case: Case) -> tuple[Group, ...]:
    """Return the groups that the structural invariants allow to have members at all, however far a channel is resumed.

    What they say does not depend on that: else a group would be left out that only another link allows.
    """
    groups = arbitrary_groups()
    solver = z3.Solver()
    channel = arbitrary_channel(case, groups)
    solver.add(domain(channel))
    solver.add(*(as_formula(lambda g=goal: g.holds(channel)) for goal in STRUCTURE))  # type: ignore[misc]
    return tuple(group for group in groups if solver.check(group.number >= 1) != z3.unsat)


def forget_settings() -> None:
    """Forget what was prepared, and with it all that was computed of groups: the specification is another one now."""
    _settled.cache_clear()
    _possible.cache_clear()


@dataclass
class Taken:
    """A path on which a step was accepted."""

    step: StepKind
    message: Input
    run: Execution
    before: Channel
    after: Channel

    @property
    def looked_up(self) -> list[tuple[Group, Htlc]]:
        """The HTLCs that the step looked up, with the group that each was in."""
        found: list[tuple[Group, Htlc]] = self.run.memory.get("taken", [])
        return found


@dataclass
class Ways:
    """All paths of a step, accepted or not, as conditions."""

    conditions: list[z3.BoolRef] = field(default_factory=list)
    assumptions: list[z3.BoolRef] = field(default_factory=list)
    """What is assumed of the symbols that paths introduce."""

    def note(self, run: Execution) -> None:
        """Add one path."""
        self.conditions.append(conjunction(run.conditions))
        self.assumptions += run.assumptions


def taken_paths(setting: Setting, step: StepKind, ways: Ways | None = None) -> Iterator[Taken | None]:
    """Yield every path of a step: where it is accepted, else ``None``. Each is also noted among the ``ways``."""
    message, before = arbitrary_message(step.message), setting.channel
    setting.solver.push()
    try:
        setting.solver.add(domain(before, message))
        for verdict, run in paths(lambda: step.take(before, message), setting.solver):
            if ways is not None:
                ways.note(run)
            yield Taken(step, message, run, before, verdict.state) if isinstance(verdict, Accepted) else None
    finally:
        setting.solver.pop()


def concerns(theorem: InductiveTheorem, step: StepKind) -> bool:
    """Say whether a theorem says something about such a step."""
    if isinstance(theorem.goal, LossProperty):
        return step.message is ConnectionLost
    return isinstance(theorem.goal, ChannelProperty) or step.passes_a_message


def goal_after(theorem: InductiveTheorem, path: Taken) -> z3.BoolRef:
    """Return what has to hold after a step."""
    goal = theorem.goal
    if isinstance(goal, StepProperty):
        step = Step(path.before, path.step.sending, path.message, path.after)  # type: ignore[arg-type]
        return as_formula(lambda: goal.holds(step))
    if isinstance(goal, LossProperty):
        return as_formula(lambda: goal.holds(path.before, path.after))
    return as_formula(lambda: goal.holds(path.after))


def pose(theorem: InductiveTheorem, setting: Setting, path: Taken) -> bool:
    """Add to the solver what the theorem assumes, and that its goal fails after the step.

    Say whether there is anything to ask: a step property that does not speak of such a step is plainly true.
    """
    with entered(path.run):
        goal = goal_after(theorem, path)
        if goal is TRUE and isinstance(theorem.goal, StepProperty):
            return False
        setting.solver.add(setting.assumed(theorem, [htlc for _, htlc in path.looked_up]))
    # All facts, whether this path has learned them or not: what it learns now is forgotten with this question.
    setting.solver.add(DEFINED.known())
    setting.solver.add(z3.Not(goal))
    return True


def pose_everything(setting: Setting, path: Taken) -> None:
    """Add to the solver all that any theorem assumes: a state in which that holds is a witness for each of them."""
    taken = [htlc for _, htlc in path.looked_up]
    with entered(path.run):
        for statement in setting.statements.values():
            setting.solver.add(statement.formula, *statement.of(taken))
    setting.solver.add(DEFINED.known())


def pose_untyped(setting: Setting, path: Taken) -> None:
    """Add to the solver that a counter or an amount is negative after the step."""
    if path.after.params is not setting.channel.params:
        raise Unsupported("a step changes the constants of the channel")
    setting.solver.add(DEFINED.known())
    setting.solver.add(z3.Not(_typed(path.after)))


def _typed(channel: Channel) -> z3.BoolRef:
    htlcs: Any = channel.htlcs
    # The members of the populations keep their amounts, see SymbolicHtlcs.map.
    values = [*(getattr(channel, name) for name in NUMBERS), *(htlc.amount_msat for htlc in htlcs.single)]
    return conjunction(term_of(value) >= 0 for value in values)


def pose_no_path(setting: Setting, step: StepKind, ways: Ways) -> None:
    """Add to the solver that a channel and a message take none of the paths."""
    setting.solver.add(domain(setting.channel, arbitrary_message(step.message)))
    setting.solver.add(DEFINED.known())
    setting.solver.add(ways.assumptions)
    setting.solver.add(z3.Not(disjunction(ways.conditions)))


def pose_opening(theorem: InductiveTheorem, case: Case, timeout_ms: int) -> z3.Solver:
    """Return a solver with the question whether the property can fail right after opening."""
    assert isinstance(theorem.goal, ChannelProperty)
    params, push_msat = arbitrary_params(case), unknown("push_msat")
    channel = opened(params, push_msat)
    solver = z3.Solver()
    solver.set(timeout=timeout_ms)
    facts = domain(replace(arbitrary_channel(case, ()), params=params))
    capacity = term_of(params.capacity_msat)
    solver.add([*facts, push_msat.term >= 0, push_msat.term <= capacity])
    typed = conjunction(term_of(getattr(channel, name)) >= 0 for name in NUMBERS)
    goal = theorem.goal
    holds = as_formula(lambda: goal.holds(channel))
    solver.add(z3.Not(z3.And(typed, holds)))
    return solver
