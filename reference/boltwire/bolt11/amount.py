"""Amounts in the human-readable part: a number of bitcoin with an optional multiplier (BOLT 11, Human-Readable Part).

Everything here is exact integer arithmetic: the unit of computation is the pico-bitcoin, a tenth of a millisatoshi.
"""

import re
from typing import Final

from boltwire.bolt11.errors import Bolt11Refused, Bolt11Rejected

PICO_PER_MSAT: Final = 10
"""A millisatoshi is 10^-11 bitcoin, the smallest multiplier stands for 10^-12."""

MULTIPLIERS: Final = {"": 10**12, "m": 10**9, "u": 10**6, "n": 10**3, "p": 1}
"""Pico-bitcoin per unit of the number, by the letter after it, largest first."""

MAX_AMOUNT_MSAT: Final = 2**64 - 1
"""The most that an HTLC's ``amount_msat`` can say."""

_AMOUNT: Final = re.compile(r"([0-9]+)([munp]?)")
_MAX_DIGITS: Final = 21
"""Digits of the greatest amount in pico-bitcoin."""


def decode_amount(text: str) -> int:
    """The amount of millisatoshi that ``text`` (not empty, such as ``2500u``) stands for (B11-hrp-d-04).

    Raises :class:`Bolt11Rejected` for anything but digits with at most one known multiplier behind (B11-hrp-d-03) and
    for fractions of a millisatoshi (B11-hrp-d-05).
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise Bolt11Rejected(f"{text[:40]!r} is not a number with one of m, u, n, p", rule="B11-hrp-d-03")
    digits, letter = match.groups()
    # STRICTER: unpayable-amounts: the reader's rules do not mention leading zeros, zero, or amounts that no HTLC can
    # hold. The writer's rule (B11-hrp-w-03) excludes the first two, and none of the three can be paid as written.
    if digits.startswith("0"):
        raise Bolt11Rejected(f"the amount {text[:40]!r} starts with a zero", rule="B11-hrp-d-03")
    if len(digits) > _MAX_DIGITS:
        raise Bolt11Rejected(f"an amount of {len(digits)} digits", rule="B11-hrp-d-03")
    amount_msat, fraction = divmod(int(digits) * MULTIPLIERS[letter], PICO_PER_MSAT)
    if fraction:
        raise Bolt11Rejected(f"the amount {text!r} is not a whole number of millisatoshi", rule="B11-hrp-d-05")
    if amount_msat > MAX_AMOUNT_MSAT:
        raise Bolt11Rejected(f"the amount {text!r} is more than an HTLC can hold", rule="B11-hrp-d-03")
    return amount_msat


def encode_amount(amount_msat: int) -> str:
    """The shortest notation of ``amount_msat``: that with the largest multiplier that leaves no fraction.

    B11-hrp-w-04, B11-hrp-w-05; :class:`Bolt11Refused` unless the amount is positive (B11-hrp-w-03) and at most 2^64-1.
    """
    if not 0 < amount_msat <= MAX_AMOUNT_MSAT:
        raise Bolt11Refused(f"an amount of {amount_msat} msat is not between 1 and 2^64-1", "B11-hrp-w-03")
    amount_pico = amount_msat * PICO_PER_MSAT
    letter, unit = next(item for item in MULTIPLIERS.items() if amount_pico % item[1] == 0)
    return f"{amount_pico // unit}{letter}"
