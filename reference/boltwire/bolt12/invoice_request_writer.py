"""The rules for who writes an invoice request (BOLT 12, Requirements for Invoice Requests).

The payer keeps the secret key of ``invreq_payer_id``, a fresh one for each request, and draws ``invreq_metadata`` at
random; bytes cannot show that.
"""

from collections.abc import Collection
from dataclasses import fields, replace
from typing import Any, Final

from boltwire.bolt12.chain import invreq_chain
from boltwire.bolt12.errors import insist
from boltwire.bolt12.features import encode_features
from boltwire.bolt12.invoice_request import (
    MESSAGE_NAME,
    PREFIX,
    InvoiceRequest,
    expected_amount,
)
from boltwire.bolt12.offer import Offer, OfferFields, check_reachable
from boltwire.bolt12.signature import sign
from boltwire.bolt12.stream import INVREQ_RANGES, OFFER_RANGES, is_in, records_in
from boltwire.bolt12.subtypes import Bip353Name
from boltwire.bolt12.text import encode_text
from boltwire.chains import BITCOIN_CHAIN_HASH
from boltwire.secp256k1 import PrivateKey

FORBIDDEN_STANDALONE: Final = (
    "signature",
    "offer_metadata",
    "offer_chains",
    "offer_amount",
    "offer_currency",
    "offer_features",
    "offer_quantity_max",
    "offer_paths",
    "offer_issuer_id",
)
"""Fields that a request without offer must not have (B12-invoice-requests-w-18)."""


def request_invoice(
    offer: Offer,
    private_key: bytes,
    metadata: bytes,
    *,
    chain: bytes = BITCOIN_CHAIN_HASH,
    amount_msat: int | None = None,
    quantity: int | None = None,
    payer_note: str | None = None,
    features: Collection[int] = (),
    bip_353_name: Bip353Name | None = None,
    item_price_msat: int | None = None,
) -> InvoiceRequest:
    """The signed answer to ``offer``, which mirrors all of its fields (B12-invoice-requests-w-01).

    ``private_key`` (32 bytes) is that of the payer id, ``features`` are feature bits (B12-invoice-requests-w-24),
    ``item_price_msat`` is the converted price of an item where the offer names a currency. Raises
    :class:`Bolt12Refused` for what must not be sent.
    """
    request = InvoiceRequest(
        **mirrored_fields(offer),
        invreq_metadata=metadata,
        invreq_chain=invreq_chain(chain),
        invreq_amount=amount_msat,
        invreq_features=encode_features(features),
        invreq_quantity=quantity,
        invreq_payer_id=PrivateKey(private_key).public_key.encoded,
        invreq_payer_note=payer_note,
        invreq_bip_353_name=bip_353_name,
    )
    signed = replace(request, signature=sign(MESSAGE_NAME, request.records(), private_key))
    require_writable_response(signed, offer, item_price_msat=item_price_msat)
    return signed


def mirrored_fields(offer: OfferFields) -> dict[str, Any]:
    """The fields of an offer by name, unknown records included, to build a request from."""
    return {field.name: getattr(offer, field.name) for field in fields(OfferFields)}


def require_writable_response(request: InvoiceRequest, offer: Offer, *, item_price_msat: int | None = None) -> None:
    """Raise :class:`Bolt12Refused` for a request that must not be sent in response to ``offer``."""
    mirrored = records_in(request, OFFER_RANGES) == offer.records()
    insist(mirrored, "B12-invoice-requests-w-01", "the offer fields differ from those of the offer")
    if offer.offer_chains is None:
        insist(request.chain == BITCOIN_CHAIN_HASH, "B12-invoice-requests-w-04", "the offer is for bitcoin only")
    else:
        offered = request.chain in offer.offer_chains
        insist(offered, "B12-invoice-requests-w-02", "the offer is not for this chain")
    insist(request.signature is not None, "B12-invoice-requests-w-05", "no signature")
    _insist_amount(request, item_price_msat)
    _insist_quantity(request)
    _insist_ranges_and_metadata(request)


def _insist_amount(request: InvoiceRequest, item_price_msat: int | None) -> None:
    amount = request.invreq_amount
    insist(
        amount is not None or request.offer_amount is not None,
        "B12-invoice-requests-w-06",
        "no amount, neither in the offer nor in the request",
    )
    if amount is not None and request.offer_amount is not None:
        expected = expected_amount(request, item_price_msat)
        enough = expected is None or amount >= expected
        insist(enough, "B12-invoice-requests-w-08", f"{amount} is less than the expected {expected}")


def _insist_quantity(request: InvoiceRequest) -> None:
    limit, quantity = request.offer_quantity_max, request.invreq_quantity
    if limit is None:
        insist(quantity is None, "B12-invoice-requests-w-13", "a quantity, but the offer is for a single item")
        return
    insist(bool(quantity), "B12-invoice-requests-w-11", "no quantity, or zero")
    fits = limit == 0 or quantity is None or quantity <= limit
    insist(fits, "B12-invoice-requests-w-12", f"the quantity {quantity} exceeds {limit}")


def _insist_ranges_and_metadata(request: InvoiceRequest) -> None:
    for record in request.unknown:
        inside = is_in(record.type, INVREQ_RANGES)
        insist(inside, "B12-invoice-requests-w-21", f"type {record.type} is not one of invoice requests")
    insist(bool(request.invreq_metadata), "B12-invoice-requests-w-22", "no metadata")
    name = request.invreq_bip_353_name
    insist(name is None or name.is_allowed(), "B12-invoice-requests-w-25", "a character that BIP 353 names lack")


def encode_invoice_request(request: InvoiceRequest, *, has_public_channel: bool = True) -> str:
    """A request without an offer as lower-case text; :class:`Bolt12Refused` for one that must not be issued.

    ``has_public_channel`` tells whether the payee can find the payer's node by itself.
    """
    described = request.offer_description is not None
    insist(described, "B12-invoice-requests-w-14", "no description")
    identified = request.invreq_payer_id is not None
    insist(identified, "B12-invoice-requests-w-16", "no payer id")
    # B12-invoice-requests-w-17: the rules for an offer's paths
    check_reachable(request.invreq_paths, has_public_channel)
    for name in FORBIDDEN_STANDALONE:
        absent = getattr(request, name) is None
        insist(absent, "B12-invoice-requests-w-18", f"{name} does not belong into a request without offer")
    insist(request.invreq_amount is not None, "B12-invoice-requests-w-20", "no amount")
    _insist_ranges_and_metadata(request)
    return encode_text(PREFIX, request.encode())
