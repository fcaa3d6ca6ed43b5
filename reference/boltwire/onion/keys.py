"""Keys: the shared secrets and key derivations that every part of BOLT 4 builds on.

Two parties agree on a 32-byte *shared secret* by ECDH (Shared Secret). From it they derive one key per purpose (Key
Generation), and a *blinding factor* that turns the ephemeral key seen by one hop into the unrelated-looking key seen by
the next (Blinding Ephemeral Onion Keys). Route blinding uses the same two ideas for path keys and node ids.

Public keys are 33 bytes (compressed points); secrets, scalars and derived keys are 32 bytes, scalars big-endian.
"""

import hmac
from collections.abc import Iterable, Iterator
from enum import Enum
from hashlib import sha256
from typing import NamedTuple, Protocol

from boltwire.secp256k1 import PrivateKey, PublicKey


class NodeKey(Protocol):
    """All that reading an onion needs of a node's secret key, so that a signer need not release the key itself.

    :class:`boltwire.secp256k1.PrivateKey` is one.
    """

    def ecdh(self, point: PublicKey) -> bytes:
        """SHA256 of the compressed point ``secret * point``, 32 bytes."""


class KeyType(Enum):
    """What a derived key is for; the value is the ASCII name that enters the derivation, without terminating zero.

    AMBIGUOUS: key-types-not-listed: the section Key Generation lists only rho, mu, um and pad; ``ammag``, ``ammagext``
    and ``blinded_node_id`` appear where they are used. All are derived the same way.
    """

    RHO = b"rho"
    """Hides the payloads of an onion, and seals the data of a blinded hop."""
    MU = b"mu"
    """Authenticates an onion."""
    UM = b"um"
    """Authenticates a return packet and its attribution data."""
    PAD = b"pad"
    """Fills a new onion with random-looking bytes."""
    AMMAG = b"ammag"
    """Hides a return packet."""
    AMMAGEXT = b"ammagext"
    """Hides attribution data."""
    BLINDED_NODE_ID = b"blinded_node_id"
    """Turns a node id into the id that the node has inside one blinded path."""


def derive_key(key_type: KeyType, secret: bytes) -> bytes:
    """The key (32 bytes) for one purpose: HMAC-SHA256 with the type's name as key and the 32-byte secret as message."""
    return hmac.digest(key_type.value, secret, "sha256")


def blinding_factor(public_key: bytes, shared_secret: bytes) -> bytes:
    """The scalar that leads from one hop's ephemeral (or path) key to the next: SHA256(key || shared secret)."""
    return sha256(public_key + shared_secret).digest()


class HopSecret(NamedTuple):
    """What the creator of an onion or of a blinded path shares with one hop."""

    ephemeral_key: PrivateKey
    """Known to the creator only; its public key is what the hop gets to see."""
    shared_secret: bytes
    """32 bytes, known to the creator and the hop."""


def hop_secrets(session_key: PrivateKey, public_keys: Iterable[PublicKey]) -> Iterator[HopSecret]:
    """The secrets shared with each hop in turn, when the first one sees the public key of ``session_key``.

    The chain is the same for onions (Packet Construction) and for blinded paths (Route Blinding), where the ephemeral
    keys are called path keys: B04-route-blinding-c-04, B04-route-blinding-c-06, B04-route-blinding-c-08.
    """
    key = session_key
    last: HopSecret | None = None
    for public_key in public_keys:
        if last is not None:
            key = key.multiply(blinding_factor(last.ephemeral_key.public_key.encoded, last.shared_secret))
        last = HopSecret(key, key.ecdh(public_key))
        yield last


def next_key(public_key: PublicKey, shared_secret: bytes) -> PublicKey:
    """The ephemeral (or path) key for the next hop, as computed by a hop from the one that it was given.

    B04-onion-decryption-m-02, B04-route-blinding-c-09, B04-route-blinding-m-07.
    """
    return public_key.multiply(blinding_factor(public_key.encoded, shared_secret))
