"""Facts of a single node, proved for all amounts: the very steps are run on symbolic numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
import z3

from boltproofs.execution import paths
from boltproofs.symbolic import SymInt
from boltspec.establishment.properties import FIRST_COMMITMENT_PAYABLE, LIMITS_SANE, RESERVE_ABOVE_DUST, Property
from boltspec.establishment.scenario import ACCEPT_CHANNEL, HONEST, OPEN_CHANNEL
from boltspec.establishment.state import Establishment
from boltspec.establishment.steps import receive, send
from boltspec.establishment.world import World
from boltspec.params import Limits
from boltspec.rules import without
from boltspec.verdict import Accepted

IDLE = Establishment(HONEST.nodes[0])
PROVED = (RESERVE_ABOVE_DUST, LIMITS_SANE, FIRST_COMMITMENT_PAYABLE)


def numbers(solver: z3.Solver, message: Any, names: tuple[str, ...], prefix: str) -> Any:
    """Return the message with any numbers of 64 bits in the named fields and in its limits."""

    def number(name: str) -> Any:
        term = z3.Int(f"{prefix}.{name}")
        solver.add(term >= 0, term < 1 << 64)
        return SymInt(term)

    limits = Limits(**{field.name: number(field.name) for field in fields(Limits)})
    return replace(message, limits=limits, **{name: number(name) for name in names})


def proposal(solver: z3.Solver) -> Any:
    return numbers(solver, OPEN_CHANNEL, ("funding_satoshis", "push_msat", "feerate_per_kw"), "open")


def answer(solver: z3.Solver) -> Any:
    return numbers(solver, ACCEPT_CHANNEL, ("minimum_depth",), "accept")


def accepting(solver: z3.Solver) -> Callable[[], Any]:
    message = proposal(solver)
    return lambda: receive(IDLE, message)


def opening(solver: z3.Solver) -> Callable[[], Any]:
    message = proposal(solver)
    return lambda: send(IDLE, message)


def opened_and_answered(solver: z3.Solver) -> Callable[[], Any]:
    """The opener proposes anything that it may, and takes any answer that it must."""
    first, second = proposal(solver), answer(solver)

    def run() -> Any:
        verdict = send(IDLE, first)
        return receive(verdict.state, second) if isinstance(verdict, Accepted) else verdict

    return run


STEPS = {step.__name__: step for step in (accepting, opening, opened_and_answered)}


def outcomes(step: str, broken: Property) -> set[bool]:
    """Return whether the property holds, over all paths on which the step is taken."""
    solver = z3.Solver()
    run = STEPS[step](solver)

    def judged() -> bool | None:
        verdict = run()
        if not isinstance(verdict, Accepted):
            return None
        world = World((verdict.state, Establishment(HONEST.nodes[1])))
        return bool(broken.holds(world, world, HONEST))

    return {outcome for outcome, _ in paths(judged, solver) if outcome is not None}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("proved", PROVED, ids=lambda entry: entry.name)
def test_terms_that_are_taken_have_the_property_whatever_the_numbers(step: str, proved: Property) -> None:
    assert outcomes(step, proved) == {True}


@pytest.mark.parametrize(
    ("rule", "step", "refuted"),
    [
        ("B02-open-channel-r-19", "accepting", RESERVE_ABOVE_DUST),
        ("B02-open-channel-s-08", "opening", RESERVE_ABOVE_DUST),
        ("B02-accept-channel-r-02", "opened_and_answered", RESERVE_ABOVE_DUST),
        ("B02-accept-channel-r-03", "opened_and_answered", RESERVE_ABOVE_DUST),
        ("B02-open-channel-r-16", "accepting", LIMITS_SANE),
        ("B02-open-channel-r-20", "opened_and_answered", LIMITS_SANE),
        ("B02-open-channel-r-21", "accepting", FIRST_COMMITMENT_PAYABLE),
        ("B02-open-channel-r-22", "accepting", FIRST_COMMITMENT_PAYABLE),
        ("D02-open-channel-s-02", "opening", FIRST_COMMITMENT_PAYABLE),
    ],
)
def test_without_its_rule_the_property_is_refuted(rule: str, step: str, refuted: Property) -> None:
    with without(frozenset({rule})):
        assert outcomes(step, refuted) == {True, False}
