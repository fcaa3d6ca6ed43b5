"""What descends from the funding output, as the chain tells it.

The chain is asked from the funding output on: whatever is unspent of all that descends from it belongs to the channel.
So nothing is missed because the replay forgot about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boltchain.interface import Chain
from boltchain.transaction import OutPoint, Transaction, Txid, parse_transaction
from boltwire.transaction import Outpoint


def on_chain(outpoint: Outpoint) -> OutPoint:
    """The chain's form of an outpoint: the same bytes."""
    return OutPoint(Txid(outpoint.txid), outpoint.vout)


@dataclass(frozen=True, slots=True)
class Unspent:
    """An unspent output, confirmed or in the block that is being built."""

    amount_sat: int
    script_pubkey: bytes
    height: int


class Descendants:
    """What descends from one output, as the chain tells it."""

    def __init__(self, chain: Chain, root: OutPoint) -> None:
        self._chain = chain
        self._root = root
        self._sizes: dict[Txid, int] = {}

    def unspent(self, pending: Sequence[bytes]) -> dict[OutPoint, Unspent]:
        """All unspent outputs that descend from the root, as if ``pending`` were the next block."""
        found: dict[OutPoint, Unspent] = {}
        open_ = [self._root]
        while open_:
            outpoint = open_.pop()
            utxo = self._chain.utxo(outpoint)
            if utxo is not None:
                found[outpoint] = Unspent(utxo.amount_sat, utxo.script_pubkey, utxo.height)
            elif (txid := self._chain.spender(outpoint)) is not None:
                open_ += [OutPoint(txid, vout) for vout in range(self._size(txid))]
        for raw in pending:
            self._apply(found, parse_transaction(raw))
        return found

    def _apply(self, found: dict[OutPoint, Unspent], transaction: Transaction) -> None:
        for spent in transaction.inputs:
            found.pop(spent.previous, None)
        for vout, output in enumerate(transaction.outputs):
            made = Unspent(output.amount_sat, output.script_pubkey, self._chain.height() + 1)
            found[OutPoint(transaction.txid, vout)] = made

    def _size(self, txid: Txid) -> int:
        """Number of outputs of a confirmed transaction."""
        if txid not in self._sizes:
            self._sizes[txid] = len(confirmed(self._chain, txid).outputs)
        return self._sizes[txid]


def confirmed(chain: Chain, txid: Txid) -> Transaction:
    """Read a transaction from the block that holds it; LookupError if there is none."""
    height = chain.transaction_height(txid)
    if height is None:
        raise LookupError(f"no block holds the transaction {txid[::-1].hex()}")
    transactions = map(parse_transaction, chain.block(height))
    return next(transaction for transaction in transactions if transaction.txid == txid)
