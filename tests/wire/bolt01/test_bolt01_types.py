"""Fundamental types (BOLT 1) and the errors that all layers share."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire import primitives as p
from boltwire.errors import DecodeError, MessageError, TlvError
from boltwire.scid import ShortChannelId

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bolt01_tlv.json").read_text())
POINT = b"\x02" + bytes(31) + b"\x01"


@pytest.mark.parametrize("case", VECTORS["signed_ints"], ids=lambda case: f"s{case['bits']}:{case['value']}")
def test_signed_integer_vector(case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["hex"])
    assert p.encode_signed(case["value"], case["bits"]) == data
    assert p.decode_signed(data, case["bits"]) == case["value"]


def test_signed_integers_keep_to_their_size() -> None:
    with pytest.raises(ValueError, match="does not fit into s8"):
        p.encode_signed(128, 8)
    with pytest.raises(TlvError, match="s16 takes 2 bytes, not 1"):
        p.decode_signed(b"\x00", 16)


@given(st.sampled_from([16, 32, 64]).flatmap(lambda bits: st.tuples(st.just(bits), st.integers(0, 2**bits - 1))))
def test_truncated_integers_round_trip_without_leading_zeros(case: tuple[int, int]) -> None:
    """B01-types-s-01 B01-types-s-02 B01-types-s-03"""
    bits, value = case
    data = p.encode_truncated(value, bits)
    assert not data.startswith(b"\0")
    assert p.decode_truncated(data, bits) == value


@pytest.mark.parametrize("bits", [16, 32, 64])
def test_truncated_integers_reject_zeros_in_front_and_overlength(bits: int) -> None:
    """B01-tlv-r-07"""
    with pytest.raises(TlvError, match="starts with a zero byte"):
        p.decode_truncated(b"\0\1", bits)
    with pytest.raises(TlvError, match="takes at most"):
        p.decode_truncated(b"\1" * (bits // 8 + 1), bits)
    with pytest.raises(ValueError, match="does not fit"):
        p.encode_truncated(1 << bits, bits)


def test_point_is_judged_by_its_form() -> None:
    assert p.require_point(POINT) == POINT
    with pytest.raises(TlvError, match="starts with 02 or 03, not 04"):
        p.require_point(b"\x04" + POINT[1:])
    with pytest.raises(TlvError, match="takes 33 bytes, not 32"):
        p.require_point(POINT[:-1])


@pytest.mark.parametrize(
    "value", [p.ScidDirection(0, ShortChannelId(7)), p.ScidDirection(1, ShortChannelId(2**64 - 1)), POINT], ids=str
)
def test_sciddir_or_pubkey_round_trip(value: p.ScidDirection | bytes) -> None:
    data = p.encode_sciddir_or_pubkey(value)
    assert p.decode_sciddir_or_pubkey(b"x" + data + b"y", 1) == (value, 1 + len(data))
    for size in range(len(data)):
        with pytest.raises(TlvError):
            p.decode_sciddir_or_pubkey(data[:size])


def test_sciddir_or_pubkey_rejects_other_forms() -> None:
    with pytest.raises(TlvError, match="starts with 00 to 03"):
        p.decode_sciddir_or_pubkey(b"\x04" + bytes(40))
    with pytest.raises(ValueError, match="direction is 0 or 1"):
        p.encode_sciddir_or_pubkey(p.ScidDirection(2, ShortChannelId(0)))


def test_strings_are_utf8_in_both_directions() -> None:
    """B01-types-s-06 B01-types-r-01"""
    assert p.decode_utf8(p.encode_utf8("žluťoučký kůň ⚡")) == "žluťoučký kůň ⚡"
    with pytest.raises(TlvError, match="UTF-8") as caught:
        p.decode_utf8(b"ab\xff")
    assert caught.value.offset == 2
    with pytest.raises(ValueError, match="surrogates"):
        p.encode_utf8("\ud800")


def test_errors_say_what_where_and_in_which_field() -> None:
    error = TlvError("too long", offset=3, field="inner").within("outer", 10)
    assert str(error) == "outer.inner: too long (at byte 13)"
    assert (error.reason, error.offset, error.field) == ("too long", 13, "outer.inner")
    assert str(MessageError("bad")) == "bad"
    assert isinstance(error, DecodeError)
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (TlvError, str(error))
