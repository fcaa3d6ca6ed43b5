"""What must hold of a connection, whatever a corrupt peer does.

A property looks at one move: the world before it and after it. *Final* properties look at worlds in which nothing more
can happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from boltspec.connection.features import missing_dependencies
from boltspec.connection.messages import (
    ALL_CHANNELS,
    NO_PONG,
    ChannelMessage,
    Error,
    Init,
    Message,
    PeerStorage,
    PeerStorageRetrieval,
    Pong,
    UnknownMessage,
)
from boltspec.connection.scenario import ConnectionScenario
from boltspec.connection.state import Connection, Phase
from boltspec.connection.world import World


@dataclass(frozen=True, slots=True)
class Property:
    """Holds for every move, or in every final world."""

    name: str
    sentence: str
    holds: Callable[[World, World, ConnectionScenario], bool]
    """``(before, after, scenario)``; ``before`` is ``after`` in the initial world and in final ones."""
    final: bool = False
    felt: bool = False
    """Its violation is felt by someone: a channel fails for nothing, or does not where it should."""


def _honest(scenario: ConnectionScenario) -> Iterator[int]:
    return (party for party in (0, 1) if not scenario.corrupt[party])


def _sent(before: World, after: World, party: int) -> Message | None:
    """Return the message that a party has sent in this move."""
    old, new = before.wires[party], after.wires[party]
    return new[-1] if len(new) == len(old) + 1 and new[:-1] == old else None


def _delivered(before: World, after: World, party: int) -> Message | None:
    """Return the message that has reached a party in this move and did not end the connection."""
    old, new = before.wires[1 - party], after.wires[1 - party]
    return old[0] if old and new == old[1:] and before.links == after.links else None


# --- init and features ---


def _init_comes_first(before: World, after: World, scenario: ConnectionScenario) -> bool:
    for party in _honest(scenario):
        message = _sent(before, after, party)
        said = before.nodes[party].sent_init
        if isinstance(message, Init) and said:
            return False
        if message is not None and not isinstance(message, Init) and before.nodes[party].phase is not Phase.READY:
            return False
    return True


def _init_is_honest(before: World, after: World, scenario: ConnectionScenario) -> bool:
    for party in _honest(scenario):
        message, node = _sent(before, after, party), before.nodes[party].node
        if isinstance(message, Init) and not _is_well_formed(message, node.features, node.chains):
            return False
    return True


def _is_well_formed(message: Init, features: frozenset[int], chains: frozenset[int]) -> bool:
    bits = message.features
    pairs = any(bit + 1 in bits for bit in bits if bit % 2 == 0)
    return bits == features and not pairs and not missing_dependencies(bits) and message.networks in (None, chains)


def _features_are_understood(_before: World, after: World, scenario: ConnectionScenario) -> bool:
    return all(_understands(after.nodes[party]) for party in _honest(scenario))


def _understands(state: Connection) -> bool:
    theirs = state.their_init
    if theirs is None:
        return True
    known = all(bit in state.node.known for bit in theirs.features if bit % 2 == 0)
    useful = theirs.networks is None or bool(state.node.chains & theirs.networks) or not state.node.insists_on_chain
    return known and useful and not missing_dependencies(theirs.features)


def _features_do_not_change(before: World, after: World, scenario: ConnectionScenario) -> bool:
    return all(
        before.nodes[party].their_init in (None, after.nodes[party].their_init) or not after.nodes[party].up
        for party in _honest(scenario)
        if before.links == after.links
    )


def _both_negotiate_the_same(_before: World, after: World, scenario: ConnectionScenario) -> bool:
    first, second = after.nodes
    ready = first.phase is second.phase is Phase.READY and not any(scenario.corrupt)
    # What one requires the other, knowing it, may use as well; it need not offer it.
    return not ready or all(
        bit in one.negotiated or bit in one.node.known
        for one, other in ((first, second), (second, first))
        for bit in other.negotiated
    )


# --- error and warning ---


def _only_named_channels_fail(before: World, after: World, scenario: ConnectionScenario) -> bool:
    for party in _honest(scenario):
        message = _sent(before, after, party) or _delivered(before, after, party)
        named = message.channel_id if isinstance(message, Error) else None
        for old, new in zip(before.nodes[party].slots, after.nodes[party].slots, strict=True):
            if new.failed and not old.failed and named not in (ALL_CHANNELS, new.channel_id):
                return False
            if old.failed and not new.failed:
                return False
    return True


def _answers_fail_nothing(before: World, after: World, scenario: ConnectionScenario) -> bool:
    """Say whether what is owed to the peer leaves those channels alone that have not failed already."""
    for party in _honest(scenario):
        message, state = _sent(before, after, party), before.nodes[party]
        if message in state.owed and message not in scenario.plans[party]:
            pairs = zip(state.slots, after.nodes[party].slots, strict=True)
            if any(new.failed and not old.failed for old, new in pairs):
                return False
    return True


def _named_channels_fail(before: World, after: World, scenario: ConnectionScenario) -> bool:
    for party in _honest(scenario):
        message = _sent(before, after, party) or _delivered(before, after, party)
        heard = before.nodes[party].phase is Phase.READY or before.nodes[party].their_init is not None
        if isinstance(message, Error) and heard:
            named = (slot for slot in after.nodes[party].slots if message.channel_id in (ALL_CHANNELS, slot.channel_id))
            if not all(slot.failed for slot in named):
                return False
    return True


def _failed_channels_rest(before: World, after: World, scenario: ConnectionScenario) -> bool:
    for party in _honest(scenario):
        message = _sent(before, after, party)
        slot = before.nodes[party].slot(message.channel_id) if isinstance(message, ChannelMessage) else None
        if slot is not None and slot.failed:
            return False
        for old, new in zip(before.nodes[party].slots, after.nodes[party].slots, strict=True):
            if old.failed and old.used is not new.used:
                return False
    return True


def _both_know_what_failed(_before: World, after: World, scenario: ConnectionScenario) -> bool:
    """Say whether nobody uses a channel that the other has failed or does not have, once all has been said."""
    if any(scenario.corrupt) or not after.links or not _is_ready(after):
        return True
    first, second = after.nodes
    for one, other in ((first, second), (second, first)):
        for slot in one.slots:
            counterpart = other.slot(slot.channel_id)
            failed = counterpart.failed if counterpart is not None else _was_spoken_of(after, scenario, slot.channel_id)
            if failed and not slot.failed:
                return False
    return True


def _was_spoken_of(world: World, scenario: ConnectionScenario, channel_id: int) -> bool:
    """Say whether somebody has sent a message for a channel on the connection that was never lost."""
    if world.reconnections != scenario.reconnections:
        return False
    return any(
        said and message == ChannelMessage(channel_id)
        for plan, done in zip(scenario.plans, world.said, strict=True)
        for message, said in zip(plan, done, strict=True)
    )


def _is_ready(world: World) -> bool:
    return all(node.phase is Phase.READY for node in world.nodes)


# --- the rest ---


def _messages_fit(before: World, after: World, scenario: ConnectionScenario) -> bool:
    for party in _honest(scenario):
        message = _sent(before, after, party)
        if isinstance(message, Pong) and (message.byteslen >= NO_PONG or message not in before.nodes[party].owed):
            return False
        if isinstance(message, UnknownMessage) and message.type % 2 == 0:
            return False
        if isinstance(message, PeerStorage) and not _is_kept_by(before.nodes[party]):
            return False
    return True


def _is_kept_by(state: Connection) -> bool:
    return state.their_init is not None and bool({42, 43} & state.their_init.features)


def _nothing_wrong_is_taken(before: World, after: World, scenario: ConnectionScenario) -> bool:
    """Say whether the connection is closed by what ends it: out of turn, unknown and even, or an answer to nothing."""
    for party in _honest(scenario):
        message, node = _delivered(before, after, party), before.nodes[party]
        early = node.their_init is None and message is not None and not isinstance(message, Init)
        even = isinstance(message, UnknownMessage) and message.type % 2 == 0
        stray = isinstance(message, Pong) and message.byteslen not in node.pings and node.node.drops_wrong_pong
        if early or even or stray:
            return False
    return True


def _backups_are_the_latest(before: World, after: World, scenario: ConnectionScenario) -> bool:
    for party in _honest(scenario):
        state, message = after.nodes[party], _delivered(before, after, party)
        open_channel = any(not slot.failed for slot in before.nodes[party].slots)
        taken = isinstance(message, PeerStorage) and open_channel and state.stores
        if taken and isinstance(message, PeerStorage) and state.blob != message.blob:
            return False
        sent = _sent(before, after, party)
        if isinstance(sent, PeerStorageRetrieval) and sent.blob != before.nodes[party].blob:
            return False
    return True


def _backups_come_back(before: World, after: World, scenario: ConnectionScenario) -> bool:
    """Say whether who keeps a backup means to give it back, right after reconnecting."""
    if after.links <= before.links:
        return True
    kept = (after.nodes[party] for party in _honest(scenario))
    return all(state.blob is None or PeerStorageRetrieval(state.blob) in state.owed for state in kept)


def _what_is_owed_is_said(_before: World, after: World, scenario: ConnectionScenario) -> bool:
    return any(scenario.corrupt) or not any(node.owed and node.phase is Phase.READY for node in after.nodes)


def _one_connection(_before: World, after: World, _scenario: ConnectionScenario) -> bool:
    return after.links <= 1


PROPERTIES: tuple[Property, ...] = (
    Property("NeverRejected", "Honest nodes that suit each other stay connected: none is rejected or waits in vain.",
             lambda _before, after, _scenario: after.blame is None, felt=True),
    Property("InitFirst", "An honest node says nothing but init, once, before both init are exchanged.",
             _init_comes_first),
    Property("InitHonest", "init has what a node has, with all dependencies and one bit of a pair.", _init_is_honest),
    Property("FeaturesUnderstood", "A node stays connected only to a peer whose demands it understands.",
             _features_are_understood),
    Property("FeaturesStay", "What was negotiated does not change on a connection.", _features_do_not_change),
    Property("FeaturesAgree", "What one honest node may use the other knows.", _both_negotiate_the_same, felt=True),
    Property("OnlyNamedChannelsFail", "A channel fails by an error that names it, and by nothing else.",
             _only_named_channels_fail, felt=True),
    Property("NamedChannelsFail", "A channel that an error names has failed for whom it sends and gets.",
             _named_channels_fail, felt=True),
    Property("AnswersFailNothing", "What a node has to answer or to repeat fails none of its channels.",
             _answers_fail_nothing, felt=True),
    Property("FailedChannelsRest", "For a failed channel nothing is sent or taken but the error.",
             _failed_channels_rest, felt=True),
    Property("BothKnowFailure", "In the end honest nodes agree on which channels have failed.",
             _both_know_what_failed, final=True, felt=True),
    Property("MessagesFit", "Only what the peer can take is sent: pongs that were asked for, odd types, backups.",
             _messages_fit),
    Property("WrongEndsIt", "What must end the connection does.", _nothing_wrong_is_taken),
    Property("LatestBackup", "The newest backup is kept, and given back.", _backups_are_the_latest),
    Property("BackupReturned", "After a reconnection a kept backup is owed to its owner.", _backups_come_back),
    Property("OwedIsSaid", "In the end nothing is owed on a connection.", _what_is_owed_is_said, final=True),
    Property("OneConnection", "There is one connection between two nodes at a time.", _one_connection),
)  # fmt: skip
"""All of them."""
