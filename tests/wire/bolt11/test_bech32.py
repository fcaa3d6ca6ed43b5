"""Bech32 without a limit of length, and segregated witness addresses (BIPs 173 and 350)."""

from __future__ import annotations

import pytest
from bitcointx import segwit_addr
from hypothesis import given
from hypothesis import strategies as st

from boltwire.bech32 import (
    Bech32Error,
    Checksum,
    bytes_from_words,
    decode_bech32,
    decode_segwit_address,
    encode_bech32,
    encode_segwit_address,
    int_from_words,
    leftover_bits,
    padded_bytes_from_words,
    split_bech32,
    verify_checksum,
    words_from_bytes,
    words_from_int,
)

WORDS = st.lists(st.integers(0, 31), max_size=400).map(bytes)

BIP173_VALID = [
    "A12UEL5L",
    "a12uel5l",
    "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
    "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
    "11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqc8247j",
    "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
    "?1ezyfcl",
]

BIP350_VALID = [
    "A1LQFN3A",
    "a1lqfn3a",
    "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
    "split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
    "?1v759aa",
]

BIP350_ADDRESSES = {
    "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4": (0, "751e76e8199196d454941c45d1b3a323f1433bd6"),
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0": (
        1,
        "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    ),
    "BC1SW50QGDZ25J": (16, "751e"),
}

BAD_ADDRESSES = {
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd": "is not the checksum of witness version 1",
    "tb1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq24jc47": "is not the checksum of witness version 0",
    "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R": "between 0 and 16, not 17",
    "bc1pw5dgrnzv": "2 to 40 bytes",
    "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P": "version 0 takes 20 or 32 bytes",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf": "padded with fewer than five zero bits",
    "bc1gmk9yu": "without a witness version",
}


@pytest.mark.parametrize("text", BIP173_VALID)
def test_valid_string_of_bip_173_is_read(text: str) -> None:
    human_readable, words, checksum = decode_bech32(text)
    assert checksum is Checksum.BECH32
    assert encode_bech32(human_readable, words) == text.lower()


@pytest.mark.parametrize("text", BIP350_VALID)
def test_valid_string_of_bip_350_is_read(text: str) -> None:
    human_readable, words, checksum = decode_bech32(text)
    assert checksum is Checksum.BECH32M
    assert encode_bech32(human_readable, words, Checksum.BECH32M) == text.lower()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\x201nwldj5", "outside of ASCII 33 to 126"),
        ("\x7f1axkwrx", "outside of ASCII 33 to 126"),
        ("a\u212a1axkwrx", "outside of ASCII 33 to 126"),
        ("pzry9x0s0muk", "no separator"),
        ("1pzry9x0s0muk", "nothing before the separator"),
        ("x1b4n0q5v", "not in the alphabet"),
        ("li1dgmt3", "a checksum alone has 6"),
        ("A1G7SGD8", "the checksum is wrong"),
        ("a12UEL5L", "mixed"),
    ],
)
def test_invalid_string_is_rejected(text: str, reason: str) -> None:
    with pytest.raises(Bech32Error, match=reason):
        decode_bech32(text)


@given(words=WORDS, prefix=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1).map(str.lower))
def test_strings_of_any_length_come_back(words: bytes, prefix: str) -> None:
    """B11-encoding-w-03, B11-encoding-d-01."""
    for checksum in Checksum:
        text = encode_bech32(prefix, words, checksum)
        assert decode_bech32(text) == (prefix, words, checksum)
        assert decode_bech32(text.upper()) == (prefix, words, checksum)


@given(words=WORDS.filter(len), place=st.integers(min_value=0), flip=st.integers(1, 31))
def test_one_changed_letter_is_noticed(words: bytes, place: int, flip: int) -> None:
    """B11-encoding-d-02."""
    prefix, data = split_bech32(encode_bech32("lnbc", words))
    changed = bytearray(data)
    changed[place % len(data)] ^= flip
    with pytest.raises(Bech32Error, match="wrong"):
        verify_checksum(prefix, bytes(changed))


@given(st.binary(max_size=300))
def test_bytes_come_back_from_words(data: bytes) -> None:
    words = words_from_bytes(data)
    assert bytes_from_words(words) == data
    count, padding = leftover_bits(words)
    assert count < 5
    assert padding == 0


@given(WORDS)
def test_words_lose_nothing_but_their_leftover_bits(words: bytes) -> None:
    bits = "".join(f"{word:05b}" for word in words)
    count, padding = leftover_bits(words)
    shown = "".join(f"{byte:08b}" for byte in bytes_from_words(words)) + (f"{padding:0{count}b}" if count else "")
    assert shown == bits
    assert "".join(f"{byte:08b}" for byte in padded_bytes_from_words(words)) == bits + "0" * (-len(bits) % 8)


@given(st.integers(0, 2**200))
def test_integers_come_back_from_words(value: int) -> None:
    words = words_from_int(value)
    assert int_from_words(words) == value
    assert not words.startswith(b"\0")
    assert words_from_int(value, len(words) + 2) == b"\0\0" + words


def test_integers_that_do_not_fit_are_refused() -> None:
    assert words_from_int(31, 1) == b"\x1f"
    with pytest.raises(ValueError, match="32 does not fit into 1 words"):
        words_from_int(32, 1)
    with pytest.raises(ValueError, match="does not fit"):
        words_from_int(-1)


@pytest.mark.parametrize("prefix", ["", "LN", "l n", "é"])
def test_bad_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="human-readable part"):
        encode_bech32(prefix, b"")


def test_word_of_six_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="below 32"):
        encode_bech32("a", b"\x20")


@pytest.mark.parametrize(("address", "meaning"), BIP350_ADDRESSES.items())
def test_witness_address_is_read_and_written(address: str, meaning: tuple[int, str]) -> None:
    version, program = meaning
    assert decode_segwit_address(address) == ("bc", version, bytes.fromhex(program))
    assert encode_segwit_address("bc", version, bytes.fromhex(program)) == address.lower()


@pytest.mark.parametrize(("address", "reason"), BAD_ADDRESSES.items())
def test_bad_witness_address_is_rejected(address: str, reason: str) -> None:
    with pytest.raises(Bech32Error, match=reason):
        decode_segwit_address(address)


def test_impossible_witness_program_is_not_written() -> None:
    with pytest.raises(ValueError, match="version 1 takes 32 bytes, not 31"):
        encode_segwit_address("bc", 1, bytes(31))


@given(version=st.integers(0, 16), size=st.integers(2, 40), seed=st.binary(min_size=40, max_size=40))
def test_witness_addresses_agree_with_bitcointx(version: int, size: int, seed: bytes) -> None:
    program = seed[: {0: 20 if size < 30 else 32, 1: 32}.get(version, size)]
    address = segwit_addr.encode("tb", version, program)
    assert encode_segwit_address("tb", version, program) == address
    assert decode_segwit_address(address) == ("tb", version, program)
