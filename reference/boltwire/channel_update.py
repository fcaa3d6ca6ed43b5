"""What a channel_update says (BOLT 7): flags, policy, and the checksum by which updates are compared."""

from dataclasses import dataclass
from typing import Final

from boltwire.codec import encode_message
from boltwire.crc32c import crc32c
from boltwire.gossip_signing import UNSIGNED
from boltwire.messages import ChannelUpdate
from boltwire.scid import ShortChannelId

DIRECTION: Final = 1
"""Bit of ``channel_flags``: 0 when the origin is node_id_1, 1 when it is node_id_2."""
DISABLE: Final = 2
"""Bit of ``channel_flags``: the channel is not to be used."""
MUST_BE_ONE: Final = 1
"""Bit of ``message_flags``: always set; it used to tell of ``htlc_maximum_msat``."""
DONT_FORWARD: Final = 2
"""Bit of ``message_flags``: for the channel peer only."""

_SIGNATURE: Final = slice(2, 66)
_TIMESTAMP: Final = slice(2 + 64 + 32 + 8, 2 + 64 + 32 + 8 + 4)


@dataclass(frozen=True, slots=True)
class RelayPolicy:
    """What a node asks for relaying an HTLC through a channel."""

    cltv_expiry_delta: int
    """Blocks that it takes off an incoming HTLC's expiry (B07-channel-update-o-20)."""
    htlc_minimum_msat: int
    """Least HTLC that the channel peer accepts (B07-channel-update-o-21)."""
    htlc_maximum_msat: int
    """Greatest HTLC that it sends through the channel; not below the minimum (B07-channel-update-o-22)."""
    fee_base_msat: int
    """Fee per HTLC in millisatoshi (B07-channel-update-o-23)."""
    fee_proportional_millionths: int
    """Fee in millionths of the amount (B07-channel-update-o-24)."""

    def __post_init__(self) -> None:
        if self.htlc_minimum_msat > self.htlc_maximum_msat:
            raise ValueError(f"minimum {self.htlc_minimum_msat} msat is above maximum {self.htlc_maximum_msat} msat")


@dataclass(frozen=True, slots=True)
class UpdatedChannel:
    """The channel, seen from the node that describes its end of it."""

    chain_hash: bytes
    """As in the channel_announcement (B07-channel-update-o-07)."""
    short_channel_id: ShortChannelId
    """As in the announcement; in a private update the real one or an alias the peer gave (B07-channel-update-o-03)."""
    node_id: bytes
    """The origin of the update."""
    peer_id: bytes
    """The other end."""


def unsigned_channel_update(
    channel: UpdatedChannel, policy: RelayPolicy, timestamp: int, *, disable: bool = False, private: bool = False
) -> ChannelUpdate:
    """The update that ``channel.node_id`` gives of its end; ``timestamp`` in seconds, above that of the one before.

    B07-channel-update-o-08, B07-channel-update-o-09: the direction follows from the order of the node ids.
    B07-channel-update-o-14, B07-channel-update-o-15: the constant flag is set, unassigned ones are not.
    B07-channel-update-o-04: a private update says that it is not to be forwarded.
    """
    direction = DIRECTION if channel.node_id > channel.peer_id else 0
    return ChannelUpdate(
        signature=UNSIGNED,
        chain_hash=channel.chain_hash,
        short_channel_id=channel.short_channel_id,
        timestamp=timestamp,
        message_flags=MUST_BE_ONE | (DONT_FORWARD if private else 0),
        channel_flags=direction | (DISABLE if disable else 0),
        cltv_expiry_delta=policy.cltv_expiry_delta,
        htlc_minimum_msat=policy.htlc_minimum_msat,
        fee_base_msat=policy.fee_base_msat,
        fee_proportional_millionths=policy.fee_proportional_millionths,
        htlc_maximum_msat=policy.htlc_maximum_msat,
    )


def direction(update: ChannelUpdate) -> int:
    """0 if node_id_1 is the origin, 1 if node_id_2 is; other bits are ignored."""
    return update.channel_flags & DIRECTION


def is_disabled(update: ChannelUpdate) -> bool:
    """Whether the channel is not to be used for now."""
    return bool(update.channel_flags & DISABLE)


def may_be_forwarded(update: ChannelUpdate) -> bool:
    """Whether peers other than the one it was sent to may get it."""
    return not update.message_flags & DONT_FORWARD


def checksum(update: ChannelUpdate) -> int:
    """CRC32C of the update without its signature and timestamp, for ``checksums_tlv``.

    Unknown extensions are covered. AMBIGUOUS: update-checksum: whether the message type is part of the
    update; decided: it is not, since the BOLT lists it beside the data.
    """
    data = encode_message(update)
    return crc32c(data[_SIGNATURE.stop : _TIMESTAMP.start] + data[_TIMESTAMP.stop :])
