"""A regtest chain inside this process: Bitcoin Core's consensus code with a miner, a mempool and a faucet around it.

Every judgement is the library's. To learn whether a transaction would be valid in the next block, a *probe block* that
holds it is offered, whose coinbase claims all the money there can be. Core looks at that claim after everything else;
so the reason `bad-cb-amount` means that all transactions are valid, and any other reason is why they are not. (Scripts
are checked in order on the calling thread: with worker threads their results would come after the claim.)

Blocks are ten minutes apart, from regtest's genesis in 2011 on, and hold nothing random: two new chains are equal
block for block until different things are asked of them.

On regtest the library checks its whole block index whenever it processes a block, which cannot be turned off. The cost
of a block or of a check therefore grows with all that the chain has processed: about 50 microseconds in the beginning,
five times that after a thousand. Who runs many thousand blocks is best served by a new chain every few hundred; making
one takes some thirty milliseconds.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from boltchain.block import (
    MAX_BLOCK_WEIGHT,
    MAX_MONEY_SAT,
    Block,
    build_block,
    build_coinbase,
    parse_block,
    subsidy_sat,
)
from boltchain.faucet import FAUCET_SCRIPT, PREMINED_BLOCKS, Faucet
from boltchain.interface import TransactionRejected, Utxo
from boltchain.kernel import Kernel, decodes_transaction
from boltchain.ledger import Ledger, fees_sat
from boltchain.mempool import Entry, Mempool, replacement_refusal
from boltchain.transaction import OutPoint, Transaction, Txid, parse_transaction

GENESIS = parse_block(
    bytes.fromhex(
        "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3"
        "888a51323a9fb8aa4b1e5e4adae5494dffff7f2002000000"
        "0101000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054"
        "696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f75742066"
        "6f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb6"
        "49f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"
    )
)
"""Regtest's first block."""

BLOCK_INTERVAL = 600
"""Seconds between blocks."""

_COINBASE_WEIGHT_RESERVE = 4_000
"""Weight kept free for header and coinbase."""

_PROBE_PASSED = "bad-cb-amount"


class EmbeddedChain:
    """Implements `boltchain.interface.Chain` in this process, in a temporary directory that `close` removes."""

    def __init__(self) -> None:
        self._directory = TemporaryDirectory(prefix="boltchain-")
        self._kernel = Kernel(Path(self._directory.name))
        self._ledger = Ledger(GENESIS)
        self._mempool = Mempool()
        self._unique = count()
        self._faucet = Faucet(lambda: self._ledger.coins_of(FAUCET_SCRIPT))
        self._open = True
        self.mine(PREMINED_BLOCKS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def height(self) -> int:
        """Height of the best block."""
        return self._ledger.height

    def tip(self) -> bytes:
        """Hash of the best block."""
        return self._ledger.block(self.height()).hash

    def median_time_past(self) -> int:
        """Median time of the last eleven blocks, in Unix seconds."""
        return self._ledger.median_time_past(self.height())

    def mine(self, count: int = 1, transactions: Sequence[bytes] | None = None) -> None:
        """Mine `count` blocks: see `Chain.mine`."""
        if transactions is not None:
            if count != 1:
                msg = f"given transactions fill one block, not {count}"
                raise ValueError(msg)
            self._mine_block([_parse(raw) for raw in transactions])
            return
        for _ in range(count):
            self._mine_block(self._template())

    def submit(self, transaction: bytes) -> Txid:
        """Offer a transaction to the mempool: see `Chain.submit`."""
        parsed = _parse(transaction)
        if parsed.txid not in self._mempool:
            self._accept(parsed)
        return parsed.txid

    def check(self, transaction: bytes, after: Sequence[bytes] = ()) -> str | None:
        """Why consensus would refuse the transaction in the next block behind `after`: see `Chain.check`."""
        try:
            return self._probe([_parse(raw) for raw in (*after, transaction)])
        except TransactionRejected as malformed:
            return malformed.reason

    def utxo(self, outpoint: OutPoint) -> Utxo | None:
        """The output, if it is unspent in the best chain."""
        return self._ledger.utxo(outpoint)

    def spender(self, outpoint: OutPoint) -> Txid | None:
        """The confirmed transaction that spends the output, if any."""
        return self._ledger.spender(outpoint)

    def transaction_height(self, txid: Txid) -> int | None:
        """Height of the block that holds the transaction, if any."""
        return self._ledger.transaction_height(txid)

    def block(self, height: int) -> list[bytes]:
        """The transactions of the block at `height`, coinbase first."""
        return [transaction.raw for transaction in self._ledger.block(height).transactions]

    def mempool(self) -> list[Txid]:
        """Ids of the waiting transactions, parents before children."""
        return self._mempool.txids()

    def reorganise(self, depth: int) -> None:
        """Replace the last `depth` blocks by `depth + 1` empty ones: see `Chain.reorganise`."""
        if not 1 <= depth < self.height():
            msg = f"cannot disconnect {depth} of {self.height()} blocks"
            raise ValueError(msg)
        disconnected = [self._ledger.disconnect() for _ in range(depth)]
        waiting = self._mempool.transactions()
        for _ in range(depth + 1):
            block = self._assemble([])
            self._kernel.process(block.raw)
            self._ledger.connect(block)
        self._expect_tip()
        self._faucet.forget()
        returning = [transaction for block in reversed(disconnected) for transaction in block.transactions[1:]]
        self._refill_mempool(returning + waiting)

    def replace_blocks(self, depth: int, blocks: Sequence[Sequence[bytes]]) -> None:
        """Replace the last `depth` blocks by a longer branch, each block of which holds the given transactions.

        TransactionRejected if consensus refuses one of the blocks; then nothing has changed. The mempool must be empty:
        it plays no part. ValueError unless the branch is longer than what it replaces.
        """
        if not 1 <= depth < min(self.height(), len(blocks)) or self.mempool():
            msg = f"{len(blocks)} blocks cannot replace {depth} of {self.height()}"
            raise ValueError(msg)
        parsed = [[_parse(raw) for raw in block] for block in blocks]
        replaced = [self._ledger.disconnect() for _ in range(depth)]
        try:
            self._offer_branch(parsed)
        except TransactionRejected:
            for block in reversed(replaced):
                self._ledger.connect(block)
            raise
        finally:
            self._faucet.forget()

    def _offer_branch(self, blocks: Sequence[Sequence[Transaction]]) -> None:
        """Offer blocks on the ledger's tip, which must become the best chain; else the ledger is as before."""
        added, reason = 0, None
        for transactions in blocks:
            if not self._are_there(transactions):
                reason = "bad-txns-inputs-missingorspent"
                break
            block = self._assemble(transactions)
            reason = self._kernel.offer(block.raw) or reason
            self._ledger.connect(block)
            added += 1
        if reason is None and self._kernel.tip() == self.tip():
            return
        for _ in range(added):
            self._ledger.disconnect()
        raise TransactionRejected(reason or "the branch was not followed")

    def _are_there(self, transactions: Sequence[Transaction]) -> bool:
        """Whether all that these spend is unspent before each, as the ledger must have it to follow a side branch."""
        created: set[OutPoint] = set()
        gone: set[OutPoint] = set()
        for transaction in transactions:
            for spent in transaction.inputs:
                known = spent.previous in created or self._ledger.utxo(spent.previous) is not None
                if not known or spent.previous in gone:
                    return False
                gone.add(spent.previous)
            created.update(OutPoint(transaction.txid, vout) for vout in range(len(transaction.outputs)))
        return True

    def fund(self, script_pubkey: bytes, amount_sat: int) -> OutPoint:
        """Pay the script from the faucet and mine the payment: see `Chain.fund`."""
        payment = self._faucet.payment(script_pubkey, amount_sat, self.height() + 1)
        try:
            self._mine_block([payment])
        except TransactionRejected:
            self._faucet.forget()
            raise
        return OutPoint(payment.txid, 0)

    def close(self) -> None:
        """Free the library's memory and remove the temporary directory."""
        if self._open:
            self._open = False
            self._kernel.close()
            self._directory.cleanup()

    def _template(self) -> list[Transaction]:
        """What the next block takes from the mempool: everything in order, as far as it fits."""
        chosen: list[Transaction] = []
        room = MAX_BLOCK_WEIGHT - _COINBASE_WEIGHT_RESERVE
        for transaction in self._mempool.transactions():
            room -= transaction.weight
            if room < 0:
                break
            chosen.append(transaction)
        return chosen

    def _mine_block(self, transactions: Sequence[Transaction]) -> None:
        block = self._assemble(transactions)
        self._kernel.process(block.raw)
        if transactions and self._kernel.tip() != block.hash:
            raise TransactionRejected(self._probe(transactions) or "block limits exceeded")
        self._ledger.connect(block)
        self._mempool.confirm(block.transactions[1:])

    def _assemble(self, transactions: Sequence[Transaction], claim_sat: int | None = None) -> Block:
        """A block on the tip. Its coinbase claims `claim_sat`, or else subsidy and fees."""
        height = self.height() + 1
        if claim_sat is None:
            claim_sat = subsidy_sat(height) + fees_sat(self._ledger.utxo, transactions)
        coinbase = build_coinbase(height, next(self._unique), (claim_sat, FAUCET_SCRIPT), transactions)
        return build_block(self.tip(), self._next_time(), [coinbase, *transactions])

    def _next_time(self) -> int:
        """Ten minutes after the tip; never ahead of the clock, and always above the median as consensus demands."""
        planned = self._ledger.block(self.height()).time + BLOCK_INTERVAL
        return max(min(planned, int(time.time())), self.median_time_past() + 1)

    def _expect_tip(self) -> None:
        if self._kernel.tip() != self.tip():
            msg = "the consensus library follows another chain than the one that was mined"
            raise RuntimeError(msg)

    def _probe(self, transactions: Sequence[Transaction]) -> str | None:
        """The library's reason against a next block of these transactions, None if it has none."""
        reason = self._kernel.refusal(self._assemble(transactions, claim_sat=MAX_MONEY_SAT).raw)
        return None if reason.startswith(_PROBE_PASSED) else reason

    def _accept(self, transaction: Transaction) -> None:
        """Put a transaction into the mempool; TransactionRejected with the reason if it may not enter."""
        if self._ledger.transaction_height(transaction.txid) is not None:
            raise TransactionRejected("txn-already-known")
        direct = self._mempool.conflicts(transaction)
        replaced = self._mempool.with_descendants(direct)
        doomed = {entry.transaction.txid for entry in replaced}
        ancestors = self._mempool.ancestors(transaction)
        if any(ancestor.txid in doomed for ancestor in ancestors):
            raise TransactionRejected("bad-txns-spends-conflicting-tx")
        if (reason := self._probe([*ancestors, transaction])) is not None:
            raise TransactionRejected(reason)
        entry = Entry(transaction, self._fee_sat(transaction))
        if (reason := replacement_refusal(entry, direct, replaced)) is not None:
            raise TransactionRejected(reason)
        self._mempool.remove(replaced)
        self._mempool.add(entry)

    def _fee_sat(self, transaction: Transaction) -> int:
        """Fee of a transaction whose inputs are known to exist."""
        fee = -sum(output.amount_sat for output in transaction.outputs)
        for spent in transaction.inputs:
            utxo = self._ledger.utxo(spent.previous)
            fee += utxo.amount_sat if utxo else self._mempool.output_sat(spent.previous) or 0
        return fee

    def _refill_mempool(self, transactions: Sequence[Transaction]) -> None:
        """Start the mempool again from what is still valid of these."""
        self._mempool = Mempool()
        for transaction in transactions:
            try:
                self._accept(transaction)
            except TransactionRejected:
                continue  # no longer valid on the new branch


def _parse(raw: bytes) -> Transaction:
    """Parse what a user hands in; TransactionRejected if it is not a transaction."""
    try:
        transaction = parse_transaction(raw)
    except ValueError as malformed:
        reason = f"TX decode failed: {malformed}"
        raise TransactionRejected(reason) from malformed
    if not decodes_transaction(raw):
        raise TransactionRejected("TX decode failed")
    return transaction
