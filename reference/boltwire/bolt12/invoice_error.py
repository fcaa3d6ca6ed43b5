"""Invoice errors: why a request or an invoice was rejected (BOLT 12, Invoice Errors).

AMBIGUOUS: reading-invoice-errors: the BOLT leaves the rules for readers open. A reader here wants well-formed fields
and, as B12-invoice-errors for writers has it, an explanation and no suggestion without the field that it is for.
"""

from dataclasses import dataclass
from typing import ClassVar

from boltwire.bolt12 import field as f
from boltwire.bolt12.errors import insist, require
from boltwire.bolt12.invoice import Invoice
from boltwire.bolt12.stream import Stream
from boltwire.errors import DecodeError


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceError(Stream):
    """What is wrong with an invoice request or an invoice; None is an absent field."""

    FIELDS: ClassVar = (
        f.truncated(1, "erroneous_field"),
        f.any_bytes(3, "suggested_value"),
        f.utf8(5, "error"),
    )

    erroneous_field: int | None = None
    """Type of the field at fault."""
    suggested_value: bytes | None = None
    """A value, as encoded, that the field could have instead."""
    error: str | None = None
    """An explanation for people."""


def decode_invoice_error(data: bytes) -> InvoiceError:
    """The error in the TLV stream of an onion message; :class:`boltwire.errors.Bolt12Error` if it is malformed."""
    error = InvoiceError.decode(data)
    require(error.error is not None, "B12-invoice-errors-w-01", "is missing", "error")
    named = error.erroneous_field is not None or error.suggested_value is None
    require(named, "B12-invoice-errors-w-05", "is for no field", "suggested_value")
    return error


def encode_invoice_error(error: InvoiceError) -> bytes:
    """The TLV stream of ``error``; :class:`Bolt12Refused` for one that must not be sent.

    Field number and suggestion are optional: B12-invoice-errors-w-02, B12-invoice-errors-w-03.
    """
    insist(bool(error.error), "B12-invoice-errors-w-01", "no explanation")
    if error.suggested_value is not None:
        insist(error.erroneous_field is not None, "B12-invoice-errors-w-05", "a suggestion without its field")
        valid = _is_valid_value(error.erroneous_field, error.suggested_value)
        insist(valid, "B12-invoice-errors-w-04", f"not a value of field {error.erroneous_field}")
    return error.encode()


def _is_valid_value(type_: int | None, value: bytes) -> bool:
    """Whether the field of that type, in an invoice or request, can have the value; any if the field is unknown."""
    field = next((field for field in Invoice.FIELDS if field.type == type_), None)
    try:
        return field is None or field.decode(value) is not None
    except DecodeError:
        return False
