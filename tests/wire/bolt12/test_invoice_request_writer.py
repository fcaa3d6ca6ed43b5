"""The rules for who writes an invoice request, each with its nearest counterexample."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from boltwire.bolt12 import (
    Bip353Name,
    Bolt12Refused,
    InvoiceRequest,
    Offer,
    decode_invoice_request,
    encode_invoice_request,
    request_invoice,
)
from boltwire.bolt12.features import decode_features
from boltwire.bolt12.invoice_request_writer import FORBIDDEN_STANDALONE, require_writable_response
from boltwire.chains import BITCOIN_CHAIN_HASH, CHAIN_HASHES
from boltwire.onion.blinded_path import BlindedPath
from boltwire.tlv import TlvRecord

REGTEST = CHAIN_HASHES["regtest"]


def refusal(offer: Offer, key: bytes, metadata: bytes = b"m", **terms: Any) -> str:
    with pytest.raises(Bolt12Refused) as caught:
        request_invoice(offer, key, metadata, **terms)
    return caught.value.rule


def refused_text(request: InvoiceRequest, **options: Any) -> str:
    with pytest.raises(Bolt12Refused) as caught:
        encode_invoice_request(request, **options)
    return caught.value.rule


def test_response_mirrors_the_offer(offer: Offer, payer: bytes) -> None:
    """B12-invoice-requests-w-01, B12-invoice-requests-w-05, B12-invoice-requests-w-07, B12-invoice-requests-w-22.

    B12-invoice-requests-w-24: unknown fields are mirrored, too.
    """
    strange = replace(offer, unknown=(TlvRecord(33, b"x"), TlvRecord(1_000_000_033, b"y")), offer_issuer="bob")
    request = request_invoice(strange, payer, b"m", features=(1, 9), payer_note="hello")
    assert decode_invoice_request(request.encode()) == request
    assert request.unknown == strange.unknown
    assert (request.offer_issuer, request.offer_amount) == ("bob", 1000)
    assert sorted(decode_features(request.invreq_features)) == [1, 9]
    assert (request.invreq_metadata, request.invreq_amount, request.invreq_features) == (b"m", None, b"\x02\x02")


def test_response_that_differs_from_the_offer_is_refused(offer: Offer, request_: InvoiceRequest) -> None:
    """B12-invoice-requests-w-01, B12-invoice-requests-w-05."""
    require_writable_response(request_, offer)
    with pytest.raises(Bolt12Refused) as caught:
        require_writable_response(request_, replace(offer, offer_issuer="bob"))
    assert caught.value.rule == "B12-invoice-requests-w-01"
    with pytest.raises(Bolt12Refused) as caught:
        require_writable_response(replace(request_, signature=None), offer)
    assert caught.value.rule == "B12-invoice-requests-w-05"


def test_chain_is_one_of_the_offer(offer: Offer, payer: bytes) -> None:
    """B12-invoice-requests-w-02, B12-invoice-requests-w-03, B12-invoice-requests-w-04."""
    assert request_invoice(offer, payer, b"m").invreq_chain is None
    assert refusal(offer, payer, chain=REGTEST) == "B12-invoice-requests-w-04"
    both = replace(offer, offer_chains=(REGTEST, BITCOIN_CHAIN_HASH))
    assert request_invoice(both, payer, b"m", chain=REGTEST).invreq_chain == REGTEST
    assert request_invoice(both, payer, b"m").invreq_chain is None
    assert refusal(replace(offer, offer_chains=(REGTEST,)), payer) == "B12-invoice-requests-w-02"


def test_amount_covers_the_price(offer: Offer, payer: bytes) -> None:
    """B12-invoice-requests-w-06, B12-invoice-requests-w-07, B12-invoice-requests-w-08."""
    assert request_invoice(offer, payer, b"m", amount_msat=1000).invreq_amount == 1000
    assert refusal(offer, payer, amount_msat=999) == "B12-invoice-requests-w-08"
    many = replace(offer, offer_quantity_max=0)
    request_invoice(many, payer, b"m", amount_msat=3000, quantity=3)
    assert refusal(many, payer, amount_msat=2999, quantity=3) == "B12-invoice-requests-w-08"
    free = replace(offer, offer_amount=None)
    assert request_invoice(free, payer, b"m", amount_msat=1).invreq_amount == 1
    assert refusal(free, payer) == "B12-invoice-requests-w-06"


def test_price_in_another_currency_is_converted(offer: Offer, payer: bytes) -> None:
    """B12-invoice-requests-w-08."""
    euros = replace(offer, offer_currency="EUR")
    request_invoice(euros, payer, b"m", amount_msat=7, item_price_msat=7)
    assert refusal(euros, payer, amount_msat=7, item_price_msat=8) == "B12-invoice-requests-w-08"


@pytest.mark.parametrize(
    ("limit", "quantity", "rule"),
    [
        (5, None, "B12-invoice-requests-w-11"),
        (5, 0, "B12-invoice-requests-w-11"),
        (0, 0, "B12-invoice-requests-w-11"),
        (5, 6, "B12-invoice-requests-w-12"),
        (None, 1, "B12-invoice-requests-w-13"),
    ],
)
def test_wrong_quantity_is_refused(
    offer: Offer, payer: bytes, limit: int | None, quantity: int | None, rule: str
) -> None:
    """B12-invoice-requests-w-11, B12-invoice-requests-w-12, B12-invoice-requests-w-13."""
    assert refusal(replace(offer, offer_quantity_max=limit), payer, quantity=quantity) == rule
    request_invoice(replace(offer, offer_quantity_max=5), payer, b"m", quantity=5)
    request_invoice(replace(offer, offer_quantity_max=0), payer, b"m", quantity=6)


def test_metadata_have_to_be_there(offer: Offer, payer: bytes) -> None:
    """B12-invoice-requests-w-22."""
    assert refusal(offer, payer, metadata=b"") == "B12-invoice-requests-w-22"


def test_name_of_bip_353_is_included(offer: Offer, payer: bytes) -> None:
    """B12-invoice-requests-w-25, B12-invoice-requests-w-26."""
    name = Bip353Name.parse("₿bob@example.com")
    assert name == Bip353Name(b"bob", b"example.com") == Bip353Name.parse("bob@example.com")
    request = request_invoice(offer, payer, b"m", bip_353_name=name)
    assert decode_invoice_request(request.encode()).invreq_bip_353_name == name
    assert TlvRecord(91, b"\x03bob\x0bexample.com") in request.records()
    assert refusal(offer, payer, bip_353_name=Bip353Name(b"b b", b"x")) == "B12-invoice-requests-w-25"


@pytest.mark.parametrize("text", ["bob", "@example.com", "bob@", "b b@x", "a@b@c", "₿₿a@b", "bøb@x"])
def test_other_text_is_no_name_of_bip_353(text: str) -> None:
    with pytest.raises(ValueError, match="not a BIP 353 name"):
        Bip353Name.parse(text)


def test_name_of_bip_353_has_at_most_255_bytes() -> None:
    longest = Bip353Name(b"a" * 255, b"b" * 255)
    assert Bip353Name.decode(longest.encode()) == longest
    with pytest.raises(ValueError, match="at most 255"):
        Bip353Name(b"a" * 256, b"").encode()


def test_standalone_request_is_read_as_it_was(standalone: InvoiceRequest, path: BlindedPath) -> None:
    """B12-invoice-requests-w-15, B12-invoice-requests-w-17, B12-invoice-requests-w-19, B12-invoice-requests-w-20."""
    full = replace(standalone, offer_absolute_expiry=5, offer_issuer="bob", invreq_paths=(path,), invreq_chain=REGTEST)
    text = encode_invoice_request(full, has_public_channel=False)
    assert text.startswith("lnr1")
    assert decode_invoice_request(text) == full


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"offer_description": None}, "B12-invoice-requests-w-14"),
        ({"invreq_payer_id": None}, "B12-invoice-requests-w-16"),
        ({"invreq_paths": ()}, "B12-offers-w-16"),
        ({"invreq_amount": None}, "B12-invoice-requests-w-20"),
        ({"invreq_metadata": None}, "B12-invoice-requests-w-22"),
        ({"unknown": (TlvRecord(161, b""),)}, "B12-invoice-requests-w-21"),
        ({"unknown": (TlvRecord(3_000_000_001, b""),)}, "B12-invoice-requests-w-21"),
    ],
)
def test_standalone_request_that_must_not_be_issued(
    standalone: InvoiceRequest, change: dict[str, Any], rule: str
) -> None:
    """B12-invoice-requests-w-14, B12-invoice-requests-w-16, B12-invoice-requests-w-17, B12-invoice-requests-w-20.

    B12-invoice-requests-w-21, B12-invoice-requests-w-22.
    """
    encode_invoice_request(replace(standalone, unknown=(TlvRecord(2_999_999_999, b""),)))
    assert refused_text(replace(standalone, **change)) == rule


def test_private_payer_gives_a_path(standalone: InvoiceRequest) -> None:
    """B12-invoice-requests-w-17: the rule of offers."""
    assert refused_text(standalone, has_public_channel=False) == "B12-offers-w-16"


FOREIGN: dict[str, Any] = {
    "signature": bytes(64),
    "offer_metadata": b"",
    "offer_chains": (BITCOIN_CHAIN_HASH,),
    "offer_amount": 1,
    "offer_currency": "EUR",
    "offer_features": b"",
    "offer_quantity_max": 0,
}


def test_foreign_fields_of_the_table_are_all_tried() -> None:
    assert {*FOREIGN, "offer_paths", "offer_issuer_id"} == set(FORBIDDEN_STANDALONE)


@pytest.mark.parametrize("field", FORBIDDEN_STANDALONE)
def test_standalone_request_has_no_field_of_an_offer(standalone: InvoiceRequest, path: BlindedPath, field: str) -> None:
    """B12-invoice-requests-w-18."""
    values = FOREIGN | {"offer_paths": (path,), "offer_issuer_id": standalone.invreq_payer_id}
    assert refused_text(replace(standalone, **{field: values[field]})) == "B12-invoice-requests-w-18"
