"""The best chain's books: blocks, unspent outputs, who spent what, and where each transaction is.

The consensus code decides what enters; this index only follows, so that answers are at hand. It can take blocks back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from boltchain.block import Block
from boltchain.interface import Utxo
from boltchain.transaction import OutPoint, Transaction, Txid

MEDIAN_TIME_SPAN = 11
"""Number of blocks whose median time is the clock of time locks (BIP 113)."""

_OP_RETURN = 0x6A


class Ledger:
    """Index over a chain of blocks; block number i of the chain has height i."""

    def __init__(self, genesis: Block) -> None:
        # The genesis block's output is not part of any UTXO set.
        self._blocks = [genesis]
        self._spent: list[list[tuple[OutPoint, Utxo]]] = [[]]
        self._utxos: dict[OutPoint, Utxo] = {}
        self._spenders: dict[OutPoint, Txid] = {}
        self._heights: dict[Txid, int] = {}

    @property
    def height(self) -> int:
        """Height of the last block."""
        return len(self._blocks) - 1

    def block(self, height: int) -> Block:
        """The block at `height`; LookupError if there is none."""
        if not 0 <= height <= self.height:
            msg = f"no block at height {height}: the chain ends at {self.height}"
            raise LookupError(msg)
        return self._blocks[height]

    def utxo(self, outpoint: OutPoint) -> Utxo | None:
        """The output, if it is unspent."""
        return self._utxos.get(outpoint)

    def spender(self, outpoint: OutPoint) -> Txid | None:
        """The transaction that spends the output, if any."""
        return self._spenders.get(outpoint)

    def transaction_height(self, txid: Txid) -> int | None:
        """Height of the block that holds the transaction, if any."""
        return self._heights.get(txid)

    def coins_of(self, script_pubkey: bytes) -> list[tuple[OutPoint, Utxo]]:
        """All unspent outputs that pay exactly this script, oldest first."""
        return [(outpoint, utxo) for outpoint, utxo in self._utxos.items() if utxo.script_pubkey == script_pubkey]

    def median_time_past(self, height: int) -> int:
        """Median time of the eleven blocks (fewer near genesis) that end at `height`."""
        times = sorted(block.time for block in self._blocks[max(0, height + 1 - MEDIAN_TIME_SPAN) : height + 1])
        return times[len(times) // 2]

    def connect(self, block: Block) -> None:
        """Append a valid block. ValueError if it does not build on the last one."""
        if block.previous != self._blocks[-1].hash:
            msg = f"block {block.hash[::-1].hex()} does not build on the tip at height {self.height}"
            raise ValueError(msg)
        self._blocks.append(block)
        self._spent.append([])
        for transaction in block.transactions:
            self._connect_transaction(transaction)

    def _connect_transaction(self, transaction: Transaction) -> None:
        coinbase, txid, height = transaction.is_coinbase, transaction.txid, self.height
        self._heights[txid] = height
        if not coinbase:
            for spent in transaction.inputs:
                self._spent[-1].append((spent.previous, self._utxos.pop(spent.previous)))
                self._spenders[spent.previous] = txid
        for vout, output in enumerate(transaction.outputs):
            if output.script_pubkey[:1] != bytes((_OP_RETURN,)):
                utxo = Utxo(output.amount_sat, output.script_pubkey, height, coinbase)
                self._utxos[OutPoint(txid, vout)] = utxo

    def disconnect(self) -> Block:
        """Take back the last block and give it. ValueError at genesis."""
        if self.height == 0:
            msg = "the genesis block cannot be disconnected"
            raise ValueError(msg)
        block = self._blocks.pop()
        # Spent outputs first: some were created in this very block and must vanish with it.
        for outpoint, utxo in self._spent.pop():
            self._utxos[outpoint] = utxo
            del self._spenders[outpoint]
        for transaction in block.transactions:
            del self._heights[transaction.txid]
            for vout in range(len(transaction.outputs)):
                self._utxos.pop(OutPoint(transaction.txid, vout), None)
        return block


def fees_sat(utxo: Callable[[OutPoint], Utxo | None], transactions: Sequence[Transaction]) -> int:
    """Fees of a block's transactions; 0 if one spends what is not there, since such a block is refused anyway.

    `utxo` finds what is unspent before the block.
    """
    created: dict[OutPoint, int] = {}
    fees = 0
    for transaction in transactions:
        for spent in transaction.inputs:
            found = utxo(spent.previous)
            amount = found.amount_sat if found else created.get(spent.previous)
            if amount is None:
                return 0
            fees += amount
        for vout, output in enumerate(transaction.outputs):
            created[OutPoint(transaction.txid, vout)] = output.amount_sat
            fees -= output.amount_sat
    return max(fees, 0)
