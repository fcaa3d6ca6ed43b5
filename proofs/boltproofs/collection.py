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

What would be unsound is refused with :class:`~boltproofs.execution.Unsupported`, and the theorem is then unknown:

* a combinator within a function of an HTLC: one arbitrary member cannot stand for two;
* a predicate that selects by amount, id, hash or expiry (:meth:`SymbolicHtlcs.keep`, :meth:`SymbolicHtlcs.any`): it
  would select all members of a group or none;
* a change of anything but stages (:meth:`SymbolicHtlcs.map`);
* two look-ups in the same collection: they might find the same HTLC;
* comparing collections: whether two are equal is not known.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import FunctionType
from typing import Any, ClassVar

import z3

from boltproofs.execution import Unsupported, looking_at_one, running, searching, summary
from boltproofs.formulas import TRUE, added_up, conjunction, disjunction, implication
from boltproofs.groups import GROUP_SUMS, UNKNOWN_FIELDS, Group, arbitrary_htlc
from boltproofs.symbolic import SymBool, SymInt, formula_of, term_of
from boltspec.htlc import Htlc, Side
from boltspec.rules import switched_off

ZERO = z3.IntVal(0)


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
        return self.group.number - len(self.taken) if self.taken else self.group.number

    def amounts(self) -> z3.ArithRef:
        """Return the sum of the amounts of those that are left."""
        left = self.group.amounts
        for htlc in self.taken:
            left = left - term_of(htlc.amount_msat)
        return left

    def branches(self, function: Callable[[Htlc], Any]) -> list[tuple[list[z3.BoolRef], Any]]:
        """Return every branch of a function of the arbitrary member as it is now."""
        _not_within_another()
        key = (identity(function), id(self.now))
        memory = self.group.memory
        if key not in memory:
            # What the key identifies is kept with it, so that no identity is used twice.
            memory[key] = (summary(lambda: function(self.now), pointwise=True), function, self.now)
        branches: list[tuple[list[z3.BoolRef], Any]] = memory[key][0]
        return branches

    def at_least_one(self) -> z3.BoolRef:
        """Return that there is a member left."""
        key = ("at least one", len(self.taken))
        if key not in self.group.memory:
            self.group.memory[key] = self.number() >= 1
        formula: z3.BoolRef = self.group.memory[key]
        return formula

    def each(self, predicate: Callable[[Htlc], Any]) -> z3.BoolRef:
        """Return a predicate of the arbitrary member as one formula."""
        key = ("each", identity(predicate), id(self.now))
        memory = self.group.memory
        if key not in memory:
            memory[key] = (formula_from(self.branches(predicate)), predicate, self.now)
        formula: z3.BoolRef = memory[key][0]
        return formula

    def sum(self, weight: Callable[[Htlc], Any]) -> tuple[z3.ArithRef, list[z3.BoolRef]]:
        """Return the sum of a weight over the members that are left, and what is known of it."""
        key = ("sum", identity(weight), id(self.now), tuple(map(id, self.taken)))
        memory = self.group.memory
        if key not in memory:
            found = _sum(self, _as_term(self.branches(weight), term_of))
            memory[key] = (found, weight, self.now, self.taken)
        total: tuple[z3.ArithRef, list[z3.BoolRef]] = memory[key][0]
        return total

    def only(self, function: Callable[[Htlc], Any]) -> Any:
        """Return the value of a function that does not branch on unknown fields."""
        branches = self.branches(function)
        if len(branches) != 1:
            raise Unsupported("this function of an HTLC may depend on its stages only")
        return branches[0][1]

    def is_like(self, wanted: Callable[[Htlc], bool]) -> bool:
        """Say whether all members are wanted; ``False`` if none is."""
        value = self.only(wanted)
        if not isinstance(value, bool):
            raise Unsupported("this predicate of an HTLC may depend on its stages only")
        return value

    def changed(self, change: Callable[[Htlc], Htlc]) -> Population:
        """Return the population after a change of the stages of its members."""
        changed: Htlc = self.only(change)
        if changed is self.now:
            return self
        kept = all(getattr(changed, field) is getattr(self.now, field) for field in (*UNKNOWN_FIELDS, "offerer"))
        if not kept:
            raise Unsupported("this function of an HTLC may change its stages only")
        # Equal forms of a group are one object, so that what is known of it is found again.
        form = ("form", changed.added, changed.removal, changed.removed)
        now: Htlc = self.group.memory.setdefault(form, changed)
        return replace(self, now=now)


class Incomparable:
    """Something that stands for an unknown value: whether it equals another one, or is empty, cannot be told."""

    __slots__ = ()
    __hash__: ClassVar[None]  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise Unsupported(f"{type(self).__name__} is compared")

    def __bool__(self) -> bool:
        raise Unsupported(f"{type(self).__name__} is branched on")


@dataclass(frozen=True, eq=False)
class Universal(Incomparable):
    """A statement about all members, see the module's text."""

    formula: z3.BoolRef
    """The statement for the arbitrary members and those that are treated by themselves."""
    htlcs: SymbolicHtlcs
    """Whose members."""
    of_each: Callable[[Htlc], Any]


class Opaque(Incomparable):
    """The list of all HTLCs in some form: it can be stored, nothing can be learned from it."""


def _as_term(branches: list[tuple[list[z3.BoolRef], Any]], term: Callable[[Any], Any]) -> Any:
    """Return the value of a function as one term: nested if-then-else over its branches."""
    *others, (_, last) = branches
    whole = term(last)
    if not others and isinstance(last, int):
        return ZERO if last == 0 else whole
    for conditions, value in reversed(others):
        whole = z3.If(conjunction(conditions), term(value), whole)
    return z3.simplify(whole)


@dataclass(frozen=True, eq=False)
class SymbolicHtlcs(Incomparable):
    """Any number of HTLCs, with the methods of :class:`boltspec.htlcs.Htlcs`."""

    populations: tuple[Population, ...]
    single: tuple[Htlc, ...] = ()
    """Those that are treated by themselves."""
    memory: dict[Any, Any] = field(default_factory=dict, init=False, repr=False)
    """Sums that have been asked for."""

    def add(self, htlc: Htlc) -> SymbolicHtlcs:
        """See :meth:`boltspec.htlcs.Htlcs.add`."""
        return replace(self, single=(*self.single, htlc))

    def replace(self, old: Htlc, new: Htlc) -> SymbolicHtlcs:
        """See :meth:`boltspec.htlcs.Htlcs.replace`; the old one has been looked up before, in this collection."""
        if any(htlc is old for htlc in self.single):
            return replace(self, single=tuple(new if htlc is old else htlc for htlc in self.single))
        group, found, where = searching().memory.get(("home", id(old)), (None, None, None))
        if found is not old or where is not self:
            raise Unsupported("an HTLC is replaced that was not looked up in this collection")
        populations = tuple(
            replace(entry, taken=(*entry.taken, old)) if entry.group is group else entry for entry in self.populations
        )
        return SymbolicHtlcs(populations, (*self.single, new))

    def find(self, offerer: Side, htlc_id: Any) -> Htlc | None:
        """See :meth:`boltspec.htlcs.Htlcs.find`: any member may be it, or none."""
        _not_within_another()
        run = searching()
        place, sought = ("found", id(self), offerer), z3.simplify(term_of(htlc_id)).sexpr()
        if place not in run.memory:
            if run is not running():
                raise Unsupported("an HTLC is looked up in a predicate that no step looked up")
            # The collection is kept, so that its id() is not given to another object.
            run.memory[place] = (sought, self._find(offerer, htlc_id), self)
        sought_before, found, _ = run.memory[place]
        if sought != sought_before:
            raise Unsupported("two HTLCs of an offerer are looked up in one collection")
        return found  # type: ignore[no-any-return]

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
        run.memory["home", id(htlc)] = (group, htlc, self)
        # As it was before the step: that is the state which assumptions speak of.
        run.memory.setdefault("taken", []).append((group, taken))
        return htlc

    def map(self, change: Callable[[Htlc], Htlc]) -> SymbolicHtlcs:
        """See :meth:`boltspec.htlcs.Htlcs.map`; of the members only the stages may change."""
        populations = tuple(entry.changed(change) for entry in self.populations)
        return replace(self, populations=populations, single=tuple(change(htlc) for htlc in self.single))

    def keep(self, wanted: Callable[[Htlc], bool]) -> SymbolicHtlcs:
        """See :meth:`boltspec.htlcs.Htlcs.keep`; the predicate may look at stages only."""
        return replace(self, populations=self._like(wanted), single=tuple(h for h in self.single if wanted(h)))

    def _like(self, wanted: Callable[[Htlc], bool]) -> tuple[Population, ...]:
        return tuple(entry for entry in self.populations if entry.is_like(wanted))

    def total(self, weight: Callable[[Htlc], Any], zero: Any) -> Any:
        """See :meth:`boltspec.htlcs.Htlcs.total`."""
        rest, facts = running().once(lambda: self._total(weight))
        for fact in facts:
            searching().assume(fact)
        return SymInt(added_up([term_of(zero), rest])) + sum((weight(htlc) for htlc in self.single), 0)

    def _total(self, weight: Callable[[Htlc], Any]) -> tuple[z3.ArithRef, list[z3.BoolRef]]:
        key = ("total", identity(weight))
        if key not in self.memory:
            terms, facts = [], []
            for entry in self.populations:
                term, known = entry.sum(weight)
                if term is not ZERO:
                    terms.append(term)
                facts += known
            self.memory[key] = (added_up(terms) if terms else ZERO, facts, weight)
        rest, facts, _ = self.memory[key]
        return rest, facts

    def count(self, wanted: Callable[[Htlc], bool]) -> Any:
        """See :meth:`boltspec.htlcs.Htlcs.count`."""
        return self.total(lambda htlc: 1 if wanted(htlc) else 0, 0)

    def any(self, wanted: Callable[[Htlc], bool]) -> Any:
        """See :meth:`boltspec.htlcs.Htlcs.any`; the predicate may look at stages only."""
        rest = running().once(lambda: disjunction(entry.at_least_one() for entry in self._like(wanted)))
        return any(wanted(htlc) for htlc in self.single) or SymBool(rest)

    def all(self, wanted: Callable[[Htlc], bool]) -> Universal:
        """See :meth:`boltspec.htlcs.Htlcs.all`."""
        facts = [
            implication(entry.at_least_one(), each)
            for entry in self.populations
            if (each := entry.each(wanted)) is not TRUE
        ]
        facts += [as_formula(lambda h=htlc: wanted(h)) for htlc in self.single]  # type: ignore[misc]
        return Universal(conjunction(facts), self, wanted)

    def collect(self, form: Callable[[Htlc], Any]) -> Any:
        """See :meth:`boltspec.htlcs.Htlcs.collect`: nothing can be learned from the result."""
        for entry in self.populations:
            entry.branches(form)
        for htlc in self.single:
            form(htlc)
        return Opaque()


def _not_within_another() -> None:
    if looking_at_one():
        raise Unsupported("a function of an HTLC looks at all HTLCs")


def identity(value: Any) -> Any:
    """Return what tells functions and values apart that do not compute the same.

    Functions of the specification are pure: two that have the same code and are closed over the same values agree, as
    long as the same rules are off. Whoever keeps an identity keeps the value too.
    """
    if isinstance(value, FunctionType):
        cells = tuple(identity(cell.cell_contents) for cell in value.__closure__ or ())
        defaults = tuple(identity(default) for default in value.__defaults__ or ())
        return (value.__code__, cells, defaults, switched_off())
    if isinstance(value, SymInt):
        return ("term", value.term.get_id())
    return (type(value), id(value))


def _sum(population: Population, weight: z3.ArithRef) -> tuple[z3.ArithRef, list[z3.BoolRef]]:
    """Return the sum of a weight of the arbitrary member over a population, and what is known of it."""
    if weight is ZERO:
        return ZERO, []
    if z3.is_int_value(weight):
        return z3.simplify(weight * population.number()), []
    amount = term_of(population.group.member.amount_msat)
    if weight.eq(amount):
        return population.amounts(), []
    if weight.eq(z3.simplify(-amount)):
        return -population.amounts(), []
    entry = GROUP_SUMS.sum(population.group, weight)
    return entry.over(population.taken), entry.facts(population.taken) if population.taken else []


def as_formula(predicate: Callable[[], Any]) -> z3.BoolRef:
    """Return a predicate as one formula."""
    return formula_from(summary(predicate))


def formula_from(branches: list[tuple[list[z3.BoolRef], Any]]) -> z3.BoolRef:
    """Return the branches of a predicate as one formula."""
    holds = []
    for conditions, value in branches:
        result = value.formula if isinstance(value, Universal) else formula_of(value)
        holds.append(conjunction([*conditions, result]))
    return disjunction(holds)
