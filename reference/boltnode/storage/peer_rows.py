"""The peers to stay connected to, and where they were last reached."""

import sqlite3
from typing import NamedTuple

from boltnode.storage.unit_of_work import UnitOfWork


class PeerRow(NamedTuple):
    """Of the table ``peers``."""

    node_id: bytes
    host: str | None
    """None if the peer has only ever come to us."""
    port: int | None


def save(work: UnitOfWork, row: PeerRow) -> None:
    """Remember the peer; a known address is not forgotten for want of a new one."""
    work.change(
        "INSERT INTO peers VALUES (?, ?, ?) ON CONFLICT (node_id) DO UPDATE SET"
        " host = coalesce(excluded.host, host), port = coalesce(excluded.port, port)",
        *row,
        rows=1,
    )


def forget(work: UnitOfWork, node_id: bytes) -> None:
    """Stay connected to the peer no longer."""
    work.change("DELETE FROM peers WHERE node_id = ?", node_id)


def load(connection: sqlite3.Connection) -> list[PeerRow]:
    """All peers, by node id."""
    return [PeerRow(*row) for row in connection.execute("SELECT node_id, host, port FROM peers ORDER BY node_id")]
