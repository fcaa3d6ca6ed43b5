"""Channels: opaque states (see :mod:`boltnode.state_codec`) that only ever move on.

Each save names the revision that it follows. So a state that was computed from an outdated one cannot be stored: that
is a conflict, and the unit's effects, a signature perhaps, never leave.
"""

import sqlite3
from dataclasses import dataclass

from boltnode.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """Of the table ``channels``."""

    channel_id: bytes
    peer: bytes
    """Node id."""
    revision: int
    """Counts the states of the channel from 1."""
    ended: bool
    """Nothing more is to be done for it."""
    state: bytes
    """The encoded state."""


def save(work: UnitOfWork, row: ChannelRow) -> None:
    """Store the first state (revision 1) or the one that follows the stored one."""
    if row.revision == 1:
        work.change(
            "INSERT INTO channels VALUES (?, ?, 1, ?, ?)", row.channel_id, row.peer, row.ended, row.state, rows=1
        )
        return
    work.change(
        "UPDATE channels SET revision = ?, ended = ?, state = ? WHERE channel_id = ? AND peer = ? AND revision = ?",
        row.revision,
        row.ended,
        row.state,
        row.channel_id,
        row.peer,
        row.revision - 1,
        rows=1,
    )


def rename(work: UnitOfWork, temporary_channel_id: bytes, channel_id: bytes) -> None:
    """Give a channel the id that follows from its funding output."""
    statement = "UPDATE channels SET channel_id = ? WHERE channel_id = ?"
    work.change(statement, channel_id, temporary_channel_id, rows=1)


def load(connection: sqlite3.Connection, *, ended: bool = False) -> list[ChannelRow]:
    """The channels that are still alive, or those that have ended, by id."""
    rows = connection.execute(
        "SELECT channel_id, peer, revision, ended, state FROM channels WHERE ended = ? ORDER BY channel_id", (ended,)
    )
    return [ChannelRow(found, peer, revision, bool(over), state) for found, peer, revision, over, state in rows]


def names(connection: sqlite3.Connection) -> list[bytes]:
    """The ids of all channels, those that have ended included."""
    return [name for (name,) in connection.execute("SELECT channel_id FROM channels")]
