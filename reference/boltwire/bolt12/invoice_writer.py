"""The rules for who writes an invoice (BOLT 12, Invoices).

The payee keeps the preimage of the payment hash and the keys of the paths; bytes cannot show that.
"""

from dataclasses import fields, replace
from typing import Any

from boltwire.bolt12.errors import insist
from boltwire.bolt12.features import Mpp, encode_features, mpp_bits
from boltwire.bolt12.invoice import DEFAULT_RELATIVE_EXPIRY, MESSAGE_NAME, PREFIX, Invoice
from boltwire.bolt12.invoice_request import (
    InvoiceRequest,
    InvoiceRequestFields,
    expected_amount,
    mirrored_records,
)
from boltwire.bolt12.merkle import SIGNATURE_TYPES
from boltwire.bolt12.signature import sign
from boltwire.bolt12.stream import INVREQ_RANGES, is_in
from boltwire.bolt12.subtypes import BlindedPayinfo, FallbackAddress
from boltwire.bolt12.text import encode_text
from boltwire.chains import BITCOIN_CHAIN_HASH
from boltwire.onion.blinded_path import BlindedPath
from boltwire.secp256k1 import PrivateKey


def issue_invoice(
    request: InvoiceRequest,
    private_key: bytes,
    *,
    payment_hash: bytes,
    created_at: int,
    paths: tuple[tuple[BlindedPath, BlindedPayinfo], ...],
    expiry: int = DEFAULT_RELATIVE_EXPIRY,
    mpp: Mpp = Mpp.FORBIDDEN,
    fallbacks: tuple[FallbackAddress, ...] | None = None,
    item_price_msat: int | None = None,
    asked: bytes | None = None,
) -> Invoice:
    """The signed answer to ``request``.

    ``private_key`` (32 bytes) is that of ``invoice_node_id``: the offer's issuer id, or else of ``asked``, the last
    ``blinded_node_id`` of the offer's path that the request came over, or without an offer any key. ``paths`` go by
    descending preference (B12-invoices-w-18), as do ``fallbacks`` (B12-invoices-w-15). ``expiry`` is in seconds from
    ``created_at``, itself in seconds since 1970 UTC. ``item_price_msat`` is the converted price of an item where the
    offer names a currency. Raises :class:`Bolt12Refused` for what must not be sent.
    """
    invoice = Invoice(
        **mirrored_fields(request),
        invoice_paths=tuple(path for path, _ in paths),
        invoice_blindedpay=tuple(payinfo for _, payinfo in paths),
        invoice_created_at=created_at,
        invoice_relative_expiry=None if expiry == DEFAULT_RELATIVE_EXPIRY else expiry,  # B12-invoices-w-13
        invoice_payment_hash=payment_hash,
        invoice_amount=amount_due(request, item_price_msat),
        invoice_fallbacks=fallbacks,
        invoice_features=encode_features(mpp_bits(mpp)),
        invoice_node_id=PrivateKey(private_key).public_key.encoded,
    )
    signed = replace(invoice, signature=sign(MESSAGE_NAME, invoice.records(), private_key))
    require_writable_invoice(signed, request, asked=asked, item_price_msat=item_price_msat)
    return signed


def mirrored_fields(request: InvoiceRequest) -> dict[str, Any]:
    """The fields of a request by name to build an invoice from; unknown signatures are left out."""
    mirrored = {field.name: getattr(request, field.name) for field in fields(InvoiceRequestFields)}
    return mirrored | {"unknown": tuple(record for record in request.unknown if is_in(record.type, INVREQ_RANGES))}


def amount_due(request: InvoiceRequest, item_price_msat: int | None = None) -> int | None:
    """The amount that an invoice has to ask for: what the request says, else what is expected."""
    if request.invreq_amount is not None:
        return request.invreq_amount
    return expected_amount(request, item_price_msat)


def require_writable_invoice(
    invoice: Invoice, request: InvoiceRequest, *, asked: bytes | None = None, item_price_msat: int | None = None
) -> None:
    """Raise :class:`Bolt12Refused` for an invoice that must not be sent in response to ``request``."""
    created = invoice.invoice_created_at
    insist(created is not None and created >= 0, "B12-invoices-w-01", "no creation time")
    insist(invoice.invoice_amount is not None, "B12-invoices-w-02", "no amount")
    mirrored = mirrored_records(invoice) == mirrored_records(request)
    insist(mirrored, "B12-invoices-w-03", "the mirrored fields differ from those of the request")
    due = amount_due(request, item_price_msat)
    rule = "B12-invoices-w-05" if request.invreq_amount is None else "B12-invoices-w-04"
    insist(invoice.invoice_amount == due, rule, f"the amount is {invoice.invoice_amount}, not {due}")
    insist(invoice.invoice_payment_hash is not None, "B12-invoices-w-06", "no payment hash")
    _insist_node_id(invoice, request, asked)
    further = any(record.type in SIGNATURE_TYPES for record in invoice.unknown)
    insist(invoice.signature is not None and not further, "B12-invoices-w-09", "not exactly one signature")
    _insist_paths(invoice)
    _insist_fallbacks(invoice)


def _insist_node_id(invoice: Invoice, request: InvoiceRequest, asked: bytes | None) -> None:
    if request.offer_issuer_id is not None:
        same = invoice.invoice_node_id == request.offer_issuer_id
        insist(same, "B12-invoices-w-07", "the node id is not the offer's issuer id")
    elif request.offer_paths is not None:
        same = invoice.invoice_node_id == asked
        insist(same, "B12-invoices-w-08", "the node id is not the last one of the path")


def _insist_paths(invoice: Invoice) -> None:
    paths, payinfos = invoice.invoice_paths or (), invoice.invoice_blindedpay or ()
    usable = bool(paths) and all(path.path for path in paths)
    insist(usable, "B12-invoices-w-17", "no path, or one without hops")
    insist(len(paths) == len(payinfos), "B12-invoices-w-19", f"{len(payinfos)} payinfos for {len(paths)} paths")


def _insist_fallbacks(invoice: Invoice) -> None:
    for fallback in invoice.invoice_fallbacks or ():
        fault = fallback.fault() if invoice.chain == BITCOIN_CHAIN_HASH else None
        insist(fault is None, "B12-invoices-w-16", f"a fallback address: {fault}")


def encode_invoice(invoice: Invoice) -> str:
    """``invoice``, already signed, as lower-case text; :class:`Bolt12Refused` without a signature."""
    insist(invoice.signature is not None, "B12-invoices-w-09", "no signature")
    return encode_text(PREFIX, invoice.encode())
