"""The hash functions of Bitcoin scripts and transactions, and the tagged hash of BIP 340."""

import hashlib
from collections.abc import Callable


def sha256(data: bytes) -> bytes:
    """SHA-256 (32 bytes)."""
    return hashlib.sha256(data).digest()


def sha256d(data: bytes) -> bytes:
    """SHA-256 twice (32 bytes): transaction ids, legacy and BIP 143 signature digests."""
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def tagged_hash(tag: str, data: bytes) -> bytes:
    """BIP 340's hash (32 bytes), kept apart from all others by ``tag``."""
    prefix = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(prefix + prefix + data).digest()


def _find_ripemd160() -> Callable[[bytes], bytes]:
    """OpenSSL's RIPEMD-160; some builds leave it out, then the slower pure Python of python-bitcointx."""
    try:
        empty = hashlib.new("ripemd160", usedforsecurity=False)
    except ValueError:
        from bitcointx.core._ripemd160 import ripemd160 as pure_python  # noqa: PLC0415

        return pure_python

    def native(data: bytes) -> bytes:
        hasher = empty.copy()
        hasher.update(data)
        return hasher.digest()

    return native


ripemd160 = _find_ripemd160()
"""RIPEMD-160 (20 bytes) of bytes."""


def hash160(data: bytes) -> bytes:
    """RIPEMD-160 of SHA-256 (20 bytes): the key hashes of p2pkh, p2wpkh and HTLC scripts."""
    return ripemd160(hashlib.sha256(data).digest())
