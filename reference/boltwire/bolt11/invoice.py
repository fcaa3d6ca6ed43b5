"""A BOLT 11 invoice as a value, and what a payer and a payee conclude from it.

See :mod:`boltwire.bolt11.reader` and :mod:`boltwire.bolt11.writer` for the way from and to text.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from boltwire.bolt11.currency import Currency
from boltwire.bolt11.fallback import Fallback
from boltwire.bolt11.route_hint import RouteHint
from boltwire.bolt11.tagged_field import TaggedField
from boltwire.features import FeatureBits

DEFAULT_EXPIRY: Final = 3600
"""Seconds of validity of an invoice that does not state them (field ``x``)."""

DEFAULT_MIN_FINAL_CLTV_EXPIRY_DELTA: Final = 18
"""Blocks for the last HTLC if an invoice does not state them (field ``c``)."""

DEFAULT_FIELD_ORDER: Final = "spdhnxcfrm9"
"""Tags in the order in which an invoice is written unless it says otherwise."""

NO_FEATURES: Final = FeatureBits()
"""What an invoice without field ``9`` has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A payment request. An instance that came out of the reader follows all rules for readers."""

    currency: Currency
    """The network to pay on."""
    timestamp: int
    """When it was made, seconds since 1970 UTC, 35 bits."""
    payment_hash: bytes
    """Field ``p``: SHA-256 of the preimage that is the proof of payment, 32 bytes."""
    payment_secret: bytes
    """Field ``s``: keeps nodes on the way from probing the payee, 32 bytes."""
    amount_msat: int | None = None
    """Least amount to pay; None if the payer may choose."""
    description: str | None = None
    """Field ``d``: what is paid for. Exactly one of this and ``description_hash`` is given."""
    description_hash: bytes | None = None
    """Field ``h``: SHA-256 of a description that the payer has by other means, 32 bytes."""
    expiry: int | None = None
    """Field ``x``: seconds from ``timestamp`` until it should not be paid any more; see :attr:`expires_at`."""
    min_final_cltv_expiry_delta: int | None = None
    """Field ``c``: least blocks until the last HTLC times out; see :attr:`final_cltv_expiry_delta`."""
    payee: bytes | None = None
    """Node id of the payee, 33 bytes: field ``n`` or recovered from the signature. None if not signed yet."""
    names_payee: bool = False
    """Whether ``payee`` is spelled out in field ``n``."""
    fallbacks: tuple[Fallback, ...] = ()
    """Fields ``f`` of known versions, most preferred first."""
    routes: tuple[RouteHint, ...] = ()
    """Fields ``r``: ways from public nodes to the payee, most preferred first."""
    payment_metadata: bytes | None = None
    """Field ``m``: to be returned to the payee in the last onion payload."""
    features: FeatureBits = NO_FEATURES
    """Field ``9``: feature bits."""
    other_fields: tuple[TaggedField, ...] = ()
    """What a reader passes over: unknown tags, fallbacks of unknown version, repetitions of single fields."""
    field_order: str = DEFAULT_FIELD_ORDER
    """Tags in the order of writing; those of absent fields have no effect, what is missing goes to the end."""
    signature: bytes | None = None
    """65 bytes: r, s and recovery id. None if not signed yet."""

    @property
    def expires_at(self) -> int:
        """The last second (since 1970 UTC) at which to pay."""
        return self.timestamp + (DEFAULT_EXPIRY if self.expiry is None else self.expiry)

    def has_expired(self, now: int) -> bool:
        """Whether payer and payee should let it rest (B11-payer-payee-y-01, B11-payer-payee-v-01).

        ``now`` is in seconds since 1970 UTC.
        """
        return now > self.expires_at

    @property
    def final_cltv_expiry_delta(self) -> int:
        """Least blocks to give to the last HTLC, as stated or by default (B11-tagged-fields-d-13)."""
        delta = self.min_final_cltv_expiry_delta
        return DEFAULT_MIN_FINAL_CLTV_EXPIRY_DELTA if delta is None else delta

    @property
    def allows_mpp(self) -> bool:
        """Whether parts may be paid (B11-feature-bits-d-02); if not, they must not be (B11-feature-bits-d-03)."""
        return self.features.has("basic_mpp")

    def describes(self, description: str) -> bool:
        """Whether the invoice is for ``description``, given in plain or by its hash (B11-tagged-fields-d-07)."""
        if self.description_hash is None:
            return description == self.description
        return hashlib.sha256(description.encode()).digest() == self.description_hash

    @property
    def onion_fields(self) -> dict[str, bytes]:
        """What the payer owes to the payload of the final node, by the names of BOLT 4.

        ``payment_secret`` (B11-tagged-fields-d-12) and, if given, ``payment_metadata`` (B11-tagged-fields-d-14).
        """
        fields = {"payment_secret": self.payment_secret}
        return fields if self.payment_metadata is None else fields | {"payment_metadata": self.payment_metadata}
