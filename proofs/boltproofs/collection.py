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
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import z3

from boltproofs.execution import Unsupported, looking_at_one, running, searching, summary
from boltproofs.formulas import conjunction, disjunction
from boltproofs.groups import GROUP_SUMS, UNKNOWN_FIELDS, Group, arbitrary_htlc
from boltproofs.symbolic import SymBool, SymInt, formula_of, term_of
from boltspec.htlc import Htlc, Side

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
        return self.group.number - len(self.taken)

    def amounts(self) -> z3.ArithRef:
        """Return the sum of the amounts of those that are left."""
        left = self.group.amounts
        for htlc in self.taken:
            left = left - term_of(htlc.amount_msat)
        return left


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
        return whole
    for conditions, value in reversed(others):
        whole = z3.If(conjunction(conditions), term(value), whole)
    return z3.simplify(whole)


@dataclass(frozen=True, eq=False)
class SymbolicHtlcs(Incomparable):
    """Any number of HTLCs, with the methods of :class:`boltspec.htlcs.Htlcs`."""

    populations: tuple[Population, ...]
    single: tuple[Htlc, ...] = ()
    """Those that are treated by themselves."""

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
        populations = tuple(replace(entry, now=_changed(entry.now, change)) for entry in self.populations)
        return replace(self, populations=populations, single=tuple(change(htlc) for htlc in self.single))

    def keep(self, wanted: Callable[[Htlc], bool]) -> SymbolicHtlcs:
        """See :meth:`boltspec.htlcs.Htlcs.keep`; the predicate may look at stages only."""
        return replace(self, populations=self._like(wanted), single=tuple(h for h in self.single if wanted(h)))

    def _like(self, wanted: Callable[[Htlc], bool]) -> tuple[Population, ...]:
        return tuple(entry for entry in self.populations if _is_like(entry.now, wanted))

    def total(self, weight: Callable[[Htlc], Any], zero: Any) -> Any:
        """See :meth:`boltspec.htlcs.Htlcs.total`."""
        rest, facts = running().once(lambda: self._total(weight))
        for fact in facts:
            searching().assume(fact)
        return SymInt(z3.Sum([term_of(zero), rest])) + sum((weight(htlc) for htlc in self.single), 0)

    def _total(self, weight: Callable[[Htlc], Any]) -> tuple[z3.ArithRef, list[z3.BoolRef]]:
        terms, facts = [ZERO], []
        for entry in self.populations:
            each = _as_term(_of_member(lambda e=entry: weight(e.now)), term_of)  # type: ignore[misc]
            term, known = _sum(entry, each)
            terms.append(term)
            facts += known
        return z3.Sum([term for term in terms if not term.eq(ZERO)] or [ZERO]), facts

    def count(self, wanted: Callable[[Htlc], bool]) -> Any:
        """See :meth:`boltspec.htlcs.Htlcs.count`."""
        return self.total(lambda htlc: 1 if wanted(htlc) else 0, 0)

    def any(self, wanted: Callable[[Htlc], bool]) -> Any:
        """See :meth:`boltspec.htlcs.Htlcs.any`; the predicate may look at stages only."""
        rest = running().once(lambda: disjunction(entry.number() >= 1 for entry in self._like(wanted)))
        return any(wanted(htlc) for htlc in self.single) or SymBool(rest)

    def all(self, wanted: Callable[[Htlc], bool]) -> Universal:
        """See :meth:`boltspec.htlcs.Htlcs.all`."""
        facts = [
            z3.Implies(entry.number() >= 1, _as_formula(_of_member(lambda e=entry: wanted(e.now))))  # type: ignore[misc]
            for entry in self.populations
        ]
        facts += [as_formula(lambda h=htlc: wanted(h)) for htlc in self.single]  # type: ignore[misc]
        return Universal(conjunction(facts), self, wanted)

    def collect(self, form: Callable[[Htlc], Any]) -> Any:
        """See :meth:`boltspec.htlcs.Htlcs.collect`: nothing can be learned from the result."""
        for entry in self.populations:
            _of_member(lambda e=entry: form(e.now))  # type: ignore[misc]
        for htlc in self.single:
            form(htlc)
        return Opaque()


def _not_within_another() -> None:
    if looking_at_one():
        raise Unsupported("a function of an HTLC looks at all HTLCs")


def _of_member(function: Callable[[], Any]) -> list[tuple[list[z3.BoolRef], Any]]:
    """Return every branch of a function of an arbitrary member."""
    _not_within_another()
    return summary(function, pointwise=True)


def _only(function: Callable[[], Any]) -> Any:
    """Return the value of a function of an arbitrary member that does not branch on unknown fields."""
    branches = _of_member(function)
    if len(branches) != 1:
        raise Unsupported("this function of an HTLC may depend on its stages only")
    return branches[0][1]


def _is_like(member: Htlc, wanted: Callable[[Htlc], bool]) -> bool:
    """Say whether all members of a population are wanted; ``False`` if none is."""
    value = _only(lambda: wanted(member))
    if not isinstance(value, bool):
        raise Unsupported("this predicate of an HTLC may depend on its stages only")
    return value


def _changed(member: Htlc, change: Callable[[Htlc], Htlc]) -> Htlc:
    changed: Htlc = _only(lambda: change(member))
    kept = all(getattr(changed, field) is getattr(member, field) for field in (*UNKNOWN_FIELDS, "offerer"))
    if not kept:
        raise Unsupported("this function of an HTLC may change its stages only")
    return changed


def _sum(population: Population, weight: z3.ArithRef) -> tuple[z3.ArithRef, list[z3.BoolRef]]:
    """Return the sum of a weight of the arbitrary member over a population, and what is known of it."""
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
    return _as_formula(summary(predicate))


def _as_formula(branches: list[tuple[list[z3.BoolRef], Any]]) -> z3.BoolRef:
    holds = []
    for conditions, value in branches:
        result = value.formula if isinstance(value, Universal) else formula_of(value)
        if not z3.is_false(result):
            holds.append(conjunction([*conditions, result]))
    return disjunction(holds)
