"""Route blinding: making a blinded path, and finding one's place in it (BOLT 4, Route Blinding).

The creator shares a secret with every hop through a chain of *path keys*, the first of which is handed out with the
path. The secret gives each hop a second identity (the blinded node id) and a key under which its instructions are
sealed. A hop that gets a path key along with an onion can undo both, and derives the path key for the next hop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from boltwire.onion.blinded_path import BlindedPath, BlindedPathHop
from boltwire.onion.encrypted_data import EncryptedDataTlv
from boltwire.onion.keys import KeyType, NodeKey, derive_key, hop_secrets, next_key
from boltwire.onion.rejection import InvalidOnionBlinding, InvalidOnionPayload
from boltwire.secp256k1 import CurveError, PrivateKey, PublicKey

_NONCE: Final = bytes(12)

TAG_SIZE: Final = 16
"""Bytes by which sealed data are longer than the stream inside."""


@dataclass(frozen=True, slots=True)
class PathHop:
    """A node of a blinded path to be made, and what it is told."""

    node_id: PublicKey
    """The node's real id."""
    data: EncryptedDataTlv
    """Its instructions."""


@dataclass(frozen=True, slots=True)
class UnblindedHop:
    """What a hop of a blinded path learns from its sealed data."""

    data: EncryptedDataTlv
    """Its instructions."""
    next_path_key: bytes
    """33 bytes: the path key to send to the next node along with the onion."""


def create_blinded_path(hops: Sequence[PathHop], session_key: PrivateKey) -> BlindedPath:
    """The blinded path through ``hops``, introduction node first and its creator last.

    ``session_key`` must be fresh from a secure random source (B04-route-blinding-c-03); the path gives away its public
    key only (B04-route-blinding-c-05, B04-route-blinding-c-10, B04-route-blinding-c-11). What the hops are told is not
    judged here: see :mod:`boltwire.onion.path_data` for the rules. ValueError for an empty path.
    """
    if not hops:
        raise ValueError("a blinded path has at least one hop")
    secrets = [secret for _, secret in hop_secrets(session_key, (hop.node_id for hop in hops))]
    path = tuple(_blind(hop, secret) for hop, secret in zip(hops, secrets, strict=True))
    return BlindedPath(hops[0].node_id.encoded, session_key.public_key.encoded, path)  # B04-route-blinding-c-02


def _blind(hop: PathHop, shared_secret: bytes) -> BlindedPathHop:
    """B04-route-blinding-c-12, B04-route-blinding-c-13 (identity), B04-payload-c-12, B04-onion-message-c-01 (data)."""
    blinded_node_id = hop.node_id.multiply(derive_key(KeyType.BLINDED_NODE_ID, shared_secret))
    return BlindedPathHop(blinded_node_id.encoded, seal(hop.data.encode(), shared_secret))


def seal(data: bytes, shared_secret: bytes) -> bytes:
    """``encrypted_recipient_data``: ``data`` in ChaCha20-Poly1305 under rho, 16 bytes longer.

    B04-route-blinding-c-07, B04-route-blinding-c-18: the nonce is zero, as the key is used once.
    """
    return ChaCha20Poly1305(derive_key(KeyType.RHO, shared_secret)).encrypt(_NONCE, data, None)


def unblind(encrypted_recipient_data: bytes, path_key: bytes, node_key: NodeKey) -> UnblindedHop:
    """Open what was sealed for this node, which was given ``path_key`` (33 bytes).

    B04-route-blinding-m-01, B04-route-blinding-m-03, B04-route-blinding-m-04, then B04-route-blinding-m-06 or
    B04-route-blinding-m-07. Raises :class:`InvalidOnionBlinding` when the path key is not a point, the data do not
    decrypt (B04-payload-d-06) or are not a stream that this node understands (B04-route-blinding-m-05).
    """
    path_point = _path_point(path_key)
    shared_secret = node_key.ecdh(path_point)
    data = _decode(_open(encrypted_recipient_data, shared_secret))
    if data.next_path_key_override is not None:
        return UnblindedHop(data, data.next_path_key_override)
    return UnblindedHop(data, next_key(path_point, shared_secret).encoded)


def blinded_private_key(node_key: PrivateKey, path_key: bytes) -> PrivateKey:
    """The secret key behind this node's blinded id, for the holder of the node's secret (B04-route-blinding-m-02).

    Reading onions does not need it; BOLT 12 signs with it. :class:`InvalidOnionBlinding` if the path key is no point.
    """
    return node_key.multiply(derive_key(KeyType.BLINDED_NODE_ID, node_key.ecdh(_path_point(path_key))))


def _path_point(path_key: bytes) -> PublicKey:
    try:
        return PublicKey(path_key)
    except CurveError as error:
        raise InvalidOnionBlinding(error.reason, field="path_key") from error


def _open(sealed: bytes, shared_secret: bytes) -> bytes:
    try:
        return ChaCha20Poly1305(derive_key(KeyType.RHO, shared_secret)).decrypt(_NONCE, sealed, None)
    except InvalidTag as error:
        reason = "the data were not sealed for this node and path key"
        raise InvalidOnionBlinding(reason, field="encrypted_recipient_data") from error


def _decode(data: bytes) -> EncryptedDataTlv:
    try:
        return EncryptedDataTlv.decode(data)
    except InvalidOnionPayload as error:
        outer = error.within("encrypted_recipient_data")
        raise InvalidOnionBlinding(outer.reason, offset=outer.offset, field=outer.field) from error
