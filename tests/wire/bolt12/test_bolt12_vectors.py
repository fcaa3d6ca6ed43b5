"""The vectors of BOLT 12: offers, the format of strings, signatures; one test each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from boltwire.bigsize import encode_bigsize
from boltwire.bolt12 import Bolt12Rejected, Offer, decode_invoice_request, decode_offer, encode_offer
from boltwire.bolt12.features import decode_features
from boltwire.bolt12.merkle import merkle_branch, merkle_leaves, merkle_root, tagged_hash
from boltwire.bolt12.signature import is_signed_by, sign, signature_digest
from boltwire.bolt12.text import decode_text, encode_text
from boltwire.onion.blinded_path import BlindedPath
from boltwire.primitives import ScidDirection
from boltwire.tlv import TlvRecord, decode_tlv_stream

VECTORS = Path(__file__).parents[2] / "vectors"
OFFERS = json.loads((VECTORS / "bolt12_offers.json").read_text())["cases"]
FORMAT = json.loads((VECTORS / "bolt12_format.json").read_text())
SIGNATURES = json.loads((VECTORS / "bolt12_signature.json").read_text())["cases"]
VALID = [case for case in OFFERS if case["valid"]]
INVALID = [case for case in OFFERS if not case["valid"]]

# What a reader meets first in the bytes as they are; several vectors are broken earlier than their name says, and
# unknown_even_78 has the type 72.
REASONS: dict[str, tuple[str, str | None]] = {
    "bad_order": ("TLV type 10 after type 22: types must strictly increase", None),
    "unknown_even_78": ("unknown even type 72", "B01-tlv-r-08"),
    "empty": ("neither offer_issuer_id nor offer_paths", "B12-offers-d-10"),
    "ends_after_type": ("the input ends where a BigSize should start", None),
    "length_truncated": ("a BigSize of 3 bytes is truncated", None),
    "value_missing": ("TLV type 10 announces 2 bytes, 0 are left", None),
    "description_truncated": ("TLV type 10 announces 2 bytes, 1 are left", None),
    "bad_chains_length": ("1 bytes are not a whole number of chain hashes", None),
    "currency_utf8_truncated": ("not a valid UTF-8 string", None),
    "currency_utf8_invalid": ("not a valid UTF-8 string", None),
    "description_utf8_truncated": ("not a valid UTF-8 string", None),
    "description_utf8_invalid": ("not a valid UTF-8 string", None),
    "paths_truncated": ("a sciddir_or_pubkey of 9 bytes is truncated", None),
    "path_zero_hops": ("TLV type 2 after type 16: types must strictly increase", None),
    "path_hop_truncated": ("TLV type 2 after type 16: types must strictly increase", None),
    "path_bad_first_node_id": ("TLV type 3 after type 16: types must strictly increase", None),
    "path_bad_path_key": ("TLV type 2 after type 16: types must strictly increase", None),
    "path_bad_blinded_node_id": ("TLV type 2 after type 16: types must strictly increase", None),
    "issuer_utf8_truncated": ("not a valid UTF-8 string", None),
    "issuer_utf8_invalid": ("not a valid UTF-8 string", None),
    "bad_issuer_id": ("not a point of secp256k1: 02" + "03" * 32, None),
    "type_80": ("type 80 is out of range", "B12-offers-d-01"),
    "type_above_1999999999": ("TLV type 30517 announces 148 bytes, 35 are left", None),
    "unknown_even_1000000002": ("TLV type 15258 announces 202 bytes, 35 are left", None),
    "unknown_feature_122": ("unknown required features [122]", "B12-offers-d-03"),
    "amount_without_description": ("an amount without description", "B12-offers-d-07"),
    "currency_without_amount": ("a currency without amount", "B12-offers-d-09"),
    "zero_amount": ("is zero", "B12-offers-d-08"),
    "zero_amount_with_currency": ("is zero", "B12-offers-d-08"),
    "no_issuer_id_no_paths": ("neither offer_issuer_id nor offer_paths", "B12-offers-d-10"),
    "second_path_zero_hops": ("a path without hops", "B12-offers-d-11"),
    "empty_chains": ("lists no chain", "B12-offers-d-06"),
    "padding_too_long": ("the data are not padded with fewer than five zero bits", "B12-encoding-d-01"),
}

FORMAT_RULES = {"mixed_case": "B12-encoding-d-01", "bad_join": "B12-encoding-d-02"}


def seen(offer: Offer) -> dict[str, Any]:
    """An offer with the keys of the vectors."""
    found: dict[str, Any] = {
        "chains": [chain.hex() for chain in offer.offer_chains or ()],
        "metadata": offer.offer_metadata and offer.offer_metadata.hex(),
        "currency": offer.offer_currency,
        "amount": offer.offer_amount,
        "description": offer.offer_description,
        "feature_bits": sorted(decode_features(offer.offer_features)),
        "absolute_expiry": offer.offer_absolute_expiry,
        "paths": [path_seen(path) for path in offer.offer_paths or ()],
        "issuer": offer.offer_issuer,
        "quantity_max": offer.offer_quantity_max,
        "issuer_id": offer.offer_issuer_id and offer.offer_issuer_id.hex(),
        "unknown": [{"type": record.type, "value": record.value.hex()} for record in offer.unknown],
    }
    return {name: value for name, value in found.items() if value not in (None, [])}


def path_seen(path: BlindedPath) -> dict[str, Any]:
    first = path.first_node_id
    if isinstance(first, ScidDirection):
        node = {"direction": first.direction, "short_channel_id": str(first.short_channel_id)}
    else:
        node = {"node_id": first.hex()}
    hops = [
        {"blinded_node_id": hop.blinded_node_id.hex(), "encrypted_recipient_data": hop.encrypted_recipient_data.hex()}
        for hop in path.path
    ]
    return {"first_node": node, "first_path_key": path.first_path_key.hex(), "hops": hops}


def test_the_vectors_are_all_there() -> None:
    assert (len(VALID), len(INVALID), len(FORMAT["cases"]), len(SIGNATURES)) == (20, 33, 12, 4)
    assert {case["id"] for case in INVALID} == REASONS.keys()


@pytest.mark.parametrize("case", VALID, ids=lambda case: case["id"])
def test_valid_offer_is_read(case: dict[str, Any]) -> None:
    """B12-offers-d-02, B12-encoding-d-01, B12-offers-w-15."""
    offer = decode_offer(case["offer"])
    assert seen(offer) == case["decoded"]
    records = [(record.type, len(record.value), record.value.hex()) for record in offer.records()]
    assert records == [(field["type"], field["length"], field["hex"]) for field in case["fields"]]


@pytest.mark.parametrize("case", VALID, ids=lambda case: case["id"])
def test_valid_offer_is_written_again_bit_for_bit(case: dict[str, Any]) -> None:
    """B12-encoding-w-01, B12-encoding-w-03, B12-offers-w-23, B12-offers-w-25."""
    assert encode_offer(decode_offer(case["offer"])) == case["offer"]


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case["id"])
def test_invalid_offer_is_rejected_for_the_first_reason(case: dict[str, Any]) -> None:
    """B12-offers-d-01, B12-offers-d-03, B12-offers-d-06, B12-offers-d-07, B12-offers-d-08, B12-offers-d-09.

    B12-offers-d-10, B12-offers-d-11.
    """
    with pytest.raises(Bolt12Rejected) as caught:
        decode_offer(case["offer"])
    assert (caught.value.reason, caught.value.rule) == REASONS[case["id"]]


@pytest.mark.parametrize("case", FORMAT["cases"], ids=lambda case: case["id"])
def test_format_of_strings(case: dict[str, Any]) -> None:
    """B12-encoding-d-01, B12-encoding-d-02."""
    if case["valid"]:
        assert decode_text(FORMAT["prefix"], case["string"]).hex() == FORMAT["decoded_tlv_hex"]
        return
    with pytest.raises(Bolt12Rejected) as caught:
        decode_text(FORMAT["prefix"], case["string"])
    assert caught.value.rule == FORMAT_RULES[case["error"]]


@pytest.mark.parametrize("case", SIGNATURES, ids=lambda case: case["id"])
def test_merkle_tree(case: dict[str, Any]) -> None:
    """B12-invoice-requests-d-05: every leaf, branch and the root."""
    records = decode_tlv_stream(bytes.fromhex("".join(leaf["record"] for leaf in case["leaves"])))
    for record, leaf in zip(records, case["leaves"], strict=True):
        assert tagged_hash(b"LnLeaf", bytes.fromhex(leaf["record"])).hex() == leaf["leaf_hash"]
        nonce = tagged_hash(b"LnNonce" + bytes.fromhex(case["first_record"]), encode_bigsize(record.type))
        assert nonce.hex() == leaf["nonce_hash"]
    assert [leaf.hex() for leaf in merkle_leaves(records)] == [leaf["leaf_nonce_hash"] for leaf in case["leaves"]]
    for branch in case["branches"]:
        assert merkle_branch(bytes.fromhex(branch["left"]), bytes.fromhex(branch["right"])).hex() == branch["hash"]
    assert merkle_root([*records, TlvRecord(240, bytes(64)), TlvRecord(1000, b"")]).hex() == case["merkle_root"]


def test_signed_invoice_request() -> None:
    """B12-invoice-requests-w-05, B12-invoice-requests-d-05."""
    case = SIGNATURES[-1]
    request = decode_invoice_request(case["string"])
    assert encode_text("lnr", request.encode()) == case["string"]
    assert (request.invreq_payer_id or b"").hex() == case["signing_pubkey"]
    assert (request.signature or b"").hex() == case["signature"]
    assert signature_digest("invoice_request", request.records()).hex() == case["signature_digest"]
    assert sign("invoice_request", request.records(), bytes.fromhex(case["signing_privkey"])).hex() == case["signature"]
    assert not is_signed_by(
        "invoice", request.records(), bytes.fromhex(case["signature"]), bytes.fromhex(case["signing_pubkey"])
    )
