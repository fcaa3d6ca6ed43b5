"""Any invoice that can be written is read as it was, and no change of a letter goes unnoticed."""

from __future__ import annotations

from dataclasses import replace

import coincurve
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.bech32 import ALPHABET
from boltwire.bolt11 import CURRENCIES, Fallback, Invoice, RouteHop, TaggedField, decode, encode
from boltwire.errors import Bolt11Error
from boltwire.features import FeatureBits
from boltwire.scid import ShortChannelId

HASHES = st.binary(min_size=32, max_size=32)
KEYS = st.integers(1, 2**250).map(lambda number: number.to_bytes(32, "big"))
POINTS = KEYS.map(lambda key: coincurve.PrivateKey(key).public_key.format())
HOPS = st.builds(
    RouteHop,
    POINTS,
    st.integers(0, 2**64 - 1).map(ShortChannelId),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**16 - 1),
)
FALLBACKS = st.builds(Fallback, st.integers(2, 16), st.binary(min_size=2, max_size=40)) | st.builds(
    Fallback, st.sampled_from([0, 17, 18]), st.binary(min_size=20, max_size=20)
)
UNKNOWN = st.builds(
    TaggedField,
    st.sampled_from([letter for letter in ALPHABET if letter not in "psdhnxcfrm9"]),
    st.binary(max_size=30).map(lambda data: bytes(byte % 32 for byte in data)),
)
FEATURES = st.sets(st.sampled_from([8, 14, 17, 25, 37, 49])).map(FeatureBits)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)


@st.composite
def invoices(draw: st.DrawFn) -> Invoice:
    hashed = draw(st.booleans())
    return Invoice(
        currency=draw(st.sampled_from(list(CURRENCIES.values()))),
        timestamp=draw(st.integers(0, 2**35 - 1)),
        payment_hash=draw(HASHES),
        payment_secret=draw(HASHES),
        amount_msat=draw(st.none() | st.integers(1, 2**64 - 1)),
        description=None if hashed else draw(TEXTS),
        description_hash=draw(HASHES) if hashed else None,
        expiry=draw(st.none() | st.integers(0, 2**40)),
        min_final_cltv_expiry_delta=draw(st.none() | st.integers(0, 2**20)),
        names_payee=draw(st.booleans()),
        fallbacks=tuple(draw(st.lists(FALLBACKS, max_size=2))),
        routes=tuple(map(tuple, draw(st.lists(st.lists(HOPS, min_size=1, max_size=2), max_size=2)))),
        payment_metadata=draw(st.none() | st.binary(max_size=50)),
        features=draw(FEATURES),
        other_fields=tuple(draw(st.lists(UNKNOWN, max_size=2))),
        field_order=draw(st.permutations("spdhnxcfrm9").map("".join)),
    )


@given(invoice=invoices(), key=KEYS)
def test_written_invoice_is_read_as_it_was(invoice: Invoice, key: bytes) -> None:
    """B11-encoding-w-01, B11-data-part-w-02, B11-tagged-fields-w-23."""
    text = encode(invoice, key)
    found = decode(text)
    plain = replace(found, signature=None, payee=None, field_order=invoice.field_order)
    assert plain == replace(invoice, other_fields=found.other_fields)
    assert sorted(found.other_fields) == sorted(invoice.other_fields)
    assert found.payee == coincurve.PrivateKey(key).public_key.format()
    assert encode(found, key) == text


@given(invoice=invoices(), key=KEYS, place=st.integers(min_value=0), letter=st.sampled_from(ALPHABET))
def test_changed_letter_is_rejected(invoice: Invoice, key: bytes, place: int, letter: str) -> None:
    """B11-encoding-d-02."""
    text = encode(invoice, key)
    at = place % len(text)
    changed = text[:at] + letter + text[at + 1 :]
    try:
        accepted = decode(changed)
    except Bolt11Error:
        assert changed != text
    else:
        assert changed == text
        assert accepted == decode(text)


@given(st.text(max_size=60) | st.text(ALPHABET, max_size=200).map(lambda data: f"lnbc1{data}"))
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises(Bolt11Error):  # nobody signed that
        decode(text)
