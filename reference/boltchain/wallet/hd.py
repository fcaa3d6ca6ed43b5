"""Hierarchical keys (BIP 32): one seed, and from it a tree of private keys."""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Self

from bitcointx import base58
from bitcointx.core import Hash160
from coincurve import PrivateKey

from boltchain.serialization import double_sha256

HARDENED = 1 << 31
"""Added to the number of a child that cannot be derived from the parent's public key."""

MIN_SEED_SIZE, MAX_SEED_SIZE = 16, 64
"""Bytes of a seed."""

_MASTER_KEY = b"Bitcoin seed"
_PUBLIC_VERSIONS = {"main": bytes.fromhex("0488b21e")}
_TEST_PUBLIC_VERSION = bytes.fromhex("043587cf")


@dataclass(frozen=True, slots=True)
class ExtendedKey:
    """A private key with its chain code (32 bytes), and where it stands in the tree."""

    private: PrivateKey = field(repr=False)
    chain_code: bytes = field(repr=False)
    depth: int = 0
    number: int = 0
    """Which child of its parent this is, `HARDENED` included; 0 for the master key."""
    parent_fingerprint: bytes = bytes(4)

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """The master key of a seed. ValueError unless the seed has 16 to 64 bytes."""
        if not MIN_SEED_SIZE <= len(seed) <= MAX_SEED_SIZE:
            msg = f"a seed has {MIN_SEED_SIZE} to {MAX_SEED_SIZE} bytes, not {len(seed)}"
            raise ValueError(msg)
        digest = hmac.digest(_MASTER_KEY, seed, "sha512")
        return cls(PrivateKey(digest[:32]), digest[32:])

    @property
    def public(self) -> bytes:
        """The compressed public key, 33 bytes."""
        return self.private.public_key.format()

    @property
    def fingerprint(self) -> bytes:
        """The first four bytes of the public key's hash."""
        return bytes(Hash160(self.public)[:4])

    def child(self, number: int) -> ExtendedKey:
        """The child with this number (add `HARDENED` for a hardened one). ValueError if it has no key (never seen)."""
        secret = b"\x00" + self.private.secret if number >= HARDENED else self.public
        digest = hmac.digest(self.chain_code, secret + struct.pack(">I", number), "sha512")
        return ExtendedKey(self.private.add(digest[:32]), digest[32:], self.depth + 1, number, self.fingerprint)

    def descend(self, *numbers: int) -> ExtendedKey:
        """The descendant at the end of a path of numbers."""
        key = self
        for number in numbers:
            key = key.child(number)
        return key

    def public_text(self, network: str) -> str:
        """The extended public key as people exchange it: `xpub…` on the main network, else `tpub…`."""
        version = _PUBLIC_VERSIONS.get(network, _TEST_PUBLIC_VERSION)
        place = bytes((self.depth,)) + self.parent_fingerprint + struct.pack(">I", self.number)
        payload = version + place + self.chain_code + self.public
        return str(base58.encode(payload + double_sha256(payload)[:4]))


def tagged_hash(tag: str, message: bytes) -> bytes:
    """BIP 340's hash that is of use for one purpose only, which the tag names: 32 bytes."""
    prefix = sha256(tag.encode()).digest()
    return sha256(prefix + prefix + message).digest()
