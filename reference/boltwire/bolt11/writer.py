"""From an invoice to text, with the rules for writers (BOLT 11).

What the text cannot show is the payee's business: that it can release the preimage of the payment hash, that a hashed
description can be had, and what is in the description.
"""

from collections.abc import Collection, Iterator

from boltwire.bech32 import encode_bech32, words_from_bytes, words_from_int
from boltwire.bolt11.amount import encode_amount
from boltwire.bolt11.errors import Bolt11Refused
from boltwire.bolt11.fallback import encode_fallback
from boltwire.bolt11.invoice import Invoice
from boltwire.bolt11.reader import TIMESTAMP_WORDS
from boltwire.bolt11.route_hint import encode_route_hint
from boltwire.bolt11.signature import sign, signature_digest
from boltwire.bolt11.tagged_field import TaggedField, join_fields
from boltwire.features import Context, FeatureBits, check_origin
from boltwire.secp256k1 import PrivateKey

_ONLY_ONCE = {
    "p": "B11-tagged-fields-w-01",
    "s": "B11-tagged-fields-w-02",
    "d": "B11-tagged-fields-w-04",
    "h": "B11-tagged-fields-w-04",
    "x": "B11-tagged-fields-w-09",
    "c": "B11-tagged-fields-w-11",
    "n": "B11-tagged-fields-w-14",
    "m": "B11-tagged-fields-w-24",
    "9": "B11-tagged-fields-w-22",
}
"""Tags that must not come again in ``other_fields``, with the rule that says so."""


def encode(
    invoice: Invoice, private_key: bytes, *, has_public_channel: bool = True, own_features: Collection[int] = ()
) -> str:
    """``invoice`` signed by ``private_key`` (32 bytes) as lower-case text; for a QR code, use ``upper()`` of it.

    ``has_public_channel`` tells whether payers can find the payee without a route hint, ``own_features`` are
    bits beyond BOLT 9 that the payee supports. Raises :class:`Bolt11Refused` for what a writer must not issue. A
    signature that ``invoice`` has is replaced.
    """
    _require_writable(invoice, private_key)
    _require_features(invoice.features, own_features)
    if not has_public_channel and not invoice.routes:
        raise Bolt11Refused("no route hint, and no public channel", "B11-tagged-fields-w-18")
    amount = "" if invoice.amount_msat is None else encode_amount(invoice.amount_msat)
    human_readable = f"{invoice.currency.prefix}{amount}"
    words = words_from_int(invoice.timestamp, TIMESTAMP_WORDS) + join_fields(_ordered_fields(invoice, private_key))
    signature = sign(signature_digest(human_readable, words), private_key)
    return encode_bech32(human_readable, words + words_from_bytes(signature))


def _require_writable(invoice: Invoice, private_key: bytes) -> None:
    if not 0 <= invoice.timestamp < 1 << 5 * TIMESTAMP_WORDS:
        raise Bolt11Refused(f"the timestamp {invoice.timestamp} does not fit into 35 bits", "B11-data-part-w-01")
    _require_size(invoice.payment_hash, "payment hash", "B11-tagged-fields-w-01")
    _require_size(invoice.payment_secret, "payment secret", "B11-tagged-fields-w-02")
    if (invoice.description is None) == (invoice.description_hash is None):
        raise Bolt11Refused("not exactly one of description and its hash", "B11-tagged-fields-w-04")
    if invoice.description_hash is not None:
        _require_size(invoice.description_hash, "description hash", "B11-tagged-fields-w-04")
    _require_not_negative(invoice.expiry, "expiry", "B11-tagged-fields-w-10")
    _require_not_negative(invoice.min_final_cltv_expiry_delta, "expiry delta", "B11-tagged-fields-w-13")
    if invoice.names_payee and invoice.payee not in (None, PrivateKey(private_key).public_key.encoded):
        raise Bolt11Refused("the payee is not the one who signs", "B11-tagged-fields-w-15")
    for field in invoice.other_fields:
        if field.tag in _ONLY_ONCE:
            raise Bolt11Refused(f"a further field {field.tag}", _ONLY_ONCE[field.tag])


def _require_size(value: bytes, name: str, rule: str) -> None:
    if len(value) != 32:
        raise Bolt11Refused(f"the {name} takes 32 bytes, not {len(value)}", rule)


def _require_not_negative(value: int | None, name: str, rule: str) -> None:
    if value is not None and value < 0:
        raise Bolt11Refused(f"the {name} is negative", rule)


def _require_features(features: FeatureBits, own: Collection[int]) -> None:
    """BOLT 9's rules for who sets features: B11-feature-bits-w-01."""
    try:
        check_origin(features - frozenset(own), Context.INVOICE)
    except ValueError as error:
        raise Bolt11Refused(str(error), "B11-feature-bits-w-01") from error


def _ordered_fields(invoice: Invoice, private_key: bytes) -> list[TaggedField]:
    """The fields by ``field_order``; repeated ones keep their order of preference (B11-tagged-fields-w-24)."""
    fields = [*_fields(invoice, private_key), *invoice.other_fields]
    places: dict[str, list[int]] = {}
    for place, tag in enumerate(invoice.field_order):
        places.setdefault(tag, []).append(place)
    keys = []
    for tag, _ in fields:
        left = places.setdefault(tag, [len(invoice.field_order)])
        keys.append(left.pop(0) if len(left) > 1 else left[0])
    return [fields[index] for index in sorted(range(len(fields)), key=keys.__getitem__)]


def _fields(invoice: Invoice, private_key: bytes) -> Iterator[TaggedField]:
    """The fields that ``invoice`` has, repeated ones by descending preference."""
    yield TaggedField("p", words_from_bytes(invoice.payment_hash))
    yield TaggedField("s", words_from_bytes(invoice.payment_secret))
    if invoice.description is not None:
        yield TaggedField("d", words_from_bytes(_utf8(invoice.description)))
    if invoice.description_hash is not None:
        yield TaggedField("h", words_from_bytes(invoice.description_hash))
    if invoice.names_payee:
        yield TaggedField("n", words_from_bytes(PrivateKey(private_key).public_key.encoded))
    if invoice.payment_metadata is not None:
        yield TaggedField("m", words_from_bytes(invoice.payment_metadata))
    yield from _integer_fields(invoice)
    yield from (TaggedField("f", encode_fallback(fallback)) for fallback in invoice.fallbacks)
    yield from (TaggedField("r", encode_route_hint(route)) for route in invoice.routes)


def _integer_fields(invoice: Invoice) -> Iterator[TaggedField]:
    """Integers in as few words as hold them: B11-tagged-fields-w-10, B11-tagged-fields-w-13, B11-tagged-fields-w-21."""
    if invoice.expiry is not None:
        yield TaggedField("x", words_from_int(invoice.expiry))
    if invoice.min_final_cltv_expiry_delta is not None:
        yield TaggedField("c", words_from_int(invoice.min_final_cltv_expiry_delta))
    if invoice.features:  # B11-tagged-fields-w-22: otherwise the field is left out
        yield TaggedField("9", words_from_int(int.from_bytes(invoice.features.to_bytes(), "big")))


def _utf8(description: str) -> bytes:
    try:
        return description.encode()
    except UnicodeEncodeError as error:
        raise Bolt11Refused("the description has no UTF-8 form", "B11-tagged-fields-w-05") from error
