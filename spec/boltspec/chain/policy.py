"""Relay policy: which valid transactions nodes pass on, and which of two that conflict they keep (BIP 125).

Consensus does not ask for any of this, and miners may do otherwise; but what is not relayed reaches few of them. The
functions take plain numbers: fees in satoshis with sizes in virtual bytes, or the small units of
:mod:`boltspec.chain.mempool`, where the least feerate is one unit of fee for a unit of size.

Left out: expiry, limits on the whole mempool, and the special rules for version 3 transactions.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")

LEAST_RELAYED = 1
"""Feerate, in satoshis per virtual byte, below which a transaction is not relayed: not even with a child that pays for
both. (Where a mempool is full it asks for more, and for that a child can pay.) A replacement pays as much again for its
own size."""
MOST_REPLACED = 100
"""No replacement may throw more transactions out of the mempool, descendants included."""
LARGEST_CLUSTER_REPLACED = 2
"""A parent and a child replace others together only where these are alone or in pairs."""
MOST_RELATIVES = 25
"""Neither may a transaction have more unconfirmed ancestors, itself included, nor more descendants."""
MOST_RELATED_SIZE = 101_000
"""The same in virtual bytes."""
CARVE_OUT_SIZE = 10_000
"""One child more is taken if it is no larger, in virtual bytes, and its only unconfirmed ancestor is its parent."""
DUST_FEERATE = 3
"""An output must be worth more than it costs to make and spend it at this feerate."""
WITNESS_INPUT_SIZE = 67
"""Virtual bytes that spending a witness output is counted with."""


class Priced(NamedTuple):
    """A transaction, as policy sees it."""

    fee: int
    size: int


def is_relayed(fee: int, size: int) -> bool:
    """Say whether a transaction pays enough to be passed on."""
    return fee >= LEAST_RELAYED * size


def least_replacement_fee(size: int, replaced: Sequence[Priced]) -> int:
    """Return the least fee with which a transaction of that size can replace others and their descendants.

    It pays for all of them, and for its own relay (BIP 125, rules 3 and 4).
    """
    return sum(other.fee for other in replaced) + LEAST_RELAYED * size


def has_higher_feerate(new: Priced, conflicting: Sequence[Priced]) -> bool:
    """Say whether a transaction has a higher feerate than each one that it conflicts with directly."""
    return all(feerate(new) > feerate(other) for other in conflicting)


def feerate(priced: Priced) -> int:
    """Return what is paid for 1000 virtual bytes, rounded down as nodes do before they compare."""
    return priced.fee * 1000 // priced.size


def may_replace(new: Priced, conflicting: Sequence[Priced], descendants: Sequence[Priced] = ()) -> bool:
    """Say whether a transaction replaces those that it conflicts with, and with them their descendants."""
    replaced = (*conflicting, *descendants)
    return (
        len(replaced) <= MOST_REPLACED
        and new.fee >= least_replacement_fee(new.size, replaced)
        and has_higher_feerate(new, conflicting)
    )


def brings_no_new_parents(parents: Collection[T], of_conflicting: Collection[T]) -> bool:
    """Say whether a replacement spends outputs of no unconfirmed transaction but of parents of what it replaces.

    BIP 125, rule 2.
    """
    return all(parent in of_conflicting for parent in parents)


def has_room(relatives: int, size: int) -> bool:
    """Say whether so many ancestors, or descendants, of together so many virtual bytes are allowed, itself included."""
    return relatives <= MOST_RELATIVES and size <= MOST_RELATED_SIZE


def dust_limit_sat(output_size: int) -> int:
    """Return the least amount of a witness output that takes so many bytes: 330 with 43 for P2WSH, 294 with 31."""
    return DUST_FEERATE * (output_size + WITNESS_INPUT_SIZE)
