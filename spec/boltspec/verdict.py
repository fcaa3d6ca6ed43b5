"""Verdicts: what came of handing a message to a step.

Three kinds of wrong are kept apart. *Refused*: we may not send this. *Rejected*: the peer broke the protocol, and the
BOLT prescribes a reaction. ``ValueError``: the caller misused the function; it is raised and not returned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Generic, TypeVar

from boltspec.rules import Reaction, RuleBroken, step_ended

State = TypeVar("State")
Input = TypeVar("Input")


@dataclass(frozen=True, slots=True)
class Accepted(Generic[State]):
    """The step was taken."""

    state: State


@dataclass(frozen=True, slots=True)
class Refused:
    """We may not send this; the state is as it was."""

    rule: str
    numbers: dict[str, object] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Rejected:
    """The peer broke a rule; the state is as it was and the BOLT prescribes the reaction."""

    rule: str
    reaction: Reaction
    numbers: dict[str, object] = field(default_factory=dict, compare=False)


SendVerdict = Accepted[State] | Refused
ReceiveVerdict = Accepted[State] | Rejected


def sends(step: Callable[[State, Input], State]) -> Callable[[State, Input], Accepted[State] | Refused]:
    """Turn a function that returns the new state into a sender's step."""

    @wraps(step)
    def judged(state: State, message: Input) -> Accepted[State] | Refused:
        try:
            after = step(state, message)
        except RuleBroken as broken:
            step_ended(broken.rule)
            return Refused(broken.rule, broken.numbers)
        step_ended(None)
        return Accepted(after)

    return judged


def receives(step: Callable[[State, Input], State]) -> Callable[[State, Input], Accepted[State] | Rejected]:
    """Turn a function that returns the new state into a receiver's step."""

    @wraps(step)
    def judged(state: State, message: Input) -> Accepted[State] | Rejected:
        try:
            after = step(state, message)
        except RuleBroken as broken:
            step_ended(broken.rule)
            if broken.reaction is None:
                raise AssertionError(f"receiver rule {broken.rule} has no reaction") from broken
            return Rejected(broken.rule, broken.reaction, broken.numbers)
        step_ended(None)
        return Accepted(after)

    return judged
