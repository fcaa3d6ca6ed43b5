"""The connection with a peer as a node sees it: how far ``init`` is, the channels, and what is owed.

Channels and backups outlive the connection; all else begins anew with each (:func:`reconnected`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from boltspec.connection.features import FEATURES, OPTION_PROVIDE_STORAGE, Bits, negotiated, offers
from boltspec.connection.messages import Error, Init, Message, PeerStorageRetrieval
from boltspec.rules import Reaction, duty, require

CLOSE = Reaction.CLOSE


@dataclass(frozen=True, slots=True)
class Node:
    """What a node is, whoever it is connected to."""

    features: Bits = frozenset()
    """What it sets in ``init``."""
    known: Bits = frozenset(FEATURES)
    """Even bits of the features that it knows, be it that it has them or not."""
    chains: frozenset[int] = frozenset({0})
    """The chains that it opens channels on."""
    insists_on_chain: bool = True
    """It has no use for a peer without a common chain."""
    drops_wrong_pong: bool = True
    """It closes a connection on which a ``pong`` answers nothing."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A channel with the peer."""

    channel_id: int
    failed: bool = False
    """One of the two has sent an ``error`` for it: it ends on the chain."""
    used: bool = False
    """A message of the peer for it has been taken."""


class Phase(StrEnum):
    """How far a connection is."""

    DOWN = "no connection"
    CONNECTED = "nothing said"
    SENT_INIT = "our init sent"
    RECEIVED_INIT = "the peer's init received"
    READY = "both init exchanged"


@dataclass(frozen=True, slots=True)
class Connection:
    """A node's side of its connection with a peer."""

    node: Node
    slots: tuple[Slot, ...] = ()
    """Its channels with the peer, by id."""
    up: bool = True
    sent_init: bool = False
    their_init: Init | None = None
    pings: tuple[int, ...] = ()
    """``num_pong_bytes`` of what we have asked and what is not answered, oldest first."""
    owed: tuple[Message, ...] = ()
    """What we have to say, in this order."""
    blob: int | None = None
    """The backup that we keep for the peer."""
    returned: int | None = None
    """The backup that the peer has returned to us."""

    @property
    def phase(self) -> Phase:
        """How far the connection is."""
        if not self.up:
            return Phase.DOWN
        if self.their_init is None:
            return Phase.SENT_INIT if self.sent_init else Phase.CONNECTED
        return Phase.READY if self.sent_init else Phase.RECEIVED_INIT

    @property
    def negotiated(self) -> Bits:
        """Even bits of the features that may be used; empty before the peer's ``init``."""
        return frozenset() if self.their_init is None else negotiated(self.node.features, self.their_init.features)

    @property
    def stores(self) -> bool:
        """Whether we offer to keep backups."""
        return offers(self.node.features, OPTION_PROVIDE_STORAGE)

    @property
    def channel_ids(self) -> frozenset[int]:
        """The ids of the channels with this peer."""
        return frozenset(slot.channel_id for slot in self.slots)

    def slot(self, channel_id: int) -> Slot | None:
        """Return the channel of that id; ``None`` if there is none with this peer."""
        return next((slot for slot in self.slots if slot.channel_id == channel_id), None)


def require_may_speak(state: Connection) -> None:
    """Check that anything but ``init`` may be sent."""
    require(state.sent_init, "B01-init-s-02")
    require(state.their_init is not None, "B01-init-r-01")


def require_may_be_spoken_to(state: Connection) -> None:
    """Check that the peer may send anything but ``init``."""
    require(state.their_init is not None, "D01-init-r-01", CLOSE)


def with_failed(state: Connection, channel_ids: frozenset[int]) -> Connection:
    """Return the state after the channels of these ids have been failed."""
    slots = tuple(replace(slot, failed=True) if slot.channel_id in channel_ids else slot for slot in state.slots)
    return replace(state, slots=slots)


def with_owed(state: Connection, message: Message) -> Connection:
    """Return the state with one more thing to say; what is owed already is not owed twice."""
    return state if message in state.owed else replace(state, owed=(*state.owed, message))


def without_owed(state: Connection, message: Message) -> Connection:
    """Return the state after something that was owed has been said."""
    return replace(state, owed=tuple(entry for entry in state.owed if entry != message))


def disconnected(state: Connection) -> Connection:
    """Return the state after the connection was lost or closed."""
    return replace(state, up=False, sent_init=False, their_init=None, pings=(), owed=())


def reconnected(state: Connection) -> Connection:
    """Return the state at the beginning of a new connection, and what is to be said on it once ``init`` is exchanged.

    There is one connection for all channels with a peer: before, there must be none.
    """
    require(not state.up, "B01-connection-n-01")
    after = replace(disconnected(state), up=True)
    if state.blob is not None and duty("B01-peer-storage-r-05"):
        after = with_owed(after, PeerStorageRetrieval(state.blob))
    for slot in state.slots:
        if slot.failed and duty("B02-retransmission-n-04"):
            after = with_owed(after, Error(slot.channel_id))
    return after
