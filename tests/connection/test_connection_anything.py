"""Anything at any time: a machine that connects, talks nonsense and hangs up; each reaction is the prescribed one."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from boltspec.connection.messages import (
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
from boltspec.rules import Reaction, requirements
from boltspec.verdict import Accepted, Refused, Rejected

CHANNELS = st.integers(0, 3)
LENGTHS = st.sampled_from((0, 1, 65531, 65532, 65535))
BITS = st.frozensets(st.sampled_from((16, 17, 26, 27, 42, 43, 46, 47, 50, 51, 60, 61, 200, 201)), max_size=4)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(Init, BITS | st.just(USUAL), st.none() | st.frozensets(st.integers(0, 2), max_size=2)),
    st.builds(Error, CHANNELS),
    st.builds(Warning, CHANNELS),
    st.builds(Ping, LENGTHS),
    st.builds(Pong, LENGTHS),
    st.builds(UnknownMessage, st.integers(32768, 32771)),
    st.builds(ChannelMessage, CHANNELS),
    st.builds(PeerStorage, st.integers(0, 2)),
    st.builds(PeerStorageRetrieval, st.integers(0, 2)),
)


class AnythingAtAnyTime(RuleBasedStateMachine):
    """A node whose peer sends whatever it likes, and whose owner asks for whatever it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.state = Connection(Node(USUAL), (Slot(1), Slot(2)))

    @precondition(lambda self: self.state.up)
    @rule(message=MESSAGES)
    def the_peer_sends(self, message: Message) -> None:
        before, copy = self.state, replace(self.state)
        verdict = receive(before, message)
        assert before == copy
        if isinstance(verdict, Rejected):
            assert verdict.rule in requirements()
            assert verdict.reaction is Reaction.CLOSE
            self.state = disconnected(before)
            return
        assert isinstance(verdict, Accepted)
        assert (before.their_init is None) is isinstance(message, Init)
        self._judge_failures(before, verdict.state, message)
        self.state = verdict.state

    @precondition(lambda self: self.state.up)
    @rule(message=MESSAGES)
    def the_owner_wants(self, message: Message) -> None:
        before, copy = self.state, replace(self.state)
        verdict = send(before, message)
        assert before == copy
        if isinstance(verdict, Refused):
            assert verdict.rule in requirements()
            return
        assert isinstance(message, Init) or before.phase is Phase.READY
        self._judge_failures(before, verdict.state, message)
        self.state = verdict.state

    @precondition(lambda self: self.state.up and not self.state.sent_init)
    @rule()
    def init_is_sent(self) -> None:
        self.state = self._accepted(next_init(self.state))

    @precondition(lambda self: self.state.phase is Phase.READY and self.state.owed)
    @rule()
    def what_is_owed_can_be_said(self) -> None:
        owed = self.state.owed
        self.state = self._accepted(owed[0])
        assert self.state.owed == owed[1:]

    @precondition(lambda self: self.state.up)
    @rule()
    def the_connection_is_lost(self) -> None:
        self.state = disconnected(self.state)

    @precondition(lambda self: not self.state.up)
    @rule()
    def they_connect_again(self) -> None:
        before, self.state = self.state, reconnected(self.state)
        assert (self.state.slots, self.state.blob) == (before.slots, before.blob)
        assert {entry.channel_id for entry in self.state.owed if isinstance(entry, Error)} == {
            slot.channel_id for slot in before.slots if slot.failed
        }

    @invariant()
    def nothing_is_pending_without_a_connection(self) -> None:
        assert self.state.up or (not self.state.owed and not self.state.pings and self.state.their_init is None)

    def _accepted(self, message: Message) -> Connection:
        verdict = send(self.state, message)
        assert isinstance(verdict, Accepted), verdict
        return verdict.state

    def _judge_failures(self, before: Connection, after: Connection, message: Message) -> None:
        """Only an error fails channels, and exactly those that it names; nothing revives one."""
        named = message.channel_id if isinstance(message, Error) else None
        for old, new in zip(before.slots, after.slots, strict=True):
            hit = named in (0, new.channel_id)
            assert new.failed is (old.failed or hit)


AnythingAtAnyTime.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestAnythingAtAnyTime = AnythingAtAnyTime.TestCase
