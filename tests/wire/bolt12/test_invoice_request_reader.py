"""The rules for who reads an invoice request, each with its nearest counterexample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boltwire.bolt12 import (
    Bip353Name,
    Bolt12Ignored,
    Bolt12Rejected,
    InvoiceRequest,
    Offer,
    decode_invoice_request,
    encode_invoice_request,
    expected_amount,
    require_answerable,
)
from boltwire.bolt12.features import encode_features
from boltwire.bolt12.invoice_request_reader import invoice_destination, may_repeat_invoice
from boltwire.bolt12.text import encode_text
from boltwire.chains import BITCOIN_CHAIN_HASH, CHAIN_HASHES
from boltwire.onion.blinded_path import BlindedPath
from boltwire.tlv import TlvRecord, encode_tlv_stream

Altered = Callable[..., InvoiceRequest]
REGTEST = CHAIN_HASHES["regtest"]


def rejection(request: InvoiceRequest, **options: Any) -> str | None:
    with pytest.raises(Bolt12Rejected) as caught:
        decode_invoice_request(request.encode(), **options)
    return caught.value.rule


def unanswerable(request: InvoiceRequest, **context: Any) -> str | None:
    with pytest.raises(Bolt12Rejected) as caught:
        require_answerable(request, **context)
    return caught.value.rule


def test_request_is_read_from_bytes_and_from_text(request_: InvoiceRequest, standalone: InvoiceRequest) -> None:
    """B12-invoice-requests-d-05, B12-encoding-d-01."""
    assert decode_invoice_request(request_.encode()) == request_
    assert decode_invoice_request(encode_text("lnr", request_.encode()).upper()) == request_
    assert decode_invoice_request(encode_invoice_request(standalone)) == standalone


@pytest.mark.parametrize("field", ["invreq_payer_id", "invreq_metadata"])
def test_payer_id_and_metadata_have_to_be_there(request_: InvoiceRequest, field: str) -> None:
    """B12-invoice-requests-d-01."""
    missing: dict[str, Any] = {field: None}
    assert rejection(replace(request_, **missing)) == "B12-invoice-requests-d-01"


@pytest.mark.parametrize("type_", [1, 159, 241, 1_000_000_001, 2_999_999_999])
def test_types_of_requests(request_: InvoiceRequest, altered_request: Altered, type_: int) -> None:
    """B12-invoice-requests-d-02: and those of signatures."""
    request = altered_request(request_, unknown=(TlvRecord(type_, b"x"),))
    assert decode_invoice_request(request.encode()) == request


@pytest.mark.parametrize("type_", [160, 161, 239, 1001, 999_999_999, 3_000_000_000, 3_000_000_001])
def test_other_types_are_rejected(request_: InvoiceRequest, altered_request: Altered, type_: int) -> None:
    """B12-invoice-requests-d-02."""
    assert rejection(altered_request(request_, unknown=(TlvRecord(type_, b"x"),))) == "B12-invoice-requests-d-02"


def test_unknown_features(request_: InvoiceRequest, altered_request: Altered) -> None:
    """B12-invoice-requests-d-03, B12-invoice-requests-d-04."""
    decode_invoice_request(altered_request(request_, invreq_features=encode_features((3, 99))).encode())
    even = altered_request(request_, invreq_features=encode_features((98, 99)))
    assert rejection(even) == "B12-invoice-requests-d-04"
    decode_invoice_request(even.encode(), known_features=(98,))


@pytest.mark.parametrize(
    "change",
    [
        {"signature": None},
        {"signature": bytes(64)},
        {"signature": b"\xff" * 64},
        {"invreq_payer_note": "not signed"},
        {"offer_description": "tea"},
        {"invreq_metadata": b"other"},
        {"unknown": (TlvRecord(1_000_000_001, b"x"),)},
    ],
)
def test_signature_covers_everything(request_: InvoiceRequest, change: dict[str, Any]) -> None:
    """B12-invoice-requests-d-05."""
    assert rejection(replace(request_, **change)) == "B12-invoice-requests-d-05"


def test_request_without_offer_may_be_unsigned_but_not_wrongly_signed(
    standalone: InvoiceRequest, altered_request: Altered
) -> None:
    """B12-invoice-requests-d-05: AMBIGUOUS against B12-invoice-requests-w-18."""
    assert decode_invoice_request(standalone.encode()).signature is None
    signed = altered_request(standalone)
    assert decode_invoice_request(signed.encode()) == signed
    assert rejection(replace(standalone, signature=bytes(64))) == "B12-invoice-requests-d-05"


def test_path_without_hops_is_rejected(standalone: InvoiceRequest, path: BlindedPath) -> None:
    """B12-invoice-requests-d-06."""
    decode_invoice_request(replace(standalone, invreq_paths=(path,)).encode())
    assert rejection(replace(standalone, invreq_paths=(path, replace(path, path=())))) == "B12-invoice-requests-d-06"
    assert rejection(replace(standalone, invreq_paths=())) == "B12-invoice-requests-d-06"


@pytest.mark.parametrize(
    ("limit", "quantity", "rule"),
    [
        (5, None, "B12-invoice-requests-d-12"),
        (0, None, "B12-invoice-requests-d-12"),
        (5, 0, "B12-invoice-requests-d-13"),
        (5, 6, "B12-invoice-requests-d-13"),
        (None, 1, "B12-invoice-requests-d-14"),
    ],
)
def test_wrong_quantity_is_rejected(
    request_: InvoiceRequest, altered_request: Altered, limit: int | None, quantity: int | None, rule: str
) -> None:
    """B12-invoice-requests-d-12, B12-invoice-requests-d-13, B12-invoice-requests-d-14."""
    assert rejection(altered_request(request_, offer_quantity_max=limit, invreq_quantity=quantity)) == rule


@pytest.mark.parametrize(("limit", "quantity"), [(5, 1), (5, 5), (0, 2**64 - 1), (None, None)])
def test_right_quantity_is_accepted(
    request_: InvoiceRequest, altered_request: Altered, limit: int | None, quantity: int | None
) -> None:
    """B12-invoice-requests-d-12, B12-invoice-requests-d-13, B12-invoice-requests-d-14."""
    decode_invoice_request(altered_request(request_, offer_quantity_max=limit, invreq_quantity=quantity).encode())


def test_amount_covers_price_times_quantity(request_: InvoiceRequest, altered_request: Altered) -> None:
    """B12-invoice-requests-d-16, B12-invoice-requests-d-17."""
    three = {"offer_quantity_max": 0, "invreq_quantity": 3}
    decode_invoice_request(altered_request(request_, **three, invreq_amount=3000).encode())
    assert rejection(altered_request(request_, **three, invreq_amount=2999)) == "B12-invoice-requests-d-17"
    decode_invoice_request(altered_request(request_, invreq_amount=1000).encode())
    assert rejection(altered_request(request_, invreq_amount=999)) == "B12-invoice-requests-d-17"


def test_price_in_another_currency_is_converted(
    offer: Offer, request_: InvoiceRequest, altered_request: Altered, now: int
) -> None:
    """B12-invoice-requests-d-15, B12-invoice-requests-d-16, B12-invoice-requests-d-17."""
    euros = replace(offer, offer_currency="EUR", offer_quantity_max=0)
    terms = {"offer_currency": "EUR", "offer_quantity_max": 0, "invreq_quantity": 2}
    request = decode_invoice_request(altered_request(request_, **terms, invreq_amount=80).encode())
    assert expected_amount(request, item_price_msat=40) == 80
    with pytest.raises(ValueError, match="the price is in EUR"):
        expected_amount(request)
    require_answerable(request, now=now, offer=euros, item_price_msat=40)
    assert unanswerable(request, now=now, offer=euros, item_price_msat=41) == "B12-invoice-requests-d-17"


def test_some_amount_has_to_be_there(request_: InvoiceRequest, altered_request: Altered) -> None:
    """B12-invoice-requests-d-19."""
    decode_invoice_request(altered_request(request_, offer_amount=None, invreq_amount=1).encode())
    assert expected_amount(replace(request_, offer_amount=None)) is None
    assert rejection(altered_request(request_, offer_amount=None)) == "B12-invoice-requests-d-19"


@pytest.mark.parametrize(
    "change",
    [{"offer_chains": (BITCOIN_CHAIN_HASH,)}, {"offer_features": b"\x02"}, {"offer_quantity_max": 0}],
)
def test_request_without_offer_has_no_terms_of_one(standalone: InvoiceRequest, change: dict[str, Any]) -> None:
    """B12-invoice-requests-d-21."""
    assert rejection(replace(standalone, **change)) == "B12-invoice-requests-d-21"


def test_request_without_offer_has_an_amount(standalone: InvoiceRequest) -> None:
    """B12-invoice-requests-d-22, B12-invoice-requests-d-23: the offer's amount is for information."""
    decode_invoice_request(replace(standalone, offer_amount=5, offer_currency="EUR").encode())
    assert rejection(replace(standalone, invreq_amount=None)) == "B12-invoice-requests-d-22"
    assert rejection(replace(standalone, invreq_amount=None, offer_amount=5)) == "B12-invoice-requests-d-22"


@pytest.mark.parametrize("part", [b"", b"bob", b"Bob-1_2.x", b"0aZ"])
def test_allowed_name_is_accepted(request_: InvoiceRequest, altered_request: Altered, part: bytes) -> None:
    """B12-invoice-requests-d-28."""
    decode_invoice_request(altered_request(request_, invreq_bip_353_name=Bip353Name(part, part)).encode())


@pytest.mark.parametrize("part", [b"b b", b"bob@", "böb".encode(), b"bob\n", b"\x00", b"b/b", b"b:b", b"[", b"`", b"{"])
def test_other_name_is_rejected(request_: InvoiceRequest, altered_request: Altered, part: bytes) -> None:
    """B12-invoice-requests-d-28."""
    for name in (Bip353Name(part, b"x"), Bip353Name(b"x", part)):
        assert rejection(altered_request(request_, invreq_bip_353_name=name)) == "B12-invoice-requests-d-28"


@pytest.mark.parametrize("value", [b"", b"\x00", b"\x02a", b"\x01a", b"\x01a\x02b", b"\x01a\x01bc"])
def test_malformed_name_is_rejected(value: bytes) -> None:
    with pytest.raises(Bolt12Rejected, match="not a name and a domain"):
        decode_invoice_request(encode_tlv_stream([TlvRecord(91, value)]))


def test_offer_has_to_be_ours_and_unchanged(offer: Offer, request_: InvoiceRequest, now: int) -> None:
    """B12-invoice-requests-d-09: in every record, unknown ones included."""
    require_answerable(request_, now=now, offer=offer)
    assert unanswerable(request_, now=now) == "B12-invoice-requests-d-09"
    for change in ({"offer_amount": 999}, {"offer_issuer": "x"}, {"unknown": (TlvRecord(1_000_000_001, b""),)}):
        changed = replace(offer, **change)
        assert unanswerable(request_, now=now, offer=changed) == "B12-invoice-requests-d-09"


def test_offer_has_to_be_live(offer: Offer, request_: InvoiceRequest, altered_request: Altered, now: int) -> None:
    """B12-invoice-requests-d-09."""
    expiring = replace(offer, offer_absolute_expiry=now)
    request = altered_request(request_, offer_absolute_expiry=now)
    require_answerable(request, now=now, offer=expiring)
    assert unanswerable(request, now=now + 1, offer=expiring) == "B12-invoice-requests-d-09"


def test_request_comes_over_a_path_of_the_offer_or_is_ignored(
    offer: Offer, request_: InvoiceRequest, altered_request: Altered, path: BlindedPath, now: int
) -> None:
    """B12-invoice-requests-d-10, B12-invoice-requests-d-11: no reply, it would tell who we are."""
    blinded = replace(offer, offer_paths=(path,))
    request = altered_request(request_, offer_paths=(path,))
    require_answerable(request, now=now, offer=blinded, arrived_over=path)
    stranger = replace(path, first_path_key=path.path[1].blinded_node_id)
    for arrived_over in (None, stranger):
        with pytest.raises(Bolt12Ignored) as caught:
            require_answerable(request, now=now, offer=blinded, arrived_over=arrived_over)
        assert caught.value.rule == "B12-invoice-requests-d-10"
    with pytest.raises(Bolt12Ignored) as caught:
        require_answerable(request_, now=now, offer=offer, arrived_over=path)
    assert caught.value.rule == "B12-invoice-requests-d-11"


def test_chain_is_one_of_the_offer_and_of_the_node(
    offer: Offer, request_: InvoiceRequest, altered_request: Altered, standalone: InvoiceRequest, now: int
) -> None:
    """B12-invoice-requests-d-26, B12-invoice-requests-d-27, B12-invoice-requests-w-02, B12-invoice-requests-w-04."""
    both = (BITCOIN_CHAIN_HASH, REGTEST)
    assert unanswerable(standalone, now=now, chains=(REGTEST,)) == "B12-invoice-requests-d-26"
    elsewhere = replace(standalone, invreq_chain=REGTEST)
    require_answerable(elsewhere, now=now, chains=both)
    assert unanswerable(elsewhere, now=now) == "B12-invoice-requests-d-27"
    stray = altered_request(request_, invreq_chain=REGTEST)
    assert unanswerable(stray, now=now, offer=offer, chains=both) == "B12-invoice-requests-w-04"
    listed = replace(offer, offer_chains=(REGTEST,))
    request = altered_request(request_, offer_chains=(REGTEST,), invreq_chain=REGTEST)
    require_answerable(request, now=now, offer=listed, chains=both)
    bitcoin = altered_request(request_, offer_chains=(REGTEST,))
    assert unanswerable(bitcoin, now=now, offer=listed, chains=both) == "B12-invoice-requests-w-02"


def test_earlier_invoice_is_repeated_for_the_same_metadata_only(
    request_: InvoiceRequest, altered_request: Altered, path: BlindedPath
) -> None:
    """B12-invoice-requests-d-07, B12-invoice-requests-d-08."""
    assert may_repeat_invoice(altered_request(request_, invreq_payer_note="again"), request_)
    assert not may_repeat_invoice(altered_request(request_, invreq_metadata=b"other"), request_)
    anonymous = altered_request(request_, offer_issuer_id=None, offer_paths=(path,))
    assert not may_repeat_invoice(anonymous, anonymous)


def test_invoice_without_offer_goes_to_the_payer(
    request_: InvoiceRequest, standalone: InvoiceRequest, path: BlindedPath
) -> None:
    """B12-invoice-requests-d-24, B12-invoice-requests-d-25, and B12-invoice-requests-d-20 with an offer."""
    assert invoice_destination(standalone) == standalone.invreq_payer_id
    assert invoice_destination(replace(standalone, invreq_paths=(path,))) == (path,)
    with pytest.raises(ValueError, match="over the reply path"):
        invoice_destination(request_)
