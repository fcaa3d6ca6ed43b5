"""BOLT 11: requests for payment as text, signed by the payee.

``decode(text)`` gives a verified :class:`Invoice` or raises :class:`boltwire.errors.Bolt11Error`; ``encode(invoice,
private_key)`` signs and writes one, or raises :class:`Bolt11Refused`.

Read the modules in this order: :mod:`.currency` and :mod:`.amount` (the human-readable part), :mod:`.tagged_field` (the
structure of the data), :mod:`.route_hint` and :mod:`.fallback` (two fields with a structure of their own),
:mod:`.invoice`, :mod:`.signature`, :mod:`.reader`, :mod:`.writer`.
"""

from boltwire.bolt11.currency import BITCOIN, CURRENCIES, REGTEST, SIGNET, TESTNET, Currency
from boltwire.bolt11.errors import Bolt11Refused, Bolt11Rejected
from boltwire.bolt11.fallback import PUBKEY_HASH, SCRIPT_HASH, Fallback
from boltwire.bolt11.invoice import Invoice
from boltwire.bolt11.reader import decode
from boltwire.bolt11.route_hint import RouteHint, RouteHop
from boltwire.bolt11.tagged_field import TaggedField
from boltwire.bolt11.writer import encode

__all__ = [
    "BITCOIN",
    "CURRENCIES",
    "PUBKEY_HASH",
    "REGTEST",
    "SCRIPT_HASH",
    "SIGNET",
    "TESTNET",
    "Bolt11Refused",
    "Bolt11Rejected",
    "Currency",
    "Fallback",
    "Invoice",
    "RouteHint",
    "RouteHop",
    "TaggedField",
    "decode",
    "encode",
]
