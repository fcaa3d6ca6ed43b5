"""What the building blocks of messages refuse: values without an encoding, and tables that make no sense."""

from typing import Any

import pytest

from boltwire import fields
from boltwire import wiretypes as wt
from boltwire.codec import decode_message, encode_message
from boltwire.errors import MessageError, TlvError
from boltwire.layout import read_fields
from boltwire.messages import AttributionData, CommitmentSigned, Message, UpdateFulfillHtlc
from boltwire.messages.base import message

BLOB = wt.PrefixedBytes("blob")
U16S = wt.CountedType(wt.integer_type("u16"))


@pytest.mark.parametrize(
    ("wire", "value", "reason"),
    [
        (BLOB, bytes(65536), "65536 bytes have no u16 length"),
        (U16S, [0] * 65536, "65536 items have no u16 count"),
        (wt.RepeatedType(2, wt.integer_type("byte")), [1], "takes 2 items, not 1"),
        (wt.FlagType("flag"), False, "means True, not False"),
        (wt.integer_type("s64"), 2**63, "does not fit into s64"),
        (wt.integer_type("byte"), -1, "does not fit into byte"),
        (wt.bytes_type("sha256", 32), bytes(33), "takes 32 bytes, not 33"),
        (wt.TruncatedType(16), 65536, "does not fit into tu16"),
        (wt.BigSizeType("bigsize"), 2**64, "BigSize"),
        (wt.scid_type(), 2**64, "64 bits"),
    ],
)
def test_values_without_an_encoding(wire: wt.WireType, value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        wire.encode(value)


@pytest.mark.parametrize(
    ("wire", "data", "reason"),
    [
        (BLOB, b"\0", "ends in a u16 length"),
        (BLOB, b"\0\2a", "2 bytes are announced, 1 are left"),
        (U16S, b"\0", "ends in a u16 count"),
        (U16S, b"\0\2\0\1\0", r"\[1\]: u16 takes 2 bytes, 1 are left"),
        (wt.integer_type("u64"), bytes(7), "u64 takes 8 bytes, 7 are left"),
        (wt.RemainingItems(wt.integer_type("u16"), 2), bytes(3), "1 bytes are left over"),
        (wt.TruncatedType(16), b"\0\1", "starts with a zero byte"),
    ],
)
def test_bytes_that_end_too_early(wire: wt.WireType, data: bytes, reason: str) -> None:
    """B01-tlv-r-06 B01-tlv-r-07"""
    with pytest.raises(TlvError, match=reason):
        wire.decode(data, 0)


def test_announced_count_alone_allocates_nothing() -> None:
    data = encode_message(CommitmentSigned(channel_id=bytes(32), signature=bytes(64), htlc_signature=()))
    with pytest.raises(MessageError, match=r"htlc_signature\[0\]: signature takes 64 bytes, 0 are left"):
        decode_message(data[:-2] + b"\xff\xff")


def test_error_inside_of_a_record_names_the_member() -> None:
    attribution = AttributionData((1,) * 20, (b"hmac",) * 210)
    data = encode_message(
        UpdateFulfillHtlc(channel_id=bytes(32), id=1, payment_preimage=bytes(32), attribution_data=attribution)
    )
    short = data[:-921] + data[-920:]
    with pytest.raises(MessageError, match="update_fulfill_htlc"):
        decode_message(short)
    cut = bytes.fromhex("01fd0397") + data[-920:-1]
    with pytest.raises(MessageError, match=r"attribution_data\.truncated_hmacs\[209\]: sha256\[..4\] takes 4 bytes"):
        decode_message(data[: 2 + 32 + 8 + 32] + cut)


def test_tables_that_make_no_sense() -> None:
    with pytest.raises(TypeError, match="names no wire type"):
        fields.wire_type_of(int)

    class Untyped:
        amount: int

    with pytest.raises(TypeError, match="names no wire type"):
        read_fields(Untyped)
    with pytest.raises(TypeError, match="have the same type 18"):

        @message(18, bolt=1, section="none")
        class Second(Message):
            """Takes the type of ping."""

            number: fields.U16


def test_every_kind_of_field_has_to_say_how_it_is_read() -> None:
    with pytest.raises(NotImplementedError):
        wt.WireType("abstract").decode(b"", 0)
    with pytest.raises(NotImplementedError):
        wt.WireType("abstract").encode(b"")
