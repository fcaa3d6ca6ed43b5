"""From a solver's model to a concrete state and step, run on the plain interpreter.

The solver answers about any number of HTLCs and about products as symbols. Before anybody is told that a theorem fails,
a small concrete state is asked for (each group holds the HTLCs that were looked up, and its arbitrary member or not),
built from plain values, and the step is taken again without the prover: the premises must hold, the step must be
accepted, the goal must fail. The same makes a *witness*: a concrete state in which the premises hold and the step is
accepted, so that a theorem is not empty. One witness is for all: every property holds in it, whichever is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import z3

from boltproofs.arbitrary import FLAGS, NUMBERS, Input, arbitrary_params, unknown
from boltproofs.execution import DEFINED
from boltproofs.formulas import added_up
from boltproofs.groups import GROUP_SUMS, UNKNOWN_FIELDS, at
from boltproofs.induction import Setting, Taken
from boltproofs.steps import StepKind
from boltproofs.symbolic import SymBool, SymInt, term_of
from boltproofs.theorems import STRUCTURE, InductiveTheorem
from boltspec.channel import Channel, opened
from boltspec.commitment import View, commitment
from boltspec.feerates import Feerates, FeeUpdate
from boltspec.htlc import Htlc
from boltspec.htlcs import Htlcs
from boltspec.messages import CommitmentSigned, Signature
from boltspec.params import Limits, Params, UpdatePolicy
from boltspec.properties.catalogue import CHANNEL_PROPERTIES
from boltspec.properties.property import ChannelProperty, LossProperty, Step
from boltspec.units import Msat
from boltspec.verdict import Accepted

FEERATES = ((1_000, 1_000, 2), (1_000, 1_000, 0), (253, 253, 2), (1_000, 10_000, 2), (0, 0, 0))
"""Feerates that are tried, in sat per 1000 weight units: those of the channel, that of an ``update_fee``, and the
``fee_spike_multiple``. With constant ones fees are linear."""
EXTRA_HTLCS = (0, 2, None)
"""How many HTLCs beside those that the step looks up a state may have: small ones are looked for first."""


@dataclass(frozen=True)
class Example:
    """A concrete step of one node, or a channel that has just been opened."""

    before: Channel
    step: StepKind | None
    message: Input | None
    after: Channel

    def __str__(self) -> str:
        if self.step is None:
            return f"a channel opened as {describe(self.before)}"
        said = f": {self.message}" if self.step.passes_a_message else ""
        return f"in {describe(self.before)}\n  {self.step}{said}\n  leads to {describe(self.after)}"


def describe(channel: Channel) -> str:
    """Return a channel state on a few lines, without what does not matter."""
    htlcs = "".join(f"\n    {htlc}" for htlc in channel.htlcs.items)
    names = [entry.name for entry in fields(channel) if entry.name not in ("params", "htlcs")]
    rest = ", ".join(f"{name}={getattr(channel, name)}" for name in names)
    return f"{rest}\n    {channel.params}{htlcs}"


def find(setting: Setting, path: Taken, theorem: InductiveTheorem | None) -> Example | None:
    """Return a concrete step for what the solver holds at present, if there is one that the plain interpreter confirms.

    With a theorem: one that refutes it; else a witness, in which all properties hold and the step is accepted.
    """
    solver, members = setting.solver, _members(setting, path)
    solver.push()
    try:
        solver.add(DEFINED.exact)
        solver.add(_nobody_else(setting, path, members))
        for feerates in FEERATES:
            for extra in EXTRA_HTLCS:
                solver.push()
                solver.add(_small(setting, members, feerates, extra))
                example = None
                if solver.check() == z3.sat:
                    example = _confirmed(_built(solver.model(), setting, path, members), path.step, theorem)
                solver.pop()
                if example is not None:
                    return example
    finally:
        solver.pop()
    return None


Members = dict[str, list[tuple[z3.BoolRef, Htlc]]]


def _members(setting: Setting, path: Taken) -> Members:
    """Return for each group who may be in it: those that were looked up, and perhaps the arbitrary member."""
    members: Members = {}
    for group in setting.groups:
        taken = [(z3.BoolVal(True), htlc) for home, htlc in path.looked_up if home is group]
        members[group.name] = [*taken, (z3.Bool(f"{group.name}.there"), group.member)]
    return members


def _small(
    setting: Setting, members: Members, feerates: tuple[int, int, int], extra: int | None
) -> list[z3.BoolRef]:
    """Return that the feerates are these, and that there are few HTLCs."""
    here, proposed, multiple = feerates
    facts: list[Any] = [
        z3.Int("feerate_per_kw") == here,
        z3.Int("message.feerate_per_kw") == proposed,
        term_of(setting.channel.params.policy.fee_spike_multiple) == multiple,
        *(term_of(update.feerate_per_kw) == here for update in setting.channel.feerates.newest),
    ]
    if extra is not None:
        facts.append(z3.AtMost(*(there[-1][0] for there in members.values()), extra))
    return facts


def _nobody_else(setting: Setting, path: Taken, members: Members) -> list[z3.BoolRef]:
    """Return that there are no other HTLCs than these, with ids of their own, and what sums then are."""
    facts: list[Any] = []
    for group in setting.groups:
        there = members[group.name]
        facts.append(group.number == added_up(z3.If(is_there, 1, 0) for is_there, _ in there))
        facts.append(
            group.amounts == added_up(z3.If(is_there, term_of(htlc.amount_msat), 0) for is_there, htlc in there)
        )
    for entry in GROUP_SUMS.known.values():  # also those over groups of other settings: nobody is in these
        there = members.get(entry.group.name, [])
        weights = [z3.If(is_there, at(entry.weight, entry.group.member, htlc), 0) for is_there, htlc in there]
        facts.append(entry.symbol == added_up(weights))
    everyone = [(is_there, htlc) for there in members.values() for is_there, htlc in there]
    for index, (is_there, htlc) in enumerate(everyone):
        facts.append(term_of(htlc.id) >= 0)
        for other_is_there, other in everyone[:index]:
            if other.offerer is htlc.offerer:
                facts.append(z3.Implies(z3.And(is_there, other_is_there), term_of(htlc.id) != term_of(other.id)))
    for offerer, absent in path.run.memory.get("absent", []):
        facts += [
            z3.Implies(is_there, term_of(htlc.id) != absent) for is_there, htlc in everyone if htlc.offerer is offerer
        ]
    return facts


def _value(model: z3.ModelRef, symbolic: Any) -> Any:
    if isinstance(symbolic, SymInt):
        return model.eval(symbolic.term, model_completion=True).as_long()
    if isinstance(symbolic, SymBool):
        return z3.is_true(model.eval(symbolic.formula, model_completion=True))
    return symbolic


def _params(model: z3.ModelRef, params: Params) -> Params:
    def limits(symbolic: Limits) -> Limits:
        return Limits(**{entry.name: _value(model, getattr(symbolic, entry.name)) for entry in fields(Limits)})

    return replace(
        params,
        funding_satoshis=_value(model, params.funding_satoshis),
        feerate_per_kw=_value(model, params.feerate_per_kw),
        local=limits(params.local),
        remote=limits(params.remote),
        policy=UpdatePolicy(**{e.name: _value(model, getattr(params.policy, e.name)) for e in fields(UpdatePolicy)}),
    )


def _feerates(model: z3.ModelRef, feerates: Feerates) -> Feerates:
    newest: Any = tuple(FeeUpdate(*(_value(model, number) for number in update)) for update in feerates.newest)
    return Feerates(newest)


def _built(model: z3.ModelRef, setting: Setting, path: Taken, members: Members) -> tuple[Channel, Input]:
    htlcs = Htlcs()
    for there in members.values():
        for is_there, htlc in there:
            if z3.is_true(model.eval(is_there, model_completion=True)):
                known = {name: _value(model, getattr(htlc, name)) for name in UNKNOWN_FIELDS}
                htlcs = htlcs.add(replace(htlc, **known))
    symbolic = setting.channel
    channel = Channel(
        params=_params(model, symbolic.params),
        local_msat=_value(model, symbolic.local_msat),
        remote_msat=_value(model, symbolic.remote_msat),
        feerates=_feerates(model, symbolic.feerates),
        htlcs=htlcs,
        link=symbolic.link,
        **{name: _value(model, getattr(symbolic, name)) for name in (*NUMBERS, *FLAGS)},
    )
    return channel, _message(model, path, channel)


def _message(model: z3.ModelRef, path: Taken, channel: Channel) -> Input:
    message = path.message
    if isinstance(message, CommitmentSigned):
        view = View.REMOTE_NEXT if path.step.sending else View.LOCAL_NEXT
        right = commitment(channel, view)
        signatures = [
            Signature(right if z3.is_true(model.eval(z3.Bool(unknown_one.name), model_completion=True)) else None)  # type: ignore[attr-defined]
            for unknown_one in (message.signature, message.htlc_signatures)
        ]
        return CommitmentSigned(signatures[0], _value(model, message.num_htlcs), signatures[1])
    return type(message)(**{entry.name: _value(model, getattr(message, entry.name)) for entry in fields(message)})


def _confirmed(built: tuple[Channel, Input], step: StepKind, theorem: InductiveTheorem | None) -> Example | None:
    """Take the step on the plain interpreter; return it if it shows what it should."""
    channel, message = built
    if not all(premise.holds(channel) for premise in _premises(theorem)):
        return None
    verdict = step.take(channel, message)
    if not isinstance(verdict, Accepted):
        return None
    if theorem is not None and _goal_holds(theorem, step, channel, message, verdict.state):
        return None
    return Example(channel, step, message, verdict.state)


def _premises(theorem: InductiveTheorem | None) -> tuple[ChannelProperty, ...]:
    if theorem is None:
        return CHANNEL_PROPERTIES
    itself = (theorem.goal,) if isinstance(theorem.goal, ChannelProperty) else ()
    return (*STRUCTURE, *theorem.lemmas, *itself)


def _goal_holds(
    theorem: InductiveTheorem, step: StepKind, before: Channel, message: Input, after: Channel
) -> bool:
    goal = theorem.goal
    if isinstance(goal, ChannelProperty):
        return goal.holds(after)
    if isinstance(goal, LossProperty):
        return goal.holds(before, after)
    return goal.holds(Step(before, step.sending, message, after))  # type: ignore[arg-type]


def find_opening(solver: z3.Solver, setting: Setting, theorem: InductiveTheorem) -> Example | None:
    """Return a concrete channel that violates the property right after opening."""
    assert isinstance(theorem.goal, ChannelProperty)
    model = solver.model()
    params = _params(model, arbitrary_params(setting.case))
    channel = opened(params, Msat(_value(model, unknown("push_msat"))))
    return None if theorem.goal.holds(channel) else Example(channel, None, None, channel)
