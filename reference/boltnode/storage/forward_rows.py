"""HTLCs that are passed on from one channel to another: a state per incoming HTLC, opaque here."""

import sqlite3
from typing import NamedTuple

from boltnode.storage.unit_of_work import UnitOfWork


class ForwardRow(NamedTuple):
    """Of the table ``forwards``."""

    incoming_channel: bytes
    """Channel id."""
    incoming_htlc_id: int
    state: bytes
    """The encoded state."""


def save(work: UnitOfWork, row: ForwardRow) -> None:
    """Store the state, be it the first or a later one."""
    work.change("INSERT OR REPLACE INTO forwards VALUES (?, ?, ?)", *row, rows=1)


def delete(work: UnitOfWork, incoming_channel: bytes, incoming_htlc_id: int) -> None:
    """The HTLC is settled on both sides."""
    statement = "DELETE FROM forwards WHERE incoming_channel = ? AND incoming_htlc_id = ?"
    work.change(statement, incoming_channel, incoming_htlc_id, rows=1)


def load(connection: sqlite3.Connection) -> list[ForwardRow]:
    """All HTLCs under way, by channel and id."""
    rows = connection.execute("SELECT * FROM forwards ORDER BY incoming_channel, incoming_htlc_id")
    return [ForwardRow(*row) for row in rows]
