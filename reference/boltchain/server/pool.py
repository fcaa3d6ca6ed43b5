"""Transactions that wait for a block, with who descends from whom. The caller has checked that each is valid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from boltchain.transaction import OutPoint, Output, Transaction, Txid


@dataclass(frozen=True, slots=True)
class Waiting:
    """A waiting transaction."""

    transaction: Transaction
    fee_sat: int
    number: int
    """Counts arrivals: parents have lower numbers than their children."""
    time: int
    """When it entered, in Unix seconds."""
    height: int
    """Height of the best block when it entered."""

    @property
    def txid(self) -> Txid:
        """The transaction's id."""
        return self.transaction.txid

    @property
    def vsize(self) -> int:
        """Virtual size in vbytes."""
        return self.transaction.vsize


class Pool:
    """The waiting transactions, parents before children. Every operation costs what its relatives number."""

    def __init__(self) -> None:
        self._entries: dict[Txid, Waiting] = {}
        self._spenders: dict[OutPoint, Txid] = {}
        self._arrivals = 0
        self.vsize = 0
        """Sum of the virtual sizes, in vbytes."""
        self.fees_sat = 0
        """Sum of the fees."""

    def __contains__(self, txid: Txid) -> bool:
        return txid in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, txid: Txid) -> Waiting | None:
        """The waiting transaction with this id, if there is one."""
        return self._entries.get(txid)

    def entries(self) -> list[Waiting]:
        """All of them, parents before children."""
        return list(self._entries.values())

    def output(self, outpoint: OutPoint) -> Output | None:
        """An output of a waiting transaction, whether or not it is spent; None if there is none such."""
        entry = self._entries.get(outpoint.txid)
        if entry is None or outpoint.vout >= len(entry.transaction.outputs):
            return None
        return entry.transaction.outputs[outpoint.vout]

    def spender(self, outpoint: OutPoint) -> Txid | None:
        """The waiting transaction that spends an output, if any."""
        return self._spenders.get(outpoint)

    def conflicts(self, transaction: Transaction) -> list[Waiting]:
        """The other waiting transactions that spend what this one spends."""
        txids = {self._spenders.get(spent.previous) for spent in transaction.inputs} - {None, transaction.txid}
        return _in_order(self._entries[txid] for txid in txids if txid is not None)

    def parents(self, transaction: Transaction) -> list[Waiting]:
        """The waiting transactions of which this one spends an output."""
        txids = {spent.previous.txid for spent in transaction.inputs}
        return _in_order(self._entries[txid] for txid in txids if txid in self._entries)

    def children(self, transaction: Transaction) -> list[Waiting]:
        """The waiting transactions that spend an output of this one."""
        outpoints = (OutPoint(transaction.txid, vout) for vout in range(len(transaction.outputs)))
        txids = {self._spenders.get(outpoint) for outpoint in outpoints} - {None}
        return _in_order(self._entries[txid] for txid in txids if txid is not None)

    def ancestors(self, transaction: Transaction) -> list[Waiting]:
        """All waiting transactions on which this one depends, parents before children."""
        found: dict[Txid, Waiting] = {}
        open_ = [transaction]
        while open_:
            for entry in self.parents(open_.pop()):
                if entry.txid not in found:
                    found[entry.txid] = entry
                    open_.append(entry.transaction)
        return _in_order(found.values())

    def with_descendants(self, entries: Iterable[Waiting]) -> list[Waiting]:
        """The entries and all waiting transactions that depend on them, parents before children."""
        found = {entry.txid: entry for entry in entries}
        open_ = list(found.values())
        while open_:
            for entry in self.children(open_.pop().transaction):
                if entry.txid not in found:
                    found[entry.txid] = entry
                    open_.append(entry)
        return _in_order(found.values())

    def add(self, transaction: Transaction, fee_sat: int, *, time: int, height: int) -> Waiting:
        """Append a transaction; those that it replaces must be gone already."""
        self._arrivals += 1
        entry = Waiting(transaction, fee_sat, self._arrivals, time, height)
        self._entries[transaction.txid] = entry
        for spent in transaction.inputs:
            self._spenders[spent.previous] = transaction.txid
        self.vsize += entry.vsize
        self.fees_sat += fee_sat
        return entry

    def remove(self, entries: Iterable[Waiting]) -> None:
        """Drop transactions; who drops one drops its descendants, or has them in a block's company."""
        for entry in entries:
            del self._entries[entry.txid]
            for spent in entry.transaction.inputs:
                del self._spenders[spent.previous]
            self.vsize -= entry.vsize
            self.fees_sat -= entry.fee_sat

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()
        self._spenders.clear()
        self.vsize = self.fees_sat = 0

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


def _in_order(entries: Iterable[Waiting]) -> list[Waiting]:
    return sorted(entries, key=lambda entry: entry.number)
