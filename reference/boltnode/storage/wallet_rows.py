"""What the wallet remembers: values by kind and key, all opaque here."""

import sqlite3

from boltnode.storage.unit_of_work import UnitOfWork


def save(work: UnitOfWork, kind: str, key: bytes, value: bytes) -> None:
    """Store the value, be it the first or a later one."""
    work.change("INSERT OR REPLACE INTO wallet_records VALUES (?, ?, ?)", kind, key, value, rows=1)


def delete(work: UnitOfWork, kind: str, key: bytes) -> None:
    """Remove a value that is there."""
    work.change("DELETE FROM wallet_records WHERE kind = ? AND key = ?", kind, key, rows=1)


def load(connection: sqlite3.Connection, kind: str) -> dict[bytes, bytes]:
    """All values of a kind by key."""
    return dict(connection.execute("SELECT key, value FROM wallet_records WHERE kind = ? ORDER BY key", (kind,)))
