"""Which channels a message is about, and what is answered where it is about none (BOLT 1, ``error`` and ``warning``).

The worlds of connections ask this, and so does a node that hands messages on to its channels. What a channel makes of a
message is no matter here.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from boltspec.connection.messages import (
    ALL_CHANNELS,
    ChannelMessage,
    Error,
    Warning,  # noqa: A004  # the BOLT's name
)
from boltspec.rules import duty

Named = Error | Warning | ChannelMessage
"""A message that names a channel."""


@dataclass(frozen=True, slots=True)
class Addressed:
    """What becomes of a message that names a channel."""

    channel_ids: frozenset[int] = frozenset()
    """The channels with the peer that take it."""
    answer: Error | Warning | None = None
    """What is said at once, since no channel takes it."""


def addressed(message: Named, known: AbstractSet[int]) -> Addressed:
    """Say who takes a message of the peer; ``known`` are the ids of the channels with that peer."""
    match message:
        case Error(channel_id):
            return Addressed(_failed_by_error(channel_id, known))
        case Warning(channel_id):
            return Addressed(referred_to(channel_id, known))
        case ChannelMessage(channel_id) if channel_id in known:
            return Addressed(frozenset({channel_id}))
        case ChannelMessage(channel_id):
            return Addressed(answer=_answer_to_unknown(channel_id))


def referred_to(channel_id: int, known: AbstractSet[int]) -> frozenset[int]:
    """Return the channels that an id refers to in an ``error`` or a ``warning``.

    An id of all zero refers to all of them (B01-error-warning-s-04, B01-error-warning-s-05), any other to one or none.
    """
    return frozenset(known) if channel_id == ALL_CHANNELS else frozenset({channel_id} & known)


def _failed_by_error(channel_id: int, known: AbstractSet[int]) -> frozenset[int]:
    named = referred_to(channel_id, known)
    if channel_id == ALL_CHANNELS:
        return named if duty("B01-error-warning-r-01") else frozenset()
    if named:
        return named if duty("B01-error-warning-r-02") else frozenset()
    return frozenset() if duty("B01-error-warning-r-05") else frozenset(known)


def _answer_to_unknown(channel_id: int) -> Error | Warning | None:
    """Return what is said to a peer that speaks of a channel that is none.

    AMBIGUOUS: message-for-all-channels: an error "with the unknown id" would fail every channel if that id is all zero.
    A warning with it is about no channel.
    """
    if channel_id == ALL_CHANNELS and duty("D01-error-warning-s-02"):
        return Warning(ALL_CHANNELS)
    return Error(channel_id) if duty("B01-error-warning-s-02") else None
