"""Fallback addresses from and to their text."""

from __future__ import annotations

import pytest
from bitcointx.base58 import CBase58Data
from hypothesis import given
from hypothesis import strategies as st

from boltwire.bolt11 import BITCOIN, CURRENCIES, PUBKEY_HASH, REGTEST, SCRIPT_HASH, SIGNET, TESTNET, Currency, Fallback
from boltwire.bolt11.base58 import Base58Error, decode_base58check, encode_base58check
from boltwire.bolt11.fallback import decode_fallback, encode_fallback
from boltwire.errors import DecodeError

ADDRESSES = [
    (BITCOIN, "1RustyRX2oai4EYYDpQGWvEL62BBGqN9T", 17, "04b61f7dc1ea0dc99424464cc4064dc564d91e89"),
    (BITCOIN, "3EktnHQD7RiAE6uzMj2ZifT9YgRrkSgzQX", 18, "8f55563b9a19f321c211e9b9f38cdf686ea07845"),
    (TESTNET, "mk2QpYatsKicvFVuTAQLBryyccRXMUaGHP", 17, "3172b5654f6683c8fb146959d347ce303cae4ca7"),
    (BITCOIN, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", 0, "751e76e8199196d454941c45d1b3a323f1433bd6"),
    (
        BITCOIN,
        "bc1pptdvg0d2nj99568qn6ssdy4cygnwuxgw2ukmnwgwz7jpqjz2kszse2s3lm",
        1,
        "0adac43daa9c8a5a68e09ea10692b82226ee190e572db9b90e17a410484ab405",
    ),
]

FALLBACKS = st.one_of(
    st.builds(Fallback, st.sampled_from([PUBKEY_HASH, SCRIPT_HASH]), st.binary(min_size=20, max_size=20)),
    st.builds(Fallback, st.just(0), st.binary(min_size=20, max_size=20) | st.binary(min_size=32, max_size=32)),
    st.builds(Fallback, st.just(1), st.binary(min_size=32, max_size=32)),
    st.builds(Fallback, st.integers(2, 16), st.binary(min_size=2, max_size=40)),
)


@pytest.mark.parametrize(("currency", "address", "version", "program"), ADDRESSES)
def test_address_is_read_and_written(currency: Currency, address: str, version: int, program: str) -> None:
    """B11-tagged-fields-w-17."""
    fallback = Fallback(version, bytes.fromhex(program))
    assert Fallback.from_address(address, currency) == fallback
    assert fallback.address(currency) == address


@given(fallback=FALLBACKS, currency=st.sampled_from(list(CURRENCIES.values())))
def test_fallback_comes_back_from_words_and_from_its_address(fallback: Fallback, currency: Currency) -> None:
    """B11-tagged-fields-w-17."""
    assert decode_fallback(encode_fallback(fallback)) == fallback
    assert Fallback.from_address(fallback.address(currency), currency) == fallback


@pytest.mark.parametrize("version", range(19, 32))
def test_unknown_version_is_skipped(version: int) -> None:
    """B11-tagged-fields-d-01."""
    assert decode_fallback(bytes((version,)) + bytes(7)) is None


@pytest.mark.parametrize(
    ("currency", "address"),
    [
        (TESTNET, "1RustyRX2oai4EYYDpQGWvEL62BBGqN9T"),
        (REGTEST, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        (BITCOIN, "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"),
        (SIGNET, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        (BITCOIN, encode_base58check(bytes(20))),
        (BITCOIN, encode_base58check(bytes(22))),
        (BITCOIN, ""),
        (BITCOIN, "1"),
    ],
)
def test_address_of_another_network_or_form_is_rejected(currency: Currency, address: str) -> None:
    with pytest.raises(DecodeError):
        Fallback.from_address(address, currency)


@given(st.binary(max_size=40))
def test_base58_agrees_with_bitcointx(payload: bytes) -> None:
    text = encode_base58check(payload)
    assert decode_base58check(text) == payload
    if payload:
        assert text == str(CBase58Data.from_bytes(payload))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1RustyRX2oai4EYYDpQGWvEL62BBGqN9U", "checksum"),
        ("1RustyRX2oai4EYYDpQGWvEL62BBGqN9O", "'O' is not in the alphabet"),
        ("1RustyRX2oai4EYYDpQGWvEL62BBGqN9é", "not in the alphabet"),
        ("2" * 129, "129 characters are too long"),
    ],
)
def test_bad_base58_is_rejected(text: str, reason: str) -> None:
    with pytest.raises(Base58Error, match=reason):
        decode_base58check(text)
