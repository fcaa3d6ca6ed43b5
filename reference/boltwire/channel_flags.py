"""``channel_flags`` of open_channel and open_channel2 (BOLT 2)."""

from typing import Final

ANNOUNCE_CHANNEL: Final = 1
"""Bit 0: the opener wants the channel to be announced. All others are unassigned."""


def channel_flags(*, announce_channel: bool) -> int:
    """The byte to send, without unassigned bits (B02-open-channel-s-09)."""
    return ANNOUNCE_CHANNEL if announce_channel else 0


def announces_channel(flags: int) -> bool:
    """Whether the channel is to be announced; unassigned bits are ignored (B02-open-channel-r-01)."""
    return bool(flags & ANNOUNCE_CHANNEL)
