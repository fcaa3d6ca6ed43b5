"""Arbitrarily many HTLCs at once: the symbolic counterpart of :class:`boltspec.htlcs.Htlcs`.

HTLCs are grouped by what is finite about them: offerer, the two stages, the way they end. A group is a *population*:
an unknown number of members with an unknown sum of amounts, and one *arbitrary member* that stands for each. What a
step does to the members of a population it does to the arbitrary one; what it sums up over a population is

* a multiple of the sum of amounts plus a multiple of the number, if that is what the weight of the arbitrary member is;
* otherwise a symbol of its own for the sum of that weight, about which is known what holds for each member:
  it lies between 0 and the sum of amounts if every member's weight lies between 0 and its amount. (Induction on the
  number of members.)

An HTLC that is looked up by id leaves its population and is treated by itself from then on.

A statement about *all* members (:meth:`SymbolicHtlcs.all`) with a condition on unknown fields is a :class:`Universal`.
As an assumption it is used for the arbitrary member and for each one that was looked up; as a goal it has to hold for
the arbitrary member and each one treated by itself. It cannot be negated or branched on, since that would be unsound;
Python's ``not`` or ``if`` on it raises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import z3

from boltproofs.execution import DEFINED, Unsupported, running, searching, summary
from boltproofs.symbolic import SymBool, SymInt, formula_of, term_of
from boltspec.htlc import Htlc, Removal, Side, Stage

ZERO = z3.IntVal(0)
Form = tuple[Side, Stage, Removal, Stage]


def forms() -> list[Form]:
    """Return every combination of offerer, stage, way of ending and stage of the removal, possible or not."""
    stages = [stage for stage in Stage if stage is not Stage.ABSENT]
    ends = [(Removal.NONE, Stage.ABSENT), *product((Removal.FULFILL, Removal.FAIL), stages)]
    return [(offerer, added, *end) for offerer, added, end in product(Side, stages, ends)]


def arbitrary_htlc(name: str, form: Form) -> Htlc:
    """Return an HTLC of that form whose other fields are unknown."""
    offerer, added, removal, removed = form
    return Htlc(
        offerer=offerer,
        id=SymInt(z3.Int(f"{name}.id")),  # type: ignore[arg-type]
        amount_msat=SymInt(z3.Int(f"{name}.amount_msat")),  # type: ignore[arg-type]
        payment_hash=SymInt(z3.Int(f"{name}.payment_hash")),  # type: ignore[arg-type]
        cltv_expiry=SymInt(z3.Int(f"{name}.cltv_expiry")),  # type: ignore[arg-type]
        added=added,
        removal=removal,
        removed=removed,
    )


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
class Population:
    """A group after some changes: what its members look like now, and which of them have been taken out."""

    group: Group
    now: Htlc
    """The arbitrary member now."""
    taken: tuple[Htlc, ...] = ()
    """Those that are treated by themselves, with the fields they had in the group."""

    def as_now(self, htlc: Htlc) -> Htlc:
        """Return the form that a member has now."""
        now = self.now
        return replace(htlc, added=now.added, removal=now.removal, removed=now.removed)

    def number(self) -> z3.ArithRef:
        """Return how many members are left."""
        return self.group.number - len(self.taken)

    def amounts(self) -> z3.ArithRef:
        """Return the sum of the amounts of those that are left."""
        left = self.group.amounts
        for htlc in self.taken:
            left = left - term_of(htlc.amount_msat)
        return left


@dataclass(frozen=True, eq=False)
class Universal:
    """A statement about all members, see the module's text."""

    formula: z3.BoolRef

    def __bool__(self) -> bool:
        raise Unsupported("a statement about all HTLCs can only be asserted, not branched on")


@dataclass(frozen=True, eq=False)
class Opaque:
    """The list of all HTLCs in some form: it can be stored, nothing can be learned from it."""


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
        key = (group.name, weight.sexpr())
        if key not in self.known:
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
    fields = ("id", "amount_msat", "payment_hash", "cltv_expiry")
    return z3.substitute(term, *((term_of(getattr(member, f)), term_of(getattr(other, f))) for f in fields))


def _as_term(branches: list[tuple[list[z3.BoolRef], Any]], term: Callable[[Any], Any]) -> Any:
    """Return the value of a function as one term: nested if-then-else over its branches."""
    *others, (_, last) = branches
    whole = term(last)
    if not others and isinstance(last, int):
        return whole
    for conditions, value in reversed(others):
        whole = z3.If(z3.And(conditions), term(value), whole)
    return z3.simplify(whole)


@dataclass(frozen=True, eq=False)
class SymbolicHtlcs:
    """Any number of HTLCs, with the methods of :class:`boltspec.htlcs.Htlcs`."""

    populations: tuple[Population, ...]
    single: tuple[Htlc, ...] = ()
    """Those that are treated by themselves."""

    def add(self, htlc: Htlc) -> SymbolicHtlcs:
        """See :meth:`boltspec.htlcs.Htlcs.add`."""
        return replace(self, single=(*self.single, htlc))

    def replace(self, old: Htlc, new: Htlc) -> SymbolicHtlcs:
        """See :meth:`boltspec.htlcs.Htlcs.replace`; the old one has been looked up before."""
        if any(htlc is old for htlc in self.single):
            return replace(self, single=tuple(new if htlc is old else htlc for htlc in self.single))
        home = searching().memory.get(("home", id(old)))
        if home is None:
            raise Unsupported("an HTLC is replaced that was not looked up")
        populations = tuple(
            replace(entry, taken=(*entry.taken, old)) if entry.group is home else entry for entry in self.populations
        )
        return replace(self, populations=populations, single=(*self.single, new))

    def find(self, offerer: Side, htlc_id: Any) -> Htlc | None:
        """See :meth:`boltspec.htlcs.Htlcs.find`: any member may be it, or none."""
        run = searching()
        key = ("found", id(self), offerer, z3.simplify(term_of(htlc_id)).sexpr())
        if key in run.memory:
            return run.memory[key]  # type: ignore[no-any-return]
        if run is not running():
            raise Unsupported("an HTLC is looked up in a predicate that no step looked up")
        run.memory[key] = self._find(offerer, htlc_id)
        run.memory["keep", id(self)] = self  # its id() must not be given to another object
        return run.memory[key]  # type: ignore[no-any-return]

    def _find(self, offerer: Side, htlc_id: Any) -> Htlc | None:
        run = searching()
        for htlc in self.single:
            if htlc.offerer is offerer and htlc.id == htlc_id:
                return htlc
        for population in self.populations:
            here = z3.Bool(run.fresh(f"found in {population.group.name}"))
            if population.now.offerer is offerer and run.decide(here):
                return self._take(population, htlc_id)
        run.memory.setdefault("absent", []).append((offerer, term_of(htlc_id)))
        return None

    def _take(self, population: Population, htlc_id: Any) -> Htlc:
        run, group = searching(), population.group
        taken = arbitrary_htlc(run.fresh(f"{group.name}.taken"), group.form)
        amount = term_of(taken.amount_msat)
        run.assume(z3.And(term_of(taken.id) == term_of(htlc_id), population.number() >= 1, amount >= 0))
        run.assume(amount <= population.amounts())
        run.assume(z3.Implies(population.number() == 1, amount == population.amounts()))
        htlc = population.as_now(taken)
        run.memory["home", id(htlc)] = group
        run.memory.setdefault("taken", []).append((group, htlc))
        return htlc

    def map(self, change: Callable[[Htlc], Htlc]) -> SymbolicHtlcs:
        """See :meth:`boltspec.htlcs.Htlcs.map`."""
        populations = tuple(replace(entry, now=_only(lambda e=entry: change(e.now))) for entry in self.populations)  # type: ignore[misc]
        return replace(self, populations=populations, single=tuple(change(htlc) for htlc in self.single))

    def keep(self, wanted: Callable[[Htlc], bool]) -> SymbolicHtlcs:
        """See :meth:`boltspec.htlcs.Htlcs.keep`; the predicate may look at stages only."""
        populations = tuple(entry for entry in self.populations if _only(lambda e=entry: wanted(e.now)))  # type: ignore[misc]
        return replace(self, populations=populations, single=tuple(htlc for htlc in self.single if wanted(htlc)))

    def total(self, weight: Callable[[Htlc], Any], zero: Any) -> Any:
        """See :meth:`boltspec.htlcs.Htlcs.total`."""
        rest = running().once(lambda: self._total(weight))
        return SymInt(z3.Sum([term_of(zero), rest])) + sum((weight(htlc) for htlc in self.single), 0)

    def _total(self, weight: Callable[[Htlc], Any]) -> z3.ArithRef:
        terms = []
        for entry in self.populations:
            each = _as_term(summary(lambda e=entry: weight(e.now)), term_of)  # type: ignore[misc]
            if not each.eq(ZERO):
                terms.append(_sum(entry, each))
        return z3.Sum([ZERO, *terms])

    def count(self, wanted: Callable[[Htlc], bool]) -> Any:
        """See :meth:`boltspec.htlcs.Htlcs.count`."""
        return self.total(lambda htlc: 1 if wanted(htlc) else 0, 0)

    def any(self, wanted: Callable[[Htlc], bool]) -> Any:
        """See :meth:`boltspec.htlcs.Htlcs.any`; the predicate may look at stages only."""
        rest = running().once(lambda: z3.Or([entry.number() >= 1 for entry in self.keep(wanted).populations]))
        return any(wanted(htlc) for htlc in self.single) or SymBool(rest)

    def all(self, wanted: Callable[[Htlc], bool]) -> Universal:
        """See :meth:`boltspec.htlcs.Htlcs.all`."""
        facts = [
            z3.Implies(entry.number() >= 1, as_formula(lambda e=entry: wanted(e.now)))  # type: ignore[misc]
            for entry in self.populations
        ]
        facts += [as_formula(lambda h=htlc: wanted(h)) for htlc in self.single]  # type: ignore[misc]
        _noted(self, wanted)
        return Universal(z3.And(facts))

    def collect(self, form: Callable[[Htlc], Any]) -> Any:
        """See :meth:`boltspec.htlcs.Htlcs.collect`: nothing can be learned from the result."""
        for htlc in (*self.single, *(entry.now for entry in self.populations)):
            form(htlc)
        return Opaque()


noted: list[tuple[SymbolicHtlcs, Callable[[Htlc], Any]]] = []
"""Statements about all members that were evaluated, with the collection: read by whoever assumes them."""


def _noted(htlcs: SymbolicHtlcs, statement: Callable[[Htlc], Any]) -> None:
    noted.append((htlcs, statement))


def _only(function: Callable[[], Any]) -> Any:
    """Return the value of a function that does not branch on unknown fields."""
    branches = summary(function)
    if len(branches) != 1:
        raise Unsupported("this function of an HTLC may depend on its stages only")
    return branches[0][1]


def _sum(population: Population, weight: z3.ArithRef) -> z3.ArithRef:
    """Return the sum of a weight of the arbitrary member over a population."""
    if z3.is_int_value(weight):
        return weight * population.number()
    amount = term_of(population.group.member.amount_msat)
    if weight.eq(amount):
        return population.amounts()
    if weight.eq(z3.simplify(-amount)):
        return -population.amounts()
    entry = GROUP_SUMS.sum(population.group, weight)
    if population.taken:
        run = searching()
        assert run.solver is not None
        run.solver.add(entry.facts(population.taken))
    return entry.over(population.taken)


def as_formula(predicate: Callable[[], Any]) -> z3.BoolRef:
    """Return a predicate as one formula."""
    holds = []
    for conditions, value in summary(predicate):
        result = value.formula if isinstance(value, Universal) else formula_of(value)
        if not z3.is_false(result):
            holds.append(z3.And([*conditions, result]))
    return z3.Or(holds)
