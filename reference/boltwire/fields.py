"""The names that message classes annotate their fields with: a Python type and how it lies on the wire.

``funding_satoshis: Sat64`` is an ``int`` for the type checker and a ``u64`` amount in satoshi for the codec. A field
that is a record of the message's TLV stream adds the record's type: ``Annotated[Script | None, Tlv(0)]``.
"""

import typing
from dataclasses import dataclass
from typing import Annotated, NamedTuple, TypeAlias

from boltwire import wiretypes as wt
from boltwire.scid import ShortChannelId


@dataclass(frozen=True, slots=True)
class Tlv:
    """Marks a field as a record of the message's TLV stream."""

    type: int
    """Type number of the record."""
    feature: str | None = None
    """BOLT 9 feature that the record depends on, where the BOLT names one."""


Byte: TypeAlias = Annotated[int, wt.integer_type("byte")]
"""One byte, mostly of flags."""
U8: TypeAlias = Annotated[int, wt.integer_type("u8")]
"""1 byte."""
U16: TypeAlias = Annotated[int, wt.integer_type("u16")]
"""2 bytes."""
U32: TypeAlias = Annotated[int, wt.integer_type("u32")]
"""4 bytes."""
U64: TypeAlias = Annotated[int, wt.integer_type("u64")]
"""8 bytes."""
Sat64: TypeAlias = Annotated[int, wt.integer_type("u64", "sat")]
"""8 bytes, an amount in satoshi."""
Msat64: TypeAlias = Annotated[int, wt.integer_type("u64", "msat")]
"""8 bytes, an amount in millisatoshi."""
SignedSat64: TypeAlias = Annotated[int, wt.integer_type("s64", "sat")]
"""8 bytes in two's complement, a change in satoshi."""

ChainHash: TypeAlias = Annotated[bytes, wt.bytes_type("chain_hash", 32)]
"""Hash of the chain's genesis block, byte order as in Bitcoin's own messages."""
ChannelId: TypeAlias = Annotated[bytes, wt.bytes_type("channel_id", 32)]
"""See :mod:`boltwire.channel_id`."""
Sha256: TypeAlias = Annotated[bytes, wt.bytes_type("sha256", 32)]
"""A hash; transaction ids are in the byte order of Bitcoin's own messages, not of block explorers."""
Bytes3: TypeAlias = Annotated[bytes, wt.bytes_type("3*byte", 3)]
"""A colour: red, green, blue."""
Bytes32: TypeAlias = Annotated[bytes, wt.bytes_type("32*byte", 32)]
"""A secret, a preimage, an alias."""
OnionPacket: TypeAlias = Annotated[bytes, wt.bytes_type("1366*byte", 1366)]
"""The onion of a payment (BOLT 4)."""
Signature: TypeAlias = Annotated[bytes, wt.bytes_type("signature", 64)]
"""ECDSA, 32 bytes of r and 32 of s."""
Point: TypeAlias = Annotated[bytes, wt.PointType()]
"""33 bytes, a compressed secp256k1 point."""
Scid: TypeAlias = Annotated[ShortChannelId, wt.scid_type()]
"""8 bytes, a channel's place in the chain or an alias."""

Blob: TypeAlias = Annotated[bytes, wt.PrefixedBytes("u16 len, then len*byte")]
"""Bytes behind a u16 length."""
Rest: TypeAlias = Annotated[bytes, wt.RemainingBytes("...*byte")]
"""All the bytes of a TLV record."""
BigSizeField: TypeAlias = Annotated[int, wt.BigSizeType("bigsize")]
"""1 to 9 bytes."""
Flag: TypeAlias = Annotated[bool, wt.FlagType("(empty)")]
"""An empty TLV record: there or not."""

_CHAIN_HASH = wt.bytes_type("chain_hash", 32)
_SIGNATURE = wt.bytes_type("signature", 64)

ChainHashes: TypeAlias = Annotated[tuple[bytes, ...], wt.RemainingItems(_CHAIN_HASH, 32)]
"""Chains, as many as the record holds."""
Signatures: TypeAlias = Annotated[tuple[bytes, ...], wt.CountedType(_SIGNATURE)]
"""Signatures behind a u16 count."""
Witnesses: TypeAlias = Annotated[tuple[bytes, ...], wt.CountedType(wt.PrefixedBytes("witness"))]
"""Serialized witness stacks (CompactSize counts, as Bitcoin writes them), each behind a u16 length."""
HoldTimes: TypeAlias = Annotated[tuple[int, ...], wt.RepeatedType(20, wt.integer_type("u32"))]
"""Twenty times that hops held an HTLC, in units of BOLT 4."""
TruncatedHmacs: TypeAlias = Annotated[tuple[bytes, ...], wt.RepeatedType(210, wt.bytes_type("sha256[..4]", 4))]
"""210 HMACs of which 4 bytes are kept."""


def wire_type_of(annotation: object) -> wt.WireType:
    """The wire type in ``Annotated[..., wire type]``, or that of a NamedTuple whose members are so annotated."""
    for extra in getattr(annotation, "__metadata__", ()):
        if isinstance(extra, wt.WireType):
            return extra
    if isinstance(annotation, type) and issubclass(annotation, tuple):
        return composite(annotation)
    raise TypeError(f"{annotation!r} names no wire type")


def composite(kind: type) -> wt.CompositeType:
    """The wire type of a NamedTuple: its members, one after the other."""
    hints = typing.get_type_hints(kind, include_extras=True)
    members = [(name, wire_type_of(hint)) for name, hint in hints.items()]
    return wt.CompositeType(snake_case(kind.__name__), kind, members)


def snake_case(name: str) -> str:
    """The BOLT's name of a class: ``OpenChannel2`` is ``open_channel2``."""
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("_")


class AttributionData(NamedTuple):
    """Who held an HTLC for how long, verifiable by the payer (BOLT 4, option_attribution_data); 920 bytes."""

    htlc_hold_times: HoldTimes
    """Twenty, the nearest hop first."""
    truncated_hmacs: TruncatedHmacs
    """210, as BOLT 4 orders them."""


class FeeRange(NamedTuple):
    """What a node is prepared to pay for a closing transaction (BOLT 2, closing_signed)."""

    min_fee_satoshis: Sat64
    """Least fee in satoshi."""
    max_fee_satoshis: Sat64
    """Greatest fee in satoshi."""


class NextFunding(NamedTuple):
    """An interactive transaction that is not completely signed (BOLT 2, channel_reestablish)."""

    next_funding_txid: Sha256
    """Its transaction id."""
    retransmit_flags: Byte
    """Bit 0: the peer has to send its commitment_signed again."""


class CurrentFundingLocked(NamedTuple):
    """The latest funding transaction for which channel_ready or splice_locked was sent (BOLT 2)."""

    my_current_funding_locked_txid: Sha256
    """Its transaction id."""
    retransmit_flags: Byte
    """Bit 0: the peer has to send its announcement_signatures again."""


class EncodedQueryFlags(NamedTuple):
    """One bit field per queried channel (BOLT 7); see :mod:`boltwire.gossip_arrays`."""

    encoding_type: Byte
    """0: plain."""
    encoded_query_flags: Rest
    """BigSizes, as many as there are queried channels."""


class EncodedTimestamps(NamedTuple):
    """Timestamps of channel updates (BOLT 7); see :mod:`boltwire.gossip_arrays`."""

    encoding_type: Byte
    """0: plain."""
    encoded_timestamps: Rest
    """Eight bytes per channel: the timestamps of node 1 and node 2."""


class ChannelUpdateChecksums(NamedTuple):
    """CRC32C of both channel updates of a channel, 0 where there is none (BOLT 7)."""

    checksum_node_id_1: U32
    """Of the update by node_id_1."""
    checksum_node_id_2: U32
    """Of the update by node_id_2."""


Checksums: TypeAlias = Annotated[
    tuple[ChannelUpdateChecksums, ...], wt.RemainingItems(composite(ChannelUpdateChecksums), 8)
]
"""Checksums of as many channels as the record holds."""
