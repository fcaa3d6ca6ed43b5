"""The rules for who reads an invoice (BOLT 12, Invoices).

``decode_invoice`` applies those that depend on the invoice alone, ``require_payable`` those that depend on the request,
the time, the chains of the node and the way on which the invoice came.
"""

from collections.abc import Collection

from boltwire.bolt12.errors import require
from boltwire.bolt12.features import INVOICE_FEATURES, unknown_required
from boltwire.bolt12.invoice import MESSAGE_NAME, PREFIX, Invoice
from boltwire.bolt12.invoice_request import InvoiceRequest, mirrored_records
from boltwire.bolt12.signature import is_signed_by
from boltwire.bolt12.text import decode_text
from boltwire.chains import BITCOIN_CHAIN_HASH
from boltwire.onion.blinded_path import BlindedPath


def decode_invoice(
    source: str | bytes,
    *,
    known_features: Collection[int] = INVOICE_FEATURES,
    known_path_features: Collection[int] = (),
) -> Invoice:
    """The invoice in a string, or in the TLV stream of an onion message, its signature verified.

    ``known_features`` and ``known_path_features`` are the even feature bits that the payer understands in invoices and
    in payinfos. Raises :class:`boltwire.errors.Bolt12Error` for an invoice that must not be paid.
    """
    invoice = Invoice.decode(decode_text(PREFIX, source) if isinstance(source, str) else source)
    check_invoice(invoice, known_features=known_features, known_path_features=known_path_features)
    return invoice


def check_invoice(
    invoice: Invoice,
    *,
    known_features: Collection[int] = INVOICE_FEATURES,
    known_path_features: Collection[int] = (),
) -> None:
    """Raise :class:`Bolt12Rejected` for an invoice that is wrong whatever the request, time and place.

    Unknown odd feature bits are ignored (B12-invoices-d-07).
    """
    require(invoice.invoice_amount is not None, "B12-invoices-d-01", "is missing", "invoice_amount")
    require(invoice.invoice_created_at is not None, "B12-invoices-d-02", "is missing", "invoice_created_at")
    require(invoice.invoice_payment_hash is not None, "B12-invoices-d-03", "is missing", "invoice_payment_hash")
    require(invoice.invoice_node_id is not None, "B12-invoices-d-04", "is missing", "invoice_node_id")
    unknown = unknown_required(invoice.invoice_features, known_features)
    require(not unknown, "B12-invoices-d-08", f"unknown required features {unknown}", "invoice_features")
    _check_paths(invoice, known_path_features)
    _check_node_id(invoice)
    _check_signature(invoice)
    expected = invoice.invreq_amount
    exact = expected is None or invoice.invoice_amount == expected
    require(exact, "B12-invoices-d-26", f"{invoice.invoice_amount} is not the requested {expected}", "invoice_amount")


def _check_paths(invoice: Invoice, known_features: Collection[int]) -> None:
    paths, payinfos = invoice.invoice_paths, invoice.invoice_blindedpay
    require(bool(paths), "B12-invoices-d-11", "is missing or holds no path", "invoice_paths")
    hops = all(path.path for path in paths or ())
    require(hops, "B12-invoices-d-12", "a path without hops", "invoice_paths")
    require(payinfos is not None, "B12-invoices-d-13", "is missing", "invoice_blindedpay")
    counts = len(paths or ()), len(payinfos or ())
    require(counts[0] == counts[1], "B12-invoices-d-14", f"{counts[1]} for {counts[0]} paths", "invoice_blindedpay")
    usable = invoice.usable_paths(known_features)
    require(bool(usable), "B12-invoices-d-16", "all paths need unknown features", "invoice_blindedpay")


def _check_node_id(invoice: Invoice) -> None:
    """Without ``offer_issuer_id`` it takes the request to know whose key this is, see :func:`require_payable`."""
    issuer_id = invoice.offer_issuer_id
    same = issuer_id is None or invoice.invoice_node_id == issuer_id
    require(same, "B12-invoices-d-18", "is not offer_issuer_id", "invoice_node_id")


def _check_signature(invoice: Invoice) -> None:
    signature, key = invoice.signature, invoice.invoice_node_id
    require(signature is not None, "B12-invoices-d-21", "is missing", "signature")
    assert signature is not None, "required above"
    assert key is not None, "checked before"
    signed = is_signed_by(MESSAGE_NAME, invoice.records(), signature, key)
    require(signed, "B12-invoices-d-21", "was not made by invoice_node_id", "signature")


def require_payable(
    invoice: Invoice,
    request: InvoiceRequest,
    *,
    now: int,
    chains: Collection[bytes] = (BITCOIN_CHAIN_HASH,),
    asked: bytes | None = None,
    arrived_over: BlindedPath | None = None,
    reply_path: BlindedPath | None = None,
) -> None:
    """Raise :class:`Bolt12Rejected` if a checked invoice must not be paid as the answer to ``request``.

    ``now`` is in seconds since 1970 UTC. ``asked`` is the last ``blinded_node_id`` (33 bytes) of the offer's path that
    the request was sent over, None if it was sent to a node id. ``arrived_over`` is the path of ours that the onion
    message took, None if it came straight to the node id; ``reply_path`` is the one that went with the request.
    """
    if invoice.invreq_chain is None:
        supported = BITCOIN_CHAIN_HASH in chains
        require(supported, "B12-invoices-d-05", "bitcoin is not supported", "invreq_chain")
    else:
        require(invoice.invreq_chain in chains, "B12-invoices-d-06", "is not supported", "invreq_chain")
    rule = "B12-invoices-d-10" if invoice.invoice_relative_expiry is None else "B12-invoices-d-09"
    require(now <= invoice.expires_at, rule, f"expired at {invoice.expires_at}", "invoice_relative_expiry")
    same = mirrored_records(invoice) == mirrored_records(request)
    require(same, "B12-invoices-d-17", "the mirrored fields are not those of the request")
    if request.offer_issuer_id is None and request.offer_paths is not None:
        require(invoice.invoice_node_id == asked, "B12-invoices-d-19", "is not the node asked", "invoice_node_id")
    _require_arrival(invoice, arrived_over, reply_path)


def _require_arrival(invoice: Invoice, arrived_over: BlindedPath | None, reply_path: BlindedPath | None) -> None:
    if invoice.invreq_paths is not None:
        ours = arrived_over in invoice.invreq_paths
        require(ours, "B12-invoices-d-31", "did not come over one of the paths", "invreq_paths")
    elif not invoice.is_for_offer:
        require(arrived_over is None, "B12-invoices-d-32", "came over a path, though the request has none")
    else:
        replied = arrived_over is not None and arrived_over == reply_path
        require(replied, "B12-invoices-d-33", "did not come over the reply path")
