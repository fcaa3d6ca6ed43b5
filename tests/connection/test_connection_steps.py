"""Messages of BOLT 1: what may be sent, what is taken, and the nearest message that is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from boltspec.connection.control import given_up
from boltspec.connection.features import missing_dependencies, negotiated, offers, unknown_required
from boltspec.connection.messages import (
    ALL_CHANNELS,
    NO_PONG,
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
from boltspec.connection.party import next_init, receive, send
from boltspec.connection.scenario import USUAL
from boltspec.connection.state import Connection, Node, Phase, Slot, disconnected, reconnected
from boltspec.rules import Reaction, RuleBroken
from boltspec.verdict import Accepted, Refused, Rejected

FRESH = Connection(Node(USUAL), (Slot(1), Slot(2)))
READY = replace(FRESH, sent_init=True, their_init=Init(USUAL, frozenset({0})))
OTHERS: tuple[Message, ...] = (
    Error(1), Warning(1), Ping(1), Pong(1), UnknownMessage(32769), ChannelMessage(1), PeerStorage(1),
    PeerStorageRetrieval(1),
)  # fmt: skip


def taken(verdict: Any) -> Connection:
    assert isinstance(verdict, Accepted), verdict
    assert isinstance(verdict.state, Connection)
    return verdict.state


def refused(state: Connection, message: Message) -> str | None:
    verdict = send(state, message)
    return verdict.rule if isinstance(verdict, Refused) else None


def rejected(state: Connection, message: Message) -> str | None:
    verdict = receive(state, message)
    if isinstance(verdict, Rejected):
        assert verdict.reaction is Reaction.CLOSE
        return verdict.rule
    return None


def failed(state: Connection) -> list[int]:
    return [slot.channel_id for slot in state.slots if slot.failed]


# --- init ---


@pytest.mark.parametrize("message", OTHERS, ids=lambda message: type(message).__name__)
def test_nothing_but_init_before_both_have_sent_theirs(message: Message) -> None:
    heard, said = replace(READY, sent_init=False), replace(READY, their_init=None)
    assert refused(heard, message) == "B01-init-s-02"
    assert refused(said, message) == "B01-init-r-01"
    assert rejected(said, message) == "D01-init-r-01"


def test_init_is_exchanged_once_and_phases_follow() -> None:
    init = next_init(FRESH)
    said, heard = taken(send(FRESH, init)), taken(receive(FRESH, init))
    assert [state.phase for state in (FRESH, said, heard, taken(send(heard, init)))] == [
        Phase.CONNECTED, Phase.SENT_INIT, Phase.RECEIVED_INIT, Phase.READY
    ]  # fmt: skip
    assert refused(said, init) == "D01-init-s-01"
    assert rejected(heard, init) == "D01-init-r-02"
    assert disconnected(heard).phase is Phase.DOWN


@pytest.mark.parametrize(
    ("bits", "networks", "broken"),
    [
        (USUAL, None, None),
        (USUAL | {201}, None, None),
        (USUAL | {200}, None, "B01-init-r-05"),
        (USUAL, frozenset({0, 9}), None),
        (USUAL, frozenset({9}), "B01-init-r-06"),
        (frozenset({51, 47}), None, None),
        (frozenset({51, 46}), None, None),
        (frozenset({51}), None, "B01-init-r-07"),
        (frozenset({17}), None, None),
        (frozenset({61, 26}), None, None),
        (frozenset({61}), None, "B01-init-r-07"),
    ],
)
def test_receiver_hangs_up_on_what_it_does_not_understand(
    bits: frozenset[int], networks: frozenset[int] | None, broken: str | None
) -> None:
    assert rejected(FRESH, Init(bits, networks)) == broken


def test_a_node_that_does_not_insist_stays_with_a_peer_on_another_chain() -> None:
    patient = replace(FRESH, node=replace(FRESH.node, insists_on_chain=False))
    assert rejected(patient, Init(USUAL, frozenset({9}))) is None


@pytest.mark.parametrize(
    ("has", "bits", "broken"),
    [
        (USUAL, USUAL, None),
        (USUAL, USUAL | {201}, "B01-init-s-04"),
        (USUAL, USUAL | {47}, "B09-features-o-03"),
        (USUAL, frozenset(), "B09-features-o-02"),
        (frozenset({16, 17}), frozenset({16, 17}), "B09-features-o-05"),
        (frozenset({51}), frozenset({51}), "B09-features-o-06"),
    ],
)
def test_sender_says_what_it_has(has: frozenset[int], bits: frozenset[int], broken: str | None) -> None:
    assert refused(Connection(Node(has)), Init(bits, frozenset({0}))) == broken


def test_sender_names_all_its_chains() -> None:
    assert refused(FRESH, Init(USUAL, None)) is refused(FRESH, Init(USUAL, frozenset({0, 1}))) is None
    assert refused(FRESH, Init(USUAL, frozenset({1}))) == "B01-init-s-07"


def test_a_feature_is_negotiated_if_both_offer_it_or_we_require_it() -> None:
    assert negotiated(frozenset({43, 46, 61}), frozenset({42})) == {42, 46}
    assert offers(frozenset(), 14)
    assert not offers(frozenset(), 42)
    assert unknown_required(frozenset({42, 200, 201}), frozenset({42})) == {200}
    assert missing_dependencies(frozenset({17, 50})) == {46}
    assert replace(FRESH, their_init=Init(frozenset({42}))).negotiated == {42}


# --- error and warning ---


@pytest.mark.parametrize(("channel_id", "fails"), [(1, [1]), (2, [2]), (9, []), (ALL_CHANNELS, [1, 2])])
def test_an_error_fails_what_it_names_for_both(channel_id: int, fails: list[int]) -> None:
    assert failed(taken(receive(READY, Error(channel_id)))) == fails
    assert failed(taken(send(READY, Error(channel_id)))) == fails


@pytest.mark.parametrize("channel_id", [ALL_CHANNELS, 1, 9])
def test_a_warning_changes_nothing(channel_id: int) -> None:
    assert taken(receive(READY, Warning(channel_id))) == READY
    assert taken(send(READY, Warning(channel_id))) == READY


def test_a_failed_channel_rests_and_its_error_is_repeated_on_the_next_connection() -> None:
    after = taken(receive(READY, Error(1)))
    assert refused(after, ChannelMessage(1)) == "D01-error-warning-s-01"
    assert refused(after, ChannelMessage(2)) is None
    assert taken(receive(after, ChannelMessage(1))) == after
    assert taken(receive(after, ChannelMessage(2))) != after
    again = reconnected(disconnected(after))
    assert again.owed == (Error(1),)
    assert failed(again) == [1]
    told = taken(send(replace(again, sent_init=True, their_init=READY.their_init), Error(1)))
    assert told.owed == ()


def test_a_message_for_an_unknown_channel_is_answered_by_an_error_for_it() -> None:
    after = taken(receive(READY, ChannelMessage(9)))
    assert after.owed == (Error(9),)
    assert failed(taken(send(after, Error(9)))) == []
    assert taken(receive(after, ChannelMessage(9))).owed == (Error(9),)


# --- the rest ---


@pytest.mark.parametrize(("kind", "ends"), [(32769, False), (32768, True), (65535, False)])
def test_odd_is_ignored_and_even_ends_the_connection(kind: int, ends: bool) -> None:
    assert (refused(READY, UnknownMessage(kind)) == "B01-message-format-s-02") is ends
    assert (rejected(READY, UnknownMessage(kind)) == "B01-message-format-r-02") is ends


@pytest.mark.parametrize(("asked", "answered"), [(0, True), (NO_PONG - 1, True), (NO_PONG, False), (65535, False)])
def test_a_ping_is_answered_by_a_pong_of_its_length_unless_it_would_not_fit(asked: int, answered: bool) -> None:
    after = taken(receive(READY, Ping(asked)))
    assert after.owed == ((Pong(asked),) if answered else ())
    assert (refused(after, Pong(asked)) is None) is answered
    assert taken(send(READY, Ping(asked))).pings == ((asked,) if answered else ())


def test_two_pings_are_answered_twice() -> None:
    after = taken(receive(taken(receive(READY, Ping(4))), Ping(4)))
    once = taken(send(after, Pong(4)))
    assert (after.owed, once.owed) == ((Pong(4), Pong(4)), (Pong(4),))
    assert refused(taken(send(once, Pong(4))), Pong(4)) == "D01-ping-pong-s-01"


def test_a_pong_answers_a_ping() -> None:
    asking = taken(send(taken(send(READY, Ping(4))), Ping(5)))
    assert taken(receive(asking, Pong(4))).pings == (5,)
    assert rejected(asking, Pong(6)) == "B01-ping-pong-r-03"
    patient = replace(asking, node=replace(asking.node, drops_wrong_pong=False))
    assert taken(receive(patient, Pong(6))) == patient


def test_who_waits_in_vain_for_a_pong_hangs_up_and_keeps_its_channels() -> None:
    after = given_up(taken(send(READY, Ping(4))))
    assert (after.phase, after.slots, after.pings) == (Phase.DOWN, READY.slots, ())


def test_the_latest_backup_is_kept_over_connections_and_given_back() -> None:
    kept = taken(receive(taken(receive(READY, PeerStorage(5))), PeerStorage(6)))
    assert kept.blob == 6
    again = reconnected(disconnected(kept))
    assert again.owed == (PeerStorageRetrieval(6),)
    ready = replace(again, sent_init=True, their_init=READY.their_init)
    assert refused(ready, PeerStorageRetrieval(5)) == "B01-peer-storage-s-05"
    assert taken(send(ready, PeerStorageRetrieval(6))).owed == ()
    assert taken(receive(ready, PeerStorage(7))).owed == (PeerStorageRetrieval(7),)


def test_no_backup_is_kept_without_the_feature_or_an_open_channel() -> None:
    assert taken(receive(replace(READY, node=Node()), PeerStorage(5))).blob is None
    assert taken(receive(taken(receive(READY, Error(ALL_CHANNELS))), PeerStorage(5))).blob is None
    assert refused(replace(READY, their_init=Init(frozenset())), PeerStorage(5)) == "D01-peer-storage-s-01"


def test_there_is_one_connection_for_all_channels() -> None:
    with pytest.raises(RuleBroken, match="B01-connection-n-01"):
        reconnected(READY)
