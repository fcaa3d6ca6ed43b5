"""TLV streams (BOLT 1, Type-Length-Value Format and Appendix B)."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire import fields
from boltwire.errors import MessageError, TlvError
from boltwire.layout import Field, Layout
from boltwire.message_codec import MessageCodec
from boltwire.tlv import TlvRecord, decode_tlv_stream, encode_tlv_stream, require_known
from boltwire.wiretypes import CompositeType, TruncatedType, WireType

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bolt01_tlv.json").read_text())
PHRASES = {
    "type_truncated": "BigSize of .* is truncated",
    "type_not_minimal": "not minimally encoded",
    "length_missing": "ends where a BigSize should start",
    "length_truncated": "BigSize of .* is truncated",
    "value_missing": "announces",
    "value_truncated": "announces",
    "length_not_minimal": "not minimally encoded",
    "unknown_even_type": "unknown even TLV type",
    "value_too_long": "bytes too many|takes at most",
    "value_too_short": "takes",
    "integer_not_minimal": "starts with a zero byte",
    "bad_point": "starts with 02 or 03",
    "bad_order": "strictly increase",
    "duplicate_type": "strictly increase",
}
WIRE_TYPES: dict[str, WireType] = {
    "tu64": TruncatedType(64),
    "tu32": TruncatedType(32),
    "short_channel_id": fields.wire_type_of(fields.Scid),
    "point": fields.wire_type_of(fields.Point),
    "u64": fields.wire_type_of(fields.U64),
    "u16": fields.wire_type_of(fields.U16),
}


def namespace_codec(rows: list[dict[str, Any]]) -> MessageCodec:
    """A message without fixed fields whose TLV stream is the namespace of the vectors."""
    records = {}
    for row in rows:
        members = [(name, WIRE_TYPES[kind]) for kind, name in row["fields"]]
        wire = members[0][1] if len(members) == 1 else CompositeType(row["name"], lambda *values: values, members)
        records[row["type"]] = Field(row["name"], wire, fields.Tlv(row["type"]))
    return MessageCodec(Layout("vectors", 0x8001, 1, "", None, (), records))


CODECS = {name: namespace_codec(rows) for name, rows in VECTORS["namespaces"].items()}
CASES = [
    pytest.param(case, name, id=f"{case['id']}-{name}")
    for case in VECTORS["streams"]
    for name in (CODECS if case["namespaces"] == ["any"] else case["namespaces"])
]


@pytest.mark.parametrize(("case", "namespace"), CASES)
def test_stream_vector(case: dict[str, Any], namespace: str) -> None:
    """B01-tlv-r-01 B01-tlv-r-02 B01-tlv-r-03 B01-tlv-r-04 B01-tlv-r-05 B01-tlv-r-06 B01-tlv-r-07 B01-tlv-r-08
    B01-tlv-r-09
    """
    message = b"\x80\x01" + bytes.fromhex(case["hex"])
    if case["valid"]:
        found = CODECS[namespace].decode(message)
        found.pop("unknown_tlvs", None)
        texts = {name: [str(part) for part in members.values()] for name, members in case["decoded"].items()}
        assert {name: as_text(value) for name, value in found.items()} == texts
        return
    with pytest.raises(MessageError, match=PHRASES[case["error"]]):
        CODECS[namespace].decode(message)


def as_text(value: Any) -> list[str]:
    parts = value if isinstance(value, tuple) else (value,)
    return [part.hex() if isinstance(part, bytes) else str(part) for part in parts]


def test_concatenation_of_streams() -> None:
    """B01-tlv-r-03: appending invalid bytes invalidates; appending higher types to lower ones does not."""
    rules = {rule["id"]: rule["valid"] for rule in VECTORS["concatenation_rules"]}
    assert rules == {"append_invalid_to_valid": False, "append_higher_types_to_lower_types": True}
    low, high = encode_tlv_stream([TlvRecord(1, b"a")]), encode_tlv_stream([TlvRecord(3, b"b")])
    assert decode_tlv_stream(low + high) == [TlvRecord(1, b"a"), TlvRecord(3, b"b")]
    with pytest.raises(TlvError):
        decode_tlv_stream(high + low)
    broken = [case for case in VECTORS["streams"] if case.get("error") in ("type_truncated", "length_truncated")]
    for case in broken:
        with pytest.raises(TlvError):
            decode_tlv_stream(low + bytes.fromhex(case["hex"]))


records = st.dictionaries(st.integers(0, 2**64 - 1), st.binary(max_size=300), max_size=5)


@given(records, st.binary(max_size=4), st.binary(max_size=4))
def test_round_trip_between_offsets(found: dict[int, bytes], before: bytes, after: bytes) -> None:
    """B01-tlv-s-01 B01-tlv-r-01"""
    stream = [TlvRecord(type_, found[type_]) for type_ in sorted(found)]
    data = before + encode_tlv_stream(stream) + after
    assert decode_tlv_stream(data, len(before), len(data) - len(after)) == stream


@given(st.binary(max_size=40))
def test_what_decodes_encodes_to_the_same_bytes(data: bytes) -> None:
    """B01-tlv-s-03 B01-tlv-r-02"""
    try:
        stream = decode_tlv_stream(data)
    except TlvError:
        return
    assert encode_tlv_stream(stream) == data


@pytest.mark.parametrize("types", [(2, 1), (1, 1)])
def test_writer_refuses_types_that_do_not_ascend(types: tuple[int, int]) -> None:
    """B01-tlv-s-01 B01-tlv-s-02"""
    with pytest.raises(ValueError, match="strictly increase"):
        encode_tlv_stream([TlvRecord(type_, b"") for type_ in types])


def test_values_repeat_no_length() -> None:
    """B01-tlv-s-07: bytes that fill a record have no length in front."""
    assert fields.wire_type_of(fields.Rest).encode(b"abc") == b"abc"


def test_require_known_passes_odd_and_rejects_even() -> None:
    """B01-tlv-r-08 B01-tlv-r-09"""
    require_known([TlvRecord(2, b""), TlvRecord(7, b"")], {2})
    with pytest.raises(TlvError, match="unknown even TLV type 4"):
        require_known([TlvRecord(2, b""), TlvRecord(4, b"")], {2})
