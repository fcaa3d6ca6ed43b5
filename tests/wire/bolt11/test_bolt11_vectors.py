"""The examples of BOLT 11, valid and invalid, one test each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from boltwire.bech32 import split_bech32
from boltwire.bolt11 import Bolt11Rejected, Invoice, decode, encode
from boltwire.bolt11.fallback import Fallback
from boltwire.bolt11.reader import SIGNATURE_WORDS
from boltwire.bolt11.route_hint import RouteHop
from boltwire.bolt11.signature import signature_digest

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "bolt11_invoices.json").read_text())
KEY = bytes.fromhex(VECTORS["signing_privkey"])
OWN_FEATURES = (99,)
"""A bit in some examples that BOLT 9 does not define."""

# The examples list it as valid; since then, readers have to refuse p, h, s and n of another length.
OUTDATED = "ignored_fields"
VALID = [case for case in VECTORS["valid"] if case["id"] != OUTDATED]

REASONS = {
    "unknown_even_feature": ("unknown required feature 100", "B11-tagged-fields-d-05"),
    "bad_checksum": ("the checksum is wrong", "B11-encoding-d-02"),
    "no_separator": ("no separator '1'", "B11-encoding-d-01"),
    "mixed_case": ("upper and lower case are mixed", "B11-encoding-d-01"),
    "signature_not_recoverable": ("no key can have made the signature", "B11-data-part-d-01"),
    "too_short": ("103 characters of data are too few for timestamp and signature", None),
    "bad_multiplier": ("'2500x' is not a number with one of m, u, n, p", "B11-hrp-d-03"),
    "sub_msat_amount": ("the amount '2500000001p' is not a whole number of millisatoshi", "B11-hrp-d-05"),
    "missing_payment_secret": ("no payment secret", "B11-tagged-fields-d-11"),
    "high_s_with_node_id": ("the signature's S is high, though the payee is named", "B11-tagged-fields-d-09"),
}


def seen(invoice: Invoice) -> dict[str, Any]:
    """An invoice with the keys of the vectors."""
    found: dict[str, Any] = {
        "prefix": invoice.currency.prefix,
        "amount_msat": invoice.amount_msat,
        "timestamp": invoice.timestamp,
        "payment_secret": invoice.payment_secret.hex(),
        "payment_hash": invoice.payment_hash.hex(),
        "description": invoice.description,
        "description_hash": invoice.description_hash and invoice.description_hash.hex(),
        "expiry": invoice.expiry,
        "min_final_cltv_expiry_delta": invoice.min_final_cltv_expiry_delta,
        "payment_metadata": invoice.payment_metadata and invoice.payment_metadata.hex(),
        "fallbacks": [fallback_seen(one, invoice) for one in invoice.fallbacks],
        "routes": [[hop_seen(hop) for hop in route] for route in invoice.routes],
        "feature_bits": sorted(invoice.features),
        "field_order": invoice.field_order,
        "signature": (invoice.signature or b"")[:64].hex(),
        "recovery_id": (invoice.signature or b"")[64],
        "payee": (invoice.payee or b"").hex(),
    }
    return {name: value for name, value in found.items() if value not in (None, [])}


def fallback_seen(fallback: Fallback, invoice: Invoice) -> dict[str, Any]:
    address = fallback.address(invoice.currency)
    return {"version": fallback.version, "program": fallback.program.hex(), "address": address}


def hop_seen(hop: RouteHop) -> dict[str, Any]:
    return {
        "pubkey": hop.pubkey.hex(),
        "short_channel_id": str(hop.short_channel_id),
        "fee_base_msat": hop.fee_base_msat,
        "fee_proportional_millionths": hop.fee_proportional_millionths,
        "cltv_expiry_delta": hop.cltv_expiry_delta,
    }


def expected(case: dict[str, Any]) -> dict[str, Any]:
    decoded = {name: value for name, value in case["decoded"].items() if value is not None}
    for name in ("amount", "signing_data", "sighash", "description_hash_preimage"):
        decoded.pop(name, None)
    for fallback in decoded.get("fallbacks", ()):
        fallback.pop("type", None)
    return decoded


def test_the_vectors_are_all_there() -> None:
    assert (len(VECTORS["valid"]), len(VECTORS["invalid"])) == (16, 10)
    assert {case["id"] for case in VECTORS["invalid"]} == REASONS.keys()


@pytest.mark.parametrize("case", VALID, ids=lambda case: case["id"])
def test_valid_invoice_is_read(case: dict[str, Any]) -> None:
    """B11-encoding-d-01, B11-hrp-d-04, B11-data-part-d-01, B11-tagged-fields-d-04, B11-tagged-fields-d-10."""
    assert seen(decode(case["invoice"])) == expected(case)


@pytest.mark.parametrize("case", VALID, ids=lambda case: case["id"])
def test_valid_invoice_is_signed_over_the_listed_data(case: dict[str, Any]) -> None:
    """B11-data-part-w-02, B11-tagged-fields-w-23."""
    human_readable, words = split_bech32(case["invoice"])
    signed = words[: -SIGNATURE_WORDS - 6]
    assert signature_digest(human_readable, signed).hex() == case["decoded"]["sighash"]


@pytest.mark.parametrize("case", VALID, ids=lambda case: case["id"])
def test_valid_invoice_is_written_again_bit_for_bit(case: dict[str, Any]) -> None:
    """B11-encoding-w-01, B11-encoding-w-03, B11-data-part-w-01, B11-data-part-w-02, B11-hrp-w-05.

    The signature is part of it: RFC 6979 makes it a function of key and data. One example has the high-S twin instead.
    """
    text = encode(decode(case["invoice"]), KEY, own_features=OWN_FEATURES)
    if case["id"] == "high_s_recovery":
        assert text == next(twin["invoice"] for twin in VALID if twin["id"] == "any_amount")
    else:
        assert text == case["invoice"].lower()


def test_invoice_with_fixed_fields_of_wrong_length_is_not_ignored_any_more() -> None:
    """B11-tagged-fields-d-02."""
    case = next(case for case in VECTORS["valid"] if case["id"] == OUTDATED)
    with pytest.raises(Bolt11Rejected, match="p: 51 words of data, not 52") as caught:
        decode(case["invoice"])
    assert caught.value.rule == "B11-tagged-fields-d-02"


@pytest.mark.parametrize("case", VECTORS["invalid"], ids=lambda case: case["id"])
def test_invalid_invoice_is_rejected_for_the_listed_reason(case: dict[str, Any]) -> None:
    """B11-encoding-d-01, B11-encoding-d-02, B11-hrp-d-03, B11-hrp-d-05, B11-tagged-fields-d-05.

    B11-tagged-fields-d-09, B11-tagged-fields-d-11, B11-data-part-d-01.
    """
    with pytest.raises(Bolt11Rejected) as caught:
        decode(case["invoice"])
    assert (caught.value.reason, caught.value.rule) == REASONS[case["id"]]


@pytest.mark.parametrize(
    "case", [case for case in VALID if "description_hash" in case["decoded"]], ids=lambda c: c["id"]
)
def test_hashed_description_is_recognized(case: dict[str, Any]) -> None:
    """B11-tagged-fields-d-07."""
    invoice = decode(case["invoice"])
    cake = (
        "One piece of chocolate cake, one icecream cone, one pickle, one slice of swiss cheese, one slice of salami, "
    )
    cake += "one lollypop, one piece of cherry pie, one sausage, one cupcake, and one slice of watermelon"
    assert invoice.describes(cake)
    assert not invoice.describes(cake + ".")
