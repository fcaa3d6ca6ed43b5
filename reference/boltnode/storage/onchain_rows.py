"""What the defence of each channel has noted of the chain: opaque here (:class:`boltnode.onchain.record.Notes`)."""

import sqlite3

from boltnode.storage.unit_of_work import UnitOfWork


def save(work: UnitOfWork, channel_id: bytes, notes: bytes) -> None:
    """Store the notes of a channel, be they the first or later ones."""
    work.change("INSERT OR REPLACE INTO onchain_notes VALUES (?, ?)", channel_id, notes, rows=1)


def forget(work: UnitOfWork, channel_id: bytes) -> None:
    """Nothing of the channel is left to watch."""
    work.change("DELETE FROM onchain_notes WHERE channel_id = ?", channel_id)


def load(connection: sqlite3.Connection) -> dict[bytes, bytes]:
    """All notes by channel id."""
    return dict(connection.execute("SELECT channel_id, notes FROM onchain_notes ORDER BY channel_id"))
