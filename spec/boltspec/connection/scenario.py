"""Scenarios: the small worlds in which connections are searched.

A scenario fixes what the two nodes are, which channels each knows, and what each wants to say once both ``init`` are
exchanged, in any order. Open, hence searched, is who speaks when, when the connection is lost, and what a corrupt party
says instead.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltspec.connection.features import (
    BASIC_MPP,
    OPTION_PROVIDE_STORAGE,
    OPTION_SCID_ALIAS,
    OPTION_SHUTDOWN_ANYSEGWIT,
    OPTION_SIMPLE_CLOSE,
    OPTION_ZEROCONF,
    Bits,
)
from boltspec.connection.messages import (
    ALL_CHANNELS,
    NO_PONG,
    ChannelMessage,
    Error,
    Message,
    PeerStorage,
    Ping,
    UnknownMessage,
    Warning,  # noqa: A004  # the BOLT's name
)
from boltspec.connection.state import Node

FIRST, SECOND, FORGOTTEN, STRANGE = 1, 2, 3, 4
"""Channels: two that both know, one that only B remembers, one that nobody has."""
USUAL: Bits = frozenset({OPTION_PROVIDE_STORAGE + 1, OPTION_SHUTDOWN_ANYSEGWIT + 1, OPTION_SIMPLE_CLOSE + 1})
UNKNOWN_EVEN, UNKNOWN_ODD = 200, 201
"""Feature bits that nobody knows."""


@dataclass(frozen=True, slots=True)
class ConnectionScenario:
    """A world to search."""

    name: str
    title: str
    nodes: tuple[Node, Node] = (Node(USUAL), Node(USUAL))
    slots: tuple[tuple[int, ...], tuple[int, ...]] = ((FIRST, SECOND), (FIRST, SECOND))
    """The channels that each party knows."""
    plans: tuple[tuple[Message, ...], tuple[Message, ...]] = ((), ())
    """What each wants to say, each message once."""
    corrupt: tuple[bool, bool] = (False, False)
    abuses: int = 0
    """How many messages may be sent that are none of a party's plan: forbidden ones by a corrupt party only."""
    careless: bool = False
    """Honest parties too are tempted by every message: only their sender rules hold them back."""
    disconnections: int = 0
    """How often the connection may be lost."""
    reconnections: int = 0
    """How often it may be made again."""


TALK = ChannelMessage(FIRST)
OTHER = Node(frozenset({OPTION_SCID_ALIAS, OPTION_ZEROCONF}))
"""Requires aliases and unconfirmed channels."""
OLD = Node(frozenset(), known=frozenset({OPTION_PROVIDE_STORAGE}))
"""Knows next to nothing."""

SCENARIOS: dict[str, ConnectionScenario] = {
    scenario.name: scenario
    for scenario in (
        ConnectionScenario("connection", "Two honest nodes talk, and the connection is lost",
                           plans=((TALK, Ping(8)), (Warning(FIRST),)), disconnections=1, reconnections=1),
        ConnectionScenario("connection-careless", "Every forbidden message tempts", careless=True,
                           abuses=1, reconnections=1),
        ConnectionScenario("error", "A fails one channel, and the connection is lost",
                           plans=((Error(FIRST),), (TALK,)), disconnections=1, reconnections=1),
        ConnectionScenario("error-careless", "A fails one channel, every forbidden message tempts",
                           plans=((Error(FIRST), TALK), ()), careless=True, abuses=1),
        ConnectionScenario("error-for-all", "A fails every channel", disconnections=1, reconnections=1,
                           plans=((Error(ALL_CHANNELS),), (TALK,))),
        ConnectionScenario("forgotten-channel", "B talks of a channel that A has forgotten",
                           slots=((FIRST,), (FIRST, FORGOTTEN)),
                           plans=((), (ChannelMessage(FORGOTTEN), TALK))),
        ConnectionScenario("error-for-nothing", "A fails a channel that B does not have",
                           plans=((Error(STRANGE),), ())),
        ConnectionScenario("pings", "Pings of each length", disconnections=1, reconnections=1,
                           plans=((Ping(0),), (Ping(NO_PONG - 1), Ping(NO_PONG)))),
        ConnectionScenario("custom-messages", "Messages outside of the BOLTs", careless=True, abuses=1,
                           plans=((UnknownMessage(32769),), ())),
        ConnectionScenario("backups", "A has B keep two backups", disconnections=1, reconnections=1,
                           plans=((PeerStorage(1), PeerStorage(2)), ())),
        ConnectionScenario("backups-unwanted", "A has a backup, and B does not keep any",
                           nodes=(Node(USUAL), Node()), plans=((PeerStorage(1),), ())),
        ConnectionScenario("features-apart", "A requires what B does not know", nodes=(OTHER, OLD),
                           plans=((TALK,), ())),
        ConnectionScenario("features-required", "A requires what B knows and does not offer", nodes=(OTHER, Node()),
                           plans=((TALK,), ())),
        ConnectionScenario("dependencies-apart", "A sets bits without what they depend on",
                           nodes=(Node(frozenset({OPTION_ZEROCONF + 1})), Node(USUAL)), plans=((TALK,), ())),
        ConnectionScenario("both-bits", "A sets both bits of a pair",
                           nodes=(Node(frozenset({BASIC_MPP, BASIC_MPP + 1})), Node(USUAL))),
        ConnectionScenario("chains-apart", "A and B are on different chains", plans=((TALK,), ()),
                           nodes=(Node(USUAL), Node(USUAL, chains=frozenset({1})))),
        ConnectionScenario("corrupt-peer", "A may break two rules", corrupt=(True, False), abuses=2,
                           plans=((), (Ping(8),))),
        ConnectionScenario("corrupt-peer-comes-back", "A may break a rule, and connects again", corrupt=(True, False),
                           abuses=1, plans=((Error(FIRST),), (TALK,)), disconnections=1, reconnections=1),
        ConnectionScenario("corrupt-keeper", "A keeps B's backup and may break a rule", corrupt=(True, False),
                           abuses=1, plans=((), (PeerStorage(1),)), disconnections=1, reconnections=1),
    )
}  # fmt: skip
"""All scenarios by name."""
