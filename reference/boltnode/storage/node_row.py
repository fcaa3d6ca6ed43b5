"""The one row that says who the node is."""

import sqlite3
from typing import NamedTuple

from boltnode.storage.errors import WrongSchema
from boltnode.storage.unit_of_work import UnitOfWork


class NodeRow(NamedTuple):
    """Of the table ``node``."""

    network: str
    seed: bytes
    """32 bytes from which all keys are derived."""
    created_at: int

    def __repr__(self) -> str:
        """Without the seed, so that no log shows it."""
        return f"NodeRow(network={self.network!r}, created_at={self.created_at})"


def create(work: UnitOfWork, row: NodeRow) -> None:
    """Say who the node is, once."""
    work.change("INSERT INTO node VALUES (1, ?, ?, ?)", *row, rows=1)


def load(connection: sqlite3.Connection, network: str) -> NodeRow | None:
    """Who the node is; None for a new file. :class:`WrongSchema` if it lives on another network."""
    found = connection.execute("SELECT network, seed, created_at FROM node").fetchone()
    if found is None:
        return None
    row = NodeRow(*found)
    if row.network != network:
        raise WrongSchema(f"the node in this folder lives on {row.network}, not on {network}")
    return row
