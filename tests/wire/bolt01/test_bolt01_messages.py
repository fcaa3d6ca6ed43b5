"""The frame of all messages: types, extensions, sizes (BOLT 1, Lightning Message Format)."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from boltwire.codec import decode_message, encode_message
from boltwire.errors import MessageError
from boltwire.messages import Error, Init, Ping, Stfu, TxInitRbf, UnknownMessage, UpdateAddHtlc, Warning  # noqa: A004
from boltwire.tlv import TlvRecord

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bolt01_messages.json").read_text())
PHRASES = {
    "length_missing": "ends where a BigSize should start",
    "unknown_even_type": "unknown even TLV type 202",
    "duplicate_type": "strictly increase",
}
PING = Ping(num_pong_bytes=4, ignored=b"\0\0")
PING_BYTES = bytes.fromhex("0012000400020000")


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["id"])
def test_extension_vector(case: dict[str, Any]) -> None:
    """B01-message-format-r-06 B01-message-format-r-07 B01-tlv-r-08 B01-tlv-r-09"""
    data = bytes.fromhex(case["hex"])
    if not case["valid"]:
        with pytest.raises(MessageError, match=PHRASES[case["error"]]):
            decode_message(data)
        return
    records = tuple(TlvRecord(row["type"], bytes.fromhex(row["value"])) for row in case["extension_records"])
    assert decode_message(data) == Init(globalfeatures=b"", features=b"", unknown_tlvs=records)


def test_unknown_odd_message_can_be_ignored() -> None:
    """B01-message-format-r-01"""
    assert decode_message(bytes.fromhex("800164617461")) == UnknownMessage(0x8001, b"data")


@pytest.mark.parametrize("type_", [0, 4, 0x8000])
def test_unknown_even_message_ends_the_connection(type_: int) -> None:
    """B01-message-format-r-02"""
    with pytest.raises(MessageError, match=f"unknown even message type {type_}") as caught:
        decode_message(type_.to_bytes(2, "big"))
    assert caught.value.field == "type"


def test_unknown_odd_message_may_be_sent() -> None:
    """B01-message-format-s-01"""
    assert encode_message(UnknownMessage(0x8001, b"data")).hex() == "800164617461"


@pytest.mark.parametrize("type_", [0x8000, 18, 19, -1, 0x10001])
def test_even_known_and_impossible_types_are_not_sent_as_unknown(type_: int) -> None:
    """B01-message-format-s-02"""
    with pytest.raises(ValueError, match="odd type that no BOLT defines"):
        encode_message(UnknownMessage(type_, b""))


@pytest.mark.parametrize("type_", [2, 1, 3])
def test_extension_of_even_or_known_type_is_not_sent(type_: int) -> None:
    """B01-message-format-s-03"""
    message = Init(globalfeatures=b"", features=b"", unknown_tlvs=(TlvRecord(type_, b""),))
    with pytest.raises(ValueError, match=f"not {type_}"):
        encode_message(message)
    assert decode_message(encode_message(replace(message, unknown_tlvs=(TlvRecord(5, b""),))))


@pytest.mark.parametrize("size", [0, 1])
def test_message_without_a_type(size: int) -> None:
    """B01-message-format-r-04"""
    with pytest.raises(MessageError, match="2 to 65535 bytes"):
        decode_message(bytes(size))


def test_truncated_ping_names_field_and_place() -> None:
    """B01-message-format-r-04"""
    with pytest.raises(MessageError) as caught:
        decode_message(PING_BYTES[:3])
    assert (caught.value.field, caught.value.offset) == ("ping.num_pong_bytes", 2)
    with pytest.raises(MessageError, match="2 bytes are announced, 1 are left") as caught:
        decode_message(PING_BYTES[:-1])
    assert (caught.value.field, caught.value.offset) == ("ping.ignored", 6)


def test_largest_message_and_one_byte_more() -> None:
    """B08-message-size-b-01"""
    largest = Ping(num_pong_bytes=0, ignored=bytes(65529))
    data = encode_message(largest)
    assert len(data) == 65535
    assert decode_message(data) == largest
    with pytest.raises(ValueError, match="at most 65535 bytes, not 65536"):
        encode_message(replace(largest, ignored=bytes(65530)))
    with pytest.raises(MessageError, match="2 to 65535 bytes, not 65536"):
        decode_message(data + b"\0")
    with pytest.raises(ValueError, match="at most 65535 bytes"):
        encode_message(UnknownMessage(0x8001, bytes(65534)))


def test_error_without_a_text() -> None:
    """B01-error-warning-s-06"""
    for cls in (Error, Warning):
        message = cls(channel_id=bytes(32), data=b"")
        assert decode_message(encode_message(message)) == message


def test_known_bytes_of_a_ping() -> None:
    assert encode_message(PING) == PING_BYTES
    assert decode_message(PING_BYTES) == PING


def test_record_with_bytes_left_over() -> None:
    """B01-tlv-r-06"""
    data = encode_message(TxInitRbf(channel_id=bytes(32), locktime=1, feerate=2, funding_output_contribution=-3))
    with pytest.raises(MessageError, match="1 bytes too many"):
        decode_message(data + bytes.fromhex("020100"))
    with pytest.raises(MessageError, match="TLV type 0 has 1 bytes too many"):
        decode_message(data[:-10] + bytes.fromhex("0009") + data[-8:] + b"\0")


def test_points_are_judged_by_form_only() -> None:
    base = {"channel_id": bytes(32), "id": 1, "amount_msat": 1, "payment_hash": bytes(32), "cltv_expiry": 1}
    message = UpdateAddHtlc(**base, onion_routing_packet=bytes(1366), blinded_path=b"\x02" + bytes(32))  # type: ignore[arg-type]
    assert decode_message(encode_message(message)) == message
    with pytest.raises(ValueError, match="blinded_path: not the compressed form"):
        encode_message(replace(message, blinded_path=b"\x04" + bytes(32)))
    with pytest.raises(MessageError, match="starts with 02 or 03, not 04"):
        decode_message(encode_message(message)[:-33] + b"\x04" + bytes(32))


def test_integers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="initiator: 256 does not fit into u8"):
        encode_message(Stfu(channel_id=bytes(32), initiator=256))
    with pytest.raises(ValueError, match="channel_id takes 32 bytes, not 31"):
        encode_message(Stfu(channel_id=bytes(31), initiator=1))
