"""Offers: where to ask for an invoice, and for what (BOLT 12, Offers). The text form starts with ``lno1``.

``decode_offer`` applies the reader's rules that depend on the offer alone, ``require_usable`` those that depend on the
time and on the chains that the payer is on.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Final

from boltwire.bolt12 import field as f
from boltwire.bolt12.errors import insist, require
from boltwire.bolt12.features import unknown_required
from boltwire.bolt12.stream import OFFER_RANGES, Stream, is_in
from boltwire.bolt12.text import decode_text, encode_text
from boltwire.chains import BITCOIN_CHAIN_HASH
from boltwire.onion.blinded_path import BlindedPath

PREFIX: Final = "lno"
"""Human-readable prefix of offers."""

OFFER_FIELDS: Final = (
    f.chains(2, "offer_chains"),
    f.any_bytes(4, "offer_metadata"),
    f.utf8(6, "offer_currency"),
    f.truncated(8, "offer_amount"),
    f.utf8(10, "offer_description"),
    f.any_bytes(12, "offer_features"),
    f.truncated(14, "offer_absolute_expiry"),
    f.paths(16, "offer_paths"),
    f.utf8(18, "offer_issuer"),
    f.truncated(20, "offer_quantity_max"),
    f.point(22, "offer_issuer_id"),
)
"""The fields of offers, which invoice requests and invoices mirror."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferFields(Stream):
    """The fields that start in an offer; None is an absent field."""

    offer_chains: tuple[bytes, ...] | None = None
    """Chains to pay on, 32 bytes each; Bitcoin only if absent. See :func:`boltwire.bolt12.chain.offer_chains`."""
    offer_metadata: bytes | None = None
    """The issuer's own."""
    offer_currency: str | None = None
    """ISO 4217 code of the currency of ``offer_amount``; absent, it is that of the chain."""
    offer_amount: int | None = None
    """Price of one item: millisatoshi (or the chain's like), or minor units of ``offer_currency``."""
    offer_description: str | None = None
    """What the payment is for."""
    offer_features: bytes | None = None
    """Feature bits, big-endian."""
    offer_absolute_expiry: int | None = None
    """The last second (since 1970 UTC) at which to ask for an invoice."""
    offer_paths: tuple[BlindedPath, ...] | None = None
    """Ways to the issuer."""
    offer_issuer: str | None = None
    """Who the issuer is, ``user@domain`` or ``domain`` first if it has one."""
    offer_quantity_max: int | None = None
    """Most items in one invoice, 0 for any number; absent, there is one item and no quantity."""
    offer_issuer_id: bytes | None = None
    """Key of the issuer, 33 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(OfferFields):
    """An offer."""

    FIELDS: ClassVar = OFFER_FIELDS
    RANGES: ClassVar = OFFER_RANGES
    RANGE_RULE: ClassVar = "B12-offers-d-01"


def decode_offer(text: str, *, known_features: Collection[int] = ()) -> Offer:
    """The offer in ``text``.

    ``known_features`` are the even feature bits that the reader understands. Raises
    :class:`boltwire.errors.Bolt12Error` for an offer that nobody must respond to.
    """
    offer = Offer.decode(decode_text(PREFIX, text))
    check_offer(offer, known_features=known_features)
    return offer


def check_offer(offer: OfferFields, *, known_features: Collection[int] = ()) -> None:
    """Raise :class:`Bolt12Rejected` for an offer that nobody must respond to, whatever the time and place.

    Unknown odd feature bits are ignored (B12-offers-d-02), unknown even ones are named for the user (B12-offers-d-04).
    """
    unknown = unknown_required(offer.offer_features, known_features)
    require(not unknown, "B12-offers-d-03", f"unknown required features {unknown}", "offer_features")
    # The BOLT's rationale calls an empty list of chains invalid: none of them can be supported.
    require(offer.offer_chains != (), "B12-offers-d-06", "lists no chain", "offer_chains")
    priced, described = offer.offer_amount is not None, offer.offer_description is not None
    require(described or not priced, "B12-offers-d-07", "an amount without description", "offer_amount")
    require(offer.offer_amount != 0, "B12-offers-d-08", "is zero", "offer_amount")
    require(priced or offer.offer_currency is None, "B12-offers-d-09", "a currency without amount", "offer_currency")
    # AMBIGUOUS: offer-paths-empty: offer_paths may be set and hold no path. Then there is no path to send a request
    # over, though the field demands one, so it counts as not set, and as a broken offer even if there is an issuer id.
    require(offer.offer_paths != (), "B12-offers-d-10", "holds no path", "offer_paths")
    reachable = offer.offer_issuer_id is not None or offer.offer_paths is not None
    require(reachable, "B12-offers-d-10", "neither offer_issuer_id nor offer_paths")
    hops = all(path.path for path in offer.offer_paths or ())
    require(hops, "B12-offers-d-11", "a path without hops", "offer_paths")


def require_usable(offer: OfferFields, *, now: int, chains: Collection[bytes] = (BITCOIN_CHAIN_HASH,)) -> None:
    """Raise :class:`Bolt12Rejected` if a payer on ``chains`` must not respond at ``now`` (seconds since 1970 UTC)."""
    if offer.offer_chains is None:
        require(BITCOIN_CHAIN_HASH in chains, "B12-offers-d-05", "is for bitcoin only", "offer_chains")
    else:
        common = not set(chains).isdisjoint(offer.offer_chains)
        require(common, "B12-offers-d-06", "none of the chains is supported", "offer_chains")
    expiry = offer.offer_absolute_expiry
    require(expiry is None or now <= expiry, "B12-offers-d-15", f"expired at {expiry}", "offer_absolute_expiry")


def request_destination(offer: OfferFields) -> tuple[BlindedPath, ...] | bytes:
    """Where a checked offer wants invoice requests to be sent.

    Any of its paths, to the last ``blinded_node_id`` of that one (B12-offers-d-16), or the node id of the issuer
    (B12-offers-d-17).
    """
    if offer.offer_paths is not None:
        return offer.offer_paths
    assert offer.offer_issuer_id is not None, "checked offers have a path or an issuer id"
    return offer.offer_issuer_id


def encode_offer(offer: Offer, *, has_public_channel: bool = True) -> str:
    """``offer`` as lower-case text; :class:`Bolt12Refused` for one that must not be issued.

    ``has_public_channel`` tells whether payers can find the issuer's node by itself.
    """
    for record in offer.unknown:
        insist(is_in(record.type, OFFER_RANGES), "B12-offers-w-01", f"type {record.type} is not one of offers")
    insist(offer.offer_chains != (), "B12-offers-w-02", "offer_chains lists no chain")
    check_price(offer)
    check_reachable(offer.offer_paths, has_public_channel)
    identified = offer.offer_paths is not None or offer.offer_issuer_id is not None
    insist(identified, "B12-offers-w-19", "neither offer_paths nor offer_issuer_id")
    return encode_text(PREFIX, offer.encode())


def check_price(offer: OfferFields) -> None:
    """Raise :class:`Bolt12Refused` for an amount, currency and description that do not go together."""
    amount, currency = offer.offer_amount, offer.offer_currency
    insist(amount != 0, "B12-offers-w-05", "offer_amount is zero")
    insist(amount is not None or currency is None, "B12-offers-w-11", "offer_currency without offer_amount")
    # Upper case is how ISO 4217 writes its codes, all of them ASCII letters.
    iso = currency is None or (len(currency) == 3 and currency.isascii() and currency.isalpha() and currency.isupper())
    insist(iso, "B12-offers-w-07", f"offer_currency {currency!r} is not a code of ISO 4217")
    described = offer.offer_description is not None
    insist(amount is None or described, "B12-offers-w-09", "offer_amount without offer_description")


def check_reachable(paths: tuple[BlindedPath, ...] | None, has_public_channel: bool) -> None:
    """Raise :class:`Bolt12Refused` unless a node with these paths can be reached."""
    insist(has_public_channel or bool(paths), "B12-offers-w-16", "no path to a node without public channel")
    insist(paths != () and all(path.path for path in paths or ()), "B12-offers-w-16", "a path without hops, or no path")
