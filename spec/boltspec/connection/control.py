"""``error`` and ``warning``, ``ping`` and ``pong``, messages of channels and unknown ones, backups (BOLT 1)."""

from __future__ import annotations

from dataclasses import replace

from boltspec.connection.addressing import addressed, referred_to
from boltspec.connection.features import OPTION_PROVIDE_STORAGE, offers
from boltspec.connection.messages import (
    NO_PONG,
    ChannelMessage,
    Error,
    PeerStorage,
    PeerStorageRetrieval,
    Ping,
    Pong,
    UnknownMessage,
    Warning,  # noqa: A004  # the BOLT's name
)
from boltspec.connection.state import (
    CLOSE,
    Connection,
    Slot,
    disconnected,
    require_may_be_spoken_to,
    require_may_speak,
    with_failed,
    with_owed,
    without_owed,
)
from boltspec.rules import duty, require
from boltspec.verdict import receives, sends

# --- error and warning ---


@sends
def send_error(state: Connection, message: Error) -> Connection:
    """Fail a channel, or with an id of all zero every channel (B01-error-warning-s-04), and tell the peer.

    It is what a node should do after a fatal violation (B01-error-warning-s-01): the reaction of many rules.
    """
    require_may_speak(state)
    named = referred_to(message.channel_id, state.channel_ids)
    failed = with_failed(state, named) if duty("B01-error-warning-s-03") else state
    return without_owed(failed, message)


@receives
def receive_error(state: Connection, message: Error) -> Connection:
    """Fail what the peer has failed: all channels, one of them, or none if it names no channel of ours with it."""
    require_may_be_spoken_to(state)
    return with_failed(state, addressed(message, state.channel_ids).channel_ids)


@sends
def send_warning(state: Connection, message: Warning) -> Connection:
    """Tell the peer that something is wrong (B01-error-warning-s-05: an id of zero names no channel)."""
    require_may_speak(state)
    return without_owed(state, message)


@receives
def receive_warning(state: Connection, message: Warning) -> Connection:
    """Take note of a warning: it is for people, who may then close together (B01-error-warning-r-04)."""
    require_may_be_spoken_to(state)
    if duty("D01-error-warning-r-01"):
        return state
    return with_failed(state, addressed(message, state.channel_ids).channel_ids)


# --- messages of channels, unknown messages ---


@sends
def send_channel_message(state: Connection, message: ChannelMessage) -> Connection:
    """Go on with a channel, unless it has failed."""
    require_may_speak(state)
    slot = state.slot(message.channel_id)
    require(slot is None or not slot.failed, "D01-error-warning-s-01", channel_id=message.channel_id)
    return state


@receives
def receive_channel_message(state: Connection, message: ChannelMessage) -> Connection:
    """Take a message of a channel; of a failed one none is taken, and to an unknown one the answer is an error."""
    require_may_be_spoken_to(state)
    found = addressed(message, state.channel_ids)
    if found.answer is not None:
        return with_owed(state, found.answer)
    return replace(state, slots=tuple(_after_message(slot, found.channel_ids) for slot in state.slots))


def _after_message(slot: Slot, taking: frozenset[int]) -> Slot:
    """Return a channel after a message was handed to some channels."""
    if slot.channel_id not in taking or (slot.failed and duty("D01-error-warning-r-02")):
        return slot
    return replace(slot, used=True)


@sends
def send_unknown_message(state: Connection, message: UnknownMessage) -> Connection:
    """Try a message outside of the BOLTs: with an odd type it is free (B01-message-format-s-01)."""
    require_may_speak(state)
    require(message.type % 2 == 1, "B01-message-format-s-02", type=message.type)
    return state


@receives
def receive_unknown_message(state: Connection, message: UnknownMessage) -> Connection:
    """Ignore a message of an unknown odd type (B01-message-format-r-01). It's ok to be odd."""
    require_may_be_spoken_to(state)
    require(message.type % 2 == 1, "B01-message-format-r-02", CLOSE, type=message.type)
    return state


# --- ping and pong ---


@sends
def send_ping(state: Connection, message: Ping) -> Connection:
    """Ask whether the peer is there."""
    require_may_speak(state)
    asked = message.num_pong_bytes
    return replace(state, pings=(*state.pings, asked)) if asked < NO_PONG else state


@receives
def receive_ping(state: Connection, message: Ping) -> Connection:
    """Owe an answer of the length that was asked for, unless that would not fit into a message."""
    require_may_be_spoken_to(state)
    asked = message.num_pong_bytes
    if asked < NO_PONG:
        # Two pings are answered twice, even if they ask for the same.
        return replace(state, owed=(*state.owed, Pong(asked))) if duty("B01-ping-pong-r-01") else state
    return state if duty("B01-ping-pong-r-02") else replace(state, owed=(*state.owed, Pong(asked)))


@sends
def send_pong(state: Connection, message: Pong) -> Connection:
    """Answer a ping."""
    require_may_speak(state)
    require(message in state.owed, "D01-ping-pong-s-01", byteslen=message.byteslen)
    if message not in state.owed:
        return state
    place = state.owed.index(message)
    return replace(state, owed=(*state.owed[:place], *state.owed[place + 1 :]))


@receives
def receive_pong(state: Connection, message: Pong) -> Connection:
    """Take an answer to one of our pings."""
    require_may_be_spoken_to(state)
    asked = message.byteslen in state.pings
    require(asked or not state.node.drops_wrong_pong, "B01-ping-pong-r-03", CLOSE, byteslen=message.byteslen)
    if not asked:
        return state
    place = state.pings.index(message.byteslen)
    return replace(state, pings=(*state.pings[:place], *state.pings[place + 1 :]))


def given_up(state: Connection) -> Connection:
    """Return the state after a ping was not answered in time: the connection may be closed (B01-ping-pong-s-03)."""
    closed = disconnected(state)
    return closed if duty("B01-ping-pong-s-04") else with_failed(closed, closed.channel_ids)


# --- backups ---


@sends
def send_peer_storage(state: Connection, message: PeerStorage) -> Connection:
    """Ask the peer to keep a backup, whenever there is a new one (B01-peer-storage-s-01)."""
    del message
    require_may_speak(state)
    offered = state.their_init is not None and offers(state.their_init.features, OPTION_PROVIDE_STORAGE)
    require(offered, "D01-peer-storage-s-01")
    return state


@receives
def receive_peer_storage(state: Connection, message: PeerStorage) -> Connection:
    """Keep a backup if we offer to: instead of the one before."""
    require_may_be_spoken_to(state)
    open_channel = any(not slot.failed for slot in state.slots)
    if not (state.stores and open_channel and duty("B01-peer-storage-r-01")):
        return state
    if state.blob is not None and not duty("B01-peer-storage-r-04"):
        return state
    # What is owed is the latest, even if it came after the connection was made.
    latest = PeerStorageRetrieval(message.blob)
    owed = tuple(latest if isinstance(entry, PeerStorageRetrieval) else entry for entry in state.owed)
    return replace(state, blob=message.blob, owed=owed)


@sends
def send_peer_storage_retrieval(state: Connection, message: PeerStorageRetrieval) -> Connection:
    """Give the backup back."""
    require_may_speak(state)
    require(message.blob == state.blob, "B01-peer-storage-s-05", blob=message.blob)
    return without_owed(state, message)


@receives
def receive_peer_storage_retrieval(state: Connection, message: PeerStorageRetrieval) -> Connection:
    """Get the backup back. An outdated one is answered by a warning at most (B01-peer-storage-r-06)."""
    require_may_be_spoken_to(state)
    return replace(state, returned=message.blob)
