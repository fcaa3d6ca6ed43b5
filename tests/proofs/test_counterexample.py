"""Counterexamples and witnesses: concrete, and confirmed by the plain interpreter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import z3
from z3 import Bool, Int, Solver

from boltproofs import counterexample
from boltproofs.arbitrary import CASES
from boltproofs.counterexample import Example, find
from boltproofs.induction import Setting, Statement, Taken, concerns, pose, pose_everything, settle, taken_paths
from boltproofs.induction_proof import BY_NAME
from boltproofs.solving import QUERY_TIMEOUT_MS
from boltproofs.steps import STEPS, STEPS_AT, StepKind
from boltproofs.symbolic import SymBool, SymInt
from boltproofs.theorems import STRUCTURE, InductiveTheorem
from boltspec.channel import Link
from boltspec.htlc import Stage
from boltspec.htlcs import Htlcs
from boltspec.messages import UpdateFulfillHtlc
from boltspec.properties.catalogue import CHANNEL_PROPERTIES
from boltspec.properties.property import ChannelProperty, Step
from boltspec.rules import without
from boltspec.verdict import Accepted


@pytest.fixture(name="setting", scope="module")
def _setting() -> Setting:
    return settle(CASES[0], QUERY_TIMEOUT_MS)


RESUMED = STEPS_AT[Link.UP]


def examples(setting: Setting, step: StepKind, theorem: InductiveTheorem | None) -> list[Example | None]:
    found = []
    for path in taken_paths(setting, step):
        if path is not None:
            setting.solver.push()
            asked = True
            if theorem is None:
                pose_everything(setting, path)
            else:
                asked = pose(theorem, setting, path)
            found.append(find(setting, path, theorem) if asked else None)
            setting.solver.pop()
    return found


@pytest.mark.parametrize("step", [step for step in STEPS if step.is_open_to(CASES[0])], ids=str)
def test_a_witness_is_a_plain_state_in_which_every_property_holds_and_the_step_is_taken(step: StepKind) -> None:
    setting = settle(CASES[0], QUERY_TIMEOUT_MS, step.link)
    witnesses = [witness for witness in examples(setting, step, None) if witness is not None]
    assert witnesses
    for witness in witnesses:
        assert isinstance(witness.before.htlcs, Htlcs)
        assert "Sym" not in str(witness)
        assert all(goal.holds(witness.before) for goal in CHANNEL_PROPERTIES)
        verdict: Any = step.take(witness.before, witness.message)
        assert verdict == Accepted(witness.after)


def test_nothing_refutes_a_theorem_that_holds(setting: Setting) -> None:
    for name in ("Conservation", "FulfilProves"):
        for step in (step for step in RESUMED[2:] if concerns(BY_NAME[name], step)):
            assert set(examples(setting, step, BY_NAME[name])) <= {None}


def test_a_counterexample_violates_the_property_and_nothing_that_was_assumed(setting: Setting) -> None:
    theorem = BY_NAME["FulfilProves"]
    step = next(step for step in RESUMED if step.message is UpdateFulfillHtlc and not step.sending)
    with without(frozenset({"B02-removing-htlc-r-02"})):
        found = [example for example in examples(setting, step, theorem) if example is not None]
        assert found
    for example in found:
        assert isinstance(example.message, UpdateFulfillHtlc)
        goal: Any = theorem.goal
        assert not goal.holds(Step(example.before, step.sending, example.message, example.after))
        assert all(premise.holds(example.before) for premise in (*STRUCTURE, *theorem.lemmas))
        # With the rule in force the plain interpreter does not take the step.
        assert not isinstance(step.take(example.before, example.message), Accepted)
        assert "leads to" in str(example)


def test_an_example_that_the_plain_interpreter_does_not_confirm_is_none(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = counterexample._built

    def unlawful(model: Any, where: Setting, path: Taken, members: Any) -> Any:
        channel, message = built(model, where, path, members)
        return replace(channel, htlcs=channel.htlcs.map(lambda htlc: replace(htlc, added=Stage.ABSENT))), message

    step = next(step for step in RESUMED if step.message is UpdateFulfillHtlc and step.sending)
    assert any(examples(setting, step, None))
    monkeypatch.setattr(counterexample, "_built", unlawful)
    assert set(examples(setting, step, None)) == {None}


def test_a_property_that_holds_in_the_plain_state_is_not_refuted_by_a_symbol(setting: Setting) -> None:
    """The solver may give a product of unknowns any value; the interpreter computes it."""
    odd = ChannelProperty("Square", "A feerate times itself is not seven.", lambda channel: _square(channel) != 7)
    theorem = InductiveTheorem(odd, ())
    setting.statements["Square"] = Statement.about(setting.channel, ChannelProperty("Square", "", lambda _: True))
    for path in taken_paths(setting, RESUMED[-1]):
        if path is not None:
            setting.solver.push()
            pose(theorem, setting, path)
            assert setting.solver.check() == z3.sat
            assert find(setting, path, theorem) is None
            setting.solver.pop()
    del setting.statements["Square"]


def _square(channel: Any) -> Any:
    return channel.params.feerate_per_kw * channel.params.feerate_per_kw


def test_values_of_a_model_are_plain() -> None:
    solver = Solver()
    solver.add(Int("x") == 5, Bool("b"))
    solver.check()
    assert counterexample._value(solver.model(), SymInt(Int("x"))) == 5
    assert counterexample._value(solver.model(), SymBool(Bool("b"))) is True
    assert counterexample._value(solver.model(), SymInt(Int("unasked"))) == 0
    assert counterexample._value(solver.model(), 7) == 7
