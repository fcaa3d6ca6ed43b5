"""Invoice requests as values: asking the issuer of an offer for an invoice, or offering money without an offer.

In text form, which only requests without an offer need, they start with ``lnr1``. The rules of who reads one are in
:mod:`boltwire.bolt12.invoice_request_reader`, those of who writes one in :mod:`.invoice_request_writer`.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from boltwire.bolt12 import field as f
from boltwire.bolt12.field import HASH_SIZE
from boltwire.bolt12.offer import OFFER_FIELDS, OfferFields
from boltwire.bolt12.signature import SIGNATURE_SIZE
from boltwire.bolt12.stream import INVREQ_RANGES, is_in
from boltwire.bolt12.subtypes import Bip353Name
from boltwire.chains import BITCOIN_CHAIN_HASH
from boltwire.onion.blinded_path import BlindedPath
from boltwire.tlv import TlvRecord

PREFIX: Final = "lnr"
"""Human-readable prefix of invoice requests."""

MESSAGE_NAME: Final = "invoice_request"
"""Name of the TLV stream, which enters its signature."""

SIGNATURE_FIELD: Final = f.exactly(240, "signature", SIGNATURE_SIZE)
"""The signature of invoice requests and of invoices."""

INVREQ_FIELDS: Final = (
    f.any_bytes(0, "invreq_metadata"),
    *OFFER_FIELDS,
    f.exactly(80, "invreq_chain", HASH_SIZE),
    f.truncated(82, "invreq_amount"),
    f.any_bytes(84, "invreq_features"),
    f.truncated(86, "invreq_quantity"),
    f.point(88, "invreq_payer_id"),
    f.utf8(89, "invreq_payer_note"),
    f.paths(90, "invreq_paths"),
    f.bip353_name(91, "invreq_bip_353_name"),
)
"""The fields of invoice requests without the signature, which invoices mirror."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRequestFields(OfferFields):
    """The fields that start in an offer or in an invoice request; None is an absent field."""

    invreq_metadata: bytes | None = None
    """Unpredictable bytes of the payer."""
    invreq_chain: bytes | None = None
    """Chain to pay on, 32 bytes; Bitcoin if absent."""
    invreq_amount: int | None = None
    """What the payer is going to pay, in millisatoshi or the chain's like."""
    invreq_features: bytes | None = None
    """Feature bits, big-endian."""
    invreq_quantity: int | None = None
    """Number of items."""
    invreq_payer_id: bytes | None = None
    """Key of the payer, 33 bytes, for this request only."""
    invreq_payer_note: str | None = None
    """What the payer wants to say."""
    invreq_paths: tuple[BlindedPath, ...] | None = None
    """Ways to the payer, for a request without offer."""
    invreq_bip_353_name: Bip353Name | None = None
    """The name that the offer was found under."""

    @property
    def is_for_offer(self) -> bool:
        """Whether this goes back to an offer: it names the offer's issuer or paths."""
        return self.offer_issuer_id is not None or self.offer_paths is not None

    @property
    def chain(self) -> bytes:
        """The chain to pay on."""
        return BITCOIN_CHAIN_HASH if self.invreq_chain is None else self.invreq_chain


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRequest(InvoiceRequestFields):
    """A request for an invoice."""

    FIELDS: ClassVar = (*INVREQ_FIELDS, SIGNATURE_FIELD)
    RANGES: ClassVar = (*INVREQ_RANGES, range(240, 1001))
    RANGE_RULE: ClassVar = "B12-invoice-requests-d-02"

    signature: bytes | None = None
    """By ``invreq_payer_id``, 64 bytes; None on requests without offer, and before signing."""


def mirrored_records(message: InvoiceRequestFields) -> list[TlvRecord]:
    """The records that a request and its invoice have in common, unknown ones included (B12-invoices-d-17)."""
    return [record for record in message.records() if is_in(record.type, INVREQ_RANGES)]


def expected_amount(request: InvoiceRequestFields, item_price_msat: int | None = None) -> int | None:
    """The *expected amount* of a request: price of an item times quantity; None if the offer has no price.

    The price of an item is ``offer_amount``. With an ``offer_currency`` the caller converts and gives
    ``item_price_msat`` in units of the request's chain (B12-invoice-requests-d-15), ValueError otherwise.
    B12-invoice-requests-d-16.
    """
    if request.offer_amount is None:
        return None
    if request.offer_currency is None:
        price = request.offer_amount
    elif item_price_msat is None:
        raise ValueError(f"the price is in {request.offer_currency}: it has to be converted")
    else:
        price = item_price_msat
    return price if request.invreq_quantity is None else price * request.invreq_quantity
