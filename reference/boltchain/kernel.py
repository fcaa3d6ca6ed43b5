"""Bitcoin Core's consensus library, reduced to the few things that we ask of it.

Wraps `py-bitcoinkernel` (import name `pbk`), an alpha whose interface still moves; nothing else in this package imports
it. The library tells why it refuses a block only in its log, which is global to the process: `refusal` listens to it
while it processes one block and reads the reason from the line about it.
"""

from __future__ import annotations

import re
from pathlib import Path
from threading import Lock

import pbk

_LOG_LOCK = Lock()

_REASON = re.compile(r"Block validation error: (?P<connect>.*\S)|AcceptBlock FAILED \((?P<accept>.*?)\s*\)$")
"""The log lines that hold a reason: from connecting a block to the chain, and from accepting it before that."""


class Kernel:
    """A block store with chain state in `directory`, on regtest. It validates blocks and follows the most work."""

    def __init__(self, directory: Path) -> None:
        _drop_buffered_log()
        options = pbk.ChainstateManagerOptions(
            pbk.make_context(pbk.ChainType.REGTEST), str(directory), str(directory / "blocks")
        )
        options.set_worker_threads_num(0)  # scripts are checked in order, on this thread: see `refusal`
        options.update_block_tree_db_in_memory(True)
        options.update_chainstate_db_in_memory(True)
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

    def refusal(self, raw_block: bytes) -> str:
        """Offer a block that cannot be valid and give the library's reason for refusing it.

        RuntimeError if the library has no reason to give.
        """
        lines: list[str] = []

        def listen(line: str) -> None:  # the library inspects the signature, which rules out lines.append
            lines.append(line)

        with _LOG_LOCK, pbk.LoggingConnection(cb=listen):
            self.process(raw_block)
        for line in lines:
            if found := _REASON.search(line.rstrip()):
                return found["connect"] or found["accept"]
        msg = f"the consensus library refused a block without a reason: {lines}"
        raise RuntimeError(msg)

    def close(self) -> None:
        """Free the library's memory and files."""
        self._manager.__exit__(None, None, None)


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
