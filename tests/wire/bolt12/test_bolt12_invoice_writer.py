"""The rules for who writes an invoice, each with its nearest counterexample; and invoice errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boltwire.bolt12 import (
    BlindedPayinfo,
    Bolt12Refused,
    Bolt12Rejected,
    FallbackAddress,
    Invoice,
    InvoiceError,
    InvoiceRequest,
    Mpp,
    Offer,
    decode_invoice,
    decode_invoice_error,
    encode_invoice,
    encode_invoice_error,
    issue_invoice,
    request_invoice,
    require_payable,
)
from boltwire.bolt12.invoice_writer import require_writable_invoice
from boltwire.chains import CHAIN_HASHES
from boltwire.errors import DecodeError
from boltwire.onion.blinded_path import BlindedPath
from boltwire.secp256k1 import PrivateKey
from boltwire.tlv import TlvRecord

Altered = Callable[..., Any]
REGTEST = CHAIN_HASHES["regtest"]


def refusal(invoice: Invoice, request: InvoiceRequest, **options: Any) -> str:
    with pytest.raises(Bolt12Refused) as caught:
        require_writable_invoice(invoice, request, **options)
    return caught.value.rule


def test_invoice_mirrors_the_request(
    offer: Offer, payer: bytes, issuer: bytes, path: BlindedPath, payinfo: BlindedPayinfo
) -> None:
    """B12-invoices-w-01, B12-invoices-w-02, B12-invoices-w-03, B12-invoices-w-05, B12-invoices-w-07.

    B12-invoices-w-09, B12-invoices-w-10, B12-invoices-w-17, B12-invoices-w-18, B12-invoices-w-19.
    """
    now = 1_700_000_000
    unknown = (TlvRecord(33, b"a"), TlvRecord(1_000_000_033, b"b"))
    request = request_invoice(replace(offer, unknown=unknown, offer_quantity_max=0), payer, b"m", quantity=4)
    paths = ((path, payinfo), (replace(path, path=path.path[1:]), replace(payinfo, fee_base_msat=9)))
    invoice = issue_invoice(request, issuer, payment_hash=b"\x07" * 32, created_at=now, paths=paths)
    assert decode_invoice(invoice.encode()) == invoice
    assert (invoice.unknown, invoice.invoice_amount, invoice.invoice_created_at) == (unknown, 4000, now)
    assert invoice.usable_paths() == list(paths)
    assert invoice.invoice_node_id == offer.offer_issuer_id
    require_payable(invoice, request, now=now, arrived_over=path, reply_path=path)


def test_unknown_signatures_are_not_mirrored(
    request_: InvoiceRequest, altered_request: Altered, issuer: bytes, path: BlindedPath, payinfo: BlindedPayinfo
) -> None:
    """B12-invoices-w-03, B12-invoices-w-09."""
    request = altered_request(request_, unknown=(TlvRecord(241, b"x"),))
    invoice = issue_invoice(request, issuer, payment_hash=bytes(32), created_at=0, paths=((path, payinfo),))
    assert invoice.unknown == ()


def test_amount_is_the_requested_or_expected_one(
    invoice: Invoice, request_: InvoiceRequest, altered_request: Altered, altered_invoice: Altered
) -> None:
    """B12-invoices-w-04, B12-invoices-w-05."""
    assert refusal(altered_invoice(invoice, invoice_amount=1001), request_) == "B12-invoices-w-05"
    tip = altered_request(request_, invreq_amount=1500)
    assert refusal(altered_invoice(invoice, invreq_amount=1500), tip) == "B12-invoices-w-04"
    require_writable_invoice(altered_invoice(invoice, invreq_amount=1500, invoice_amount=1500), tip)


def test_price_in_another_currency_is_converted(
    request_: InvoiceRequest, altered_request: Altered, issuer: bytes, path: BlindedPath, payinfo: BlindedPayinfo
) -> None:
    """B12-invoices-w-05."""
    terms: dict[str, Any] = {"payment_hash": bytes(32), "created_at": 0, "paths": ((path, payinfo),)}
    euros = altered_request(request_, offer_currency="EUR")
    assert issue_invoice(euros, issuer, **terms, item_price_msat=77).invoice_amount == 77
    with pytest.raises(ValueError, match="the price is in EUR"):
        issue_invoice(euros, issuer, **terms)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"invoice_created_at": None}, "B12-invoices-w-01"),
        ({"invoice_amount": None}, "B12-invoices-w-02"),
        ({"offer_description": "tea"}, "B12-invoices-w-03"),
        ({"unknown": (TlvRecord(1_000_000_001, b""),)}, "B12-invoices-w-03"),
        ({"invoice_payment_hash": None}, "B12-invoices-w-06"),
        ({"signature": None}, "B12-invoices-w-09"),
        ({"unknown": (TlvRecord(1000, b""),)}, "B12-invoices-w-09"),
        ({"invoice_paths": ()}, "B12-invoices-w-17"),
        ({"invoice_paths": None}, "B12-invoices-w-17"),
        ({"invoice_blindedpay": None}, "B12-invoices-w-19"),
    ],
)
def test_invoice_that_must_not_be_sent(
    invoice: Invoice, request_: InvoiceRequest, change: dict[str, Any], rule: str
) -> None:
    """B12-invoices-w-01, B12-invoices-w-02, B12-invoices-w-03, B12-invoices-w-06, B12-invoices-w-09.

    B12-invoices-w-17, B12-invoices-w-19.
    """
    require_writable_invoice(invoice, request_)
    assert refusal(replace(invoice, **change), request_) == rule


def test_path_without_hops_is_refused(invoice: Invoice, request_: InvoiceRequest, path: BlindedPath) -> None:
    """B12-invoices-w-17."""
    assert refusal(replace(invoice, invoice_paths=(replace(path, path=()),)), request_) == "B12-invoices-w-17"


def test_node_id_is_the_issuer_or_the_blinded_one(
    invoice: Invoice, request_: InvoiceRequest, path: BlindedPath, issuer: bytes, other: bytes
) -> None:
    """B12-invoices-w-07, B12-invoices-w-08."""
    asked, stranger = (PrivateKey(key).public_key.encoded for key in (issuer, other))
    assert refusal(replace(invoice, invoice_node_id=stranger), request_) == "B12-invoices-w-07"
    anonymous = replace(invoice, offer_issuer_id=None, offer_paths=(path,))
    request = replace(request_, offer_issuer_id=None, offer_paths=(path,))
    require_writable_invoice(anonymous, request, asked=asked)
    assert refusal(anonymous, request, asked=stranger) == "B12-invoices-w-08"


def test_any_key_signs_the_invoice_for_a_refund(
    standalone: InvoiceRequest, other: bytes, path: BlindedPath, payinfo: BlindedPayinfo, now: int
) -> None:
    """B12-invoices-w-04, B12-invoices-w-10."""
    invoice = issue_invoice(standalone, other, payment_hash=bytes(32), created_at=now, paths=((path, payinfo),))
    assert decode_invoice(invoice.encode()).invoice_amount == 500
    require_payable(invoice, standalone, now=now)


def test_terms_of_the_invoice(
    request_: InvoiceRequest, issuer: bytes, path: BlindedPath, payinfo: BlindedPayinfo
) -> None:
    """B12-invoices-w-11, B12-invoices-w-12, B12-invoices-w-13, B12-invoices-w-14, B12-invoices-w-15."""
    terms: dict[str, Any] = {"payment_hash": bytes(32), "created_at": 10, "paths": ((path, payinfo),)}
    plain = issue_invoice(request_, issuer, **terms, expiry=7200)
    assert (plain.invoice_relative_expiry, plain.invoice_features, plain.invoice_fallbacks) == (None, None, None)
    assert plain.expires_at == 7210
    fallbacks = (FallbackAddress(1, bytes(32)), FallbackAddress(0, bytes(20)))
    full = issue_invoice(request_, issuer, **terms, expiry=0, mpp=Mpp.COMPULSORY, fallbacks=fallbacks)
    assert (full.invoice_relative_expiry, full.invoice_features) == (0, b"\x01\x00\x00")
    assert decode_invoice(full.encode()).usable_fallbacks() == list(fallbacks)
    assert issue_invoice(request_, issuer, **terms, mpp=Mpp.OPTIONAL).invoice_features == b"\x02\x00\x00"


def test_impossible_fallback_is_refused_on_bitcoin(
    invoice: Invoice, request_: InvoiceRequest, altered_invoice: Altered, altered_request: Altered
) -> None:
    """B12-invoices-w-16."""
    bad = (FallbackAddress(0, bytes(21)),)
    assert refusal(replace(invoice, invoice_fallbacks=bad), request_) == "B12-invoices-w-16"
    elsewhere = altered_invoice(invoice, invoice_fallbacks=bad, invreq_chain=REGTEST)
    require_writable_invoice(elsewhere, altered_request(request_, invreq_chain=REGTEST))


def test_unsigned_invoice_is_not_written(invoice: Invoice) -> None:
    """B12-invoices-w-09."""
    assert encode_invoice(invoice).startswith("lni1")
    with pytest.raises(Bolt12Refused) as caught:
        encode_invoice(replace(invoice, signature=None))
    assert caught.value.rule == "B12-invoices-w-09"


@pytest.mark.parametrize(
    "change", [{"fee_base_msat": 1 << 32}, {"cltv_expiry_delta": -1}, {"features": bytes(1 << 16)}]
)
def test_payinfo_that_does_not_fit_is_a_mistake_of_the_caller(payinfo: BlindedPayinfo, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no encoding"):
        replace(payinfo, **change).encode()


def test_fallback_that_does_not_fit_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no encoding"):
        FallbackAddress(256, b"").encode()


@pytest.mark.parametrize(
    "change",
    [
        {"offer_chains": (bytes(31),)},
        {"invreq_chain": bytes(33)},
        {"signature": bytes(65)},
        {"invreq_payer_id": bytes(32)},
        {"offer_amount": -1},
        {"offer_quantity_max": 1 << 64},
        {"offer_description": "\ud800"},
        {"unknown": (TlvRecord(8, b""),)},
    ],
)
def test_value_without_encoding_is_a_mistake_of_the_caller(request_: InvoiceRequest, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"bytes|does not fit|surrogates|strictly increase") as caught:
        replace(request_, **change).encode()
    assert not isinstance(caught.value, DecodeError)


@pytest.mark.parametrize(
    "error",
    [
        InvoiceError(error="sold out"),
        InvoiceError(error="too little", erroneous_field=82),
        InvoiceError(error="too little", erroneous_field=82, suggested_value=b"\x03\xe8"),
        InvoiceError(error="what is that", erroneous_field=1_000_000_001, suggested_value=b"anything"),
        InvoiceError(error="see unknown", unknown=(TlvRecord(7, b""),)),
    ],
)
def test_invoice_error_is_read_as_it_was(error: InvoiceError) -> None:
    """B12-invoice-errors-w-01, B12-invoice-errors-w-02, B12-invoice-errors-w-03."""
    assert decode_invoice_error(encode_invoice_error(error)) == error


@pytest.mark.parametrize(
    ("error", "rule"),
    [
        (InvoiceError(), "B12-invoice-errors-w-01"),
        (InvoiceError(error=""), "B12-invoice-errors-w-01"),
        (InvoiceError(error="x", erroneous_field=82, suggested_value=b"\x00\x01"), "B12-invoice-errors-w-04"),
        (InvoiceError(error="x", erroneous_field=88, suggested_value=bytes(33)), "B12-invoice-errors-w-04"),
        (InvoiceError(error="x", suggested_value=b"\x01"), "B12-invoice-errors-w-05"),
    ],
)
def test_invoice_error_that_must_not_be_sent(error: InvoiceError, rule: str) -> None:
    """B12-invoice-errors-w-01, B12-invoice-errors-w-04, B12-invoice-errors-w-05."""
    with pytest.raises(Bolt12Refused) as caught:
        encode_invoice_error(error)
    assert caught.value.rule == rule


def test_malformed_invoice_error_is_rejected() -> None:
    """B12-invoice-errors-w-01, B12-invoice-errors-w-05."""
    for data, rule in ((b"", "B12-invoice-errors-w-01"), (b"\x03\x00\x05\x01x", "B12-invoice-errors-w-05")):
        with pytest.raises(Bolt12Rejected) as caught:
            decode_invoice_error(data)
        assert caught.value.rule == rule
    with pytest.raises(Bolt12Rejected, match="unknown even type 2"):
        decode_invoice_error(b"\x02\x00")
