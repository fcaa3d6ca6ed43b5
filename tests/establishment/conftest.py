"""States of two nodes in each phase, made by the steps themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from boltspec.establishment.accepter import next_funding_signed
from boltspec.establishment.funding import Outpoint, look
from boltspec.establishment.messages import ChannelReady, Message
from boltspec.establishment.opener import next_funding_created, publish_funding_transaction
from boltspec.establishment.scenario import ACCEPT_CHANNEL, OPEN_CHANNEL, REAL_SCID, nodes
from boltspec.establishment.state import Establishment, see
from boltspec.establishment.steps import receive, send
from boltspec.establishment.temptations import lawful_transaction
from boltspec.units import Blocks
from boltspec.verdict import Accepted, Refused, Rejected

FUNDING = Outpoint(lawful_transaction(OPEN_CHANNEL.funding_satoshis), 0)


def taken(verdict: Accepted[Establishment] | Refused | Rejected) -> Establishment:
    """Return the state after a step that must be taken."""
    assert isinstance(verdict, Accepted), verdict
    return verdict.state


def _rule_of(verdict: Accepted[Establishment] | Refused | Rejected) -> str | None:
    return None if isinstance(verdict, Accepted) else verdict.rule


@dataclass(frozen=True)
class Pair:
    """Opener and accepter with nothing under way."""

    opener: Establishment
    accepter: Establishment

    funding: ClassVar[Outpoint] = FUNDING

    def opener_sends(self, message: Message) -> Pair:
        return Pair(taken(send(self.opener, message)), taken(receive(self.accepter, message)))

    def accepter_sends(self, message: Message) -> Pair:
        return Pair(taken(receive(self.opener, message)), taken(send(self.accepter, message)))

    def refused_to_opener(self, message: Message) -> str | None:
        """Return the rule by which the opener may not send a message; ``None`` if it may."""
        return _rule_of(send(self.opener, message))

    def refused_to_accepter(self, message: Message) -> str | None:
        """Return the rule by which the accepter may not send a message; ``None`` if it may."""
        return _rule_of(send(self.accepter, message))

    def rejected_by_opener(self, message: Message) -> str | None:
        """Return the rule by which the opener rejects a message; ``None`` if it takes it."""
        return _rule_of(receive(self.opener, message))

    def rejected_by_accepter(self, message: Message) -> str | None:
        """Return the rule by which the accepter rejects a message; ``None`` if it takes it."""
        return _rule_of(receive(self.accepter, message))

    def with_terms(self) -> Pair:
        """Exchange open_channel and accept_channel."""
        return self.opener_sends(OPEN_CHANNEL).accepter_sends(ACCEPT_CHANNEL)

    def with_funding(self, funding: Outpoint = FUNDING) -> Pair:
        """Exchange terms, funding_created and funding_signed."""
        pair = self.with_terms()
        pair = pair.opener_sends(next_funding_created(pair.opener, funding))
        return pair.accepter_sends(next_funding_signed(pair.accepter))

    def with_depth(self, confirmations: Blocks) -> Pair:
        """Exchange all signatures, publish, and wait for that many confirmations."""
        pair = self.with_funding()
        opener = taken(publish_funding_transaction(pair.opener, FUNDING))
        seen = look(FUNDING, FUNDING.funding_txid, confirmations, REAL_SCID)
        return Pair(see(opener, seen), see(pair.accepter, seen))

    def in_operation(self) -> Pair:
        """Exchange everything up to both channel_ready."""
        pair = self.with_depth(ACCEPT_CHANNEL.minimum_depth)
        return pair.opener_sends(ChannelReady(FUNDING, alias=101)).accepter_sends(ChannelReady(FUNDING, alias=201))


@pytest.fixture
def pair() -> Pair:
    """Two nodes before open_channel."""
    first, second = nodes()
    return Pair(Establishment(first), Establishment(second))
