"""From text to an invoice, with the rules for readers (BOLT 11).

Rules that need more than the text are methods of :class:`boltwire.bolt11.invoice.Invoice`: expiry, the hashed
description, and what the onion has to carry.
"""

from collections.abc import Callable, Collection
from typing import Any, Final

from boltwire.bech32 import (
    CHECKSUM_SIZE,
    Bech32Error,
    Checksum,
    bytes_from_words,
    int_from_words,
    split_bech32,
    verify_checksum,
)
from boltwire.bolt11.currency import decode_human_readable
from boltwire.bolt11.errors import Bolt11Rejected
from boltwire.bolt11.fallback import decode_fallback
from boltwire.bolt11.invoice import Invoice
from boltwire.bolt11.route_hint import decode_route_hint
from boltwire.bolt11.signature import recover_payee, signature_digest, verify_payee
from boltwire.bolt11.tagged_field import TaggedField, split_fields
from boltwire.features import FEATURES, Context, FeatureBits

TIMESTAMP_WORDS: Final = 7
"""Words of the timestamp (35 bits)."""

SIGNATURE_WORDS: Final = 104
"""Words of the signature (65 bytes)."""

FIXED_WORDS: Final = {"p": 52, "s": 52, "h": 52, "n": 53}
"""Length of the fields that have only one (B11-tagged-fields-d-02)."""


INVOICE_FEATURES: Final = frozenset(row.name for row in FEATURES if Context.INVOICE in row.contexts or row.assumed)
"""The features that a payer can meet in an invoice: those of BOLT 9 for this context, and the assumed ones.

AMBIGUOUS: feature-of-another-context: whether a feature of another context is "unknown" here is not said. What BOLT 9
gives no meaning in an invoice cannot be honoured, so its even bit makes the invoice unpayable.
"""


def decode(text: str, *, known_features: Collection[str] = INVOICE_FEATURES) -> Invoice:
    """The invoice in ``text``, its signature verified.

    ``known_features`` are the names of the features that the payer understands. Raises
    :class:`boltwire.errors.Bolt11Error`, as a rule :class:`Bolt11Rejected` with the requirement, for everything that a
    reader must not pay.
    """
    human_readable, words = _read_bech32(text)
    currency, amount_msat = decode_human_readable(human_readable)
    if len(words) < TIMESTAMP_WORDS + SIGNATURE_WORDS:
        raise Bolt11Rejected(f"{len(words)} characters of data are too few for timestamp and signature")
    fields = split_fields(words[TIMESTAMP_WORDS:-SIGNATURE_WORDS])
    values = _read_fields(fields)
    _require_complete(values)
    _require_usable_features(values.get("features", FeatureBits()), known_features)
    signature = bytes_from_words(words[-SIGNATURE_WORDS:])
    digest = signature_digest(human_readable, words[:-SIGNATURE_WORDS])
    names_payee = "payee" in values
    if names_payee:
        verify_payee(digest, signature, values["payee"])
    else:
        values["payee"] = recover_payee(digest, signature)
    return Invoice(
        currency=currency,
        amount_msat=amount_msat,
        timestamp=int_from_words(words[:TIMESTAMP_WORDS]),
        names_payee=names_payee,
        field_order="".join(field.tag for field in fields),
        signature=signature,
        **values,
    )


def _read_bech32(text: str) -> tuple[str, bytes]:
    """Human-readable part and data of a Bech32 string of any length and either case."""
    try:
        human_readable, words = split_bech32(text)
    except Bech32Error as error:
        raise Bolt11Rejected(error.reason, rule="B11-encoding-d-01", offset=error.offset) from error
    try:
        checksum = verify_checksum(human_readable, words)
    except Bech32Error as error:
        raise Bolt11Rejected(error.reason, rule="B11-encoding-d-02") from error
    if checksum is not Checksum.BECH32:
        raise Bolt11Rejected("the checksum is that of Bech32m", rule="B11-encoding-d-02")
    return human_readable, words[:-CHECKSUM_SIZE]


def _read_fields(fields: list[TaggedField]) -> dict[str, Any]:
    """The attributes of an invoice that are in its tagged fields."""
    values: dict[str, Any] = {}
    fallbacks, routes, others = [], [], []
    for field in fields:
        _require_fixed_length(field)
        if field.tag == "f" and (fallback := decode_fallback(field.words)) is not None:
            fallbacks.append(fallback)
        elif field.tag == "r":
            routes.append(decode_route_hint(field.words))
        elif field.tag in _SINGLE and _SINGLE[field.tag][0] not in values:
            name, read = _SINGLE[field.tag]
            values[name] = read(field)
        else:
            # B11-tagged-fields-d-01 and unknown tags. AMBIGUOUS: repeated-fields: of repeated fields the first one
            # counts, as B11-payer-payee-y-05 has it for p; writers put what they prefer first.
            others.append(field)
    return values | {"fallbacks": tuple(fallbacks), "routes": tuple(routes), "other_fields": tuple(others)}


def _require_fixed_length(field: TaggedField) -> None:
    expected = FIXED_WORDS.get(field.tag)
    if expected is not None and len(field.words) != expected:
        reason = f"{len(field.words)} words of data, not {expected}"
        raise Bolt11Rejected(reason, rule="B11-tagged-fields-d-02", field=field.tag)


def _read_bytes(field: TaggedField) -> bytes:
    # AMBIGUOUS: leftover-bits: writers pad with zero bits, readers are not told to look; what is left over is dropped.
    return bytes_from_words(field.words)


def _read_text(field: TaggedField) -> str:
    """UTF-8; anything else is rejected, as BOLT 1 permits (B11-tagged-fields-w-05)."""
    try:
        return bytes_from_words(field.words).decode()
    except UnicodeDecodeError as error:
        raise Bolt11Rejected("not valid UTF-8", rule="B11-tagged-fields-w-05", field=field.tag) from error


def _read_integer(field: TaggedField) -> int:
    """Big-endian without leading zeros (B11-tagged-fields-d-15)."""
    if field.words.startswith(b"\0"):
        raise Bolt11Rejected("starts with a zero", rule="B11-tagged-fields-d-15", field=field.tag)
    return int_from_words(field.words)


def _read_features(field: TaggedField) -> FeatureBits:
    """A bit map in words instead of bytes."""
    return FeatureBits.from_bytes(_read_integer(field).to_bytes(len(field.words), "big"))


_SINGLE: Final[dict[str, tuple[str, Callable[[TaggedField], Any]]]] = {
    "p": ("payment_hash", _read_bytes),
    "s": ("payment_secret", _read_bytes),
    "d": ("description", _read_text),
    "h": ("description_hash", _read_bytes),
    "n": ("payee", _read_bytes),
    "x": ("expiry", _read_integer),
    "c": ("min_final_cltv_expiry_delta", _read_integer),
    "m": ("payment_metadata", _read_bytes),
    "9": ("features", _read_features),
}
"""Fields that an invoice has at most once: attribute and how to read it, by tag."""


def _require_complete(values: dict[str, Any]) -> None:
    """Payment hash, payment secret and exactly one form of description have to be there."""
    if "payment_hash" not in values:
        # STRICTER: missing-payment-hash: no reader's rule says so, but there is nothing to pay to.
        raise Bolt11Rejected("no payment hash", rule="B11-payer-payee-y-05", field="p")
    if "description" not in values and "description_hash" not in values:
        raise Bolt11Rejected("neither a description nor its hash", rule="B11-tagged-fields-d-03")
    if "description" in values and "description_hash" in values:
        raise Bolt11Rejected("both a description and a hash of one", rule="B11-tagged-fields-d-03")
    if "payment_secret" not in values:
        raise Bolt11Rejected("no payment secret", rule="B11-tagged-fields-d-11", field="s")


def _require_usable_features(features: FeatureBits, known: Collection[str]) -> None:
    """Unknown odd bits pass (B11-tagged-fields-d-04), unknown even ones and gaps in dependencies do not.

    The error names the bits for the user (B11-tagged-fields-d-06).
    """
    if unknown := features.unknown_required(known):
        bits = ", ".join(map(str, unknown))
        raise Bolt11Rejected(f"unknown required feature {bits}", rule="B11-tagged-fields-d-05", field="9")
    if missing := features.missing_dependencies():
        name, needed = missing[0]
        raise Bolt11Rejected(f"{name} without {needed}", rule="B11-feature-bits-d-01", field="9")
