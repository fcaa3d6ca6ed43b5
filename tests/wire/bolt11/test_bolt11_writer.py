"""The rules for who writes an invoice, each with its nearest counterexample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import coincurve
import pytest

from boltwire.bech32 import int_from_words, split_bech32, words_from_bytes, words_from_int
from boltwire.bolt11 import (
    REGTEST,
    SIGNET,
    Bolt11Refused,
    Bolt11Rejected,
    Fallback,
    Invoice,
    RouteHop,
    TaggedField,
    decode,
    encode,
)
from boltwire.bolt11.reader import SIGNATURE_WORDS
from boltwire.bolt11.tagged_field import split_fields
from boltwire.features import FeatureBits
from boltwire.scid import ShortChannelId

Forge = Callable[..., str]
HOP = RouteHop(
    bytes.fromhex("029e03a901b85534ff1e92c43c74431f7ce72046060fcf7a95c37e148f78c77255"),
    ShortChannelId.of(1, 2, 3),
    4,
    5,
    6,
)


def refusal(invoice: Invoice, key: bytes, **options: Any) -> str:
    with pytest.raises(Bolt11Refused) as caught:
        encode(invoice, key, **options)
    assert str(caught.value) == f"{caught.value.reason} [{caught.value.rule}]"
    return caught.value.rule


def fields_of(text: str) -> list[TaggedField]:
    _, words = split_bech32(text)
    return split_fields(words[7 : -SIGNATURE_WORDS - 6])


def test_written_invoice_is_read_as_it_was(invoice: Invoice, key: bytes) -> None:
    """B11-encoding-w-01, B11-data-part-w-01, B11-data-part-w-02, B11-tagged-fields-w-01, B11-tagged-fields-w-02."""
    text = encode(invoice, key)
    found = decode(text)
    payee = coincurve.PrivateKey(key).public_key.format()
    assert replace(found, signature=None, payee=None, field_order=invoice.field_order) == invoice
    assert found.payee == payee
    assert [field.tag for field in fields_of(text)] == ["s", "p", "d"]
    assert int_from_words(split_bech32(text)[1][:7]) == invoice.timestamp


def test_length_has_no_limit(invoice: Invoice, key: bytes) -> None:
    """B11-encoding-w-03."""
    text = encode(replace(invoice, description="x" * 639, payment_metadata=bytes(639)), key)
    assert len(text) > 2000
    assert decode(text.upper()).description == "x" * 639


def test_field_beyond_its_length_is_refused(invoice: Invoice, key: bytes) -> None:
    assert refusal(replace(invoice, description="x" * 640), key) == "B11-encoding-w-01"


@pytest.mark.parametrize("timestamp", [-1, 1 << 35])
def test_timestamp_has_35_bits(invoice: Invoice, key: bytes, timestamp: int) -> None:
    """B11-data-part-w-01."""
    assert decode(encode(replace(invoice, timestamp=(1 << 35) - 1), key)).timestamp == (1 << 35) - 1
    assert refusal(replace(invoice, timestamp=timestamp), key) == "B11-data-part-w-01"


def test_prefix_names_the_currency(invoice: Invoice, key: bytes) -> None:
    """B11-hrp-w-01, B11-hrp-w-02, B11-hrp-w-04."""
    assert encode(replace(invoice, currency=REGTEST), key).startswith("lnbcrt1")
    assert encode(replace(invoice, currency=SIGNET, amount_msat=1), key).startswith("lntbs10p1")


@pytest.mark.parametrize("amount_msat", [0, -5])
def test_amount_is_positive(invoice: Invoice, key: bytes, amount_msat: int) -> None:
    """B11-hrp-w-03."""
    assert refusal(replace(invoice, amount_msat=amount_msat), key) == "B11-hrp-w-03"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"payment_hash": bytes(31)}, "B11-tagged-fields-w-01"),
        ({"payment_secret": bytes(33)}, "B11-tagged-fields-w-02"),
        ({"description": None}, "B11-tagged-fields-w-04"),
        ({"description_hash": bytes(32)}, "B11-tagged-fields-w-04"),
        ({"description": None, "description_hash": bytes(31)}, "B11-tagged-fields-w-04"),
        ({"description": "\ud800"}, "B11-tagged-fields-w-05"),
        ({"expiry": -1}, "B11-tagged-fields-w-10"),
        ({"min_final_cltv_expiry_delta": -1}, "B11-tagged-fields-w-13"),
    ],
)
def test_malformed_field_is_refused(invoice: Invoice, key: bytes, change: dict[str, Any], rule: str) -> None:
    """B11-tagged-fields-w-01, B11-tagged-fields-w-02, B11-tagged-fields-w-04, B11-tagged-fields-w-05.

    B11-tagged-fields-w-10, B11-tagged-fields-w-13.
    """
    assert refusal(replace(invoice, **change), key) == rule


@pytest.mark.parametrize(
    ("tag", "rule"),
    [
        ("p", "B11-tagged-fields-w-01"),
        ("s", "B11-tagged-fields-w-02"),
        ("d", "B11-tagged-fields-w-04"),
        ("h", "B11-tagged-fields-w-04"),
        ("x", "B11-tagged-fields-w-09"),
        ("n", "B11-tagged-fields-w-14"),
    ],
)
def test_second_field_of_its_kind_is_refused(invoice: Invoice, key: bytes, tag: str, rule: str) -> None:
    """B11-tagged-fields-w-01, B11-tagged-fields-w-02, B11-tagged-fields-w-04.

    B11-tagged-fields-w-09, B11-tagged-fields-w-14.
    """
    assert refusal(replace(invoice, other_fields=(TaggedField(tag, bytes(52)),)), key) == rule


def test_integers_take_as_few_words_as_possible(invoice: Invoice, key: bytes) -> None:
    """B11-tagged-fields-w-09, B11-tagged-fields-w-10, B11-tagged-fields-w-11, B11-tagged-fields-w-13.

    B11-tagged-fields-w-21.
    """
    features = FeatureBits((14, 17))
    text = encode(replace(invoice, expiry=32, min_final_cltv_expiry_delta=31, features=features), key)
    sizes = {field.tag: len(field.words) for field in fields_of(text)}
    assert (sizes["x"], sizes["c"], sizes["9"]) == (2, 1, 4)
    assert decode(text).features == features


def test_empty_features_are_left_out(invoice: Invoice, key: bytes) -> None:
    """B11-tagged-fields-w-22."""
    assert "9" not in [field.tag for field in fields_of(encode(invoice, key))]


@pytest.mark.parametrize("bits", [(18,), (16, 17), (99,), (46,)])
def test_features_follow_bolt_9(invoice: Invoice, key: bytes, bits: tuple[int, ...]) -> None:
    """B11-feature-bits-w-01: not for invoices, both of a pair, without meaning."""
    assert refusal(replace(invoice, features=FeatureBits(bits)), key) == "B11-feature-bits-w-01"
    encode(replace(invoice, features=FeatureBits((8, 14, 17, 24, 36, 48))), key)


def test_own_features_are_allowed(invoice: Invoice, key: bytes) -> None:
    """B11-feature-bits-w-01."""
    text = encode(replace(invoice, features=FeatureBits((14, 99))), key, own_features=(99,))
    assert decode(text).features == FeatureBits((14, 99))


def test_named_payee_is_who_signs(invoice: Invoice, key: bytes) -> None:
    """B11-tagged-fields-w-14, B11-tagged-fields-w-15."""
    payee = coincurve.PrivateKey(key).public_key.format()
    found = decode(encode(replace(invoice, names_payee=True), key))
    assert (found.payee, found.names_payee) == (payee, True)
    assert encode(replace(invoice, names_payee=True, payee=payee), key) == encode(
        replace(invoice, names_payee=True), key
    )
    other = coincurve.PrivateKey(b"\x42" * 32).public_key.format()
    assert refusal(replace(invoice, names_payee=True, payee=other), key) == "B11-tagged-fields-w-15"


@pytest.mark.parametrize(
    "fallback",
    [
        Fallback(17, bytes(19)),
        Fallback(18, bytes(21)),
        Fallback(0, bytes(21)),
        Fallback(1, bytes(20)),
        Fallback(2, bytes(1)),
        Fallback(16, bytes(41)),
        Fallback(19, bytes(20)),
    ],
)
def test_impossible_fallback_is_refused(invoice: Invoice, key: bytes, fallback: Fallback) -> None:
    """B11-tagged-fields-w-17."""
    assert refusal(replace(invoice, fallbacks=(fallback,)), key) == "B11-tagged-fields-w-17"


def test_private_payee_gives_a_route_hint(invoice: Invoice, key: bytes) -> None:
    """B11-tagged-fields-w-18."""
    assert refusal(invoice, key, has_public_channel=False) == "B11-tagged-fields-w-18"
    assert decode(encode(replace(invoice, routes=((HOP,),)), key, has_public_channel=False)).routes == ((HOP,),)


@pytest.mark.parametrize(
    "hops",
    [
        (),
        (replace(HOP, pubkey=bytes(33)),),
        (HOP, replace(HOP, fee_base_msat=1 << 32)),
        (replace(HOP, cltv_expiry_delta=1 << 16),),
        (replace(HOP, fee_proportional_millionths=-1),),
    ],
)
def test_impossible_route_hint_is_refused(invoice: Invoice, key: bytes, hops: tuple[RouteHop, ...]) -> None:
    """B11-tagged-fields-w-19."""
    assert refusal(replace(invoice, routes=(hops,)), key) == "B11-tagged-fields-w-19"


def test_preferred_fields_come_first(invoice: Invoice, key: bytes) -> None:
    """B11-tagged-fields-w-24, B11-tagged-fields-w-20: whatever the order of different fields."""
    fallbacks = (Fallback(0, bytes(20)), Fallback(17, b"\x01" * 20), Fallback(18, b"\x02" * 20))
    routes = ((HOP,), (replace(HOP, cltv_expiry_delta=7), HOP))
    for order in ("", "fr", "frf", "rpfsdrfff", invoice.field_order):
        found = decode(encode(replace(invoice, fallbacks=fallbacks, routes=routes, field_order=order), key))
        assert (found.fallbacks, found.routes) == (fallbacks, routes)


def test_field_order_is_that_of_the_invoice(invoice: Invoice, key: bytes) -> None:
    unknown = (TaggedField("2", b"\x01"), TaggedField("q", b""))
    full = replace(invoice, fallbacks=(Fallback(0, bytes(20)),) * 2, other_fields=unknown)
    for order, expected in [("f2fqspd", "f2fqspd"), ("dps", "dpsff2q"), ("f", "ffpsd2q"), ("xcs2", "s2pdffq")]:
        assert decode(encode(replace(full, field_order=order), key)).field_order == expected


@pytest.mark.parametrize("tag", ["", "qp", "b", "Q"])
def test_tag_that_is_no_letter_is_refused(invoice: Invoice, key: bytes, tag: str) -> None:
    assert refusal(replace(invoice, other_fields=(TaggedField(tag, b""),)), key) == "B11-encoding-w-01"


@pytest.mark.parametrize(
    "field",
    [
        TaggedField("r", b""),
        TaggedField("r", bytes(81)),
        TaggedField("r", bytes(83)),
        TaggedField("r", words_from_bytes(b"\x02" + b"\xff" * 50)),
        TaggedField("f", b""),
        TaggedField("f", b"\x11" + bytes(31)),
        TaggedField("f", b"\x00" + bytes(34)),
        TaggedField("f", b"\x10" + words_from_int(0, 2)),
    ],
)
def test_reader_rejects_what_no_writer_may_write(forge: Forge, field: TaggedField) -> None:
    """B11-tagged-fields-w-17, B11-tagged-fields-w-19."""
    with pytest.raises(Bolt11Rejected) as caught:
        decode(forge(field))
    assert caught.value.rule == {"r": "B11-tagged-fields-w-19", "f": "B11-tagged-fields-w-17"}[field.tag]
