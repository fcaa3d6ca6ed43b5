"""The books of a best chain that may be long: unspent outputs, and what each block took from them.

Like `boltchain.ledger.Ledger`, but it keeps no blocks: they stay in the log, and are handed in again to be taken back.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltchain.block import Block
from boltchain.dust import is_unspendable
from boltchain.interface import Utxo
from boltchain.ledger import MEDIAN_TIME_SPAN
from boltchain.transaction import OutPoint, Transaction, Txid


@dataclass(frozen=True, slots=True)
class _Page:
    """What the books keep of a block: identity, header time in Unix seconds, and the outputs that it spent."""

    hash: bytes
    time: int
    spent: tuple[tuple[OutPoint, Utxo], ...]


class Books:
    """Index over the best chain; page number i is about the block at height i."""

    def __init__(self, genesis: Block) -> None:
        # The genesis block's output is not part of any UTXO set.
        self._pages = [_Page(genesis.hash, genesis.time, ())]
        self._utxos: dict[OutPoint, Utxo] = {}

    @property
    def height(self) -> int:
        """Height of the last block."""
        return len(self._pages) - 1

    @property
    def tip(self) -> bytes:
        """Hash of the last block."""
        return self._pages[-1].hash

    def hash_at(self, height: int) -> bytes | None:
        """Hash of the block at `height`, if the chain reaches there."""
        return self._pages[height].hash if 0 <= height <= self.height else None

    def median_time_past(self, height: int) -> int:
        """Median time of the eleven blocks (fewer near genesis) that end at `height`."""
        times = sorted(page.time for page in self._pages[max(0, height + 1 - MEDIAN_TIME_SPAN) : height + 1])
        return times[len(times) // 2]

    def utxo(self, outpoint: OutPoint) -> Utxo | None:
        """The output, if it is unspent."""
        return self._utxos.get(outpoint)

    def has_output_of(self, transaction: Transaction) -> bool:
        """Whether an output of this transaction is unspent in the chain."""
        return any(OutPoint(transaction.txid, vout) in self._utxos for vout in range(len(transaction.outputs)))

    def coins_of(self, script_pubkey: bytes) -> list[tuple[OutPoint, Utxo]]:
        """All unspent outputs that pay exactly this script."""
        return [(outpoint, utxo) for outpoint, utxo in self._utxos.items() if utxo.script_pubkey == script_pubkey]

    def utxo_count(self) -> int:
        """Number of unspent outputs."""
        return len(self._utxos)

    def spent_by(self, height: int) -> tuple[tuple[OutPoint, Utxo], ...]:
        """The outputs that the block at `height` spent."""
        return self._pages[height].spent

    def connect(self, block: Block) -> None:
        """Append a valid block. ValueError if it does not build on the last one."""
        if block.previous != self.tip:
            msg = f"block {block.hash[::-1].hex()} does not build on the tip at height {self.height}"
            raise ValueError(msg)
        spent: list[tuple[OutPoint, Utxo]] = []
        height = len(self._pages)
        for position, transaction in enumerate(block.transactions):
            if position:
                spent += [(used.previous, self._utxos.pop(used.previous)) for used in transaction.inputs]
            self._add_outputs(transaction, height, coinbase=position == 0)
        self._pages.append(_Page(block.hash, block.time, tuple(spent)))

    def disconnect(self, block: Block) -> None:
        """Take back the last block, which is `block`. ValueError if it is another, or genesis."""
        if block.hash != self.tip or self.height == 0:
            msg = f"block {block.hash[::-1].hex()} is not the last one above genesis"
            raise ValueError(msg)
        # Spent outputs first: some were created in this very block and must vanish with it.
        self._utxos.update(self._pages.pop().spent)
        for transaction in block.transactions:
            for vout in range(len(transaction.outputs)):
                self._utxos.pop(OutPoint(transaction.txid, vout), None)

    def _add_outputs(self, transaction: Transaction, height: int, *, coinbase: bool) -> None:
        txid: Txid = transaction.txid
        for vout, output in enumerate(transaction.outputs):
            if not is_unspendable(output.script_pubkey):
                utxo = Utxo(output.amount_sat, output.script_pubkey, height, coinbase)
                self._utxos[OutPoint(txid, vout)] = utxo
