"""The node's keys: all of them from one seed, none of them used while the latch is closed."""

import hmac
from collections.abc import Collection
from typing import Final

from boltnode.storage.latch import SigningLatch
from boltwire.bolt11 import Invoice, encode
from boltwire.secp256k1 import CurveError, PrivateKey, PublicKey

SEED_SIZE: Final = 32
"""Bytes."""


def derive(seed: bytes, purpose: str) -> bytes:
    """32 secret bytes for one purpose; those for others tell nothing about them."""
    return hmac.digest(seed, f"boltnode {purpose}".encode(), "sha256")


def derive_key(seed: bytes, purpose: str) -> PrivateKey:
    """The key for one purpose."""
    for attempt in range(256):
        try:
            return PrivateKey(derive(seed, f"{purpose} {attempt}"))
        except CurveError:
            continue  # about once in 2^128 seeds
    raise AssertionError("256 hashes in a row are not below the group order")


class LatchedKey:
    """A key that signs nothing once the latch is closed. Every key of the node that signs is one."""

    def __init__(self, key: PrivateKey, latch: SigningLatch) -> None:
        """Under the latch of the node."""
        self._key = key
        self._latch = latch

    @property
    def public_key(self) -> PublicKey:
        """The public half."""
        return self._key.public_key

    def sign(self, digest: bytes) -> bytes:
        """64 bytes; :class:`boltnode.storage.latch.SigningStopped` while nothing may be signed."""
        self._latch.require_open()
        return self._key.sign(digest)

    def __repr__(self) -> str:
        return f"LatchedKey(of {self.public_key.encoded.hex()})"


class NodeKey(LatchedKey):
    """The key that is the node's identity."""

    def __init__(self, seed: bytes, latch: SigningLatch) -> None:
        """From the seed of the node's file."""
        if len(seed) != SEED_SIZE:
            raise ValueError(f"a seed takes {SEED_SIZE} bytes, not {len(seed)}")
        super().__init__(derive_key(seed, "node"), latch)

    @property
    def node_id(self) -> bytes:
        """33 bytes."""
        return self.public_key.encoded

    @property
    def static_key(self) -> PrivateKey:
        """For handshakes (BOLT 8), which prove who we are and sign nothing."""
        return self._key

    def sign_invoice(self, invoice: Invoice, own_features: Collection[int] = ()) -> str:
        """The invoice as text (BOLT 11); errors as for :meth:`sign` and :func:`boltwire.bolt11.encode`."""
        self._latch.require_open()
        return encode(invoice, self._key.secret, own_features=own_features)
