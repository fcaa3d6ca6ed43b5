"""The networks that an invoice can ask to be paid on (BOLT 11, Human-Readable Part) and the form of their addresses."""

import re
from dataclasses import dataclass
from typing import Final

from boltwire.bolt11.amount import decode_amount
from boltwire.bolt11.errors import Bolt11Rejected


@dataclass(frozen=True, slots=True)
class Currency:
    """A Bitcoin network, as invoices and addresses name it."""

    prefix: str
    """``ln`` and the network's letters: how the human-readable part of an invoice starts."""
    address_prefix: str
    """Human-readable part of segregated witness addresses (BIP 173); signet shares that of testnet."""
    pubkey_hash_version: int
    """First byte of a base58 address of a public key hash."""
    script_hash_version: int
    """First byte of a base58 address of a script hash."""


BITCOIN: Final = Currency("lnbc", "bc", 0x00, 0x05)
TESTNET: Final = Currency("lntb", "tb", 0x6F, 0xC4)
SIGNET: Final = Currency("lntbs", "tb", 0x6F, 0xC4)
REGTEST: Final = Currency("lnbcrt", "bcrt", 0x6F, 0xC4)

CURRENCIES: Final = {currency.prefix: currency for currency in (BITCOIN, TESTNET, SIGNET, REGTEST)}
"""All that this implementation understands, by ``prefix``."""

_HUMAN_READABLE: Final = re.compile(r"([^0-9]*)(.*)")


def decode_human_readable(human_readable: str) -> tuple[Currency, int | None]:
    """Network and amount (millisatoshi, None if not stated) of a lower-case human-readable part.

    The prefix ends where the first digit stands. Raises :class:`Bolt11Rejected` for an unknown prefix (B11-hrp-d-01)
    and for what :func:`boltwire.bolt11.amount.decode_amount` refuses. That no amount is stated is for the caller to
    show (B11-hrp-d-02): it is None, never zero.
    """
    prefix, amount = _HUMAN_READABLE.fullmatch(human_readable).groups()  # type: ignore[union-attr]  # matches any text
    currency = CURRENCIES.get(prefix)
    if currency is None:
        raise Bolt11Rejected(f"the prefix {prefix[:40]!r} is unknown", rule="B11-hrp-d-01")
    return currency, decode_amount(amount) if amount else None
