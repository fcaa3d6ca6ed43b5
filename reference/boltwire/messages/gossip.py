"""BOLT 7: what the network tells each other about channels and nodes, and how to ask for it."""

from typing import Annotated

from boltwire.fields import (
    U16,
    U32,
    BigSizeField,
    Blob,
    Byte,
    Bytes3,
    Bytes32,
    ChainHash,
    ChannelId,
    Checksums,
    EncodedQueryFlags,
    EncodedTimestamps,
    Msat64,
    Point,
    Scid,
    Signature,
    Tlv,
)
from boltwire.messages.base import Message, message

_QUERY_SCIDS = "the-query_short_channel_idsreply_short_channel_ids_end-messages"
_QUERY_RANGE = "the-query_channel_range-and-reply_channel_range-messages"


@message(259, bolt=7, section="the-announcement_signatures-message")
class AnnouncementSignatures(Message):
    """The sender's half of the signatures that a channel_announcement needs."""

    channel_id: ChannelId
    short_channel_id: Scid
    node_signature: Signature
    bitcoin_signature: Signature


@message(256, bolt=7, section="the-channel_announcement-message")
class ChannelAnnouncement(Message):
    """Two nodes own a channel: signed by both nodes and both funding keys."""

    node_signature_1: Signature
    node_signature_2: Signature
    bitcoin_signature_1: Signature
    bitcoin_signature_2: Signature
    features: Blob
    chain_hash: ChainHash
    short_channel_id: Scid
    node_id_1: Point
    node_id_2: Point
    bitcoin_key_1: Point
    bitcoin_key_2: Point


@message(257, bolt=7, section="the-node_announcement-message")
class NodeAnnouncement(Message):
    """Who a node is and where to reach it; see :mod:`boltwire.addresses` for the descriptors."""

    signature: Signature
    features: Blob
    timestamp: U32
    node_id: Point
    rgb_color: Bytes3
    alias: Bytes32
    addresses: Blob


@message(258, bolt=7, section="the-channel_update-message")
class ChannelUpdate(Message):
    """What one end of a channel asks for relaying payments; delays are blocks."""

    signature: Signature
    chain_hash: ChainHash
    short_channel_id: Scid
    timestamp: U32
    message_flags: Byte
    channel_flags: Byte
    cltv_expiry_delta: U16
    htlc_minimum_msat: Msat64
    fee_base_msat: U32
    fee_proportional_millionths: U32
    htlc_maximum_msat: Msat64


@message(261, bolt=7, section=_QUERY_SCIDS)
class QueryShortChannelIds(Message):
    """Asks for the announcements and updates of channels; see :mod:`boltwire.gossip_arrays`."""

    chain_hash: ChainHash
    encoded_short_ids: Blob
    query_flags: Annotated[EncodedQueryFlags | None, Tlv(1, "gossip_queries_ex")] = None


@message(262, bolt=7, section=_QUERY_SCIDS)
class ReplyShortChannelIdsEnd(Message):
    """All answers to query_short_channel_ids were sent."""

    chain_hash: ChainHash
    full_information: Byte


@message(263, bolt=7, section=_QUERY_RANGE)
class QueryChannelRange(Message):
    """Asks which channels were funded in a range of blocks."""

    chain_hash: ChainHash
    first_blocknum: U32
    number_of_blocks: U32
    query_option: Annotated[BigSizeField | None, Tlv(1, "gossip_queries_ex")] = None


@message(264, bolt=7, section=_QUERY_RANGE)
class ReplyChannelRange(Message):
    """Channels that were funded in a range of blocks."""

    chain_hash: ChainHash
    first_blocknum: U32
    number_of_blocks: U32
    sync_complete: Byte
    encoded_short_ids: Blob
    timestamps_tlv: Annotated[EncodedTimestamps | None, Tlv(1, "gossip_queries_ex")] = None
    checksums_tlv: Annotated[Checksums | None, Tlv(3, "gossip_queries_ex")] = None


@message(265, bolt=7, section="the-gossip_timestamp_filter-message")
class GossipTimestampFilter(Message):
    """Which gossip the sender wants: timestamps in seconds from ``first_timestamp``, ``timestamp_range`` of them."""

    chain_hash: ChainHash
    first_timestamp: U32
    timestamp_range: U32
