"""Transactions that wait for a block, in an order in which they can be mined.

This is not Bitcoin Core's relay policy. Anything that consensus would take in the next block may wait here, however
little it pays. Of the policy only what decides races between transactions is kept: first seen wins, unless a
conflicting one pays for its replacement.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from boltchain.transaction import OutPoint, Transaction, Txid

INCREMENTAL_FEERATE_SAT_PER_VB = 1
"""What a replacement must pay for each vbyte of its own size on top of all that it replaces."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A waiting transaction and its fee in satoshi."""

    transaction: Transaction
    fee_sat: int


class Mempool:
    """Waiting transactions, parents before children. The caller has checked that each is valid after those before."""

    def __init__(self) -> None:
        self._entries: dict[Txid, Entry] = {}
        self._spenders: dict[OutPoint, Txid] = {}

    def __contains__(self, txid: Txid) -> bool:
        return txid in self._entries

    def txids(self) -> list[Txid]:
        """Ids, parents before children."""
        return list(self._entries)

    def transactions(self) -> list[Transaction]:
        """Transactions, parents before children."""
        return [entry.transaction for entry in self._entries.values()]

    def output_sat(self, outpoint: OutPoint) -> int | None:
        """Amount of an output of a waiting transaction, if there is such an output."""
        entry = self._entries.get(outpoint.txid)
        if entry is None or outpoint.vout >= len(entry.transaction.outputs):
            return None
        return entry.transaction.outputs[outpoint.vout].amount_sat

    def ancestors(self, transaction: Transaction) -> list[Transaction]:
        """The waiting transactions on which this one depends, parents before children."""
        found: set[Txid] = set()
        open_ = [transaction]
        while open_:
            for spent in open_.pop().inputs:
                parent = self._entries.get(spent.previous.txid)
                if parent is not None and spent.previous.txid not in found:
                    found.add(spent.previous.txid)
                    open_.append(parent.transaction)
        return [entry.transaction for txid, entry in self._entries.items() if txid in found]

    def conflicts(self, transaction: Transaction) -> list[Entry]:
        """The waiting transactions that spend an output which this one spends too."""
        txids = {self._spenders.get(spent.previous) for spent in transaction.inputs}
        return [self._entries[txid] for txid in txids if txid is not None and txid != transaction.txid]

    def with_descendants(self, entries: Iterable[Entry]) -> list[Entry]:
        """The entries and all waiting transactions that depend on them."""
        doomed = {entry.transaction.txid for entry in entries}
        if not doomed:
            return []
        for txid, entry in self._entries.items():
            if any(spent.previous.txid in doomed for spent in entry.transaction.inputs):
                doomed.add(txid)
        return [entry for txid, entry in self._entries.items() if txid in doomed]

    def add(self, entry: Entry) -> None:
        """Append a transaction; those that it replaces must be gone already."""
        self._entries[entry.transaction.txid] = entry
        for spent in entry.transaction.inputs:
            self._spenders[spent.previous] = entry.transaction.txid

    def remove(self, entries: Iterable[Entry]) -> None:
        """Drop transactions."""
        for entry in entries:
            del self._entries[entry.transaction.txid]
            for spent in entry.transaction.inputs:
                del self._spenders[spent.previous]

    def confirm(self, transactions: Iterable[Transaction]) -> None:
        """A block holds these: drop them, and all that conflicts with them."""
        if not self._entries:
            return
        for transaction in transactions:
            own = self._entries.get(transaction.txid)
            if own is not None:
                self.remove([own])
            else:
                self.remove(self.with_descendants(self.conflicts(transaction)))


def replacement_refusal(new: Entry, direct: list[Entry], replaced: list[Entry]) -> str | None:
    """Why `new` may not take the place of its `direct` conflicts and of all `replaced` with them; None if it may."""
    feerate_low = [old for old in direct if new.fee_sat * old.transaction.vsize <= old.fee_sat * new.transaction.vsize]
    if feerate_low:
        old = feerate_low[0]
        return (
            f"insufficient fee, feerate not above the replaced transaction's: {new.fee_sat} sat for "
            f"{new.transaction.vsize} vbytes against {old.fee_sat} sat for {old.transaction.vsize} vbytes"
        )
    wanted_sat = sum(old.fee_sat for old in replaced) + INCREMENTAL_FEERATE_SAT_PER_VB * new.transaction.vsize
    if replaced and new.fee_sat < wanted_sat:
        return f"insufficient fee, replacement pays {new.fee_sat} sat of {wanted_sat} sat"
    return None
