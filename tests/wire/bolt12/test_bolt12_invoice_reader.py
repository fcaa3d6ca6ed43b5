"""The rules for who reads an invoice, each with its nearest counterexample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boltwire.bolt12 import (
    BlindedPayinfo,
    Bolt12Rejected,
    FallbackAddress,
    Invoice,
    InvoiceRequest,
    Mpp,
    decode_invoice,
    encode_invoice,
    require_payable,
)
from boltwire.bolt12.features import encode_features
from boltwire.chains import BITCOIN_CHAIN_HASH, CHAIN_HASHES
from boltwire.onion.blinded_path import BlindedPath
from boltwire.secp256k1 import PrivateKey
from boltwire.tlv import TlvRecord, encode_tlv_stream

Altered = Callable[..., Invoice]
REGTEST = CHAIN_HASHES["regtest"]


def rejection(invoice: Invoice, **options: Any) -> str | None:
    with pytest.raises(Bolt12Rejected) as caught:
        decode_invoice(invoice.encode(), **options)
    return caught.value.rule


def unpayable(invoice: Invoice, request: InvoiceRequest, **context: Any) -> str | None:
    with pytest.raises(Bolt12Rejected) as caught:
        require_payable(invoice, request, **context)
    return caught.value.rule


def test_invoice_is_read_from_bytes_and_from_text(invoice: Invoice) -> None:
    """B12-invoices-d-21."""
    assert decode_invoice(invoice.encode()) == invoice
    assert decode_invoice(encode_invoice(invoice)) == invoice


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"invoice_amount": None}, "B12-invoices-d-01"),
        ({"invoice_created_at": None}, "B12-invoices-d-02"),
        ({"invoice_payment_hash": None}, "B12-invoices-d-03"),
        ({"invoice_node_id": None}, "B12-invoices-d-04"),
        ({"invoice_paths": None}, "B12-invoices-d-11"),
        ({"invoice_paths": ()}, "B12-invoices-d-11"),
        ({"invoice_blindedpay": None}, "B12-invoices-d-13"),
        ({"invoice_blindedpay": ()}, "B12-invoices-d-14"),
    ],
)
def test_missing_field_is_rejected(
    invoice: Invoice, altered_invoice: Altered, change: dict[str, Any], rule: str
) -> None:
    """B12-invoices-d-01, B12-invoices-d-02, B12-invoices-d-03, B12-invoices-d-04, B12-invoices-d-11.

    B12-invoices-d-13, B12-invoices-d-14.
    """
    assert rejection(altered_invoice(invoice, **change)) == rule


def test_number_of_payinfos_is_that_of_paths(
    invoice: Invoice, altered_invoice: Altered, path: BlindedPath, payinfo: BlindedPayinfo
) -> None:
    """B12-invoices-d-12, B12-invoices-d-14."""
    twice = altered_invoice(invoice, invoice_paths=(path, path), invoice_blindedpay=(payinfo, payinfo))
    assert decode_invoice(twice.encode()) == twice
    assert rejection(altered_invoice(invoice, invoice_paths=(path, path))) == "B12-invoices-d-14"
    assert rejection(altered_invoice(invoice, invoice_blindedpay=(payinfo, payinfo))) == "B12-invoices-d-14"
    empty = (path, replace(path, path=()))
    assert rejection(altered_invoice(twice, invoice_paths=empty)) == "B12-invoices-d-12"


def test_unknown_features(invoice: Invoice, altered_invoice: Altered) -> None:
    """B12-invoices-d-07, B12-invoices-d-08."""
    decode_invoice(altered_invoice(invoice, invoice_features=encode_features((16, 99))).encode())
    even = altered_invoice(invoice, invoice_features=encode_features((98,)))
    assert rejection(even) == "B12-invoices-d-08"
    decode_invoice(even.encode(), known_features=(98,))


def test_paths_with_unknown_features_are_not_used(
    invoice: Invoice, altered_invoice: Altered, path: BlindedPath, payinfo: BlindedPayinfo
) -> None:
    """B12-invoices-d-15, B12-invoices-d-16, B12-invoices-d-22: the others keep their order."""
    odd, even = replace(payinfo, features=b"\x02"), replace(payinfo, features=b"\x01")
    mixed = altered_invoice(invoice, invoice_paths=(path,) * 3, invoice_blindedpay=(even, odd, payinfo))
    assert decode_invoice(mixed.encode()).usable_paths() == [(path, odd), (path, payinfo)]
    assert mixed.usable_paths(known_features=(0,)) == [(path, even), (path, odd), (path, payinfo)]
    hopeless = altered_invoice(invoice, invoice_blindedpay=(even,))
    assert rejection(hopeless) == "B12-invoices-d-16"
    decode_invoice(hopeless.encode(), known_path_features=(0,))


def test_node_id_is_the_issuer(invoice: Invoice, altered_invoice: Altered, other: bytes) -> None:
    """B12-invoices-d-18."""
    stranger = PrivateKey(other).public_key.encoded
    assert rejection(altered_invoice(invoice, invoice_node_id=stranger)) == "B12-invoices-d-18"


@pytest.mark.parametrize(
    "change",
    [
        {"signature": None},
        {"signature": bytes(64)},
        {"invoice_amount": 999},
        {"invreq_metadata": b"other"},
        {"invoice_payment_hash": b"\x01" * 32},
        {"unknown": (TlvRecord(4_000_000_001, b"x"),)},
    ],
)
def test_signature_covers_everything(invoice: Invoice, change: dict[str, Any]) -> None:
    """B12-invoices-d-21."""
    assert rejection(replace(invoice, **change)) == "B12-invoices-d-21"


def test_unknown_odd_types_are_accepted(invoice: Invoice, altered_invoice: Altered) -> None:
    further = altered_invoice(
        invoice, unknown=(TlvRecord(177, b"x"), TlvRecord(241, b""), TlvRecord(3_000_000_001, b""))
    )
    assert decode_invoice(further.encode()) == further
    assert rejection(altered_invoice(invoice, unknown=(TlvRecord(178, b"x"),))) == "B01-tlv-r-08"


def test_amount_is_the_requested_one(invoice: Invoice, altered_invoice: Altered) -> None:
    """B12-invoices-d-26."""
    decode_invoice(altered_invoice(invoice, invreq_amount=1000).encode())
    for amount in (999, 1001):
        assert rejection(altered_invoice(invoice, invreq_amount=amount)) == "B12-invoices-d-26"


def test_expiry_is_the_last_second(
    invoice: Invoice, altered_invoice: Altered, request_: InvoiceRequest, path: BlindedPath, now: int
) -> None:
    """B12-invoices-d-09, B12-invoices-d-10."""
    way: dict[str, Any] = {"arrived_over": path, "reply_path": path}
    require_payable(invoice, request_, now=now + 7200, **way)
    assert unpayable(invoice, request_, now=now + 7201, **way) == "B12-invoices-d-10"
    brief = altered_invoice(invoice, invoice_relative_expiry=60)
    require_payable(brief, request_, now=now + 60, **way)
    assert unpayable(brief, request_, now=now + 61, **way) == "B12-invoices-d-09"


def test_chain_has_to_be_supported(
    invoice: Invoice, altered_invoice: Altered, request_: InvoiceRequest, now: int
) -> None:
    """B12-invoices-d-05, B12-invoices-d-06."""
    assert unpayable(invoice, request_, now=now, chains=(REGTEST,)) == "B12-invoices-d-05"
    elsewhere = altered_invoice(invoice, invreq_chain=REGTEST)
    assert unpayable(elsewhere, request_, now=now, chains=(BITCOIN_CHAIN_HASH,)) == "B12-invoices-d-06"


@pytest.mark.parametrize(
    "change",
    [
        {"invreq_metadata": b"other"},
        {"invreq_payer_note": "x"},
        {"offer_description": "tea"},
        {"unknown": (TlvRecord(159, b""),)},
        {"unknown": (TlvRecord(1_000_000_001, b""),)},
        {"unknown": (TlvRecord(2_999_999_999, b""),)},
    ],
)
def test_mirrored_fields_are_those_of_the_request(
    invoice: Invoice, altered_invoice: Altered, request_: InvoiceRequest, now: int, change: dict[str, Any]
) -> None:
    """B12-invoices-d-17."""
    assert unpayable(altered_invoice(invoice, **change), request_, now=now) == "B12-invoices-d-17"


@pytest.mark.parametrize("type_", [161, 239, 1001, 3_000_000_001])
def test_own_fields_of_the_invoice_are_not_compared(
    invoice: Invoice, altered_invoice: Altered, request_: InvoiceRequest, path: BlindedPath, type_: int
) -> None:
    """B12-invoices-d-17."""
    own = altered_invoice(invoice, unknown=(TlvRecord(type_, b"x"),))
    require_payable(own, request_, now=own.expires_at, arrived_over=path, reply_path=path)


def test_node_id_is_the_blinded_one_that_was_asked(
    invoice: Invoice, request_: InvoiceRequest, path: BlindedPath, issuer: bytes, other: bytes
) -> None:
    """B12-invoices-d-19."""
    anonymous = replace(invoice, offer_issuer_id=None, offer_paths=(path,))
    request = replace(request_, offer_issuer_id=None, offer_paths=(path,))
    asked, stranger = (PrivateKey(key).public_key.encoded for key in (issuer, other))
    way: dict[str, Any] = {"now": invoice.expires_at, "arrived_over": path, "reply_path": path}
    require_payable(anonymous, request, **way, asked=asked)
    assert unpayable(anonymous, request, **way, asked=stranger) == "B12-invoices-d-19"
    assert unpayable(anonymous, request, **way) == "B12-invoices-d-19"


def test_invoice_for_an_offer_comes_over_the_reply_path(
    invoice: Invoice, request_: InvoiceRequest, path: BlindedPath, now: int
) -> None:
    """B12-invoices-d-33."""
    require_payable(invoice, request_, now=now, arrived_over=path, reply_path=path)
    stranger = replace(path, path=path.path[:1])
    for arrived_over in (None, stranger):
        assert unpayable(invoice, request_, now=now, arrived_over=arrived_over, reply_path=path) == "B12-invoices-d-33"
    assert unpayable(invoice, request_, now=now) == "B12-invoices-d-33"


def test_invoice_without_offer_comes_over_a_path_of_the_request_or_over_none(
    invoice: Invoice, standalone: InvoiceRequest, path: BlindedPath, now: int
) -> None:
    """B12-invoices-d-31, B12-invoices-d-32, B12-invoices-d-20: any node id is accepted."""
    mirrored = {name: getattr(standalone, name) for name in ("offer_description", "invreq_metadata", "invreq_amount")}
    refund = replace(invoice, offer_amount=None, offer_issuer_id=None, **mirrored)
    require_payable(refund, standalone, now=now)
    assert unpayable(refund, standalone, now=now, arrived_over=path) == "B12-invoices-d-32"
    with_path, request = replace(refund, invreq_paths=(path,)), replace(standalone, invreq_paths=(path,))
    require_payable(with_path, request, now=now, arrived_over=path)
    assert unpayable(with_path, request, now=now) == "B12-invoices-d-31"


@pytest.mark.parametrize(
    ("bits", "mpp"),
    [
        ((), Mpp.FORBIDDEN),
        ((17,), Mpp.OPTIONAL),
        ((16,), Mpp.COMPULSORY),
        ((16, 17), Mpp.COMPULSORY),
        ((18,), Mpp.FORBIDDEN),
    ],
)
def test_parts_are_up_to_the_features(invoice: Invoice, bits: tuple[int, ...], mpp: Mpp) -> None:
    """B12-invoices-d-23, B12-invoices-d-24, B12-invoices-d-25, B12-invoice-features-y-01, B12-invoice-features-y-02."""
    assert replace(invoice, invoice_features=encode_features(bits)).mpp is mpp


@pytest.mark.parametrize(
    ("fallback", "usable"),
    [
        (FallbackAddress(0, bytes(20)), True),
        (FallbackAddress(0, bytes(32)), True),
        (FallbackAddress(0, bytes(21)), False),
        (FallbackAddress(1, bytes(32)), True),
        (FallbackAddress(1, bytes(31)), False),
        (FallbackAddress(2, bytes(2)), True),
        (FallbackAddress(2, bytes(1)), False),
        (FallbackAddress(16, bytes(40)), True),
        (FallbackAddress(16, bytes(41)), False),
        (FallbackAddress(17, bytes(20)), False),
        (FallbackAddress(255, bytes(32)), False),
    ],
)
def test_fallbacks_that_are_no_witness_program_are_ignored(
    invoice: Invoice, altered_invoice: Altered, fallback: FallbackAddress, usable: bool
) -> None:
    """B12-invoices-d-28, B12-invoices-d-29, B12-invoices-d-30."""
    good = FallbackAddress(0, b"\x01" * 20)
    read = decode_invoice(altered_invoice(invoice, invoice_fallbacks=(fallback, good)).encode())
    assert read.usable_fallbacks() == ([fallback, good] if usable else [good])
    assert replace(read, invreq_chain=REGTEST).usable_fallbacks() == [fallback, good]


def test_fallback_has_a_text() -> None:
    program = bytes.fromhex("751e76e8199196d454941c45d1b3a323f1433bd6")
    assert FallbackAddress(0, program).text("bc") == "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"


@pytest.mark.parametrize(
    ("type_", "value", "reason"),
    [
        (162, bytes(27), "a blinded_payinfo takes 28 bytes, 27 left"),
        (162, bytes(27) + b"\x01", "1 bytes of features are announced, 0 are left"),
        (172, bytes(2), "a fallback_address starts with 3 bytes, 2 are left"),
        (172, b"\x00\x00\x02\x00", "2 bytes of address are announced, 1 are left"),
        (166, b"\x01" * 5, "tu32 takes at most 4 bytes, not 5"),
        (168, bytes(31), "takes 32 bytes, not 31"),
        (240, bytes(65), "takes 64 bytes, not 65"),
    ],
)
def test_malformed_field_is_rejected(type_: int, value: bytes, reason: str) -> None:
    with pytest.raises(Bolt12Rejected) as caught:
        decode_invoice(encode_tlv_stream([TlvRecord(type_, value)]))
    assert caught.value.reason == reason
    assert caught.value.field in {field.name for field in Invoice.FIELDS if field.type == type_}
