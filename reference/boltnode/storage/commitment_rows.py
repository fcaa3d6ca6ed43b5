"""The commitments that were signed for peers: all of them, for any may be published (B02-retransmission-n-19).

A revoked one is rebuilt from its row when a penalty is due. Rows go when the channel is forgotten.
"""

import sqlite3

from boltnode.storage.unit_of_work import UnitOfWork


def save(work: UnitOfWork, channel_id: bytes, number: int, state: bytes) -> None:
    """Store a commitment in the unit of work that lets its signature leave; signed again it is the same one."""
    work.change("INSERT OR IGNORE INTO signed_commitments VALUES (?, ?, ?)", channel_id, number, state)


def forget(work: UnitOfWork, channel_id: bytes) -> None:
    """No commitment of the channel can be published any more."""
    work.change("DELETE FROM signed_commitments WHERE channel_id = ?", channel_id)


def load(connection: sqlite3.Connection, channel_id: bytes, number: int) -> bytes | None:
    """The commitment of that number; None if none was signed."""
    found = connection.execute(
        "SELECT state FROM signed_commitments WHERE channel_id = ? AND number = ?", (channel_id, number)
    ).fetchone()
    return None if found is None else found[0]
