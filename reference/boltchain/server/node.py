"""A regtest node without peers: chain, pool and miner, as one object that answers and obeys.

Everything happens on the calling thread; when a method returns, blocks are on the disk. The pool is not kept: a node
that starts again has an empty one, and whoever cares sends its transactions again.
"""

from __future__ import annotations

import fcntl
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO

from boltchain.block import MAX_MONEY_SAT, Block, build_block, build_coinbase, subsidy_sat
from boltchain.ledger import fees_sat
from boltchain.server.acceptance import Candidate, Gate, Pays, Refusal
from boltchain.server.chainstate import BlockRejected, ChainChange, Chainstate
from boltchain.server.policy import Policy
from boltchain.server.pool import Pool
from boltchain.server.template import block_template
from boltchain.transaction import Transaction, display

_LOG = logging.getLogger(__name__)
_PROBE_PASSED = "bad-cb-amount"
_LOCK_FILE = ".lock"


class DirectoryInUse(Exception):
    """Another process serves the chain in this directory."""


class RegtestNode:
    """The node whose chain is in `directory` (made if missing). DirectoryInUse if another process has it open."""

    def __init__(self, directory: Path, policy: Policy | None = None, *, durable: bool = True) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(directory)
        self.policy = policy or Policy()
        """What the pool demands."""
        self.chain = Chainstate(directory, durable=durable)
        """Blocks and unspent outputs."""
        self.pool = Pool()
        """What waits for a block."""
        self.gate = Gate(self.chain.books, self.pool, self.policy)
        """Who may enter the pool."""
        self._stopped_at: int | None = None
        self._unique = count(time.time_ns())

    def close(self) -> None:
        """Write everything and let the directory go."""
        self.chain.close()
        self._lock.close()

    def clock(self) -> int:
        """Unix seconds, for new blocks and arrivals."""
        return int(time.time()) if self._stopped_at is None else self._stopped_at

    def stop_clock(self, seconds: int | None) -> None:
        """Let the clock stand still at so many Unix seconds; None lets it run again."""
        self._stopped_at = seconds

    def accept(self, transaction: Transaction) -> Candidate:
        """Take a transaction into the pool; Refusal with the reason if it may not enter."""
        candidate = self.check(transaction)
        self.enter([candidate])
        return candidate

    def check(self, transaction: Transaction) -> Candidate:
        """Whether the pool would take a transaction; Refusal with the reason if not. The pool stays as it is."""
        candidate = self.gate.examine(transaction)
        self.gate.check_room(candidate)
        self.gate.check_scripts(candidate)
        return candidate

    def enter(self, candidates: Sequence[Candidate]) -> None:
        """Put checked transactions into the pool, parents before children, in place of what they replace."""
        for candidate in candidates:
            self.pool.remove([entry for entry in candidate.replaced if entry.txid in self.pool])
        for candidate in candidates:
            self.pool.add(candidate.transaction, candidate.fee_sat, time=self.clock(), height=self.chain.height)

    def generate(self, script_pubkey: bytes) -> Block:
        """Mine a block of what waits, whose reward goes to the script. The caller calls `sync` before it answers."""
        while True:
            chosen = block_template(self.pool, self.policy.min_relay_sat_per_kvb)
            block = self.assemble(chosen, script_pubkey)
            try:
                return self._mine(block)
            except BlockRejected:
                if not chosen:
                    raise
                self._evict_invalid(chosen, script_pubkey)

    def generate_block(self, transactions: Sequence[Transaction], script_pubkey: bytes) -> Block:
        """Mine exactly these transactions, past every rule of the pool; BlockRejected with the library's reason."""
        block = self.assemble(transactions, script_pubkey)
        try:
            return self._mine(block)
        except BlockRejected as rejected:
            reason = self.block_refusal(transactions, script_pubkey) or "the block breaks a limit"
            raise BlockRejected(reason) from rejected

    def block_refusal(self, transactions: Sequence[Transaction], script_pubkey: bytes) -> str | None:
        """Why consensus would refuse a next block of these transactions; None if it would not.

        Asked by a block that claims all the money there can be, which the library looks at last: see
        `boltchain.embedded`.
        """
        reason = self.chain.refusal(self.assemble(transactions, script_pubkey, claim_sat=MAX_MONEY_SAT))
        return None if reason.startswith(_PROBE_PASSED) else reason

    def submit_block(self, block: Block) -> None:
        """Add a block that somebody else made; BlockRejected with the reason."""
        self._settle(self.chain.submit(block))

    def invalidate(self, block_hash: bytes) -> None:
        """Declare a block invalid, and with it all that builds on it: see `Chainstate.invalidate`."""
        self._settle(self.chain.invalidate(block_hash))

    def reconsider(self, block_hash: bytes) -> None:
        """Take such a declaration back: see `Chainstate.reconsider`."""
        self._settle(self.chain.reconsider(block_hash))

    def sync(self) -> None:
        """Wait until the chain is on the disk."""
        self.chain.sync()

    def assemble(
        self, transactions: Sequence[Transaction], script_pubkey: bytes, *, claim_sat: int | None = None
    ) -> Block:
        """A block on the tip. Its coinbase claims `claim_sat`, or else subsidy and fees."""
        height = self.chain.height + 1
        if claim_sat is None:
            claim_sat = subsidy_sat(height) + fees_sat(self.chain.utxo, transactions)
        coinbase = build_coinbase(height, next(self._unique), (claim_sat, script_pubkey), transactions)
        block_time = max(self.clock(), self.chain.books.median_time_past(height - 1) + 1)
        return build_block(self.chain.tip, block_time, [coinbase, *transactions])

    def _mine(self, block: Block) -> Block:
        self._settle(self.chain.mine(block))
        return block

    def _settle(self, change: ChainChange) -> None:
        """Bring the pool in line with a chain that has moved."""
        for block in change.connected:
            self.pool.confirm(block.transactions[1:])
        if not change.disconnected:
            return
        waiting = [entry.transaction for entry in self.pool.entries()]
        self.pool.clear()
        returning = [each for block in reversed(change.disconnected) for each in block.transactions[1:]]
        for transaction in returning:
            with suppress(Refusal):  # scripts were run before, and fees do not count when a transaction returns
                self.enter([self.gate.examine(transaction, pays=Pays.NOTHING)])
        for transaction in waiting:
            with suppress(Refusal):  # no longer valid on the new branch
                self.enter([self.gate.recheck(transaction)])

    def _evict_invalid(self, chosen: Sequence[Transaction], script_pubkey: bytes) -> None:
        """Drop the first of these transactions that consensus refuses: our own checks let it pass wrongly."""
        good, bad = 0, len(chosen)
        while bad - good > 1:
            middle = (good + bad) // 2
            if self.block_refusal(chosen[:middle], script_pubkey) is None:
                good = middle
            else:
                bad = middle
        offender = chosen[bad - 1]
        _LOG.warning(
            "dropped transaction %s: no valid block can hold it (%s)",
            display(offender.txid),
            self.block_refusal(chosen[:bad], script_pubkey),
        )
        waiting = self.pool.get(offender.txid)
        assert waiting is not None, "templates are made of what waits"
        self.pool.remove(self.pool.with_descendants([waiting]))


def _locked(directory: Path) -> IO[str]:
    lock = (directory / _LOCK_FILE).open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as failure:
        lock.close()
        msg = f"another process serves the chain in {directory}"
        raise DirectoryInUse(msg) from failure
    return lock


@contextmanager
def open_node(directory: Path, policy: Policy | None = None, *, durable: bool = True) -> Iterator[RegtestNode]:
    """A node that is closed at the end."""
    node = RegtestNode(directory, policy, durable=durable)
    try:
        yield node
    finally:
        node.close()
