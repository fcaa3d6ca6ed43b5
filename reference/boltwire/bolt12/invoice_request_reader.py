"""The rules for who reads an invoice request (BOLT 12, Requirements for Invoice Requests).

``decode_invoice_request`` applies those that depend on the request alone, ``require_answerable`` those that depend on
the offer, the time, the chains of the node and the way on which the request came.
"""

from collections.abc import Collection

from boltwire.bolt12.errors import Bolt12Ignored, require
from boltwire.bolt12.features import unknown_required
from boltwire.bolt12.invoice_request import MESSAGE_NAME, PREFIX, InvoiceRequest, expected_amount
from boltwire.bolt12.offer import Offer
from boltwire.bolt12.signature import is_signed_by
from boltwire.bolt12.stream import OFFER_RANGES, records_in
from boltwire.bolt12.text import decode_text
from boltwire.chains import BITCOIN_CHAIN_HASH
from boltwire.onion.blinded_path import BlindedPath


def decode_invoice_request(source: str | bytes, *, known_features: Collection[int] = ()) -> InvoiceRequest:
    """The invoice request in a string, or in the TLV stream of an onion message, its signature verified.

    ``known_features`` are the even feature bits that the reader understands. Raises
    :class:`boltwire.errors.Bolt12Error` for a request that must not be answered with an invoice.
    """
    request = InvoiceRequest.decode(decode_text(PREFIX, source) if isinstance(source, str) else source)
    check_invoice_request(request, known_features=known_features)
    return request


def check_invoice_request(request: InvoiceRequest, *, known_features: Collection[int] = ()) -> None:
    """Raise :class:`Bolt12Rejected` for a request that is wrong whatever the offer, time and place.

    Unknown odd feature bits are ignored (B12-invoice-requests-d-03).
    """
    require(request.invreq_payer_id is not None, "B12-invoice-requests-d-01", "is missing", "invreq_payer_id")
    require(request.invreq_metadata is not None, "B12-invoice-requests-d-01", "is missing", "invreq_metadata")
    unknown = unknown_required(request.invreq_features, known_features)
    require(not unknown, "B12-invoice-requests-d-04", f"unknown required features {unknown}", "invreq_features")
    _check_signature(request)
    # AMBIGUOUS: invreq-paths-empty: as for offers, invreq_paths that is set and holds no path leaves the payee without
    # a way to the payer.
    hops = request.invreq_paths != () and all(path.path for path in request.invreq_paths or ())
    require(hops, "B12-invoice-requests-d-06", "a path without hops, or no path", "invreq_paths")
    if request.is_for_offer:
        _check_quantity(request)
        _check_amount(request)
    else:
        _check_standalone(request)
    allowed = request.invreq_bip_353_name is None or request.invreq_bip_353_name.is_allowed()
    require(allowed, "B12-invoice-requests-d-28", "a character outside of the allowed set", "invreq_bip_353_name")


def _check_signature(request: InvoiceRequest) -> None:
    # AMBIGUOUS: request-without-offer-unsigned: a correct signature is asked of every request
    # (B12-invoice-requests-d-05), but the writer of one without offer must not sign (B12-invoice-requests-w-18). So the
    # latter may do without; a signature that is there has to be correct.
    if request.signature is None:
        require(not request.is_for_offer, "B12-invoice-requests-d-05", "is missing", "signature")
        return
    assert request.invreq_payer_id is not None, "checked before"
    signed = is_signed_by(MESSAGE_NAME, request.records(), request.signature, request.invreq_payer_id)
    require(signed, "B12-invoice-requests-d-05", "was not made by invreq_payer_id", "signature")


def _check_quantity(request: InvoiceRequest) -> None:
    limit, quantity = request.offer_quantity_max, request.invreq_quantity
    if limit is None:
        require(quantity is None, "B12-invoice-requests-d-14", "is for a single item", "invreq_quantity")
        return
    require(quantity is not None, "B12-invoice-requests-d-12", "is missing", "invreq_quantity")
    assert quantity is not None, "required above"
    # AMBIGUOUS: quantity-zero: without a limit (offer_quantity_max 0) readers are not told to refuse a quantity of
    # zero, which writers must not send (B12-invoice-requests-w-11); it passes.
    fits = limit == 0 or 0 < quantity <= limit
    require(fits, "B12-invoice-requests-d-13", f"{quantity} is not between 1 and {limit}", "invreq_quantity")


def _check_amount(request: InvoiceRequest) -> None:
    """With a price in the offer's currency this has to wait for :func:`require_answerable`."""
    if request.offer_amount is None:
        require(request.invreq_amount is not None, "B12-invoice-requests-d-19", "is missing", "invreq_amount")
    elif request.offer_currency is None:
        _require_enough(request, expected_amount(request))


def _require_enough(request: InvoiceRequest, expected: int | None) -> None:
    offered = request.invreq_amount
    enough = offered is None or expected is None or offered >= expected
    require(enough, "B12-invoice-requests-d-17", f"{offered} is less than {expected}", "invreq_amount")


def _check_standalone(request: InvoiceRequest) -> None:
    for name in ("offer_chains", "offer_features", "offer_quantity_max"):
        require(getattr(request, name) is None, "B12-invoice-requests-d-21", "is for offers only", name)
    require(request.invreq_amount is not None, "B12-invoice-requests-d-22", "is missing", "invreq_amount")


def require_answerable(
    request: InvoiceRequest,
    *,
    now: int,
    offer: Offer | None = None,
    chains: Collection[bytes] = (BITCOIN_CHAIN_HASH,),
    arrived_over: BlindedPath | None = None,
    item_price_msat: int | None = None,
) -> None:
    """Raise :class:`Bolt12Rejected` if a checked request must not be answered, :class:`Bolt12Ignored` if not at all.

    ``now`` is in seconds since 1970 UTC. ``offer`` is the offer of ours that the request refers to, None if there is
    none (any more). ``arrived_over`` is the path of ours that the onion message took, None if it came straight to the
    node id. ``item_price_msat`` is the price of an item if the offer names a currency.
    """
    if request.is_for_offer:
        _require_offer(request, offer, now)
        _require_path(request, arrived_over)
        _require_enough(request, expected_amount(request, item_price_msat))
        # STRICTER: chain-not-offered: readers are told to look at the chains of the node only; a request for a chain
        # which the offer is not for breaks the writer's rule.
        offered = (BITCOIN_CHAIN_HASH,) if request.offer_chains is None else request.offer_chains
        rule = "B12-invoice-requests-w-04" if request.offer_chains is None else "B12-invoice-requests-w-02"
        require(request.chain in offered, rule, "is not a chain of the offer", "invreq_chain")
    if request.invreq_chain is None:
        require(BITCOIN_CHAIN_HASH in chains, "B12-invoice-requests-d-26", "bitcoin is not supported", "invreq_chain")
    else:
        supported = request.invreq_chain in chains
        require(supported, "B12-invoice-requests-d-27", "is not supported", "invreq_chain")


def _require_offer(request: InvoiceRequest, offer: Offer | None, now: int) -> None:
    """B12-invoice-requests-d-09: valid, not expired, and mirrored in every record."""
    same = offer is not None and records_in(request, OFFER_RANGES) == offer.records()
    require(same, "B12-invoice-requests-d-09", "the offer fields are not those of an offer of ours")
    expiry = request.offer_absolute_expiry
    live = expiry is None or now <= expiry
    require(live, "B12-invoice-requests-d-09", f"expired at {expiry}", "offer_absolute_expiry")


def _require_path(request: InvoiceRequest, arrived_over: BlindedPath | None) -> None:
    if request.offer_paths is not None and arrived_over not in request.offer_paths:
        raise Bolt12Ignored("did not come over a path of the offer", rule="B12-invoice-requests-d-10")
    if request.offer_paths is None and arrived_over is not None:
        raise Bolt12Ignored("came over a path, though the offer has none", rule="B12-invoice-requests-d-11")


def may_repeat_invoice(request: InvoiceRequest, earlier: InvoiceRequest) -> bool:
    """Whether the invoice for ``earlier`` may be the answer to ``request`` as well.

    B12-invoice-requests-d-07; if not, a new one has to be made (B12-invoice-requests-d-08).
    """
    return request.offer_issuer_id is not None and request.invreq_metadata == earlier.invreq_metadata


def invoice_destination(request: InvoiceRequest) -> tuple[BlindedPath, ...] | bytes:
    """Where to send the invoice for a checked request without an offer.

    Any of its paths (B12-invoice-requests-d-24) or the payer's node id (B12-invoice-requests-d-25). For an offer, it
    goes to the reply path of the onion message (B12-invoice-requests-d-20); ValueError in that case.
    """
    if request.is_for_offer:
        raise ValueError("the invoice for an offer goes over the reply path")
    if request.invreq_paths is not None:
        return request.invreq_paths
    assert request.invreq_payer_id is not None, "checked requests have a payer id"
    return request.invreq_payer_id
