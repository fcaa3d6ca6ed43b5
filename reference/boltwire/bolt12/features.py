"""Feature bits of BOLT 12: big-endian bytes, bit 0 is the lowest bit of the last byte.

They are kept as bytes, leading zeros included, because they are mirrored and signed as they are. Only invoices have
features so far: multi-part payment. These are no features of BOLT 9, though the numbers are those of ``basic_mpp``.
"""

from collections.abc import Collection
from enum import Enum
from typing import Final

from boltwire.features import FeatureBits

MPP_COMPULSORY: Final = 16
"""Bit of an invoice that has to be paid in several parts."""

MPP_OPTIONAL: Final = 17
"""Bit of an invoice that may be paid in several parts."""

INVOICE_FEATURES: Final = frozenset((MPP_COMPULSORY,))
"""Even bits that a reader of invoices understands."""


class Mpp(Enum):
    """Whether an invoice may be paid in several parts."""

    FORBIDDEN = "in one part only"
    OPTIONAL = "in one part or several"
    COMPULSORY = "in several parts over separate blinded paths"


def encode_features(bits: Collection[int]) -> bytes | None:
    """The field for exactly ``bits``: as few bytes as hold them, None for no bit at all."""
    return FeatureBits(bits).to_bytes() if bits else None


def decode_features(features: bytes | None) -> FeatureBits:
    """The numbers of the bits that are set; none if the field is missing."""
    return FeatureBits.from_bytes(features or b"")


def unknown_required(features: bytes | None, known: Collection[int]) -> list[int]:
    """The even bits that are set, but not in ``known``, ascending."""
    return sorted(bit for bit in decode_features(features) if bit % 2 == 0 and bit not in known)


def mpp_bits(mpp: Mpp) -> frozenset[int]:
    """The bits of an invoice that say so: B12-invoices-w-11, B12-invoices-w-12."""
    bits = {Mpp.FORBIDDEN: (), Mpp.OPTIONAL: (MPP_OPTIONAL,), Mpp.COMPULSORY: (MPP_COMPULSORY,)}
    return frozenset(bits[mpp])


def mpp_of(features: bytes | None) -> Mpp:
    """What an invoice's features say about parts; compulsory prevails.

    B12-invoices-d-23, B12-invoices-d-24, B12-invoices-d-25, B12-invoice-features-y-01, B12-invoice-features-y-02.
    """
    bits = decode_features(features)
    if MPP_COMPULSORY in bits:
        return Mpp.COMPULSORY
    return Mpp.OPTIONAL if MPP_OPTIONAL in bits else Mpp.FORBIDDEN
