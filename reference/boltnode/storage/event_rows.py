"""What happened, for people: a record that is only added to."""

import sqlite3
from typing import NamedTuple

from boltnode.storage.unit_of_work import UnitOfWork


class EventRow(NamedTuple):
    """Of the table ``events``."""

    id: int
    at: int
    """Seconds since 1970 UTC."""
    kind: str
    subject: bytes | None
    """A node id, channel id or payment hash; None for the node itself."""
    detail: str


def add(work: UnitOfWork, at: int, kind: str, subject: bytes | None, detail: str) -> None:
    """Record an event together with what it tells of."""
    statement = "INSERT INTO events (at, kind, subject, detail) VALUES (?, ?, ?, ?)"
    work.change(statement, at, kind, subject, detail, rows=1)


def load(connection: sqlite3.Connection, subject: bytes | None = None, limit: int = 1000) -> list[EventRow]:
    """The newest events, of one subject or of all, oldest first."""
    where, values = ("", ()) if subject is None else ("WHERE subject = ?", (subject,))
    rows = connection.execute(
        f"SELECT id, at, kind, subject, detail FROM events {where} ORDER BY id DESC LIMIT ?",  # noqa: S608  # constants
        (*values, limit),
    )
    return [EventRow(*row) for row in rows][::-1]
