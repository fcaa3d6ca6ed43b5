"""What is said on a connection and belongs to no channel: ``init`` and pings, as :mod:`boltspec.connection` has it.

The specification judges these messages, and whatever comes first; here its facts get bytes. What messages of channels
do is the business of each channel's own life.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from boltspec.connection import messages as facts
from boltspec.connection.party import receive, send
from boltspec.connection.state import Connection, Node
from boltspec.verdict import Refused, Rejected
from boltwire import messages as wire
from boltwire.errors import MessageError
from boltwire.features import BY_NAME, FEATURES, FeatureBits, combine
from boltwire.peer_init import accept_init

WORDS: Final = {
    "D01-init-r-01": "the first message is not init",
    "D01-init-r-02": "init a second time",
    "B01-message-format-r-02": "a message of a type that has to be known",
}
"""For people: what was wrong, by the rule that was broken."""
SOME_CHANNEL: Final = 1
"""Stands for the channel of a message: which one it is does not matter here."""


class Talk:
    """One connection."""

    def __init__(self, ours: wire.Init, chain_hashes: Sequence[bytes], supported: Iterable[str]) -> None:
        """``ours`` is what we say first, ``supported`` names the features that a peer may require."""
        self._supported = tuple(supported)
        features = combine(ours.globalfeatures, ours.features)
        node = Node(
            features=frozenset(features),
            known=frozenset(BY_NAME[name].bit for name in self._supported)
            | frozenset(row.bit for row in FEATURES if row.assumed)
            | frozenset(bit & ~1 for bit in features),
            chains=frozenset(int.from_bytes(chain_hash) for chain_hash in chain_hashes),
            drops_wrong_pong=False,
        )
        self._state = Connection(node)
        self._say(facts.Init(node.features, node.chains))
        self.features = FeatureBits()
        """What the peer offers, once its ``init`` was heard."""

    def _say(self, fact: facts.Message) -> None:
        verdict = send(self._state, fact)
        if isinstance(verdict, Refused):
            raise ValueError(f"{fact} must not be said: {verdict.rule}, {verdict.numbers}")
        self._state = verdict.state

    def pinged(self, message: wire.Ping) -> None:
        """We are about to send a ping."""
        self._say(facts.Ping(message.num_pong_bytes))

    @property
    def waits_for_pong(self) -> bool:
        """A ping of ours is not answered."""
        return bool(self._state.pings)

    def knows(self, message: wire.Message) -> bool:
        """Whether we offer what a message belongs to; if not, it is as good as one of an unknown type."""
        feature = message.layout.feature
        return feature is None or any(name in self._supported for name in feature.split("|"))

    def hear(self, message: wire.Message | wire.UnknownMessage) -> list[wire.Message]:
        """Take a message; what is to be answered at once. MessageError if the connection is to be closed."""
        verdict = receive(self._state, _fact(message))
        if isinstance(verdict, Rejected):
            if isinstance(message, wire.Init) and verdict.rule == "B01-init-r-06":
                raise MessageError("no common chain", field="init.networks")
            if isinstance(message, wire.Init) and verdict.rule not in WORDS:
                accept_init(message, self._supported)  # says which feature it is
            raise MessageError(WORDS.get(verdict.rule, verdict.rule))
        self._state = verdict.state
        if isinstance(message, wire.Init):
            # The specification knows the features that decide something there; BOLT 9's table has more that depend.
            self.features = accept_init(message, self._supported)
        return self._answers()

    def _answers(self) -> list[wire.Message]:
        answers: list[wire.Message] = []
        for fact in self._state.owed:
            if isinstance(fact, facts.Pong):
                self._say(fact)
                answers.append(wire.Pong(ignored=bytes(fact.byteslen)))
        return answers


def _fact(message: wire.Message | wire.UnknownMessage) -> facts.Message:
    match message:
        case wire.Init():
            networks = message.networks
            names = None if networks is None else frozenset(int.from_bytes(entry) for entry in networks)
            return facts.Init(frozenset(combine(message.globalfeatures, message.features)), names)
        case wire.Ping():
            return facts.Ping(message.num_pong_bytes)
        case wire.Pong():
            return facts.Pong(len(message.ignored))
        case wire.UnknownMessage():
            return facts.UnknownMessage(message.type)
        case wire.Warning() | wire.Error():
            return facts.Warning(facts.ALL_CHANNELS)
        case _:
            return facts.ChannelMessage(SOME_CHANNEL)
