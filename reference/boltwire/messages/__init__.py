"""The messages of the BOLTs, one class per type: the table that codec and documentation are made from.

Class and field names are the BOLTs' own; length and count fields are implied by the values. A TLV record with one
member is a field with the record's name; one with several members is a NamedTuple of :mod:`boltwire.fields`. Absent
records are None (flags: False). Messages are frozen and take keyword arguments only; they are checked when they are
encoded.
"""

from boltwire.fields import (
    AttributionData,
    ChannelUpdateChecksums,
    CurrentFundingLocked,
    EncodedQueryFlags,
    EncodedTimestamps,
    FeeRange,
    NextFunding,
)
from boltwire.messages.base import MESSAGES, Message, UnknownMessage
from boltwire.messages.closing import ClosingComplete, ClosingSig, ClosingSigned, Shutdown
from boltwire.messages.establishment import (
    AcceptChannel,
    AcceptChannel2,
    ChannelReady,
    FundingCreated,
    FundingSigned,
    OpenChannel,
    OpenChannel2,
)
from boltwire.messages.field_reference import ReferenceRow, reference, rows
from boltwire.messages.gossip import (
    AnnouncementSignatures,
    ChannelAnnouncement,
    ChannelUpdate,
    GossipTimestampFilter,
    NodeAnnouncement,
    QueryChannelRange,
    QueryShortChannelIds,
    ReplyChannelRange,
    ReplyShortChannelIdsEnd,
)
from boltwire.messages.interactive import (
    TxAbort,
    TxAckRbf,
    TxAddInput,
    TxAddOutput,
    TxComplete,
    TxInitRbf,
    TxRemoveInput,
    TxRemoveOutput,
    TxSignatures,
)
from boltwire.messages.onion import OnionMessage
from boltwire.messages.operation import (
    ChannelReestablish,
    CommitmentSigned,
    RevokeAndAck,
    StartBatch,
    UpdateAddHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
    UpdateFulfillHtlc,
)
from boltwire.messages.setup import Error, Init, PeerStorage, PeerStorageRetrieval, Ping, Pong, Warning  # noqa: A004
from boltwire.messages.splicing import SpliceAck, SpliceInit, SpliceLocked, Stfu

__all__ = [
    "MESSAGES",
    "AcceptChannel",
    "AcceptChannel2",
    "AnnouncementSignatures",
    "AttributionData",
    "ChannelAnnouncement",
    "ChannelReady",
    "ChannelReestablish",
    "ChannelUpdate",
    "ChannelUpdateChecksums",
    "ClosingComplete",
    "ClosingSig",
    "ClosingSigned",
    "CommitmentSigned",
    "CurrentFundingLocked",
    "EncodedQueryFlags",
    "EncodedTimestamps",
    "Error",
    "FeeRange",
    "FundingCreated",
    "FundingSigned",
    "GossipTimestampFilter",
    "Init",
    "Message",
    "NextFunding",
    "NodeAnnouncement",
    "OnionMessage",
    "OpenChannel",
    "OpenChannel2",
    "PeerStorage",
    "PeerStorageRetrieval",
    "Ping",
    "Pong",
    "QueryChannelRange",
    "QueryShortChannelIds",
    "ReferenceRow",
    "ReplyChannelRange",
    "ReplyShortChannelIdsEnd",
    "RevokeAndAck",
    "Shutdown",
    "SpliceAck",
    "SpliceInit",
    "SpliceLocked",
    "StartBatch",
    "Stfu",
    "TxAbort",
    "TxAckRbf",
    "TxAddInput",
    "TxAddOutput",
    "TxComplete",
    "TxInitRbf",
    "TxRemoveInput",
    "TxRemoveOutput",
    "TxSignatures",
    "UnknownMessage",
    "UpdateAddHtlc",
    "UpdateFailHtlc",
    "UpdateFailMalformedHtlc",
    "UpdateFee",
    "UpdateFulfillHtlc",
    "Warning",
    "reference",
    "rows",
]
