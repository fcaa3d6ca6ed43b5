"""What the symbolic collection refuses: each of these would prove something false if it were computed.

What it computes is compared with the plain collection in ``test_prover_differential``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import z3

from boltproofs.arbitrary import UnknownSignature
from boltproofs.collection import Opaque, Population, SymbolicHtlcs, as_formula
from boltproofs.execution import Unsupported, paths
from boltproofs.groups import GROUP_SUMS, Group, at
from boltproofs.symbolic import SymInt, term_of
from boltspec.htlc import LOCAL, REMOTE, Event, Htlc, Removal, Stage, advance
from boltspec.htlcs import NO_HTLCS, Htlcs

PENDING = Group.of("collection", (LOCAL, Stage.PENDING, Removal.NONE, Stage.ABSENT))
IRREVOCABLE = Group.of("collection", (REMOTE, Stage.IRREVOCABLE, Removal.NONE, Stage.ABSENT))
HTLCS: Any = SymbolicHtlcs(tuple(Population(group, group.member) for group in (PENDING, IRREVOCABLE)))
RATE = SymInt(z3.Int("rate"))


def explored(function: Callable[[], Any]) -> list[Any]:
    return [outcome for outcome, _ in paths(function, z3.Solver())]


def test_it_has_the_methods_of_the_plain_collection() -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        functions = inspect.getmembers(kind, inspect.isfunction)
        return {name: list(inspect.signature(f).parameters) for name, f in functions if not name.startswith("_")}

    assert methods(SymbolicHtlcs) == methods(Htlcs)


def large(htlc: Any) -> Any:
    return htlc.amount_msat > 5


REFUSED: dict[str, Callable[[], Any]] = {
    "keeping by amount": lambda: HTLCS.keep(large),
    "keeping by amount, branching": lambda: HTLCS.keep(lambda htlc: bool(large(htlc))),
    "any by amount": lambda: HTLCS.any(large),
    "any by amount, branching": lambda: HTLCS.any(lambda htlc: bool(large(htlc))),
    "changing by amount": lambda: HTLCS.map(lambda h: advance(h, Event.SEND_COMMITMENT_SIGNED) if large(h) else h),
    "changing amounts": lambda: HTLCS.map(lambda htlc: replace(htlc, amount_msat=htlc.amount_msat + 1)),
    "changing offerers": lambda: HTLCS.map(lambda htlc: replace(htlc, offerer=htlc.recipient)),
    "branching on a universal": lambda: 1 if HTLCS.all(large) else 2,
    "negating a universal": lambda: not HTLCS.all(large),
    "comparing a universal": lambda: HTLCS.all(large) == True,  # noqa: E712  # what a careless property might say
    "two universals": lambda: HTLCS.all(large) or HTLCS.all(lambda htlc: htlc.id == 3),
    "a total within a weight": lambda: HTLCS.total(lambda h: HTLCS.total(lambda o: o.id - h.id, 0), 0),
    "all within all": lambda: HTLCS.all(lambda h: HTLCS.all(lambda o: o.amount_msat == h.amount_msat)),
    "any within a count": lambda: HTLCS.count(lambda htlc: HTLCS.any(lambda other: other.added is htlc.added)),
    "finding within a weight": lambda: HTLCS.total(lambda htlc: 0 if HTLCS.find(LOCAL, htlc.id) is None else 1, 0),
    "a product of amounts": lambda: HTLCS.total(lambda htlc: htlc.amount_msat * RATE, 0),
    "two look-ups": lambda: (HTLCS.find(LOCAL, SymInt(z3.Int("i"))), HTLCS.find(LOCAL, SymInt(z3.Int("j")))),
    "replacing what was not looked up": lambda: HTLCS.replace(PENDING.member, PENDING.member),
    "comparing collections": lambda: NO_HTLCS == HTLCS,
    "is a collection empty": lambda: 1 if HTLCS else 2,
    "comparing lists": lambda: HTLCS.collect(lambda htlc: htlc.id) == HTLCS.collect(lambda htlc: htlc.id),
    "is a list empty": lambda: not Opaque(),
}


@pytest.mark.parametrize("function", REFUSED.values(), ids=REFUSED)
def test_what_would_be_unsound_is_refused(function: Callable[[], Any]) -> None:
    with pytest.raises(Unsupported):
        explored(function)


def test_replacing_in_another_collection_than_the_one_looked_up_in_is_refused() -> None:
    def function() -> Any:
        found = HTLCS.find(LOCAL, 3)
        elsewhere = HTLCS.map(lambda htlc: advance(htlc, Event.SEND_COMMITMENT_SIGNED))
        return elsewhere.replace(found, found) if found is not None else None

    with pytest.raises(Unsupported, match="not looked up in this collection"):
        explored(function)


def test_looking_up_again_finds_the_same() -> None:
    def function() -> bool:
        return HTLCS.find(LOCAL, SymInt(z3.Int("i"))) is HTLCS.find(LOCAL, SymInt(z3.Int("i")))

    assert explored(function) == [True, True]


def test_what_was_looked_up_after_a_change_is_on_record_as_it_was_before() -> None:
    """What is assumed of the state before the step must not be assumed of a later one."""

    def function() -> Any:
        return HTLCS.map(lambda htlc: advance(htlc, Event.SEND_COMMITMENT_SIGNED)).find(LOCAL, 3)

    for found, run in paths(function, z3.Solver()):
        for group, before in run.memory.get("taken", []):
            assert found.added is Stage.COMMITTED
            assert before.added is Stage.PENDING is group.form[1]
            assert term_of(before.amount_msat).eq(term_of(found.amount_msat))


def test_the_last_member_of_a_group_has_all_of_its_amount() -> None:
    for found, run in paths(lambda: HTLCS.find(LOCAL, 3), z3.Solver()):
        solver = z3.Solver()
        solver.add(*run.conditions, *run.assumptions, *PENDING.facts())
        if found is not None:
            solver.add(PENDING.number == 1)
            assert solver.check(term_of(found.amount_msat) != PENDING.amounts) == z3.unsat
            assert solver.check(term_of(found.amount_msat) == 7) == z3.sat


def test_what_each_member_has_at_most_is_lifted_to_the_sum() -> None:
    sums, amount = GROUP_SUMS, term_of(PENDING.member.amount_msat)
    over = sums.sum(PENDING, z3.If(amount > 5, amount, 0))
    counted = sums.sum(PENDING, z3.If(amount == 0, z3.IntVal(1), z3.IntVal(0)))
    more = sums.sum(PENDING, amount + 1)
    assert (over.bounds, counted.bounds, more.bounds) == (("amounts",), ("number",), ())
    assert sums.sum(PENDING, z3.If(amount > 5, amount, 0)) is over
    solver = z3.Solver()
    solver.add(*over.facts(()), *PENDING.facts())
    assert solver.check(over.symbol > PENDING.amounts) == z3.unsat
    assert solver.check(over.symbol < 0) == z3.unsat
    assert solver.check(over.symbol == PENDING.amounts, PENDING.amounts == 9, PENDING.number == 2) == z3.sat


def test_the_rest_of_a_sum_is_the_sum_without_those_taken_out() -> None:
    amount = term_of(PENDING.member.amount_msat)
    entry = GROUP_SUMS.sum(PENDING, z3.If(amount > 5, amount, 0))
    taken = replace(PENDING.member, id=3, amount_msat=8)  # type: ignore[arg-type]
    assert z3.simplify(at(entry.weight, PENDING.member, taken)).as_long() == 8
    solver = z3.Solver()
    solver.add(entry.over((taken,)) != entry.symbol - 8)
    assert solver.check() == z3.unsat


def test_a_property_of_all_holds_also_of_one_that_is_treated_by_itself() -> None:
    new = Htlc(LOCAL, 0, 3, 0, 0, Stage.PENDING)  # type: ignore[arg-type]
    solver = z3.Solver()
    solver.add(PENDING.number == 0, IRREVOCABLE.number == 0)
    assert solver.check(as_formula(lambda: HTLCS.add(new).all(large))) == z3.unsat
    assert solver.check(z3.Not(as_formula(lambda: HTLCS.all(large)))) == z3.unsat
    solver.add(as_formula(lambda: HTLCS.any(lambda htlc: htlc.offerer is LOCAL)))
    assert solver.check() == z3.unsat


def test_one_signature_is_not_valid_for_two_commitments() -> None:
    signature = UnknownSignature("signature.valid")

    def function() -> bool:
        return bool(signature.covers("one")) and bool(signature.covers("other"))

    with pytest.raises(Unsupported, match="two commitments"):
        explored(function)
