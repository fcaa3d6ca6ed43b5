"""Taproot outputs of a wallet: keys without scripts, and signatures by the key (BIPs 340, 341 and 86).

Channels do not use taproot, but their funding transactions may spend such coins and pay such change.
"""

import hashlib
from collections.abc import Sequence
from struct import Struct

import coincurve

from boltwire.hashes import tagged_hash
from boltwire.scripts import p2tr
from boltwire.secp256k1 import GROUP_ORDER, PrivateKey, PublicKey
from boltwire.sighash import SIGHASH_ALL
from boltwire.transaction import Transaction, TxOutput

_EPOCH = b"\x00"
_KEY_PATH = b"\x00"
_MINUS_ONE = (GROUP_ORDER - 1).to_bytes(32, "big")
_U32 = Struct("<I")
_AMOUNT = Struct("<q")


def taproot_script(internal_pubkey: PublicKey) -> bytes:
    """The output script that only the holder of ``internal_pubkey`` can spend: no script path."""
    even = PublicKey(b"\x02" + internal_pubkey.encoded[1:])
    return p2tr(even.add_generator(_tweak(internal_pubkey)).encoded[1:])


def taproot_digest(transaction: Transaction, index: int, spent: Sequence[TxOutput]) -> bytes:
    """The 32 bytes that a key-path signature of input ``index`` with ``SIGHASH_ALL`` signs.

    ``spent`` are the outputs that all inputs spend, in order; ValueError unless there is one for each.
    """
    if len(spent) != len(transaction.inputs):
        raise ValueError(f"{len(transaction.inputs)} inputs spend as many outputs, not {len(spent)}")
    parts = (
        _EPOCH + bytes((SIGHASH_ALL,)) + _U32.pack(transaction.version & 0xFFFFFFFF) + _U32.pack(transaction.locktime),
        _sha256(b"".join(item.outpoint.serialize() for item in transaction.inputs)),
        _sha256(b"".join(_AMOUNT.pack(output.amount_sat) for output in spent)),
        _sha256(b"".join(output.serialize()[8:] for output in spent)),
        _sha256(b"".join(_U32.pack(item.sequence) for item in transaction.inputs)),
        _sha256(b"".join(output.serialize() for output in transaction.outputs)),
        _KEY_PATH + _U32.pack(index),
    )
    return tagged_hash("TapSighash", b"".join(parts))


def sign_key_path(internal_key: PrivateKey, digest: bytes) -> bytes:
    """The witness item (65 bytes) for an output of :func:`taproot_script`: signature and ``SIGHASH_ALL``.

    The sighash type is written out, although leaving it out would mean the same: BOLT 2 asks for ``SIGHASH_ALL`` (0x01)
    in transactions that both peers build (B02-itx-signatures-s-04). Signatures are deterministic: no fresh randomness.
    """
    is_even = internal_key.public_key.encoded[0] == 2
    even = internal_key if is_even else internal_key.multiply(_MINUS_ONE)
    key = coincurve.PrivateKey(even.add(_tweak(internal_key.public_key)).secret)
    return key.sign_schnorr(digest, aux_randomness=bytes(32)) + bytes((SIGHASH_ALL,))


def _tweak(internal_pubkey: PublicKey) -> bytes:
    return tagged_hash("TapTweak", internal_pubkey.encoded[1:])


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
