"""Groups of HTLCs: all that are alike in what is finite about them, however many they are.

A group has an unknown number of members, an unknown sum of amounts and one *arbitrary member*. A sum over a group of
anything else than a constant or the amount is a symbol of its own (:class:`GroupSum`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import z3

from boltproofs.execution import DEFINED, Unsupported
from boltproofs.symbolic import SymInt, term_of
from boltspec.htlc import Htlc, Removal, Side, Stage

Form = tuple[Side, Stage, Removal, Stage]
UNKNOWN_FIELDS = (
    "id",
    "amount_msat",
    "payment_hash",
    "cltv_expiry",
    "known_preimage",
    "failure_code",
    "remote_exposure_msat",
    "local_exposure_msat",
)
"""The fields of an HTLC that a form leaves open."""


def forms() -> list[Form]:
    """Return every combination of offerer, stage, way of ending and stage of the removal, possible or not."""
    stages = [stage for stage in Stage if stage is not Stage.ABSENT]
    ends = [(Removal.NONE, Stage.ABSENT), *product((Removal.FULFILL, Removal.FAIL, Removal.FAIL_MALFORMED), stages)]
    return [(offerer, added, *end) for offerer, added, end in product(Side, stages, ends)]


def arbitrary_htlc(name: str, form: Form) -> Htlc:
    """Return an HTLC of that form whose other fields are unknown."""
    offerer, added, removal, removed = form
    fields: dict[str, Any] = {field: SymInt(z3.Int(f"{name}.{field}")) for field in UNKNOWN_FIELDS}
    return Htlc(offerer=offerer, added=added, removal=removal, removed=removed, **fields)


@dataclass(frozen=True)
class Group:
    """The members of one form in the state before the step."""

    name: str
    form: Form
    number: z3.ArithRef
    amounts: z3.ArithRef
    """Sum of their amounts."""
    member: Htlc
    """The arbitrary one."""
    memory: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What functions make of the arbitrary member in its various forms."""

    @classmethod
    def of(cls, prefix: str, form: Form) -> Group:
        """Return a group of unknown size."""
        offerer, added, removal, removed = form
        name = f"{prefix}.{offerer.name}.{added.name}.{removal.name}.{removed.name}"
        member = arbitrary_htlc(f"{name}.member", form)
        return cls(name, form, z3.Int(f"{name}.number"), z3.Int(f"{name}.amounts"), member)

    def facts(self) -> list[z3.BoolRef]:
        """Return what holds for any group of members with non-negative amounts."""
        amount = term_of(self.member.amount_msat)
        return [
            self.number >= 0,
            self.amounts >= 0,
            z3.Implies(self.number == 0, self.amounts == 0),
            z3.Implies(self.number >= 1, z3.And(amount >= 0, amount <= self.amounts)),
            z3.Implies(self.number == 1, self.amounts == amount),
        ]


@dataclass(frozen=True)
class GroupSum:
    """A symbol for the sum of some weight over a group."""

    symbol: z3.ArithRef
    group: Group
    weight: z3.ArithRef
    """Weight of the arbitrary member."""
    bounds: tuple[str, ...]
    """By what each member's weight is bounded: ``number`` (1), ``amounts`` (its amount), or nothing."""

    def facts(self, taken: tuple[Htlc, ...]) -> list[z3.BoolRef]:
        """Return the members' bounds lifted to the sum over those that are left."""
        rest = self.over(taken)
        left = {"number": self.group.number - len(taken), "amounts": self.group.amounts}
        for htlc in taken:
            left["amounts"] = left["amounts"] - term_of(htlc.amount_msat)
        return [fact for bound in self.bounds for fact in (rest >= 0, rest <= left[bound])]

    def over(self, taken: tuple[Htlc, ...]) -> z3.ArithRef:
        """Return the sum over those that are left."""
        rest = self.symbol
        for htlc in taken:
            rest = rest - at(self.weight, self.group.member, htlc)
        return rest


class GroupSums:
    """All such symbols; the same one for the same weight and group."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], GroupSum] = {}

    def sum(self, group: Group, weight: z3.ArithRef) -> GroupSum:
        """Return the sum of a weight, given by its value for the arbitrary member, over a group."""
        if DEFINED.apart:
            raise Unsupported("a sum over HTLCs would outlive the symbols that it is made of")
        key = (group.name, weight.sexpr())
        if key not in self.known:
            # The symbol of a product hides its factors: it would stay that of the arbitrary member in `at`.
            if any(DEFINED.hides(weight, term_of(getattr(group.member, field))) for field in UNKNOWN_FIELDS):
                raise Unsupported("the weight of an HTLC is a product of two unknowns")
            entry = GroupSum(z3.Int(f"sum!{len(self.known)}"), group, weight, _bounds(group, weight))
            self.known[key] = entry
            DEFINED.facts.extend(entry.facts(()))
        return self.known[key]


GROUP_SUMS = GroupSums()


def _bounds(group: Group, weight: z3.ArithRef) -> tuple[str, ...]:
    amount = term_of(group.member.amount_msat)
    bounds = {"number": z3.IntVal(1), "amounts": amount}
    return tuple(name for name, most in bounds.items() if _always(z3.And(weight >= 0, weight <= most), amount >= 0))


def _always(goal: z3.BoolRef, given: z3.BoolRef) -> bool:
    solver = z3.Solver()
    solver.add(given, z3.Not(goal))
    return bool(solver.check() == z3.unsat)


def at(term: z3.ExprRef, member: Htlc, other: Htlc) -> Any:
    """Return a term about the arbitrary member as a term about another one."""
    return z3.substitute(term, *((term_of(getattr(member, f)), term_of(getattr(other, f))) for f in UNKNOWN_FIELDS))
