"""Anything at any time: a peer that says what it likes, an owner that wants what it likes, lost connections."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from boltspec.channel import Link
from boltspec.establishment.accepter import next_funding_signed
from boltspec.establishment.funding import Outpoint, look
from boltspec.establishment.messages import (
    ChannelReady,
    ChannelReestablish,
    FundingCreated,
    FundingSignature,
    FundingSigned,
    Message,
)
from boltspec.establishment.opener import next_funding_created, owes_publication, publish_funding_transaction
from boltspec.establishment.ready import established
from boltspec.establishment.resume import is_remembered, reconnected
from boltspec.establishment.scenario import ACCEPT_CHANNEL, OPEN_CHANNEL, REAL_SCID, nodes
from boltspec.establishment.state import ACCEPTER, OPENER, Establishment, Role, first_commitment, see
from boltspec.establishment.steps import receive, send
from boltspec.establishment.temptations import NOTHING_SIGNED, NOWHERE, lawful_transaction
from boltspec.rules import Reaction, requirements
from boltspec.units import Blocks
from boltspec.verdict import Accepted, Refused, Rejected

RIGHT = Outpoint(lawful_transaction(OPEN_CHANNEL.funding_satoshis), 0)
OUTPOINTS = st.sampled_from((RIGHT, NOWHERE, replace(RIGHT, funding_output_index=1)))
KINDS = st.sampled_from(
    ("open_channel", "accept_channel", "funding_created", "funding_signed", "channel_ready", "channel_reestablish")
)


class AnythingAtAnyTime(RuleBasedStateMachine):
    """One node; what its peer would be is made up."""

    @initialize(role=st.sampled_from(Role))
    def begins(self, role: Role) -> None:
        self.role = role
        self.state = Establishment(nodes()[0])

    def message(self, kind: str, outpoint: Outpoint, good: bool, number: int) -> Message:
        """Return a message of a kind: as good as it can be made now, or not."""
        state = self.state
        match kind:
            case "open_channel":
                return OPEN_CHANNEL if good else replace(OPEN_CHANNEL, chain_hash=1)
            case "accept_channel":
                return ACCEPT_CHANNEL if good else replace(ACCEPT_CHANNEL, temporary_channel_id=9)
            case "funding_created":
                known = state.open_channel is not None and state.accept_channel is not None
                if good and known:
                    return next_funding_created(state, outpoint)
                return FundingCreated(1, outpoint.funding_txid, outpoint.funding_output_index, NOTHING_SIGNED)
            case "funding_signed":
                return self.funding_signed(outpoint, good)
            case "channel_ready":
                return ChannelReady(outpoint, 1 if good else 2, number or None)
            case _:
                return ChannelReestablish(outpoint, number)

    def funding_signed(self, outpoint: Outpoint, good: bool) -> FundingSigned:
        state = self.state
        if not good or state.funding is None or state.accept_channel is None:
            return FundingSigned(outpoint, NOTHING_SIGNED)
        if state.role is ACCEPTER:
            return next_funding_signed(state)
        return FundingSigned(outpoint, FundingSignature(first_commitment(state, state.funding, OPENER, "")))

    @rule(kind=KINDS, outpoint=OUTPOINTS, good=st.booleans(), number=st.integers(0, 2))
    def the_peer_sends(self, kind: str, outpoint: Outpoint, good: bool, number: int) -> None:
        before, copy = self.state, replace(self.state)
        verdict = receive(before, self.message(kind, outpoint, good, number))
        assert before == copy
        if isinstance(verdict, Rejected):
            assert verdict.rule in requirements()
            assert isinstance(verdict.reaction, Reaction)
            return
        assert verdict.state.ready_sent is before.ready_sent or verdict.state.open_channel != before.open_channel
        self.state = verdict.state

    @rule(kind=KINDS, outpoint=OUTPOINTS, good=st.booleans(), number=st.integers(0, 2))
    def the_owner_wants(self, kind: str, outpoint: Outpoint, good: bool, number: int) -> None:
        before, copy = self.state, replace(self.state)
        verdict = send(before, self.message(kind, outpoint, good, number))
        assert before == copy
        if isinstance(verdict, Refused):
            assert verdict.rule in requirements()
            return
        self.state = verdict.state

    @precondition(lambda self: owes_publication(self.state))
    @rule()
    def the_funding_is_published(self) -> None:
        assert self.state.funding is not None
        verdict = publish_funding_transaction(self.state, self.state.funding)
        assert isinstance(verdict, Accepted)
        self.state = verdict.state

    @precondition(lambda self: self.state.published or self.state.role is ACCEPTER)
    @rule(depth=st.integers(0, 4))
    def the_chain_grows(self, depth: int) -> None:
        at_least = max(depth, int(self.state.seen.confirmations))
        self.state = see(self.state, look(self.state.funding, RIGHT.funding_txid, Blocks(at_least), REAL_SCID))

    @rule()
    def the_connection_is_lost(self) -> None:
        before, self.state = self.state, reconnected(self.state)
        if is_remembered(before):
            assert replace(self.state, link=before.link, owes_ready=before.owes_ready) == before
        else:
            assert self.state.funding is None
            assert self.state.signature is None

    @invariant()
    def what_is_relied_upon_is_backed(self) -> None:
        state = self.state
        if state.published or state.ready_sent:
            assert state.signature is not None
            assert is_remembered(state)
        if established(state) is not None:
            assert state.seen.output == RIGHT.output()
            assert state.ready_received
        if state.link is not Link.UP:
            assert state.funding is not None


AnythingAtAnyTime.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestAnythingAtAnyTime = AnythingAtAnyTime.TestCase
