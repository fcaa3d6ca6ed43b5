"""Channel types (BOLT 2, Defined Channel Types) and the features that establishment depends on (BOLT 9).

A channel type is a set of feature bits, always the even ones. It fixes the form of all commitment transactions for the
life of the channel. How the set is encoded is left to ``boltwire``.
"""

from __future__ import annotations

from enum import IntEnum


class Feature(IntEnum):
    """Features that decide how a channel is established, by their even bit."""

    OPTION_UPFRONT_SHUTDOWN_SCRIPT = 4
    OPTION_STATIC_REMOTEKEY = 12
    """Assumed of every node (BOLT 9)."""
    OPTION_SUPPORT_LARGE_CHANNEL = 18
    OPTION_ANCHORS = 22
    OPTION_DUAL_FUND = 28
    OPTION_SCID_ALIAS = 46
    OPTION_ZEROCONF = 50


ChannelType = frozenset[int]
"""Even feature bits."""

STATIC_REMOTEKEY: ChannelType = frozenset({Feature.OPTION_STATIC_REMOTEKEY})
ANCHORS: ChannelType = STATIC_REMOTEKEY | {Feature.OPTION_ANCHORS}

DEFINED_CHANNEL_TYPES: frozenset[ChannelType] = frozenset(
    basic | variation
    for basic in (STATIC_REMOTEKEY, ANCHORS)
    for variation in (
        frozenset[int](),
        frozenset({Feature.OPTION_SCID_ALIAS}),
        frozenset({Feature.OPTION_ZEROCONF}),
        frozenset({Feature.OPTION_SCID_ALIAS, Feature.OPTION_ZEROCONF}),
    )
)
"""Two basic types, each with any of the two variations."""


def is_negotiated(channel_type: ChannelType, negotiated: frozenset[Feature]) -> bool:
    """Say whether both nodes advertised every feature of the type."""
    return channel_type <= negotiated | {Feature.OPTION_STATIC_REMOTEKEY}


def is_suitable(channel_type: ChannelType, announce_channel: bool, negotiated: frozenset[Feature]) -> bool:
    """Say whether a node can open a channel of that type: defined, negotiated, and an alias only where it hides.

    AMBIGUOUS: suitable-channel-type: the BOLT leaves open what a receiver finds suitable; here it is what the sender's
    bullets demand (B02-open-channel-s-14, -s-16, -s-17).
    """
    hides = not (announce_channel and Feature.OPTION_SCID_ALIAS in channel_type)
    return channel_type in DEFINED_CHANNEL_TYPES and is_negotiated(channel_type, negotiated) and hides
