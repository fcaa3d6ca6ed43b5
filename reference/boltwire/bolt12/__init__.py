"""BOLT 12: offers, invoice requests, invoices and invoice errors.

For each message there is a frozen dataclass with the BOLT's field names, a decoder that applies the rules for readers
(``decode_offer``, ``decode_invoice_request``, ``decode_invoice``, ``decode_invoice_error``), a second check for the
rules that depend on time, place and the message before (``require_usable``, ``require_answerable``,
``require_payable``), and a writer with its own rules (``encode_offer``, ``request_invoice``, ``issue_invoice``,
``encode_invoice_error``). Readers raise :class:`boltwire.errors.Bolt12Error`, writers :class:`Bolt12Refused`.

Read the modules in this order: :mod:`.text`, :mod:`.stream`, :mod:`.field`, :mod:`.subtypes`, :mod:`.merkle`,
:mod:`.signature`, :mod:`.offer`, :mod:`.invoice_request`, :mod:`.invoice`, then the readers and writers.
"""

from boltwire.bolt12.errors import Bolt12Ignored, Bolt12Refused, Bolt12Rejected
from boltwire.bolt12.features import Mpp
from boltwire.bolt12.invoice import Invoice
from boltwire.bolt12.invoice_error import InvoiceError, decode_invoice_error, encode_invoice_error
from boltwire.bolt12.invoice_reader import decode_invoice, require_payable
from boltwire.bolt12.invoice_request import InvoiceRequest, expected_amount
from boltwire.bolt12.invoice_request_reader import decode_invoice_request, require_answerable
from boltwire.bolt12.invoice_request_writer import encode_invoice_request, request_invoice
from boltwire.bolt12.invoice_writer import encode_invoice, issue_invoice
from boltwire.bolt12.offer import Offer, decode_offer, encode_offer, require_usable
from boltwire.bolt12.subtypes import Bip353Name, BlindedPayinfo, FallbackAddress

__all__ = [
    "Bip353Name",
    "BlindedPayinfo",
    "Bolt12Ignored",
    "Bolt12Refused",
    "Bolt12Rejected",
    "FallbackAddress",
    "Invoice",
    "InvoiceError",
    "InvoiceRequest",
    "Mpp",
    "Offer",
    "decode_invoice",
    "decode_invoice_error",
    "decode_invoice_request",
    "decode_offer",
    "encode_invoice",
    "encode_invoice_error",
    "encode_invoice_request",
    "encode_offer",
    "expected_amount",
    "issue_invoice",
    "request_invoice",
    "require_answerable",
    "require_payable",
    "require_usable",
]
