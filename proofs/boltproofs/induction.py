"""Proving inductive theorems over the real steps.

For each case, each of the ten steps (five messages, both directions) is run on an arbitrary channel and an arbitrary
message, along every path; wherever it is accepted, each property has to hold afterwards. One question to the solver
is one *obligation*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import z3

from boltproofs import collection
from boltproofs.arbitrary import (
    Case,
    arbitrary_channel,
    arbitrary_groups,
    arbitrary_message,
    arbitrary_params,
    domain,
    unknown,
)
from boltproofs.collection import Group, as_formula
from boltproofs.execution import Execution, entered, paths
from boltproofs.symbolic import term_of
from boltproofs.theorems import STRUCTURE, InductiveTheorem
from boltspec.channel import Channel, opened
from boltspec.htlc import Htlc
from boltspec.messages import (
    CommitmentSigned,
    Message,
    RevokeAndAck,
    UpdateAddHtlc,
    UpdateFailHtlc,
    UpdateFulfillHtlc,
)
from boltspec.party import receive, send
from boltspec.properties.catalogue import CHANNEL_PROPERTIES
from boltspec.properties.property import ChannelProperty, Step, StepProperty
from boltspec.verdict import Accepted

MESSAGES: tuple[type, ...] = (UpdateAddHtlc, UpdateFulfillHtlc, UpdateFailHtlc, CommitmentSigned, RevokeAndAck)


@dataclass(frozen=True)
class StepKind:
    """One of the ten steps."""

    sending: bool
    message: type

    def take(self, channel: Channel, message: Message) -> Any:
        """Run the step that runs in the world and in the node."""
        return send(channel, message) if self.sending else receive(channel, message)

    def __str__(self) -> str:
        return f"{'send' if self.sending else 'receive'} {self.message.__name__}"


STEPS = tuple(StepKind(sending, message) for message in MESSAGES for sending in (True, False))


@dataclass(frozen=True)
class Statement:
    """A property of the state before the step, as formula and as what it says of each HTLC."""

    formula: z3.BoolRef
    of_each: tuple[Callable[[Htlc], Any], ...]

    @classmethod
    def about(cls, channel: Channel, goal: ChannelProperty) -> Statement:
        """Evaluate a property on an arbitrary channel, to assume it."""
        collection.noted.clear()
        formula = as_formula(lambda: goal.holds(channel))
        about: Any = channel.htlcs
        return cls(formula, tuple(say for htlcs, say in collection.noted if htlcs is about))

    def of(self, htlcs: list[Htlc]) -> list[z3.BoolRef]:
        """Return what the property says of HTLCs that were looked up."""
        return [as_formula(lambda s=say, h=htlc: s(h)) for say in self.of_each for htlc in htlcs]  # type: ignore[misc]


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


@cache
def settle(case: Case, timeout_ms: int) -> Setting:
    """Prepare an arbitrary channel that satisfies the structural invariants."""
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
    after: Channel

    @property
    def looked_up(self) -> list[tuple[Group, Htlc]]:
        """The HTLCs that the step looked up, with the group that each was in."""
        found: list[tuple[Group, Htlc]] = self.run.memory.get("taken", [])
        return found


def taken_paths(setting: Setting, step: StepKind) -> Iterator[Taken | None]:
    """Yield every path of a step: where it is accepted, else ``None``."""
    message = arbitrary_message(step.message)
    setting.solver.push()
    setting.solver.add(domain(setting.channel, message))
    for verdict, run in paths(lambda: step.take(setting.channel, message), setting.solver):
        yield Taken(step, message, run, verdict.state) if isinstance(verdict, Accepted) else None
    setting.solver.pop()


def goal_after(theorem: InductiveTheorem, setting: Setting, path: Taken) -> z3.BoolRef:
    """Return what has to hold after a step."""
    goal = theorem.goal
    if isinstance(goal, StepProperty):
        step = Step(setting.channel, path.step.sending, path.message, path.after)
        return as_formula(lambda: goal.holds(step))
    return as_formula(lambda: goal.holds(path.after))


def pose(theorem: InductiveTheorem, setting: Setting, path: Taken) -> None:
    """Add to the solver what the theorem assumes, and that its goal fails after the step."""
    with entered(path.run):
        goal = goal_after(theorem, setting, path)
        setting.solver.add(setting.assumed(theorem, [htlc for _, htlc in path.looked_up]))
    path.run.learn()
    setting.solver.add(z3.Not(goal))


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
    solver.add(z3.Not(as_formula(lambda: theorem.goal.holds(channel))))  # type: ignore[arg-type]
    return solver
