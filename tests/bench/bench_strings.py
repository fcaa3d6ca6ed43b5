"""How fast invoices and offers are read and written, signatures included.

A runner calls each ``callable`` repeatedly on one core; ``units_per_call`` of ``unit`` are done by each call.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from boltwire.bolt11 import decode, encode
from boltwire.bolt12 import (
    BlindedPayinfo,
    decode_invoice,
    decode_invoice_request,
    decode_offer,
    encode_offer,
    issue_invoice,
    request_invoice,
)
from boltwire.secp256k1 import PrivateKey

VECTORS = Path(__file__).parents[1] / "vectors"
_BOLT11 = json.loads((VECTORS / "bolt11_invoices.json").read_text())
_KEY = bytes.fromhex(_BOLT11["signing_privkey"])
_OWN_FEATURES = (99,)
_TEXTS = [case["invoice"] for case in _BOLT11["valid"] if case["id"] != "ignored_fields"]
_INVOICES = [decode(text) for text in _TEXTS]
_OFFER_CASES = json.loads((VECTORS / "bolt12_offers.json").read_text())["cases"]
_OFFER_TEXTS = [case["offer"] for case in _OFFER_CASES if case["valid"]]
_OFFERS = [decode_offer(text) for text in _OFFER_TEXTS]
_PATH = next(offer.offer_paths for offer in _OFFERS if offer.offer_paths)[0]
_REQUEST = decode_invoice_request(json.loads((VECTORS / "bolt12_signature.json").read_text())["cases"][-1]["string"])
_ISSUER_KEY = b"\x41" * 32
_ASKED = PrivateKey(_ISSUER_KEY).public_key.encoded
_PAYINFO = BlindedPayinfo(1, 2, 3, 4, 5)
_ANONYMOUS_OFFER = next(offer for offer in _OFFERS if offer.offer_paths and offer.offer_issuer_id is None)
_OWN_REQUEST = request_invoice(_ANONYMOUS_OFFER, _KEY, b"unpredictable", amount_msat=1)


def write_bolt12_invoice() -> bytes:
    """Build, sign and write an invoice with one path."""
    invoice = issue_invoice(
        _OWN_REQUEST,
        _ISSUER_KEY,
        payment_hash=bytes(32),
        created_at=1,
        paths=((_PATH, _PAYINFO),),
        asked=_ASKED,
    )
    return invoice.encode()


_INVOICE_BYTES = write_bolt12_invoice()
_REQUEST_BYTES = _REQUEST.encode()


def read_bolt11() -> None:
    """Read the valid examples of BOLT 11, and recover the payee of each."""
    for text in _TEXTS:
        decode(text)


def write_bolt11() -> None:
    """Sign and write the same invoices."""
    for invoice in _INVOICES:
        encode(invoice, _KEY, own_features=_OWN_FEATURES)


def read_offers() -> None:
    """Read the valid offers of BOLT 12's vectors."""
    for text in _OFFER_TEXTS:
        decode_offer(text)


def write_offers() -> None:
    """Write the same offers."""
    for offer in _OFFERS:
        encode_offer(offer)


def read_request() -> None:
    """Read an invoice request of seven records and verify its signature."""
    decode_invoice_request(_REQUEST_BYTES)


def read_bolt12_invoice() -> None:
    """Read an invoice with one path and verify its signature."""
    decode_invoice(_INVOICE_BYTES)


BENCHES: list[tuple[str, Callable[[], object], int, str, float | None]] = [
    ("BOLT 11 decode and verify", read_bolt11, len(_TEXTS), "invoices", 3000.0),
    ("BOLT 11 sign and encode", write_bolt11, len(_INVOICES), "invoices", None),
    ("BOLT 12 decode offer", read_offers, len(_OFFER_TEXTS), "offers", None),
    ("BOLT 12 encode offer", write_offers, len(_OFFERS), "offers", None),
    ("BOLT 12 decode and verify request", read_request, 1, "requests", None),
    ("BOLT 12 decode and verify invoice", read_bolt12_invoice, 1, "invoices", None),
    ("BOLT 12 sign and encode invoice", write_bolt12_invoice, 1, "invoices", None),
]
"""Name, what to call, units per call, the unit, and the least units per second on one core (None: no target)."""
