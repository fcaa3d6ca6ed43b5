"""Messages of BOLT 1, and a stand-in for those of channels.

A ``channel_id`` is a number; :data:`ALL_CHANNELS` stands for the one that is all zero. What a backup holds is a number
too: it is encrypted, so its keeper can only compare.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltspec.connection.features import Bits

ALL_CHANNELS = 0
"""The ``channel_id`` that refers to all channels with the peer."""
CHANNEL_TYPES = range(32, 256)
"""Types of the messages that are about a channel."""
NO_PONG = 65532
"""``num_pong_bytes`` from here on asks for no answer: the pong would not fit into a message."""


@dataclass(frozen=True, slots=True)
class Init:
    """``init``: both bit maps in one (B01-init-r-02), and the chains that the sender is interested in."""

    features: Bits
    networks: frozenset[int] | None = None
    """``None`` if the TLV is absent."""


@dataclass(frozen=True, slots=True)
class Error:
    """``error``: the sender has failed the channel, or all of them."""

    channel_id: int


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001  # the BOLT's name
    """``warning``: something is wrong, and nothing follows from it."""

    channel_id: int


@dataclass(frozen=True, slots=True)
class Ping:
    """``ping``: asks for a ``pong`` of so many bytes."""

    num_pong_bytes: int


@dataclass(frozen=True, slots=True)
class Pong:
    """``pong``: answers a ``ping``."""

    byteslen: int


@dataclass(frozen=True, slots=True)
class UnknownMessage:
    """A message of a type that the receiver does not know."""

    type: int


@dataclass(frozen=True, slots=True)
class ChannelMessage:
    """Any message of a channel: one of :data:`CHANNEL_TYPES`."""

    channel_id: int


@dataclass(frozen=True, slots=True)
class PeerStorage:
    """``peer_storage``: a backup for the peer to keep."""

    blob: int


@dataclass(frozen=True, slots=True)
class PeerStorageRetrieval:
    """``peer_storage_retrieval``: the backup that the sender keeps for the receiver."""

    blob: int


Message = (
    Init | Error | Warning | Ping | Pong | UnknownMessage | ChannelMessage | PeerStorage | PeerStorageRetrieval
)
