"""A served chain: the consensus library judges, the log remembers, the books answer.

The log decides what the chain is: the state of the library is always what it makes of the log's blocks, offered in the
order of their arrival, without those that were declared invalid and what descends from them. So a chain after a crash,
after `invalidate` or after `reconsider` is made in one and the same way, and which of two branches wins is Bitcoin
Core's own answer: most work, then first seen.

The library keeps its databases on disk, so that a start after a clean stop offers no block again. It cannot take a
block back, so after `invalidate` and `reconsider` it starts anew from the log. That costs what the log's blocks cost:
on regtest the library checks its whole index at every block, about 0.35 microseconds for each block in it. A thousand
blocks take a third of a second, six thousand take seven seconds.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from boltchain.block import Block, parse_block
from boltchain.embedded import GENESIS
from boltchain.interface import Utxo
from boltchain.kernel import Kernel
from boltchain.server.blocklog import BlockLog, RecordKind
from boltchain.server.books import Books
from boltchain.transaction import OutPoint

_LOG_FILE = "blocks.log"
_KERNEL_FOLDER = "kernel"


class BlockRejected(Exception):
    """A block was not taken. `reason` is the consensus library's, or Bitcoin Core's word for what is wrong."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A block that the log holds, on whatever branch: where it belongs and where its bytes are."""

    hash: bytes
    previous: bytes
    height: int
    time: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class ChainChange:
    """How the best chain moved: blocks taken back, the highest first, and blocks added, the lowest first."""

    disconnected: tuple[Block, ...] = ()
    connected: tuple[Block, ...] = ()


class Chainstate:
    """The chain in `directory`, which must exist and belong to this process alone."""

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self._folder = directory / _KERNEL_FOLDER
        self._log = BlockLog(directory / _LOG_FILE, durable=durable)
        self._index: dict[bytes, IndexEntry] = {}
        self._invalid: set[bytes] = set()
        self.books = Books(GENESIS)
        """Unspent outputs and block hashes of the best chain."""
        self._load()
        self._kernel = self._open_kernel()
        self._follow()

    @property
    def height(self) -> int:
        """Height of the best block."""
        return self.books.height

    @property
    def tip(self) -> bytes:
        """Hash of the best block."""
        return self.books.tip

    def utxo(self, outpoint: OutPoint) -> Utxo | None:
        """The output, if it is unspent in the best chain."""
        return self.books.utxo(outpoint)

    def entry(self, block_hash: bytes) -> IndexEntry | None:
        """What is known of a block on any branch; None if it is unknown. Genesis is known without being in the log."""
        if block_hash == GENESIS.hash:
            return IndexEntry(GENESIS.hash, GENESIS.previous, 0, GENESIS.time, 0, len(GENESIS.raw))
        return self._index.get(block_hash)

    def raw_block(self, entry: IndexEntry) -> bytes:
        """The bytes of a known block."""
        return GENESIS.raw if entry.height == 0 else self._log.read(entry.offset, entry.size)

    def is_active(self, entry: IndexEntry) -> bool:
        """Whether the block is part of the best chain."""
        return self.books.hash_at(entry.height) == entry.hash

    def is_invalid(self, entry: IndexEntry) -> bool:
        """Whether the block, or one that it builds on, was declared invalid."""
        return any(step.hash in self._invalid for step in self._ancestry(entry))

    def mine(self, block: Block) -> ChainChange:
        """Add a block that was built on the tip. BlockRejected, without a reason, if consensus refuses it."""
        self._kernel.process(block.raw)
        if self._kernel.tip() != block.hash:
            raise BlockRejected("")
        self._remember(block)
        self.books.connect(block)
        return ChainChange((), (block,))

    def submit(self, block: Block) -> ChainChange:
        """Add a block anywhere on the tree; BlockRejected with the reason if it may not join.

        The best chain changes if the block's branch has more work than it.
        """
        known = self.entry(block.hash)
        if known is not None:
            raise BlockRejected("duplicate-invalid" if self.is_invalid(known) else "duplicate")
        parent = self.entry(block.previous)
        if parent is None:
            raise BlockRejected("prev-blk-not-found")
        if self.is_invalid(parent):
            raise BlockRejected("bad-prevblk")
        if (reason := self._kernel.offer(block.raw)) is not None:
            raise BlockRejected(reason)
        self._remember(block)
        return self._follow()

    def refusal(self, block: Block) -> str:
        """The library's reason against a block that cannot be valid. It leaves a trace in the library's index."""
        return self._kernel.refusal(block.raw)

    def invalidate(self, block_hash: bytes) -> ChainChange:
        """Declare a block invalid, and with it all that builds on it.

        LookupError if it is unknown, ValueError for genesis.
        """
        entry = self._known(block_hash)
        if entry.height == 0:
            msg = "the genesis block cannot be declared invalid"
            raise ValueError(msg)
        if block_hash in self._invalid:
            return ChainChange()
        self._log.append(RecordKind.INVALIDATED, block_hash)
        self._invalid.add(block_hash)
        return self._start_anew()

    def reconsider(self, block_hash: bytes) -> ChainChange:
        """Take back what was declared of a block, its ancestors and its descendants. LookupError if it is unknown."""
        entry = self._known(block_hash)
        self._log.append(RecordKind.RECONSIDERED, block_hash)
        if not self._reconsider(entry):
            return ChainChange()
        return self._start_anew()

    def sync(self) -> None:
        """Wait until all blocks are on the disk."""
        self._log.sync()

    def close(self) -> None:
        """Write what the library holds, and close the files."""
        self._kernel.close()
        self._log.close()

    def _known(self, block_hash: bytes) -> IndexEntry:
        entry = self.entry(block_hash)
        if entry is None:
            msg = "Block not found"
            raise LookupError(msg)
        return entry

    def _remember(self, block: Block) -> None:
        """Log a block that the library has taken. The caller syncs before anybody hears of it."""
        self._enter(block, self._log.append(RecordKind.BLOCK, block.raw, sync=False))

    def _enter(self, block: Block, offset: int) -> None:
        parent = self._known(block.previous)
        entry = IndexEntry(block.hash, block.previous, parent.height + 1, block.time, offset, len(block.raw))
        self._index[block.hash] = entry

    def _load(self) -> None:
        for record in self._log.records():
            if record.kind is RecordKind.BLOCK:
                self._enter(parse_block(record.content), record.offset)
            elif record.kind is RecordKind.INVALIDATED:
                self._invalid.add(record.content)
            else:
                self._reconsider(self._known(record.content))

    def _reconsider(self, entry: IndexEntry) -> bool:
        """Clear the marks of a block, its ancestors and descendants; whether there were any."""
        line = {step.hash for step in self._ancestry(entry)}
        cleared = {marked for marked in self._invalid if marked in line or self._descends(marked, entry)}
        self._invalid -= cleared
        return bool(cleared)

    def _descends(self, block_hash: bytes, ancestor: IndexEntry) -> bool:
        return any(step.hash == ancestor.hash for step in self._ancestry(self._known(block_hash)))

    def _ancestry(self, entry: IndexEntry) -> Iterable[IndexEntry]:
        """The block and those below it, as far as one may be marked: above genesis."""
        while self._invalid and entry.height:
            yield entry
            entry = self._known(entry.previous)

    def _offered(self) -> Iterable[IndexEntry]:
        """The blocks that the library is to know, in the order of their arrival."""
        refused: set[bytes] = set()
        for entry in self._index.values():
            if entry.hash in self._invalid or entry.previous in refused:
                refused.add(entry.hash)
            else:
                yield entry

    def _open_kernel(self) -> Kernel:
        """The library with exactly the log's blocks; from its own files as far as they agree, else from the log."""
        try:
            kernel = Kernel(self._folder, persistent=True)
        except RuntimeError:  # its files are damaged: they hold nothing that the log does not
            shutil.rmtree(self._folder)
            kernel = Kernel(self._folder, persistent=True)
        wanted = {GENESIS.hash, *(entry.hash for entry in self._offered())}
        if not any(kernel.knows(unwanted) for unwanted in self._index.keys() - wanted):
            self._offer_missing(kernel)
            if kernel.tip() in wanted:
                return kernel
        kernel.close()
        return self._new_kernel()

    def _offer_missing(self, kernel: Kernel) -> None:
        for entry in self._offered():
            if not kernel.knows(entry.hash):
                kernel.process(self.raw_block(entry))

    def _new_kernel(self) -> Kernel:
        shutil.rmtree(self._folder, ignore_errors=True)
        kernel = Kernel(self._folder, persistent=True)
        self._offer_missing(kernel)
        return kernel

    def _start_anew(self) -> ChainChange:
        self._kernel.close()
        self._kernel = self._new_kernel()
        return self._follow()

    def _follow(self) -> ChainChange:
        """Bring the books to the library's best block."""
        branch: list[IndexEntry] = []
        entry = self._known(self._kernel.tip())
        while not self.is_active(entry):
            branch.append(entry)
            entry = self._known(entry.previous)
        disconnected = []
        while self.books.height > entry.height:
            block = parse_block(self.raw_block(self._known(self.books.tip)))
            self.books.disconnect(block)
            disconnected.append(block)
        connected = [parse_block(self.raw_block(step)) for step in reversed(branch)]
        for block in connected:
            self.books.connect(block)
        return ChainChange(tuple(disconnected), tuple(connected))
