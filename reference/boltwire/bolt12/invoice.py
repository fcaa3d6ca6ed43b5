"""Invoices as values: what to pay, and over which blinded paths (BOLT 12, Invoices).

They travel in onion messages; the text form starts with ``lni1``. The rules of who reads one are in
:mod:`boltwire.bolt12.invoice_reader`, those of who writes one in :mod:`.invoice_writer`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Final

from boltwire.bolt12 import field as f
from boltwire.bolt12.features import Mpp, mpp_of, unknown_required
from boltwire.bolt12.field import HASH_SIZE
from boltwire.bolt12.invoice_request import INVREQ_FIELDS, SIGNATURE_FIELD, InvoiceRequestFields
from boltwire.bolt12.subtypes import BlindedPayinfo, FallbackAddress
from boltwire.chains import BITCOIN_CHAIN_HASH
from boltwire.onion.blinded_path import BlindedPath

PREFIX: Final = "lni"
"""Human-readable prefix of invoices.

AMBIGUOUS: invoice-prefix: the BOLT names prefixes for offers and invoice requests only; this one is what
implementations show.
"""

MESSAGE_NAME: Final = "invoice"
"""Name of the TLV stream, which enters its signature."""

DEFAULT_RELATIVE_EXPIRY: Final = 7200
"""Seconds of validity of an invoice that does not state them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice(InvoiceRequestFields):
    """A request for payment; None is an absent field."""

    FIELDS: ClassVar = (
        *INVREQ_FIELDS,
        f.paths(160, "invoice_paths"),
        f.payinfos(162, "invoice_blindedpay"),
        f.truncated(164, "invoice_created_at"),
        f.truncated(166, "invoice_relative_expiry", 32),
        f.exactly(168, "invoice_payment_hash", HASH_SIZE),
        f.truncated(170, "invoice_amount"),
        f.fallbacks(172, "invoice_fallbacks"),
        f.any_bytes(174, "invoice_features"),
        f.point(176, "invoice_node_id"),
        SIGNATURE_FIELD,
    )

    invoice_paths: tuple[BlindedPath, ...] | None = None
    """Ways to pay, most preferred first."""
    invoice_blindedpay: tuple[BlindedPayinfo, ...] | None = None
    """What each of the paths costs."""
    invoice_created_at: int | None = None
    """Seconds since 1970 UTC."""
    invoice_relative_expiry: int | None = None
    """Seconds of validity; see :attr:`expires_at`."""
    invoice_payment_hash: bytes | None = None
    """SHA-256 of the preimage that is the proof of payment, 32 bytes."""
    invoice_amount: int | None = None
    """Least amount to pay, in millisatoshi or the chain's like."""
    invoice_fallbacks: tuple[FallbackAddress, ...] | None = None
    """Addresses on the chain, most preferred first; see :meth:`usable_fallbacks`."""
    invoice_features: bytes | None = None
    """Feature bits, big-endian; see :attr:`mpp`."""
    invoice_node_id: bytes | None = None
    """Key of the payee, 33 bytes."""
    signature: bytes | None = None
    """By ``invoice_node_id``, 64 bytes; None before signing."""

    @property
    def expires_at(self) -> int:
        """The last second (since 1970 UTC) at which to pay: B12-invoices-d-09, B12-invoices-d-10."""
        assert self.invoice_created_at is not None, "checked invoices have a creation time"
        expiry = self.invoice_relative_expiry
        return self.invoice_created_at + (DEFAULT_RELATIVE_EXPIRY if expiry is None else expiry)

    @property
    def mpp(self) -> Mpp:
        """Whether to pay in parts.

        AMBIGUOUS: parts-over-one-path: compulsory parts go over separate paths, but an invoice may have a single one
        (B12-invoices-d-23). With one usable path, all parts have to take it.
        """
        return mpp_of(self.invoice_features)

    def usable_paths(self, known_features: Collection[int] = ()) -> list[tuple[BlindedPath, BlindedPayinfo]]:
        """The paths to pay over, in order of preference (B12-invoices-d-22).

        Paths whose payinfo has even feature bits that are not in ``known_features`` are left out (B12-invoices-d-15).
        """
        pairs = zip(self.invoice_paths or (), self.invoice_blindedpay or (), strict=True)
        return [(path, info) for path, info in pairs if not unknown_required(info.features, known_features)]

    def usable_fallbacks(self) -> list[FallbackAddress]:
        """The addresses to pay to, in order of preference.

        On Bitcoin, versions above 16 (B12-invoices-d-28), lengths other than 2 to 40 bytes (B12-invoices-d-29) and
        addresses that do not fit their version (B12-invoices-d-30) are left out.
        """
        fallbacks = self.invoice_fallbacks or ()
        return [one for one in fallbacks if self.chain != BITCOIN_CHAIN_HASH or one.fault() is None]
