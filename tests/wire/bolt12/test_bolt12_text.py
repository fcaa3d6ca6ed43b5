"""The format of BOLT 12's strings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.bech32 import join_bech32
from boltwire.bolt12 import Bolt12Rejected
from boltwire.bolt12.text import decode_text, encode_text, split_text


@given(data=st.binary(max_size=100), size=st.integers(1, 40))
def test_data_come_back_from_text_of_either_case_and_in_pieces(data: bytes, size: int) -> None:
    """B12-encoding-w-01, B12-encoding-w-02, B12-encoding-w-03, B12-encoding-w-04.

    B12-encoding-d-01, B12-encoding-d-02.
    """
    text = encode_text("lno", data)
    assert text == text.lower()
    assert decode_text("lno", text) == data
    assert decode_text("lno", text.upper()) == data
    assert decode_text("lno", split_text(text, size)) == data


@pytest.mark.parametrize("space", ["", " ", "\t", "\r\n", " \n \v\f"])
def test_whitespace_after_a_join_is_removed(space: str) -> None:
    """B12-encoding-d-02."""
    assert decode_text("lno", f"lno+{space}1qq") == decode_text("lno", "lno1qq")


@pytest.mark.parametrize(
    "text", ["lno1 qq", " lno1qq", "lno1qq ", "lno1q\nq", "lno1q +q", "lno1q+\u00a0q", "lno1q+ + q"]
)
def test_whitespace_elsewhere_is_rejected(text: str) -> None:
    """B12-encoding-d-02."""
    with pytest.raises(Bolt12Rejected):
        decode_text("lno", text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("lnr1qq", "the prefix is 'lnr', not 'lno'"),
        ("lno", "no separator"),
        ("1qq", "nothing before the separator"),
        ("lno1bb", "not in the alphabet"),
        ("Lno1qq", "mixed"),
        ("", "no separator"),
    ],
)
def test_other_text_is_rejected(text: str, reason: str) -> None:
    """B12-encoding-d-01."""
    with pytest.raises(Bolt12Rejected, match=reason) as caught:
        decode_text("lno", text)
    assert caught.value.rule == "B12-encoding-d-01"


@pytest.mark.parametrize("words", [b"\x00", b"\x00\x01", b"\x00\x00\x00", b"\x1f" * 7, b"\x00" * 6])
def test_padding_is_less_than_a_letter_and_zero(words: bytes) -> None:
    """B12-encoding-d-01."""
    with pytest.raises(Bolt12Rejected, match="padded with fewer than five zero bits"):
        decode_text("lno", join_bech32("lno", words))


def test_pieces_have_at_least_one_character() -> None:
    """B12-encoding-w-04."""
    assert split_text("lno1", 2) == "ln+\no1"
    with pytest.raises(ValueError, match="at least one character"):
        split_text("lno1", 0)
