"""Proving inductive theorems over the real steps.

For each case, each of the steps (seven messages, both directions) is run on an arbitrary channel and an arbitrary
message, along every path; wherever it is accepted, each property has to hold afterwards. One question to the solver
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
    arbitrary_channel,
    arbitrary_groups,
    arbitrary_message,
    arbitrary_params,
    domain,
    unknown,
)
from boltproofs.collection import Universal, as_formula
from boltproofs.execution import DEFINED, Execution, Unsupported, entered, paths, summary
from boltproofs.formulas import conjunction, disjunction
from boltproofs.groups import Group
from boltproofs.symbolic import term_of
from boltproofs.theorems import STRUCTURE, InductiveTheorem
from boltspec.channel import Channel, opened
from boltspec.htlc import Htlc, Side
from boltspec.messages import (
    CommitmentSigned,
    Message,
    RevokeAndAck,
    UpdateAddHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
    UpdateFulfillHtlc,
)
from boltspec.party import receive, send
from boltspec.properties.catalogue import CHANNEL_PROPERTIES
from boltspec.properties.property import ChannelProperty, Step, StepProperty
from boltspec.rules import switched_off
from boltspec.verdict import Accepted

MESSAGES: tuple[type, ...] = (
    UpdateAddHtlc,
    UpdateFulfillHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
    CommitmentSigned,
    RevokeAndAck,
)


@dataclass(frozen=True)
class StepKind:
    """One of the steps."""

    sending: bool
    message: type

    def take(self, channel: Channel, message: Message) -> Any:
        """Run the step that runs in the world and in the node."""
        return send(channel, message) if self.sending else receive(channel, message)

    def is_open_to(self, case: Case) -> bool:
        """Say whether the node may ever take the step: the opener alone sets the feerate."""
        return self.message is not UpdateFee or self.sending is (case.opener is Side.LOCAL)

    def __str__(self) -> str:
        return f"{'send' if self.sending else 'receive'} {self.message.__name__}"


STEPS = tuple(StepKind(sending, message) for message in MESSAGES for sending in (True, False))


@dataclass(frozen=True)
class Statement:
    """A property of the state before the step, to be assumed."""

    channel: Channel
    goal: ChannelProperty
    formula: z3.BoolRef
    about_each: bool
    """Whether it says something of all HTLCs."""

    @classmethod
    def about(cls, channel: Channel, goal: ChannelProperty) -> Statement:
        """Evaluate a property on an arbitrary channel."""
        branches = summary(lambda: goal.holds(channel))
        about_each = any(isinstance(value, Universal) for _, value in branches)
        return cls(channel, goal, as_formula(lambda: goal.holds(channel)), about_each)

    def of(self, htlcs: list[Htlc]) -> list[z3.BoolRef]:
        """Return what the property says of HTLCs that were looked up, under the conditions under which it says it."""
        return [as_formula(lambda h=htlc: self._instance(h)) for htlc in htlcs if self.about_each]  # type: ignore[misc]

    def _instance(self, htlc: Htlc) -> Any:
        value: Any = self.goal.holds(self.channel)
        everyone: Any = self.channel.htlcs
        return value.of_each(htlc) if isinstance(value, Universal) and value.htlcs is everyone else value


@dataclass
class Setting:
    """Everything that the obligations of one case share."""

    case: Case
    groups: tuple[Group, ...]
    channel: Channel
    statements: dict[str, Statement]
    solver: z3.Solver

    def assumed(self, theorem: InductiveTheorem, taken: list[Htlc]) -> list[z3.BoolRef]:
        """Return what a theorem assumes of the state before the step, beside the structure."""
        goals = [*theorem.lemmas]
        if isinstance(theorem.goal, ChannelProperty):
            goals.append(theorem.goal)
        formulas = []
        for goal in goals:
            statement = self.statements[goal.name]
            formulas += [statement.formula, *statement.of(taken)]
        return formulas


def settle(case: Case, timeout_ms: int) -> Setting:
    """Prepare an arbitrary channel that satisfies the structural invariants.

    It is prepared once for the rules that are off, as a property might be stated in terms of steps.
    """
    return _settled(case, timeout_ms, tuple(sorted(switched_off())))


@cache
def _settled(case: Case, timeout_ms: int, _off: tuple[str, ...]) -> Setting:
    groups = _possible(case)
    channel = arbitrary_channel(case, groups)
    statements = {goal.name: Statement.about(channel, goal) for goal in CHANNEL_PROPERTIES}
    solver = z3.Solver()
    solver.set(timeout=timeout_ms)
    solver.add(domain(channel))
    solver.add([statements[goal.name].formula for goal in STRUCTURE])
    return Setting(case, groups, channel, statements, solver)


def _possible(case: Case) -> tuple[Group, ...]:
    """Return the groups that the structural invariants allow to have members at all."""
    groups = arbitrary_groups()
    solver = z3.Solver()
    channel = arbitrary_channel(case, groups)
    solver.add(domain(channel))
    solver.add(*(as_formula(lambda g=goal: g.holds(channel)) for goal in STRUCTURE))  # type: ignore[misc]
    return tuple(group for group in groups if solver.check(group.number >= 1) != z3.unsat)


@dataclass
class Taken:
    """A path on which a step was accepted."""

    step: StepKind
    message: Message
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


def goal_after(theorem: InductiveTheorem, path: Taken) -> z3.BoolRef:
    """Return what has to hold after a step."""
    goal = theorem.goal
    if isinstance(goal, StepProperty):
        step = Step(path.before, path.step.sending, path.message, path.after)
        return as_formula(lambda: goal.holds(step))
    return as_formula(lambda: goal.holds(path.after))


def pose(theorem: InductiveTheorem, setting: Setting, path: Taken) -> None:
    """Add to the solver what the theorem assumes, and that its goal fails after the step."""
    with entered(path.run):
        goal = goal_after(theorem, path)
        setting.solver.add(setting.assumed(theorem, [htlc for _, htlc in path.looked_up]))
    # All facts, whether this path has learned them or not: what it learns now is forgotten with this question.
    setting.solver.add(DEFINED.facts)
    setting.solver.add(z3.Not(goal))


def pose_everything(setting: Setting, path: Taken) -> None:
    """Add to the solver all that any theorem assumes: a state in which that holds is a witness for each of them."""
    taken = [htlc for _, htlc in path.looked_up]
    with entered(path.run):
        for statement in setting.statements.values():
            setting.solver.add(statement.formula, *statement.of(taken))
    setting.solver.add(DEFINED.facts)


def pose_untyped(setting: Setting, path: Taken) -> None:
    """Add to the solver that a counter or an amount is negative after the step."""
    if path.after.params is not setting.channel.params:
        raise Unsupported("a step changes the constants of the channel")
    setting.solver.add(DEFINED.facts)
    setting.solver.add(z3.Not(_typed(path.after)))


def _typed(channel: Channel) -> z3.BoolRef:
    htlcs: Any = channel.htlcs
    # The members of the populations keep their amounts, see SymbolicHtlcs.map.
    values = [*(getattr(channel, name) for name in NUMBERS), *(htlc.amount_msat for htlc in htlcs.single)]
    return conjunction(term_of(value) >= 0 for value in values)


def pose_no_path(setting: Setting, step: StepKind, ways: Ways) -> None:
    """Add to the solver that a channel and a message take none of the paths."""
    setting.solver.add(domain(setting.channel, arbitrary_message(step.message)))
    setting.solver.add(DEFINED.facts)
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
    holds = as_formula(lambda: theorem.goal.holds(channel))  # type: ignore[arg-type]
    solver.add(z3.Not(z3.And(typed, holds)))
    return solver
