"""Errors and warnings (BOLT 1): which channel id they carry, and how to show what a peer wrote."""

from enum import Enum
from typing import Final

from boltwire.messages import Error, Warning  # noqa: A004  # the BOLT's name

FIRST_PRINTABLE: Final = 32
LAST_PRINTABLE: Final = 126


class OpeningRole(Enum):
    """Who opens a channel how; the value is the message from which on errors carry the final ``channel_id``."""

    FUNDER = "sent funding_created"
    """B01-error-warning-f-01: until then, that message included, errors carry the temporary id."""
    FUNDEE = "sent funding_signed"
    """B01-error-warning-e-01: before it, errors carry the temporary id."""
    OPENER = "received accept_channel2"
    """B01-error-warning-p-01: before it, errors carry the temporary id."""
    ACCEPTER = "sent accept_channel2"
    """B01-error-warning-a-01: until then, that message included, errors carry the temporary id."""


def error_channel_id(temporary_channel_id: bytes, channel_id: bytes | None, *, passed: bool) -> bytes:
    """The id that an error about a channel in establishment carries.

    ``passed`` tells whether the message named by :class:`OpeningRole` went through; ``channel_id`` may be None before.
    """
    if not passed:
        return temporary_channel_id
    if channel_id is None:
        raise ValueError("the channel has its final id from here on")
    return channel_id


def text_of(message: Error | Warning) -> str:
    """What the peer says, safe to print: bytes other than printable ASCII (32 to 126) are shown as escapes."""
    return "".join(
        chr(byte) if FIRST_PRINTABLE <= byte <= LAST_PRINTABLE else f"\\x{byte:02x}" for byte in message.data
    )
