"""Bitcoin Core's consensus library, reduced to the few things that we ask of it.

Wraps `py-bitcoinkernel` (import name `pbk`), an alpha whose interface still moves; nothing else in this package imports
it. The library tells why it refuses a block only in its log, which is global to the process: `refusal` listens to it
while it processes one block and reads the reason from the line about it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import pbk
from pbk.script import PrecomputedTransactionData

_LOG_LOCK = Lock()

_REASON = re.compile(r"Block validation error: (?P<connect>.*\S)|AcceptBlock FAILED \((?P<accept>.*?)\s*\)$")
"""The log lines that hold a reason: from connecting a block to the chain, and from accepting it before that."""


class Kernel:
    """A block store with chain state in `directory`, on regtest. It validates blocks and follows the most work.

    Unless `persistent`, its databases live in memory. Persistent ones are written when the kernel is closed, and now
    and then before; who dies earlier finds an older state of the chain on the next start, and must offer the newer
    blocks again.
    """

    def __init__(self, directory: Path, *, persistent: bool = False) -> None:
        _drop_buffered_log()
        options = pbk.ChainstateManagerOptions(
            pbk.make_context(pbk.ChainType.REGTEST), str(directory), str(directory / "blocks")
        )
        options.set_worker_threads_num(0)  # scripts are checked in order, on this thread: see `refusal`
        options.update_block_tree_db_in_memory(not persistent)
        options.update_chainstate_db_in_memory(not persistent)
        self._manager = pbk.ChainstateManager(options)
        self._chain = self._manager.get_active_chain()

    def tip(self) -> bytes:
        """Hash of the best block, internal byte order."""
        return bytes(self._chain.block_tree_entries[self._chain.height].block_hash)

    def process(self, raw_block: bytes) -> None:
        """Offer a block. It joins the tree if it is valid; whether it is the new tip, `tip` tells."""
        try:
            self._manager.process_block(pbk.Block(raw_block))
        except pbk.ProcessBlockException:
            return  # refused before it was stored; the caller sees it by the tip

    def knows(self, block_hash: bytes) -> bool:
        """Whether a block with this hash (32 bytes, internal order) is stored here."""
        return pbk.BlockHash(block_hash) in self._manager.block_tree_entries

    def refusal(self, raw_block: bytes) -> str:
        """Offer a block that cannot be valid and give the library's reason for refusing it.

        RuntimeError if the library has no reason to give.
        """
        reason = self.offer(raw_block)
        if reason is None:
            msg = "the consensus library refused a block without a reason"
            raise RuntimeError(msg)
        return reason

    def offer(self, raw_block: bytes) -> str | None:
        """Offer a block and give the library's reason for refusing it, None if it does not."""
        lines: list[str] = []

        def listen(line: str) -> None:  # the library inspects the signature, which rules out lines.append
            lines.append(line)

        with _LOG_LOCK, pbk.LoggingConnection(cb=listen):
            self.process(raw_block)
        for line in lines:
            if found := _REASON.search(line.rstrip()):
                return found["connect"] or found["accept"]
        return None

    def close(self) -> None:
        """Free the library's memory and files."""
        self._manager.__exit__(None, None, None)


def first_failing_script(raw_transaction: bytes, spent: Sequence[tuple[int, bytes]]) -> int | None:
    """Run the scripts of all inputs, which spend outputs of these amounts (satoshi) and scripts, under consensus rules.

    Gives the number of the first input whose script does not hold, None if all do. The transaction must be readable and
    have as many inputs as there are outputs in `spent`.
    """
    transaction = pbk.Transaction(raw_transaction)
    scripts = [pbk.ScriptPubkey(script) for _, script in spent]
    outputs = [pbk.TransactionOutput(script, amount) for script, (amount, _) in zip(scripts, spent, strict=True)]
    prepared = PrecomputedTransactionData(transaction, outputs)
    for index, (script, (amount, _)) in enumerate(zip(scripts, spent, strict=True)):
        if not script.verify(amount, transaction, prepared, index, pbk.ScriptVerificationFlags.ALL):
            return index
    return None


def decodes_transaction(raw: bytes) -> bool:
    """Whether the library can read these bytes as one transaction."""
    try:
        pbk.Transaction(raw)
    except RuntimeError:
        return False
    return True


def _drop_buffered_log() -> None:
    """Make the library forget the log that it buffers until a first listener appears."""
    with _LOG_LOCK, pbk.LoggingConnection(cb=lambda _line: None):
        pass
