"""The chain as the node last saw it: the hashes of the newest blocks, from which a reorganisation is recognised."""

import sqlite3
from typing import Final

from boltnode.storage.unit_of_work import UnitOfWork

KEPT_BLOCKS: Final = 300
"""More than any reorganisation that a node has to survive."""


def connect_block(work: UnitOfWork, height: int, block_hash: bytes) -> None:
    """The block is part of the best chain; what was at its height and above is not. What is far below is dropped."""
    work.change("DELETE FROM chain_blocks WHERE height >= ? OR height <= ?", height, height - KEPT_BLOCKS)
    work.change("INSERT INTO chain_blocks VALUES (?, ?)", height, block_hash, rows=1)


def load(connection: sqlite3.Connection) -> dict[int, bytes]:
    """Block hashes by height, lowest first; empty if the node never saw the chain."""
    return dict(connection.execute("SELECT height, block_hash FROM chain_blocks ORDER BY height"))
