"""The symbolic collection of HTLCs against the plain one.

Concrete HTLCs give every symbol a value: the number and the sum of amounts of each group, each sum of a weight by its
definition, the HTLC that was looked up. With these values everything the prover computes must equal what the plain
collection and the plain steps compute, everything it assumes must be true, and exactly one path must be taken.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any

import z3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from boltproofs.arbitrary import CASES, FLAGS, NUMBERS, Input, arbitrary_message, domain
from boltproofs.collection import Population, SymbolicHtlcs, as_formula
from boltproofs.execution import DEFINED, entered, paths, summary
from boltproofs.groups import GROUP_SUMS, Form, Group, at
from boltproofs.induction import settle
from boltproofs.steps import STEPS, STEPS_AT, StepKind
from boltproofs.symbolic import SymInt, formula_of, term_of
from boltproofs.theorems import STRUCTURE
from boltspec.channel import Channel, Link
from boltspec.commit import next_commitment_signed
from boltspec.commitment import View, commitment, untrimmed_count
from boltspec.feerates import Feerates, FeeUpdate
from boltspec.htlc import LOCAL, REMOTE, Event, Htlc, Removal, Side, Stage, advance, is_settled
from boltspec.htlcs import Htlcs
from boltspec.messages import (
    BADONION,
    NO_SECRET,
    ChannelReestablish,
    CommitmentSigned,
    RevokeAndAck,
    Signature,
    UpdateAddHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
    UpdateFulfillHtlc,
)
from boltspec.params import Limits, Params, UpdatePolicy
from boltspec.properties.catalogue import CHANNEL_PROPERTIES
from boltspec.properties.property import ChannelProperty
from boltspec.reestablish import next_channel_reestablish
from boltspec.units import FeeratePerKw, Msat
from boltspec.verdict import Accepted

QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@dataclass
class Values:
    """What every symbol stands for, given concrete HTLCs."""

    groups: tuple[Group, ...]
    htlcs: Htlcs
    known: dict[str, int | bool] = field(default_factory=dict)
    found: Htlc | None = None
    """The HTLC that is looked up."""
    taken_out: Htlc | None = None
    """One that no arbitrary member stands for, as it is treated by itself."""
    turn: int = 0
    """Which member of each group its arbitrary member stands for."""
    evaluated: dict[int, Any] = field(default_factory=dict)
    """Values of terms, by identity."""

    def of(self, term: z3.ExprRef) -> Any:
        return compiled(term)(self)

    def named(self, name: str) -> int | bool:
        if name not in self.known:
            self.known[name] = self._defined(name)
        return self.known[name]

    def _defined(self, name: str) -> int | bool:
        if name in DEFINED.factors:
            left, right = DEFINED.factors[name]
            return int(self.of(left) * self.of(right))
        if name.startswith("sum!"):
            group, weights = sum_of(name)
            return sum(self.of(weight) for weight in weights(self._members(group.name)))
        return self._of_group(name)

    def _of_group(self, name: str) -> int | bool:
        if name.startswith("found in "):
            form = self._form(name.removeprefix("found in ").rpartition("!")[0])
            return self.found is not None and form_of(self.found) == form
        group_name, which, attribute = parsed(name)
        members = self._members(group_name)
        if which == "number":
            return len(members)
        if which == "amounts":
            return sum(int(htlc.amount_msat) for htlc in members)
        left = [htlc for htlc in members if htlc != self.taken_out]
        in_turn = left[self.turn % len(left)] if left else None
        htlc = self.found if which.startswith("taken!") else in_turn
        return int(getattr(htlc, attribute)) if htlc is not None else 0

    def _members(self, group_name: str) -> list[Htlc]:
        return [htlc for htlc in self.htlcs.items if form_of(htlc) == self._form(group_name)]

    def _form(self, group_name: str) -> Form:
        return next(group.form for group in self.groups if group.name == group_name)

    def turns(self, after: bool = False) -> Iterator[Values]:
        """Yield these values with the arbitrary members standing for others, until each member has had its turn.

        ``after`` the HTLC that was looked up has been replaced.
        """
        kept = {name: value for name, value in self.known.items() if ".member." not in name}
        for turn in range(len(self.htlcs.items) + 1):
            taken_out = self.found if after else None
            yield replace(self, known=dict(kept), turn=turn, taken_out=taken_out, evaluated={})


def parsed(name: str) -> tuple[str, str, str]:
    """Split the name of a symbol into the group, what it is of the group, and the field."""
    parts = name.split(".")
    return ".".join(parts[:5]), parts[5], parts[6] if len(parts) > 6 else ""


@cache
def sum_of(name: str) -> tuple[Group, Callable[[list[Htlc]], list[z3.ExprRef]]]:
    """Return the group that a symbol sums over, and its weight for each of some members."""
    entry = next(entry for entry in GROUP_SUMS.known.values() if entry.symbol.decl().name() == name)
    weight = cache(lambda htlc: at(entry.weight, entry.group.member, htlc))
    return entry.group, lambda htlcs: [weight(htlc) for htlc in htlcs]


Evaluation = Callable[[Values], Any]
COMPILED: dict[int, tuple[z3.ExprRef, Evaluation]] = {}
"""Terms by identity as functions of the values of their symbols; they are kept, so that no identity is used twice."""

FUNCTIONS: dict[int, Callable[..., Any]] = {
    z3.Z3_OP_NOT: operator.not_,
    z3.Z3_OP_EQ: operator.eq,
    z3.Z3_OP_DISTINCT: operator.ne,
    z3.Z3_OP_LE: operator.le,
    z3.Z3_OP_GE: operator.ge,
    z3.Z3_OP_LT: operator.lt,
    z3.Z3_OP_GT: operator.gt,
    z3.Z3_OP_ADD: lambda *terms: sum(terms),
    z3.Z3_OP_SUB: operator.sub,
    z3.Z3_OP_UMINUS: operator.neg,
    z3.Z3_OP_MUL: operator.mul,
    z3.Z3_OP_IDIV: operator.floordiv,
}


def compiled(term: z3.ExprRef) -> Evaluation:
    """Return a term as a function that computes with plain Python numbers: a reading of Z3's terms of our own."""
    identity = term.get_id()
    if identity not in COMPILED:
        evaluate = _compiled(term)

        def once(values: Values) -> Any:
            if identity not in values.evaluated:
                values.evaluated[identity] = evaluate(values)
            return values.evaluated[identity]

        COMPILED[identity] = term, once
    return COMPILED[identity][1]


def _compiled(term: z3.ExprRef) -> Evaluation:
    kind, name, parts = term.decl().kind(), term.decl().name(), [compiled(part) for part in term.children()]
    match kind:
        case z3.Z3_OP_UNINTERPRETED:
            assert not parts
            return lambda values: values.named(name)
        case z3.Z3_OP_TRUE | z3.Z3_OP_FALSE:
            return lambda _: kind == z3.Z3_OP_TRUE
        case z3.Z3_OP_ANUM:
            number = term.as_long()
            return lambda _: number
        case z3.Z3_OP_AND:
            return lambda values: all(part(values) for part in parts)
        case z3.Z3_OP_OR:
            return lambda values: any(part(values) for part in parts)
        case z3.Z3_OP_IMPLIES:
            return lambda values: parts[1](values) if parts[0](values) else True
        case z3.Z3_OP_ITE:
            return lambda values: parts[1](values) if parts[0](values) else parts[2](values)
        case _:
            function = FUNCTIONS[kind]
            return lambda values: function(*[part(values) for part in parts])


def form_of(htlc: Htlc) -> Form:
    return htlc.offerer, htlc.added, htlc.removal, htlc.removed


# --- combinators ---

FORMS: tuple[Form, ...] = (
    (LOCAL, Stage.PENDING, Removal.NONE, Stage.ABSENT),
    (LOCAL, Stage.IRREVOCABLE, Removal.NONE, Stage.ABSENT),
    (LOCAL, Stage.IRREVOCABLE, Removal.FULFILL, Stage.ACK_COMMITTED),
    (REMOTE, Stage.ACKED, Removal.NONE, Stage.ABSENT),
    (REMOTE, Stage.IRREVOCABLE, Removal.FULFILL, Stage.ACK_COMMITTED),
    (REMOTE, Stage.IRREVOCABLE, Removal.FAIL, Stage.PENDING),
)
GROUPS = tuple(Group.of("differential", form) for form in FORMS)
UNKNOWN_HTLCS = SymbolicHtlcs(tuple(Population(group, group.member) for group in GROUPS))


def htlcs_of(forms: tuple[Form, ...], most: int = 6) -> st.SearchStrategy[Htlcs]:
    entries = st.tuples(st.sampled_from(forms), st.integers(0, 2_000), st.integers(1, 9), st.integers(0, 9))
    return st.lists(entries, max_size=most).map(collected)


def collected(entries: list[tuple[Form, int, int, int]]) -> Htlcs:
    htlcs = Htlcs()
    for number, ((offerer, added, removal, removed), amount, payment_hash, expiry) in enumerate(entries):
        htlcs = htlcs.add(Htlc(offerer, number, amount, payment_hash, expiry, added, removal, removed))  # type: ignore[arg-type]
    return htlcs


def with_new(htlcs: Any) -> Any:
    return htlcs.add(Htlc(LOCAL, 77, 500, 1, 2, Stage.PENDING))  # type: ignore[arg-type]


def with_one_removed(htlcs: Any, offerer: Side, htlc_id: Any) -> Any:
    found = htlcs.find(offerer, htlc_id)
    if found is None:
        return htlcs
    return htlcs.replace(found, replace(found, removal=Removal.FULFILL, removed=Stage.IRREVOCABLE))


def advanced(htlcs: Any) -> Any:
    return htlcs.map(lambda htlc: advance(htlc, Event.RECEIVE_REVOKE_AND_ACK))


def settled(htlcs: Any) -> Any:
    return htlcs.keep(lambda htlc: not is_settled(htlc))


CHANGES: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda htlcs: htlcs,
    "advance and settle": lambda htlcs: settled(advanced(htlcs)),
    "add and advance": lambda htlcs: advanced(with_new(htlcs)),
    "settle, add and advance": lambda htlcs: advanced(with_new(settled(htlcs))),
}
WEIGHTS: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda htlc: 0,
    "amount": lambda htlc: htlc.amount_msat,
    "lost amount": lambda htlc: -htlc.amount_msat,
    "amount of the large": lambda htlc: htlc.amount_msat if htlc.amount_msat >= 1_000 else 0,
    "lost amount of the large": lambda htlc: -htlc.amount_msat if htlc.amount_msat >= 1_000 else 0,
    "fee": lambda htlc: 3 + htlc.amount_msat // 100,
    "gain": lambda htlc: 0 if htlc.removal is not Removal.FULFILL else -htlc.amount_msat if htlc.offerer else 1,
    "small and hash": lambda htlc: htlc.payment_hash if htlc.amount_msat < 700 and htlc.cltv_expiry > 4 else 1,
}
PREDICATES: dict[str, Callable[[Any], Any]] = {
    "large": lambda htlc: htlc.amount_msat >= 1_000,
    "small": lambda htlc: htlc.amount_msat < 1_000 or htlc.payment_hash == 3,
    "local": lambda htlc: htlc.offerer is LOCAL,
    "being removed": lambda htlc: htlc.removed is not Stage.ABSENT,
}
STAGEWISE = ("local", "being removed")


@dataclass
class Asked:
    """One path of a change, with what the symbolic collection says of the result."""

    conditions: list[z3.BoolRef]
    assumed: list[z3.BoolRef]
    totals: dict[str, list[tuple[list[z3.BoolRef], Any]]] = field(default_factory=dict)
    counts: dict[str, list[tuple[list[z3.BoolRef], Any]]] = field(default_factory=dict)
    universals: dict[str, z3.BoolRef] = field(default_factory=dict)
    existentials: dict[str, z3.BoolRef] = field(default_factory=dict)

    def ask(self, htlcs: SymbolicHtlcs) -> None:
        for name, weight in WEIGHTS.items():
            self.totals[name] = summary(lambda w=weight: htlcs.total(w, 5))  # type: ignore[misc]
        for name, predicate in PREDICATES.items():
            self.counts[name] = summary(lambda p=predicate: htlcs.count(p))  # type: ignore[misc]
            self.universals[name] = as_formula(lambda p=predicate: htlcs.all(p))  # type: ignore[misc]
        for name in STAGEWISE:
            self.existentials[name] = as_formula(lambda p=PREDICATES[name]: htlcs.any(p))  # type: ignore[misc]

    def compare(self, values: Values, plain: Htlcs) -> None:
        for name, weight in WEIGHTS.items():
            assert value_of(values, self.totals[name]) == plain.total(weight, 5), f"total of {name}"
        for name, predicate in PREDICATES.items():
            assert value_of(values, self.counts[name]) == plain.count(predicate), f"count of {name}"
            everyone = all(turn.of(self.universals[name]) for turn in values.turns(after=True))
            assert everyone == plain.all(predicate), f"all {name}"
        for name in STAGEWISE:
            assert values.of(self.existentials[name]) == plain.any(PREDICATES[name]), f"any {name}"


def value_of(values: Values, branches: list[tuple[list[z3.BoolRef], Any]]) -> int:
    taken = [value for conditions, value in branches if all(values.of(condition) for condition in conditions)]
    assert len(taken) == 1
    return int(values.of(taken[0].term))


def changed(htlcs: Any, offerer: Side, sought: Any, name: str) -> Any:
    return CHANGES[name](with_one_removed(htlcs, offerer, sought))


@cache
def asked(offerer: Side, name: str) -> list[Asked]:
    """Return all paths of a change of arbitrary HTLCs."""
    solver, found = z3.Solver(), []
    solver.add([fact for group in GROUPS for fact in group.facts()])
    for htlcs, run in paths(lambda: changed(UNKNOWN_HTLCS, offerer, SymInt(z3.Int("sought")), name), solver):
        path = Asked(run.conditions, run.assumptions)
        with entered(run):
            path.ask(htlcs)
        path.assumed = [*run.assumptions, *(fact for group in GROUPS for fact in group.facts())]
        found.append(path)
    return found


@given(htlcs_of(FORMS), st.sampled_from(sorted(CHANGES)), st.sampled_from(Side), st.integers(0, 6))
@settings(QUICK, max_examples=250)
def test_every_combinator_computes_what_the_plain_collection_computes(
    plain: Htlcs, name: str, offerer: Side, sought: int
) -> None:
    values = Values(GROUPS, plain, {"sought": sought}, plain.find(offerer, sought))
    taken = [path for path in asked(offerer, name) if all(values.of(condition) for condition in path.conditions)]
    assert len(taken) == 1
    taken[0].compare(values, changed(plain, offerer, sought, name))
    assert_true(values, taken[0].assumed)
    for entry in GROUP_SUMS.known.values():
        if entry.group in GROUPS:
            assert_true(values, entry.facts(()))


def assert_true(values: Values, facts: list[z3.BoolRef]) -> None:
    """Assert what was assumed, whichever members the arbitrary ones are."""
    for turn in values.turns():
        for fact in facts:
            assert turn.of(fact), fact


# --- steps ---


@dataclass
class Explored:
    """One path of a step."""

    conditions: list[z3.BoolRef]
    assumptions: list[z3.BoolRef]
    verdict: Any
    numbers: dict[str, z3.ExprRef]
    """Balances, counters and flags afterwards."""
    properties: dict[str, z3.BoolRef]


@cache
def explored(case: int, step: StepKind) -> list[Explored]:
    """Return all paths of a step, with what the prover makes of the state after it."""
    setting, message = settle(CASES[case], 20_000, step.link), arbitrary_message(step.message)
    solver, found = setting.solver, []
    solver.push()
    solver.add(domain(setting.channel, message))
    for verdict, run in paths(lambda: step.take(setting.channel, message), solver):
        numbers, properties = {}, {}
        if isinstance(verdict, Accepted):
            with entered(run):
                names = ("local_msat", "remote_msat", *NUMBERS)
                numbers = {name: term_of(getattr(verdict.state, name)) for name in names}
                numbers |= {name: formula_of(getattr(verdict.state, name)) for name in FLAGS}
                properties = {goal.name: holding(goal, verdict.state) for goal in CHANNEL_PROPERTIES}
        found.append(Explored(run.conditions, run.assumptions, verdict, numbers, properties))
    solver.pop()
    return found


def holding(goal: ChannelProperty, channel: Channel) -> z3.BoolRef:
    return as_formula(lambda: goal.holds(channel))


@cache
def lawful_forms(ours_owed: int, theirs_owed: int) -> tuple[Form, ...]:
    """Return the forms that the structural invariants allow, by the plain interpreter."""
    every = [(o, a, r, e) for o in Side for a in Stage for r in Removal for e in Stage]
    owed = ours_owed, theirs_owed
    alone = {form: plain_channel(0, collected([(form, 1, 1, 1)]), owed, (0, 0)) for form in every}
    return tuple(form for form, state in alone.items() if all(goal.holds(state) for goal in STRUCTURE))


def numbered(htlcs: Htlcs) -> Htlcs:
    """Return the HTLCs with the ids that their offerers gave them: the uncommitted ones last."""
    renumbered = Htlcs()
    for side in Side:
        offers = [htlc for htlc in htlcs.items if htlc.offerer is side]
        for number, htlc in enumerate(sorted(offers, key=lambda entry: entry.added is Stage.PENDING)):
            renumbered = renumbered.add(replace(htlc, id=number))
    return renumbered


def plain_channel(
    case: int,
    htlcs: Htlcs,
    owed: tuple[int, int],
    balances: tuple[int, int],
    *,
    reserve: int = 0,
    fees: tuple[int, ...] = (0, 0, 0, 0, 0),
    link: Link = Link.UP,
    flagged: tuple[bool, ...] = (False,) * len(FLAGS),
) -> Channel:
    limits = Limits(3, 4_000, reserve, 2, 144, 3)  # type: ignore[arg-type]
    others = Limits(4, 5_000, reserve + 1, 1, 6, 4)  # type: ignore[arg-type]
    params = Params(1_000, CASES[case].opener, 1, CASES[case].option_anchors, limits, others)  # type: ignore[arg-type]
    numbers = {"local_commitment_number": 3 + owed[0], "local_revocations": 3, "remote_secrets": 4}
    numbers |= {"remote_commitment_number": 4 + owed[1], "remote_revocations": 4}
    htlcs = numbered(htlcs)
    next_ids = [sum(htlc.offerer is side for htlc in htlcs.items) for side in Side]
    numbers |= {"next_local_htlc_id": next_ids[0], "next_remote_htlc_id": next_ids[1]}
    flags = {name: bool(flag) for name, flag in zip(FLAGS, flagged, strict=True)}
    reached = [sum(fees[stage:]) for stage in range(5)]
    feerates = Feerates(tuple(FeeUpdate(number, 253 * number + 1) for number in reached))  # type: ignore[arg-type]
    known: dict[str, Any] = {**numbers, **flags}
    return Channel(params, Msat(balances[0]), Msat(balances[1]), feerates, htlcs, link=link, **known)


DIFFERING_CASES = (0, 3)
"""One opened by either side, one of either commitment format."""
EXPIRIES = st.sampled_from((9, 9, 9, 499_999_999, 500_000_000))


@st.composite
def channels(draw: st.DrawFn, link: Link) -> tuple[int, Channel]:
    """Draw a channel for which the structural invariants hold, with any balances."""
    owed = draw(st.integers(0, 1)), draw(st.integers(0, 1))
    committed = tuple((side, Stage.IRREVOCABLE, Removal.NONE, Stage.ABSENT) for side in Side)
    htlcs = draw(htlcs_of((*lawful_forms(*owed), *committed * 4), most=5))
    fees = draw(st.tuples(*[st.sampled_from((0, 0, 0, 1))] * 4, st.integers(0, 2)))
    case, reserve = draw(st.sampled_from(DIFFERING_CASES)), draw(st.integers(0, 3))
    balances = st.sampled_from((2_000_000, 1_500_000)) | st.integers(0, 9_000) | st.integers(-2_000, 900_000)
    flagged = draw(st.tuples(*[st.sampled_from((False, False, False, True))] * 4, st.booleans()))
    here = draw(balances), draw(balances)
    channel = plain_channel(case, htlcs, owed, here, reserve=reserve, fees=fees, link=link, flagged=flagged)
    if all(goal.holds(channel) for goal in STRUCTURE):
        return case, channel
    # A change of the feerate has come further than what is owed allows.
    fees = (fees[0], 0, 0, 0, fees[4])
    return case, plain_channel(case, htlcs, owed, here, reserve=reserve, fees=fees, link=link, flagged=flagged)


@st.composite
def messages(draw: st.DrawFn, step: StepKind, channel: Channel) -> Input:
    """Draw a message of the step's type: often one that is accepted, often nearly."""
    offerer = REMOTE if step.sending else LOCAL
    ids = [htlc.id for htlc in channel.htlcs.items if htlc.offerer is offerer]
    some_id = draw(st.sampled_from((*ids * 3, 0, 4)))
    nearby = draw(st.sampled_from((0, 0, 0, 0, 0, 1, -1)))
    if not step.passes_a_message:
        return step.message()  # type: ignore[no-any-return]
    if step.message is ChannelReestablish:
        right = next_channel_reestablish(channel) if step.sending else resumed_by_the_peer(channel)
        field = draw(st.sampled_from([entry.name for entry in fields(right)]))
        by = draw(st.sampled_from((0, 0, 1, -1, 2, -3)))
        return replace(right, **{field: max(getattr(right, field) + by, -2 if field.startswith("your") else 0)})
    if step.message is UpdateAddHtlc:
        some_id = channel.next_local_htlc_id + abs(nearby)
        return UpdateAddHtlc(some_id, draw(st.integers(0, 2_500)), 1, draw(EXPIRIES))  # type: ignore[arg-type]
    if step.message is UpdateFulfillHtlc:
        htlc = channel.htlcs.find(offerer, some_id)
        return UpdateFulfillHtlc(some_id, (htlc.payment_hash if htlc else 0) + nearby)
    if step.message is UpdateFailHtlc:
        return UpdateFailHtlc(some_id)
    if step.message is UpdateFailMalformedHtlc:
        return UpdateFailMalformedHtlc(some_id, BADONION + nearby)
    if step.message is UpdateFee:
        return UpdateFee(FeeratePerKw(draw(st.sampled_from((252, 253, 1_000, 20_000, 50_000, 50_001)))))
    if step.message is RevokeAndAck:
        return RevokeAndAck((channel.local_revocations if step.sending else channel.remote_revocations) + nearby)
    signs = next_commitment_signed(channel) if step.sending else signed_for_us(channel)
    wrong = Signature(None)
    signature, htlc_signatures = draw(
        st.sampled_from(((signs.signature,) * 2, (signs.signature, wrong), (wrong, signs.signature)))
    )
    return CommitmentSigned(signature, signs.num_htlcs + abs(nearby), htlc_signatures)


def signed_for_us(channel: Channel) -> CommitmentSigned:
    """Return the message that the peer would send, from our own state."""
    new = Signature(commitment(channel, View.LOCAL_NEXT))
    return CommitmentSigned(new, untrimmed_count(channel, View.LOCAL_NEXT, LOCAL), new)


def resumed_by_the_peer(channel: Channel) -> ChannelReestablish:
    """Return what a peer would say that has got everything from us."""
    revoked = channel.local_revocations
    return ChannelReestablish(channel.remote_commitment_number + 1, revoked, revoked - 1 if revoked else NO_SECRET)


def values_of(case: int, channel: Channel, step: StepKind, message: Input) -> Values:
    """Return what the prover's symbols stand for in a concrete channel and message."""
    params = channel.params
    known: dict[str, int | bool] = {name: getattr(params, name) for name in ("funding_satoshis", "feerate_per_kw")}
    known |= {f"policy.{entry.name}": getattr(params.policy, entry.name) for entry in fields(UpdatePolicy)}
    for stage in (stage for stage in Stage if stage is not Stage.ABSENT):
        update = channel.feerates.at(stage)
        known |= {f"fee.{stage.name}.number": update.number, f"fee.{stage.name}.feerate": int(update.feerate_per_kw)}  # type: ignore[call-overload]
    known |= {f"local.{entry.name}": getattr(params.local, entry.name) for entry in fields(Limits)}
    known |= {f"remote.{entry.name}": getattr(params.remote, entry.name) for entry in fields(Limits)}
    known |= {name: getattr(channel, name) for name in ("local_msat", "remote_msat", *FLAGS, *NUMBERS)}
    known |= {f"message.{entry.name}": getattr(message, entry.name) for entry in fields(message)}
    if isinstance(message, CommitmentSigned):
        new = commitment(channel, View.REMOTE_NEXT if step.sending else View.LOCAL_NEXT)
        known["message.signature.valid"] = message.signature.covers(new)
        known["message.htlc_signatures.valid"] = message.htlc_signatures.covers(new)
    sought: int = getattr(message, "id", -1)
    removing = isinstance(message, UpdateFulfillHtlc | UpdateFailHtlc | UpdateFailMalformedHtlc)
    found = channel.htlcs.find(REMOTE if step.sending else LOCAL, sought) if removing else None
    return Values(settle(CASES[case], 20_000, step.link).groups, channel.htlcs, known, found)


STEPS_TRIED = (*STEPS, *STEPS_AT[Link.UP] * 3)
"""On a channel that is not resumed most steps are refused: the others come up more often."""


@given(st.data())
@settings(QUICK, max_examples=400)
def test_a_step_is_accepted_exactly_on_the_one_path_that_its_values_take(data: st.DataObject) -> None:
    step = data.draw(st.sampled_from(STEPS_TRIED))
    case, channel = data.draw(channels(step.link))
    message = data.draw(messages(step, channel))
    values = values_of(case, channel, step, message)
    expected = step.take(channel, message)
    taken = [path for path in explored(case, step) if all(values.of(condition) for condition in path.conditions)]
    assert len(taken) == 1
    assert type(taken[0].verdict) is type(expected)
    assert_true(values, [*settle(CASES[case], 20_000, step.link).solver.assertions(), *taken[0].assumptions])
    if not isinstance(expected, Accepted):
        assert taken[0].verdict.rule == expected.rule
        return
    assert {name: values.of(term) for name, term in taken[0].numbers.items()} == {
        name: getattr(expected.state, name) for name in taken[0].numbers
    }
    for goal in CHANNEL_PROPERTIES:
        holds = all(turn.of(taken[0].properties[goal.name]) for turn in values.turns(after=True))
        assert holds == goal.holds(expected.state), goal.name
