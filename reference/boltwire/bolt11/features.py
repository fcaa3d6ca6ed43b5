"""Feature bits of invoices (BOLT 11, Feature Bits; BOLT 9).

A feature vector is a plain integer here: bit n of it is feature bit n. Bits come in pairs, the even one means
*required*, the odd one *optional*.
"""

from collections.abc import Iterable, Iterator
from typing import Final

BASIC_MPP: Final = 16
"""Even bit of ``basic_mpp``: the payee puts partial payments together."""

PAYMENT_SECRET: Final = 14
"""Even bit of ``payment_secret``, which BOLT 9 assumes of everybody."""

INVOICE_FEATURES: Final = frozenset((BASIC_MPP, 24, 36, 48))
"""Even bits of what BOLT 9 allows in invoices (context 9): MPP, route blinding, attribution data, payment metadata."""

ASSUMED_FEATURES: Final = frozenset((0, 8, 12, PAYMENT_SECRET, 44))
"""Even bits of what BOLT 9 assumes of every node; invoices of any age carry some of them."""

KNOWN_FEATURES: Final = INVOICE_FEATURES | ASSUMED_FEATURES
"""Even bits of all that a payer understands in an invoice."""

FOREIGN_FEATURES: Final = frozenset((4, 6, 10, 18, 22, 26, 28, 34, 38, 42, 46, 50, 60, 62))
"""Even bits of what BOLT 9 defines, but not for invoices."""

_DEPENDENCIES: Final = {BASIC_MPP: PAYMENT_SECRET}
"""What invoice features need, by even bits (BOLT 9, column Dependencies)."""


def bits_of(features: int) -> Iterator[int]:
    """The numbers of the bits that are set, in ascending order."""
    while features:
        lowest = features & -features
        yield lowest.bit_length() - 1
        features ^= lowest


def features_of(bits: Iterable[int]) -> int:
    """The vector with exactly ``bits`` set."""
    features = 0
    for bit in bits:
        features |= 1 << bit
    return features


def offers(features: int, even_bit: int) -> bool:
    """Whether a feature is set as required or as optional."""
    return bool(features >> even_bit & 0b11)


def unknown_required(features: int, known: Iterable[int] = KNOWN_FEATURES) -> list[int]:
    """The even bits that are set, but not known."""
    return [bit for bit in bits_of(features & ~features_of(known)) if bit % 2 == 0]


def missing_dependencies(features: int) -> list[int]:
    """Even bits of features that are needed by one that is set, but are not set themselves."""
    return [need for bit, need in _DEPENDENCIES.items() if offers(features, bit) and not offers(features, need)]
