"""What this node wants of channels: the numbers that the BOLTs leave to a node."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from boltnode.channels.opening_facts import feature_facts, name_of
from boltnode.channels.scripts import script_fact
from boltnode.network import Network
from boltspec.closing.messages import FeeRange
from boltspec.closing.state import ClosingFeatures, ClosingPolicy
from boltspec.establishment.channel_type import ANCHORS, STATIC_REMOTEKEY, ChannelType, Feature
from boltspec.establishment.limits import LARGE_CHANNEL, Policy
from boltspec.establishment.messages import ANNOUNCE_CHANNEL, AcceptChannel, OpenChannel, ShutdownScript
from boltspec.establishment.state import Node
from boltspec.params import MAX_ACCEPTED_HTLCS, Limits
from boltspec.units import Blocks, FeeratePerKw, Msat, Sat
from boltwire.features import FeatureBits

FEATURES: Final = FeatureBits.of(
    required=("option_data_loss_protect", "var_onion_optin", "option_static_remotekey", "payment_secret"),
    optional=(
        "option_upfront_shutdown_script",
        "option_anchors",
        "option_shutdown_anysegwit",
        "option_channel_type",
        "option_simple_close",
    ),
)
"""What the node offers."""

DUST_LIMIT: Final = Sat(354)
TO_SELF_DELAY: Final = Blocks(144)
RESERVE_SHARE: Final = 100
"""The reserve that we ask for is the capacity divided by this."""
MOST_RESERVE_SHARE: Final = 20
"""The reserve that we keep at most is the capacity divided by this."""
DEPTHS: Final = {"regtest": Blocks(1)}
"""Confirmations that a funding transaction must have, by network; three where none are named."""
MOST_CLOSING_TRANSACTIONS: Final = 50
"""So many are kept of one channel: a peer that wants more of them signed is parted with."""
MOST_ALIASES: Final = 8
"""So many aliases of a peer's are kept for one channel; any of them will do (B02-channel-ready-r-01)."""
CLOSING_WEIGHT: Final = 724
"""Of a closing transaction with two p2tr outputs and both signatures."""
LEAST_FEERATE_PER_KW: Final = 253
"""What is relayed."""
CLOSING_RANGE: Final = 3
"""We agree to a closing fee of up to so many times what we would propose."""
FEE_STEP: Final = 5
"""The opener changes the feerate when it is off by more than this part of it: a fifth."""


def largest_channel_sat() -> int:
    """The greatest capacity that we offer, in satoshi: ``option_support_large_channel`` is not."""
    return int(LARGE_CHANNEL) - 1


def most_depth() -> int:
    """Most confirmations that a channel waits for, be it that the peer asks for them or our user."""
    return int(Policy().most_minimum_depth)


def limits_for(capacity_sat: int) -> Limits:
    """What we announce for a channel of that capacity."""
    return Limits(
        dust_limit_satoshis=DUST_LIMIT,
        max_htlc_value_in_flight_msat=Msat(capacity_sat * 1000),
        channel_reserve_satoshis=max(Sat(capacity_sat // RESERVE_SHARE), Sat(1_000)),
        htlc_minimum_msat=Msat(1),
        to_self_delay=TO_SELF_DELAY,
        max_accepted_htlcs=MAX_ACCEPTED_HTLCS,
    )


def node_facts(network: Network, own: FeatureBits, peer: FeatureBits, capacity_sat: int, taken: frozenset[int]) -> Node:
    """What the specification knows of this node; ``taken`` are the ids of its other channels with the peer."""
    return Node(
        chain_hash=name_of(network.chain_hash),
        features=feature_facts(own),
        peer_features=feature_facts(peer),
        policy=Policy(
            most_reserve=max(Sat(50_000), Sat(capacity_sat // MOST_RESERVE_SHARE)),
            least_minimum_depth=DEPTHS.get(network.name, Blocks(3)),
        ),
        channel_ids=taken,
    )


def channel_type_for(node: Node) -> ChannelType:
    """The type that we propose: anchors unless the peer is too old for them."""
    return ANCHORS if Feature.OPTION_ANCHORS in node.negotiated else STATIC_REMOTEKEY


def proposal(
    node: Node, temporary_channel_id: bytes, capacity_sat: int, push_msat: int, feerate_per_kw: int, *, announce: bool,
    upfront: bytes,
) -> OpenChannel:  # fmt: skip
    """The channel that we propose."""
    return OpenChannel(
        chain_hash=node.chain_hash,
        temporary_channel_id=name_of(temporary_channel_id),
        funding_satoshis=Sat(capacity_sat),
        push_msat=Msat(push_msat),
        limits=limits_for(capacity_sat),
        feerate_per_kw=FeeratePerKw(feerate_per_kw),
        channel_flags=ANNOUNCE_CHANNEL if announce else 0,
        channel_type=channel_type_for(node),
        upfront_shutdown_script=ShutdownScript.VALID if upfront else ShutdownScript.EMPTY,
    )


def acceptance(node: Node, opening: OpenChannel) -> AcceptChannel:
    """Our answer to a proposal that the specification has taken."""
    limits = limits_for(int(opening.funding_satoshis))
    # Each side's reserve must be above the other's dust limit (B02-accept-channel-s-04).
    reserve = max(limits.channel_reserve_satoshis, opening.limits.dust_limit_satoshis)
    return AcceptChannel(
        temporary_channel_id=opening.temporary_channel_id,
        limits=replace(limits, channel_reserve_satoshis=reserve),
        minimum_depth=node.policy.least_minimum_depth,
        channel_type=opening.channel_type,
    )


def closing_policy(script: bytes, feerate_per_kw: int) -> ClosingPolicy:
    """Where we want to be paid, and what for."""
    fee = max(feerate_per_kw, LEAST_FEERATE_PER_KW) * CLOSING_WEIGHT // 1000 + 1
    least = LEAST_FEERATE_PER_KW * CLOSING_WEIGHT // 1000 + 1
    return ClosingPolicy(script_fact(script), Sat(fee), FeeRange(Sat(least), Sat(fee * CLOSING_RANGE)))


def closing_features(names: tuple[str, ...]) -> ClosingFeatures:
    """How the channel will be closed, by the features that were negotiated."""
    return ClosingFeatures(
        option_upfront_shutdown_script="option_upfront_shutdown_script" in names,
        option_shutdown_anysegwit="option_shutdown_anysegwit" in names,
        option_simple_close="option_simple_close" in names,
    )


def is_off(feerate_per_kw: int, wanted_per_kw: int) -> bool:
    """Whether the feerate of the commitments is to be changed."""
    return abs(feerate_per_kw - wanted_per_kw) * FEE_STEP > wanted_per_kw
