"""Steps that remember their results.

Steps are pure, so a result depends only on the digests of the arguments. A world is made of few different nodes and
messages; nearly all of a search's transitions combine results that are known already.
"""

from __future__ import annotations

from boltproofs.explorer.digest import Digests
from boltspec import party as plain
from boltspec.channel import Channel
from boltspec.ledger import Ledger
from boltspec.messages import CommitmentSigned, Message
from boltspec.party import Sent, Steps
from boltspec.reestablish import disconnected
from boltspec.scenario import Scenario
from boltspec.units import Height
from boltspec.verdict import Accepted, Rejected


class Memory:
    """The remembered results of one search: one scenario, one set of rules that are off."""

    def __init__(self, digests: Digests) -> None:
        self._digests = digests
        self._outgoing: dict[tuple[bytes, int, int, bool], tuple[Sent, ...]] = {}
        self._incoming: dict[tuple[bytes, int, bytes], Accepted[Channel] | Rejected] = {}
        self._disconnected: dict[bytes, Channel] = {}
        self._closing: dict[tuple[bytes, int, Height], Ledger] = {}

    def steps(self) -> Steps:
        """Return the steps for :func:`boltspec.world.successors`."""
        return Steps(self.outgoing, self.incoming, self.disconnected, self.closing)

    def outgoing(
        self, scenario: Scenario, party: int, channel: Channel, offered: int, abusive: bool
    ) -> tuple[Sent, ...]:
        """Return what :func:`boltspec.party.outgoing` does."""
        key = (self._digests.of(channel), party, offered, abusive)
        if key not in self._outgoing:
            sent = plain.outgoing(scenario, party, channel, offered, abusive)
            self._outgoing[key] = tuple([entry._replace(channel=self._digests.one(entry.channel)) for entry in sent])
        return self._outgoing[key]

    def incoming(
        self, scenario: Scenario, party: int, channel: Channel, message: Message
    ) -> Accepted[Channel] | Rejected:
        """Return what :func:`boltspec.party.incoming` does."""
        key = (self._digests.of(channel), party, self._digests.of(message))
        if key not in self._incoming:
            verdict = plain.incoming(scenario, party, channel, message)
            if isinstance(verdict, Accepted):
                verdict = Accepted(self._digests.one(verdict.state))
            self._incoming[key] = verdict
        return self._incoming[key]

    def disconnected(self, channel: Channel) -> Channel:
        """Return what :func:`boltspec.reestablish.disconnected` does."""
        key = self._digests.of(channel)
        if key not in self._disconnected:
            self._disconnected[key] = self._digests.one(disconnected(channel))
        return self._disconnected[key]

    def closing(self, scenario: Scenario, party: int, height: Height, held: CommitmentSigned) -> Ledger:
        """Return what :func:`boltspec.party.closing` does."""
        key = (self._digests.of(held), party, height)
        if key not in self._closing:
            self._closing[key] = plain.closing(scenario, party, height, held)
            self._digests.of(self._closing[key])
        return self._closing[key]
