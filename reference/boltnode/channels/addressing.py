"""Messages that name a channel, as the facts of :mod:`boltspec.connection.addressing`, and its answers as messages."""

from __future__ import annotations

from boltnode.channels.opening_facts import bytes_named, name_of
from boltspec.connection.addressing import Named
from boltspec.connection.messages import (
    CHANNEL_TYPES,
    ChannelMessage,
    Error,
    Warning,  # noqa: A004  # the BOLT's name
)
from boltwire import messages as wire


def named(message: wire.Message) -> Named | None:
    """The channel that a message names; None for one that is no message of a channel, of gossip for instance."""
    match message:
        case wire.Error():
            return Error(name_of(message.channel_id))
        case wire.Warning():
            return Warning(name_of(message.channel_id))
        case _ if message.layout.type in CHANNEL_TYPES:
            return ChannelMessage(name_of(_channel_id(message)))
        case _:
            return None


def _channel_id(message: wire.Message) -> bytes:
    found: bytes | None = getattr(message, "channel_id", None)
    if found is None:
        found = getattr(message, "temporary_channel_id", None)
    assert found is not None, f"{message.layout.name} names a channel"
    return found


def answer(fact: Error | Warning) -> wire.Message:
    """What is said of a channel that is none."""
    match fact:
        case Error(channel_id):
            return wire.Error(channel_id=bytes_named(channel_id), data=b"there is no such channel")
        case Warning(channel_id):
            return wire.Warning(channel_id=bytes_named(channel_id), data=b"a channel's id is not all zero")
