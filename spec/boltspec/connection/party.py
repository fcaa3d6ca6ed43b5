"""What one party of a connection does: send and receive.

These are the functions of single components that the transition relation (:mod:`boltspec.connection.world`) is made of.
Each depends on its arguments only, so that a search can remember its results. Proposals know no rules: the sender's
step decides; a corrupt party sends what its step refuses, within its budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from boltspec.connection import control, setup
from boltspec.connection.features import OPTION_SIMPLE_CLOSE, OPTION_ZEROCONF
from boltspec.connection.messages import (
    ALL_CHANNELS,
    ChannelMessage,
    Error,
    Init,
    Message,
    PeerStorage,
    PeerStorageRetrieval,
    Ping,
    Pong,
    UnknownMessage,
    Warning,  # noqa: A004  # the BOLT's name
)
from boltspec.connection.scenario import FIRST, SECOND, STRANGE, UNKNOWN_EVEN, UNKNOWN_ODD, ConnectionScenario
from boltspec.connection.state import Connection
from boltspec.rules import EVERY_RULE, without
from boltspec.verdict import Accepted, Refused, Rejected

Said = tuple[bool, ...]
"""Which messages of its plan a party has sent."""


def send(state: Connection, message: Message) -> Accepted[Connection] | Refused:
    """Hand a message to the sender's step for its type."""
    match message:
        case Init():
            return setup.send_init(state, message)
        case Error():
            return control.send_error(state, message)
        case Warning():
            return control.send_warning(state, message)
        case Ping():
            return control.send_ping(state, message)
        case Pong():
            return control.send_pong(state, message)
        case UnknownMessage():
            return control.send_unknown_message(state, message)
        case ChannelMessage():
            return control.send_channel_message(state, message)
        case PeerStorage():
            return control.send_peer_storage(state, message)
        case PeerStorageRetrieval():
            return control.send_peer_storage_retrieval(state, message)


def receive(state: Connection, message: Message) -> Accepted[Connection] | Rejected:
    """Hand a message to the receiver's step for its type."""
    match message:
        case Init():
            return setup.receive_init(state, message)
        case Error():
            return control.receive_error(state, message)
        case Warning():
            return control.receive_warning(state, message)
        case Ping():
            return control.receive_ping(state, message)
        case Pong():
            return control.receive_pong(state, message)
        case UnknownMessage():
            return control.receive_unknown_message(state, message)
        case ChannelMessage():
            return control.receive_channel_message(state, message)
        case PeerStorage():
            return control.receive_peer_storage(state, message)
        case PeerStorageRetrieval():
            return control.receive_peer_storage_retrieval(state, message)


def next_init(state: Connection) -> Init:
    """Return the ``init`` that a node sends."""
    return Init(state.node.features, state.node.chains)


class Sent(NamedTuple):
    """A message that a party can send now."""

    label: str
    message: Message
    state: Connection
    """The sender's state after it."""
    said: Said
    strays: bool
    """It is none of the sender's plan: how often that happens is bounded."""


def outgoing(
    scenario: ConnectionScenario, party: int, state: Connection, said: Said, may_stray: bool
) -> tuple[Sent, ...]:
    """Return what a party can send now; ``may_stray`` if it may say what it has no reason to.

    An honest party strays only as far as its rules let it, a corrupt one says what they forbid.
    """
    sent = []
    for label, message, then in _proposals(scenario, party, state, said):
        verdict = send(state, message)
        if isinstance(verdict, Accepted):
            sent.append(Sent(label, message, verdict.state, then, False))
    for label, message in _temptations(state) if may_stray else ():
        verdict = send(state, message)
        if isinstance(verdict, Accepted):
            sent.append(Sent(label, message, verdict.state, said, True))
        elif scenario.corrupt[party]:
            sent.append(Sent(label, message, _against_the_rules(state, message), said, True))
    return tuple(sent)


def _proposals(
    scenario: ConnectionScenario, party: int, state: Connection, said: Said
) -> Iterator[tuple[str, Message, Said]]:
    if not state.sent_init:
        yield "init", next_init(state), said
    if state.owed:
        yield f"owed {_named(state.owed[0])}", state.owed[0], said
    for index, message in enumerate(scenario.plans[party]):
        if not said[index]:
            yield f"{index} {_named(message)}", message, (*said[:index], True, *said[index + 1 :])


def _named(message: Message) -> str:
    return type(message).__name__.lower()


def _temptations(state: Connection) -> Iterator[tuple[str, Message]]:
    """Yield one message of each kind, and each field just beyond what is allowed."""
    right = next_init(state)
    yield "init again", right
    yield "init with an unknown even bit", Init(right.features | {UNKNOWN_EVEN}, right.networks)
    yield "init with an unknown odd bit", Init(right.features | {UNKNOWN_ODD}, right.networks)
    yield "init without dependencies", Init(right.features | {OPTION_ZEROCONF + 1}, right.networks)
    yield "init with both bits", Init(right.features | {OPTION_SIMPLE_CLOSE}, right.networks)
    yield "init with less", Init(frozenset(), right.networks)
    yield "init for another chain", Init(right.features, frozenset({9}))
    for channel_id in (ALL_CHANNELS, FIRST, STRANGE):
        yield f"error {channel_id}", Error(channel_id)
        yield f"warning {channel_id}", Warning(channel_id)
    for channel_id in (ALL_CHANNELS, FIRST, SECOND, STRANGE):
        yield f"channel message {channel_id}", ChannelMessage(channel_id)
    yield "ping", Ping(1)
    yield "pong", Pong(9)
    yield "unknown even message", UnknownMessage(32768)
    yield "unknown odd message", UnknownMessage(32769)
    yield "backup", PeerStorage(7)
    yield "wrong backup", PeerStorageRetrieval(8)


def _against_the_rules(state: Connection, message: Message) -> Connection:
    with without(EVERY_RULE):
        verdict = send(state, message)
    return verdict.state if isinstance(verdict, Accepted) else state


def incoming(
    scenario: ConnectionScenario, party: int, state: Connection, message: Message
) -> Accepted[Connection] | Rejected:
    """Return what becomes of a message that reaches a party; a corrupt one takes everything that makes sense."""
    if not scenario.corrupt[party]:
        return receive(state, message)
    with without(EVERY_RULE):
        return receive(state, message)


@dataclass(frozen=True, slots=True)
class Steps:
    """The functions that the transition relation is made of: each depends on its arguments only."""

    outgoing: Callable[[ConnectionScenario, int, Connection, Said, bool], tuple[Sent, ...]]
    incoming: Callable[[ConnectionScenario, int, Connection, Message], Accepted[Connection] | Rejected]


PLAIN = Steps(outgoing, incoming)
"""The functions themselves, computed anew each time."""
