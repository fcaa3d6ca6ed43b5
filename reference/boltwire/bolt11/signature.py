"""The signature of an invoice: recoverable ECDSA over its human-readable part and data (BOLT 11, Data Part)."""

import hashlib
from typing import Final

import coincurve

from boltwire.bech32 import padded_bytes_from_words
from boltwire.bolt11.errors import Bolt11Rejected
from boltwire.secp256k1 import GROUP_ORDER, CurveError, PublicKey

SIGNATURE_SIZE: Final = 65
"""Bytes: r and s, 32 each and big-endian, and the recovery id."""

MAX_RECOVERY_ID: Final = 3
"""Recovery ids tell apart the up to four keys that a signature can belong to."""


def signature_digest(human_readable: str, words: bytes) -> bytes:
    """What is signed (32 bytes): SHA-256 of the human-readable part and of the data, padded with zero bits.

    ``words`` are timestamp and tagged fields. B11-data-part-w-02.
    """
    return hashlib.sha256(human_readable.encode() + padded_bytes_from_words(words)).digest()


def sign(digest: bytes, private_key: bytes) -> bytes:
    """The signature (65 bytes) of ``digest`` by a 32-byte key: deterministic (RFC 6979) and low-S."""
    return coincurve.PrivateKey(private_key).sign_recoverable(digest, hasher=None)


def recover_payee(digest: bytes, signature: bytes) -> bytes:
    """The key (33 bytes) that made ``signature``, whether its S is high or low (B11-tagged-fields-d-10).

    Raises :class:`Bolt11Rejected` when there is none.
    """
    require_recovery_id(signature)
    try:
        return coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None).format()
    except ValueError as error:
        raise Bolt11Rejected("no key can have made the signature", rule="B11-data-part-d-01") from error


def verify_payee(digest: bytes, signature: bytes, payee: bytes) -> None:
    """Raise :class:`Bolt11Rejected` unless ``payee``, the key in field ``n``, made ``signature``.

    The recovery id plays no part (B11-tagged-fields-d-08). A high S is refused (B11-tagged-fields-d-09): it would let
    anybody turn the invoice into another valid one.
    """
    # STRICTER: impossible-recovery-id: the recovery id is not used here, but one that cannot exist makes the signature
    # malformed.
    require_recovery_id(signature)
    if 2 * int.from_bytes(signature[32:64], "big") > GROUP_ORDER:
        raise Bolt11Rejected("the signature's S is high, though the payee is named", rule="B11-tagged-fields-d-09")
    try:
        key = PublicKey(payee)
    except CurveError as error:
        # AMBIGUOUS: payee-that-is-no-point: a *valid* n replaces recovery, and "otherwise" the key is recovered. Taken
        # literally, a key that is no point would be ignored; it is treated as a payee that cannot have signed.
        raise Bolt11Rejected("the payee is not a point", rule="B11-tagged-fields-d-08", field="n") from error
    if not key.verify(digest, signature[:64]):
        raise Bolt11Rejected("the signature was not made by the payee in field n", rule="B11-data-part-d-01")


def require_recovery_id(signature: bytes) -> None:
    """Raise :class:`Bolt11Rejected` for a recovery id above 3."""
    if signature[-1] > MAX_RECOVERY_ID:
        raise Bolt11Rejected(f"the recovery id is {signature[-1]}, not 0 to 3", rule="B11-data-part-d-01")
