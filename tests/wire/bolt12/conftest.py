"""One small offer, the request for it and the invoice; and requests and invoices that their writers would refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boltwire.bolt12 import BlindedPayinfo, Invoice, InvoiceRequest, Offer, issue_invoice, request_invoice
from boltwire.bolt12.signature import sign
from boltwire.onion.blinded_path import BlindedPath, BlindedPathHop
from boltwire.secp256k1 import PrivateKey

ISSUER = b"\x41" * 32
PAYER = b"\x42" * 32
OTHER = b"\x43" * 32
NOW = 1_700_000_000


def point(secret: bytes) -> bytes:
    return PrivateKey(secret).public_key.encoded


@pytest.fixture
def issuer() -> bytes:
    """Secret key of who makes offers."""
    return ISSUER


@pytest.fixture
def payer() -> bytes:
    """Secret key of who asks for an invoice."""
    return PAYER


@pytest.fixture
def other() -> bytes:
    """Secret key of somebody else."""
    return OTHER


@pytest.fixture
def now() -> int:
    """Seconds since 1970 at which everything is valid."""
    return NOW


@pytest.fixture
def path() -> BlindedPath:
    """Two hops; the last blinded node id is that of ``issuer``."""
    hops = (BlindedPathHop(point(OTHER), b"\x01\x02"), BlindedPathHop(point(ISSUER), b"\x03"))
    return BlindedPath(point(PAYER), point(OTHER), hops)


@pytest.fixture
def payinfo() -> BlindedPayinfo:
    return BlindedPayinfo(1, 2, 3, 4, 5)


@pytest.fixture
def offer() -> Offer:
    return Offer(offer_amount=1000, offer_description="coffee", offer_issuer_id=point(ISSUER))


@pytest.fixture
def request_(offer: Offer) -> InvoiceRequest:
    return request_invoice(offer, PAYER, b"unpredictable")


@pytest.fixture
def standalone() -> InvoiceRequest:
    """A request without an offer: a refund."""
    return InvoiceRequest(
        offer_description="refund", invreq_metadata=b"unpredictable", invreq_amount=500, invreq_payer_id=point(PAYER)
    )


@pytest.fixture
def invoice(request_: InvoiceRequest, path: BlindedPath, payinfo: BlindedPayinfo) -> Invoice:
    return issue_invoice(request_, ISSUER, payment_hash=bytes(32), created_at=NOW, paths=((path, payinfo),))


@pytest.fixture
def altered_request() -> Callable[..., InvoiceRequest]:
    """A request with other fields, signed anew by the payer."""

    def alter(request: InvoiceRequest, **fields: Any) -> InvoiceRequest:
        changed = replace(request, signature=None, **fields)
        return replace(changed, signature=sign("invoice_request", changed.records(), PAYER))

    return alter


@pytest.fixture
def altered_invoice() -> Callable[..., Invoice]:
    """An invoice with other fields, signed anew by the issuer."""

    def alter(invoice: Invoice, **fields: Any) -> Invoice:
        changed = replace(invoice, signature=None, **fields)
        return replace(changed, signature=sign("invoice", changed.records(), ISSUER))

    return alter
