"""The single connection of two nodes (BOLT 1, Connection Handling and Multiplexing): of two that there are one is kept.

That all channels with a peer share one connection (B01-connection-n-01) is stated; which one stays if there are two is
not. Both nodes may connect at the same time, and a node that has lost a connection connects again before its peer has
noticed. The worlds of connections begin where one is made: :func:`boltspec.connection.state.reconnected`.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltspec.htlc import LOCAL, REMOTE, Side
from boltspec.rules import duty


@dataclass(frozen=True, slots=True)
class Made:
    """A connection with the peer."""

    by: Side
    """Who connected to the other."""
    at_ms: int
    """When it was there, by this node's clock, in milliseconds."""


def keeps_older(older: Made, newer: Made, *, local_is_lesser: bool, tie_break_ms: int) -> bool:
    """Say which of two connections with one peer a node keeps: the older one, or else the newer.

    ``local_is_lesser`` says that this node's id, as a number, is less than the peer's. Two connections are simultaneous
    if they are less than ``tie_break_ms`` apart and each node has made one.

    AMBIGUOUS: two-connections: if each node chose as it liked, each could close the one that the other keeps.
    """
    simultaneous = older.by is not newer.by and newer.at_ms - older.at_ms < tie_break_ms
    if simultaneous and duty("D01-connection-n-01"):
        return older.by is (LOCAL if local_is_lesser else REMOTE)
    return not duty("D01-connection-n-02")
