"""Signatures of invoice requests and invoices: BIP 340 over a Merkle root (BOLT 12, Signature Calculation)."""

from collections.abc import Sequence
from typing import Final

import coincurve

from boltwire.bolt12.merkle import merkle_root, tagged_hash
from boltwire.tlv import TlvRecord

SIGNATURE_SIZE: Final = 64
"""Bytes of a BIP 340 signature."""


def signature_digest(message_name: str, records: Sequence[TlvRecord], field_name: str = "signature") -> bytes:
    """What is signed (32 bytes).

    ``message_name`` is that of the TLV stream (``invoice_request``, ``invoice``), ``field_name`` that of the field
    which takes the signature. Signature records among ``records`` do not count.
    """
    return tagged_hash(f"lightning{message_name}{field_name}".encode(), merkle_root(records))


def sign(message_name: str, records: Sequence[TlvRecord], private_key: bytes) -> bytes:
    """The signature (64 bytes) by ``private_key`` (32 bytes).

    No randomness is mixed in, as BIP 340 permits, so that the result depends on the arguments only.
    """
    digest = signature_digest(message_name, records)
    return coincurve.PrivateKey(private_key).sign_schnorr(digest, aux_randomness=bytes(32))


def is_signed_by(message_name: str, records: Sequence[TlvRecord], signature: bytes, public_key: bytes) -> bool:
    """Whether ``public_key`` (33 bytes; the parity in the first one plays no part) made ``signature`` (64 bytes)."""
    digest = signature_digest(message_name, records)
    return coincurve.PublicKeyXOnly(public_key[1:]).verify(signature, digest)
