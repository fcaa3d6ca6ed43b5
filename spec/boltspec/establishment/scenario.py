"""Scenarios: the small worlds in which establishment is searched.

A scenario fixes who the two nodes are and what they would propose. What a corrupt party proposes instead, what is
delivered when, and what happens on chain is left open and searched. A is the opener, B the accepter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from boltspec.establishment.channel_type import ANCHORS, STATIC_REMOTEKEY, ChannelType, Feature
from boltspec.establishment.limits import Policy
from boltspec.establishment.messages import ANNOUNCE_CHANNEL, AcceptChannel, OpenChannel
from boltspec.establishment.state import Node
from boltspec.params import Limits
from boltspec.units import Blocks, FeeratePerKw, Msat, Sat

USED_ID, USED_SCID = 900, 901
"""A channel id that is in use with the peer, a short channel id that is in use on the node."""
REAL_SCID = 700
"""Where the funding output ends up in the chain."""
ALIASES = ((101, 102), (201, 202))
"""Aliases that each party makes up, in this order."""

LIMITS = Limits(
    dust_limit_satoshis=Sat(1_000),
    max_htlc_value_in_flight_msat=Msat(500_000_000),
    channel_reserve_satoshis=Sat(10_000),
    htlc_minimum_msat=Msat(1_000),
    to_self_delay=Blocks(144),
    max_accepted_htlcs=30,
)
"""What the opener announces."""
OPEN_CHANNEL = OpenChannel(
    chain_hash=0,
    temporary_channel_id=1,
    funding_satoshis=Sat(1_000_000),
    push_msat=Msat(100_000_000),
    limits=LIMITS,
    feerate_per_kw=FeeratePerKw(1_000),
    channel_flags=ANNOUNCE_CHANNEL,
    channel_type=ANCHORS,
)
ACCEPT_CHANNEL = AcceptChannel(
    temporary_channel_id=1,
    limits=replace(LIMITS, channel_reserve_satoshis=Sat(8_000)),
    minimum_depth=Blocks(3),
    channel_type=ANCHORS,
)
USUAL = frozenset({Feature.OPTION_ANCHORS, Feature.OPTION_UPFRONT_SHUTDOWN_SCRIPT})
"""What both nodes advertise unless a scenario says otherwise."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A world to search."""

    name: str
    title: str
    nodes: tuple[Node, Node]
    open_channel: OpenChannel = OPEN_CHANNEL
    accept_channel: AcceptChannel = ACCEPT_CHANNEL
    aliased: bool = True
    """Honest parties send an alias with their first ``channel_ready``."""
    corrupt: tuple[bool, bool] = (False, False)
    abuses: int = 0
    """How many messages that the rules forbid a corrupt party may send."""
    careless: bool = False
    """Honest parties too are tempted by every forbidden message: only their sender rules hold them back."""
    disconnections: int = 0
    """How often the connection may be lost before there is a funding output."""


def nodes(features: frozenset[Feature] = USUAL, policy: Policy = Policy()) -> tuple[Node, Node]:  # noqa: B008  # frozen
    """Return two nodes with the same features and the same policy."""
    node = Node(
        features=features,
        peer_features=features,
        policy=policy,
        channel_ids=frozenset({USED_ID}),
        scids=frozenset({USED_SCID}),
    )
    return node, node


def _typed(scenario: Scenario, channel_type: ChannelType, flags: int, minimum_depth: Blocks) -> Scenario:
    return replace(
        scenario,
        open_channel=replace(scenario.open_channel, channel_type=channel_type, channel_flags=flags),
        accept_channel=replace(scenario.accept_channel, channel_type=channel_type, minimum_depth=minimum_depth),
    )


ALIASING = USUAL | {Feature.OPTION_SCID_ALIAS}
UNCONFIRMED = ALIASING | {Feature.OPTION_ZEROCONF}
_TRUSTING = nodes(UNCONFIRMED, Policy(trusts_unconfirmed=True))
_PRIVATE = ANCHORS | {Feature.OPTION_SCID_ALIAS}
_ZEROCONF = _PRIVATE | {Feature.OPTION_ZEROCONF}

HONEST = Scenario("open-honest", "Two honest nodes open a public channel", nodes(), disconnections=1)
CARELESS = Scenario("open-careless", "Two honest nodes with every temptation", nodes(), careless=True)
NAMELESS = Scenario(
    "open-nameless", "Two honest nodes that make no aliases and share no feature but anchors",
    nodes(frozenset({Feature.OPTION_ANCHORS})), aliased=False, careless=True,
)  # fmt: skip
PRIVATE = _typed(
    Scenario("open-private", "An unannounced channel that is known by aliases only", nodes(ALIASING), careless=True),
    _PRIVATE, 0, Blocks(3),
)  # fmt: skip
PUBLIC_ALIASES = Scenario(
    "open-public-aliases", "A public channel of nodes that know aliases", nodes(ALIASING), careless=True
)
ZEROCONF = _typed(
    Scenario("open-zeroconf", "A channel that is used unconfirmed, between nodes that trust each other", _TRUSTING,
             careless=True),
    _ZEROCONF, 0, Blocks(0),
)  # fmt: skip
DUAL_FUND = Scenario(
    "open-dual-fund", "Version 1 although dual funding is negotiated",
    nodes(USUAL | {Feature.OPTION_DUAL_FUND}), corrupt=(True, False), abuses=1,
)  # fmt: skip
DUAL_FUND_HONEST = Scenario(
    "open-dual-fund-careless", "Version 1 tempts although dual funding is negotiated",
    nodes(USUAL | {Feature.OPTION_DUAL_FUND}), careless=True,
)  # fmt: skip
CORRUPT_OPENER = Scenario(
    "open-corrupt-opener", "The opener may break one rule", nodes(), corrupt=(True, False), abuses=1
)  # fmt: skip
CORRUPT_ACCEPTER = Scenario(
    "open-corrupt-accepter", "The accepter may break one rule", nodes(), corrupt=(False, True), abuses=1
)
UNTRUSTED = _typed(
    Scenario("open-untrusted-zeroconf", "An opener that is not trusted proposes an unconfirmed channel",
             nodes(UNCONFIRMED), corrupt=(True, False)),
    _ZEROCONF, 0, Blocks(0),
)  # fmt: skip
PUBLIC_ONLY = Scenario(
    "open-public-only", "The accepter wants public channels only, the opener may break one rule",
    nodes(policy=Policy(wants_public=True)), corrupt=(True, False), abuses=1,
)  # fmt: skip
OLD_TYPE = _typed(
    Scenario("open-static-remotekey", "Two honest nodes open a channel without anchors", nodes()),
    STATIC_REMOTEKEY, ANNOUNCE_CHANNEL, Blocks(3),
)  # fmt: skip
LOST = replace(
    NAMELESS, name="open-lost", title="The connection is lost, and every forbidden message tempts", disconnections=1
)
LOST_CORRUPT_ACCEPTER = replace(
    CORRUPT_ACCEPTER, name="open-lost-corrupt-accepter", aliased=False, disconnections=1,
    title="The connection is lost, and the accepter may break one rule",
)  # fmt: skip

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        HONEST, CARELESS, NAMELESS, PRIVATE, PUBLIC_ALIASES, ZEROCONF, DUAL_FUND, DUAL_FUND_HONEST, CORRUPT_OPENER,
        CORRUPT_ACCEPTER, UNTRUSTED, PUBLIC_ONLY, OLD_TYPE, LOST, LOST_CORRUPT_ACCEPTER,
    )
}  # fmt: skip
"""All scenarios by name."""
