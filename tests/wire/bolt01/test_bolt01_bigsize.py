"""BigSize (BOLT 1, Appendix A)."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.bigsize import MAX_BIGSIZE, decode_bigsize, encode_bigsize
from boltwire.errors import TlvError

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bolt01_bigsize.json").read_text())
PHRASES = {"not_canonical": "not minimally encoded", "truncated": "is truncated", "empty": "should start"}


@pytest.mark.parametrize("case", VECTORS["decode"], ids=lambda case: case["id"])
def test_decoding_vector(case: dict[str, Any]) -> None:
    """B01-tlv-r-02"""
    data = bytes.fromhex(case["hex"])
    if "value" in case:
        assert decode_bigsize(data) == (case["value"], len(data))
        return
    with pytest.raises(TlvError, match=PHRASES[case["error"]]) as caught:
        decode_bigsize(data)
    assert caught.value.offset == 0


@pytest.mark.parametrize("case", VECTORS["encode"], ids=lambda case: case["id"])
def test_encoding_vector(case: dict[str, Any]) -> None:
    """B01-tlv-s-03"""
    assert encode_bigsize(case["value"]).hex() == case["hex"]


@given(st.integers(0, MAX_BIGSIZE), st.binary(max_size=3), st.binary(max_size=3))
def test_round_trip_at_any_offset(value: int, before: bytes, after: bytes) -> None:
    """B01-tlv-s-03"""
    encoded = encode_bigsize(value)
    assert decode_bigsize(before + encoded + after, len(before)) == (value, len(before) + len(encoded))


@given(st.binary(max_size=12))
def test_what_decodes_is_the_only_encoding(data: bytes) -> None:
    """B01-tlv-r-02"""
    try:
        value, end = decode_bigsize(data)
    except TlvError:
        return
    assert encode_bigsize(value) == data[:end]


@pytest.mark.parametrize("value", [-1, MAX_BIGSIZE + 1])
def test_writer_refuses_what_does_not_fit(value: int) -> None:
    with pytest.raises(ValueError, match="between 0 and"):
        encode_bigsize(value)
