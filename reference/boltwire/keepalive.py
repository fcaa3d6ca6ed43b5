"""Ping and pong (BOLT 1): keeping a connection alive, and padding traffic."""

from typing import Final

from boltwire.messages import Ping, Pong

NO_PONG: Final = 65532
"""``num_pong_bytes`` from here on asks for no answer: with type and length, the pong would not fit into a message."""


def ping(num_pong_bytes: int, ignored_size: int = 0) -> Ping:
    """A ping with ``ignored_size`` zero bytes (B01-ping-pong-s-01), which leak nothing (B01-ping-pong-s-02)."""
    return Ping(num_pong_bytes=num_pong_bytes, ignored=bytes(ignored_size))


def pong_for(ping: Ping) -> Pong | None:
    """The answer that a ping is owed, None if it is to be ignored.

    B01-ping-pong-r-01 (as many bytes as asked for), B01-ping-pong-r-02 (65532 and above: none). The bytes are zero:
    B01-ping-pong-s-05, B01-ping-pong-s-06.
    """
    if ping.num_pong_bytes >= NO_PONG:
        return None
    return Pong(ignored=bytes(ping.num_pong_bytes))
