"""The HTLCs of a channel, reached through a few combinators only.

Steps never loop over HTLCs: they map one function over each, sum a weight, count, or look one up by id. So a step is
*pointwise*, and the prover can run it on a collection of arbitrarily many HTLCs (``boltproofs.collection``), which has
the same methods.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from boltspec.htlc import Htlc, Side

T = TypeVar("T")
N = TypeVar("N")


@dataclass(frozen=True, slots=True)
class Htlcs:
    """An immutable set of HTLCs, ordered by offerer and id so that equal sets are equal values."""

    items: tuple[Htlc, ...] = ()

    def add(self, htlc: Htlc) -> Htlcs:
        """Return the collection with one HTLC more."""
        return Htlcs(tuple(sorted((*self.items, htlc), key=lambda entry: (entry.offerer, entry.id))))

    def replace(self, old: Htlc, new: Htlc) -> Htlcs:
        """Return the collection with one HTLC changed."""
        return Htlcs(tuple(new if htlc is old else htlc for htlc in self.items))

    def find(self, offerer: Side, htlc_id: int) -> Htlc | None:
        """Return the live HTLC of that offerer and id, if there is one."""
        return next((htlc for htlc in self.items if htlc.id == htlc_id and htlc.offerer is offerer), None)

    def map(self, change: Callable[[Htlc], Htlc]) -> Htlcs:
        """Return the collection with every HTLC changed by the same function."""
        return Htlcs(tuple([change(htlc) for htlc in self.items]))

    def keep(self, wanted: Callable[[Htlc], bool]) -> Htlcs:
        """Return the HTLCs for which the predicate holds."""
        return Htlcs(tuple([htlc for htlc in self.items if wanted(htlc)]))

    def total(self, weight: Callable[[Htlc], N], zero: N) -> N:
        """Return the sum of a quantity over all HTLCs; ``zero`` gives its unit."""
        if not self.items:
            return zero
        return sum([weight(htlc) for htlc in self.items], zero)  # type: ignore[call-overload, no-any-return]

    def count(self, wanted: Callable[[Htlc], bool]) -> int:
        """Return for how many HTLCs the predicate holds."""
        return sum(1 for htlc in self.items if wanted(htlc))

    def any(self, wanted: Callable[[Htlc], bool]) -> bool:
        """Say whether the predicate holds for some HTLC."""
        return any(wanted(htlc) for htlc in self.items)

    def all(self, wanted: Callable[[Htlc], bool]) -> bool:
        """Say whether the predicate holds for every HTLC."""
        return all(wanted(htlc) for htlc in self.items)

    def collect(self, form: Callable[[Htlc], T]) -> tuple[T, ...]:
        """Return what the function makes of every HTLC, sorted: the same for both nodes."""
        return tuple(sorted([form(htlc) for htlc in self.items]))  # type: ignore[type-var]


NO_HTLCS = Htlcs()
"""The empty collection."""
