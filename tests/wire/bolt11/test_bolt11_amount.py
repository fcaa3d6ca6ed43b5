"""Prefix and amount of an invoice."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.bolt11 import CURRENCIES, Bolt11Refused, Bolt11Rejected
from boltwire.bolt11.amount import MAX_AMOUNT_MSAT, MULTIPLIERS, decode_amount, encode_amount
from boltwire.bolt11.currency import decode_human_readable

AMOUNTS = st.integers(1, MAX_AMOUNT_MSAT)
VALUE = {"": Decimal(1), "m": Decimal("1e-3"), "u": Decimal("1e-6"), "n": Decimal("1e-9"), "p": Decimal("1e-12")}


@pytest.mark.parametrize(
    ("text", "amount_msat"),
    [
        ("1", 100_000_000_000),
        ("20m", 2_000_000_000),
        ("2500u", 250_000_000),
        ("1n", 100),
        ("10p", 1),
        ("9678785340p", 967_878_534),
        ("1000m", 100_000_000_000),
        ("184467440", 18_446_744_000_000_000_000),
        ("184467440737095516150p", MAX_AMOUNT_MSAT),
    ],
)
def test_amount_is_number_times_multiplier(text: str, amount_msat: int) -> None:
    """B11-hrp-d-04."""
    assert decode_amount(text) == amount_msat


@given(number=st.integers(1, 10**8), letter=st.sampled_from(["", "m", "u", "n"]))
def test_amount_agrees_with_decimal_arithmetic(number: int, letter: str) -> None:
    """B11-hrp-d-04: the unit is bitcoin, the result millisatoshi."""
    assert decode_amount(f"{number}{letter}") == number * VALUE[letter] * 10**11


@pytest.mark.parametrize(
    ("text", "reason", "rule"),
    [
        ("2500x", "not a number with one of m, u, n, p", "B11-hrp-d-03"),
        ("25.5m", "not a number with one of m, u, n, p", "B11-hrp-d-03"),
        ("-1m", "not a number with one of m, u, n, p", "B11-hrp-d-03"),
        ("1mu", "not a number with one of m, u, n, p", "B11-hrp-d-03"),
        ("1m2", "not a number with one of m, u, n, p", "B11-hrp-d-03"),
        ("1_0m", "not a number with one of m, u, n, p", "B11-hrp-d-03"),
        ("m", "not a number with one of m, u, n, p", "B11-hrp-d-03"),
        ("0", "starts with a zero", "B11-hrp-d-03"),
        ("01m", "starts with a zero", "B11-hrp-d-03"),
        ("1p", "not a whole number of millisatoshi", "B11-hrp-d-05"),
        ("2500000001p", "not a whole number of millisatoshi", "B11-hrp-d-05"),
        ("184467440737095516160p", "more than an HTLC can hold", "B11-hrp-d-03"),
        ("184467441", "more than an HTLC can hold", "B11-hrp-d-03"),
        ("1" * 22, "an amount of 22 digits", "B11-hrp-d-03"),
        ("9" * 5000, "an amount of 5000 digits", "B11-hrp-d-03"),
    ],
)
def test_bad_amount_is_rejected(text: str, reason: str, rule: str) -> None:
    """B11-hrp-d-03, B11-hrp-d-05."""
    with pytest.raises(Bolt11Rejected, match=reason) as caught:
        decode_amount(text)
    assert caught.value.rule == rule


@given(AMOUNTS)
def test_amount_comes_back(amount_msat: int) -> None:
    """B11-hrp-w-02."""
    assert decode_amount(encode_amount(amount_msat)) == amount_msat


@given(AMOUNTS)
def test_amount_is_written_as_a_positive_number_in_the_shortest_way(amount_msat: int) -> None:
    """B11-hrp-w-03, B11-hrp-w-04, B11-hrp-w-05."""
    text = encode_amount(amount_msat)
    assert re.fullmatch(r"[1-9][0-9]*[munp]?", text)
    assert not text.endswith("p") or text.endswith("0p")
    pico = amount_msat * 10
    notations = [f"{pico // unit}{letter}" for letter, unit in MULTIPLIERS.items() if pico % unit == 0]
    assert len(text) == min(map(len, notations))


@pytest.mark.parametrize("amount_msat", [0, -1, MAX_AMOUNT_MSAT + 1])
def test_impossible_amount_is_not_written(amount_msat: int) -> None:
    """B11-hrp-w-03."""
    with pytest.raises(Bolt11Refused, match="not between 1 and") as caught:
        encode_amount(amount_msat)
    assert caught.value.rule == "B11-hrp-w-03"


@pytest.mark.parametrize("prefix", CURRENCIES)
def test_known_prefix_is_read_with_and_without_amount(prefix: str) -> None:
    """B11-hrp-w-01; without an amount there is None for the payer to see: B11-hrp-d-02."""
    assert decode_human_readable(prefix) == (CURRENCIES[prefix], None)
    assert decode_human_readable(f"{prefix}1m") == (CURRENCIES[prefix], 100_000_000)


@pytest.mark.parametrize("text", ["", "ln", "lnb", "lnbcx", "lntbx1m", "bc", "1m", "lnbcm", "lntb.1"])
def test_unknown_prefix_is_rejected(text: str) -> None:
    """B11-hrp-d-01."""
    with pytest.raises(Bolt11Rejected, match="is unknown") as caught:
        decode_human_readable(text)
    assert caught.value.rule == "B11-hrp-d-01"
