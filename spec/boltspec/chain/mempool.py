"""The mempool: transactions that wait for a block, and which of two that spend the same output stays.

There is one slot for each outpoint. Who wants a slot that is taken has to replace whatever is in it, by the conditions
on which nodes relay a replacement (:mod:`boltspec.chain.policy`): a higher feerate than that of each transaction it
replaces, and a fee that pays for all of them and for its own relay besides. So a heavy transaction with a low feerate,
which miners do not take, can keep out a light one that they would take (*pinning*); and a party that pays can take a
transaction out of the mempool and then withdraw its own (*replacement cycling*).

Fees are small numbers here: a feerate of 1 is the least that is relayed, a weight of 1 is that of a transaction that
claims one output. A commitment and the child that spends its anchor count as one transaction, as a package does.

Left out: limits on descendants, expiry, and that mempools differ. What a corrupt party gives to a miner directly needs
no mempool, and is possible beside this (:mod:`boltspec.chain.moves`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from boltspec.chain.policy import LEAST_RELAYED, Priced, is_relayed, least_replacement_fee, may_replace
from boltspec.chain.transactions import ANY_TIME, Form, Outpoint, Transaction, Txid
from boltspec.units import Blocks, Sat


@dataclass(frozen=True, slots=True)
class Market:
    """What miners ask for, and what the parties pay."""

    asked: int
    """Feerate for which a transaction is in the next block."""
    bids: tuple[int, ...]
    """Feerates that an honest party offers, block by block, until a transaction is confirmed. The first ones are
    estimates, those above ``asked`` are for what is at stake."""
    coins: int = 1
    """How many coins each wallet has to pay fees with."""
    submissions: int = 0
    """How many transactions corrupt parties put into the mempool."""
    pinning_weight: int = 3
    """Weight of a transaction that is made to be expensive to replace."""
    commitments: bool = True
    """Corrupt parties put their commitments into the mempool too, to keep the other's out."""

    @property
    def can_pin(self) -> bool:
        """Whether a pin keeps out what pays as much as miners ask for; otherwise it would be in nobody's way."""
        return LEAST_RELAYED * self.pinning_weight + LEAST_RELAYED > self.asked


class Pooled(NamedTuple):
    """A transaction that waits for a block."""

    transaction: Transaction
    pays_enough: bool
    """It pays what miners ask for, by itself or through a child."""
    waited: Blocks
    """For how many blocks it has waited."""
    feerate: int = 0
    weight: int = 1
    coins: tuple[Outpoint, ...] = ()
    """Coins of its signer's wallet that it spends as well."""

    @property
    def priced(self) -> Priced:
        """What it pays, and for what."""
        return Priced(self.feerate * self.weight, self.weight)

    @property
    def slots(self) -> frozenset[Outpoint]:
        """The outpoints that it takes."""
        return frozenset(spent.outpoint for spent in self.transaction.inputs).union(self.coins)


Pool: TypeAlias = tuple[Pooled, ...]
"""Transactions that wait, no two of which take the same slot."""


def rivals(pool: Pool, slots: frozenset[Outpoint]) -> Pool:
    """Return what a transaction that takes these outpoints would have to replace."""
    return tuple(other for other in pool if not slots.isdisjoint(other.slots))


def is_admitted(pool: Pool, slots: frozenset[Outpoint], feerate: int, weight: int) -> bool:
    """Say whether nodes take a transaction into their mempool that takes these outpoints and pays so much."""
    new, taken = Priced(feerate * weight, weight), rivals(pool, slots)
    return is_relayed(*new) and (not taken or may_replace(new, [other.priced for other in taken]))


def submitted(pool: Pool, entry: Pooled) -> Pool:
    """Return the mempool after a transaction was sent to it: with it, or as it was."""
    if not is_admitted(pool, entry.slots, entry.feerate, entry.weight):
        return pool
    taken = rivals(pool, entry.slots)
    return tuple(sorted((*(other for other in pool if other not in taken), entry)))


# --- what a corrupt party sends ---


def pin(transaction: Transaction, market: Market, paying: Outpoint) -> Pooled:
    """Return a transaction in its heaviest form, at the least feerate: expensive to replace, of no use to miners."""
    enough = market.asked <= LEAST_RELAYED
    return Pooled(transaction, enough, Blocks(0), LEAST_RELAYED, market.pinning_weight, (paying,))


def outbidding(transaction: Transaction, market: Market, paying: Outpoint, pool: Pool) -> Pooled | None:
    """Return a transaction that replaces what takes its slots now; ``None`` if nothing does."""
    entry = Pooled(transaction, True, Blocks(0), 0, len(transaction.inputs), (paying,))
    taken = rivals(pool, entry.slots)
    if not taken:
        return None
    least = least_replacement_fee(entry.weight, [other.priced for other in taken])
    feerate = max(-(-least // entry.weight), *(other.feerate + 1 for other in taken))
    return entry._replace(feerate=feerate, pays_enough=feerate >= market.asked)


def withdrawal(entry: Pooled) -> Pooled:
    """Return what replaces a party's own transaction and spends nothing but the coins that it was paid with."""
    signer = entry.transaction.signer
    nothing = Transaction(Txid(Form.WALLET, signer), (), (), ANY_TIME, Sat(0), signer)
    feerate = max(least_replacement_fee(1, [entry.priced]), entry.feerate + 1)
    return Pooled(nothing, True, Blocks(0), feerate, 1, entry.coins)
