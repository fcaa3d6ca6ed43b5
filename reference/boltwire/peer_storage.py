"""Backups kept by peers (BOLT 1, Peer Storage): sealed so that a peer can neither read nor alter nor measure them.

The blob is ours to lay out, since only we read it: 12 random bytes of nonce, then ChaCha20-Poly1305 of the data behind
a u16 length, padded with zero bytes to the full size.
"""

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from boltwire.errors import MessageError
from boltwire.messages import PeerStorage, PeerStorageRetrieval

MAX_BLOB_SIZE: Final = 65531
"""Bytes of the largest blob (B01-peer-storage-s-02)."""

_NONCE_SIZE: Final = 12
_TAG_SIZE: Final = 16
_LENGTH_SIZE: Final = 2

MAX_BACKUP_SIZE: Final = MAX_BLOB_SIZE - _NONCE_SIZE - _TAG_SIZE - _LENGTH_SIZE
"""Bytes of the largest backup that fits into a sealed blob."""


def seal(key: bytes, backup: bytes) -> PeerStorage:
    """``backup`` encrypted under ``key`` (32 bytes), always of full size; ValueError if it is too large.

    B01-peer-storage-s-02 (size), B01-peer-storage-s-03 (integrity), B01-peer-storage-s-04 (padding).
    """
    if len(backup) > MAX_BACKUP_SIZE:
        raise ValueError(f"a backup has at most {MAX_BACKUP_SIZE} bytes, not {len(backup)}")
    padded = len(backup).to_bytes(_LENGTH_SIZE, "big") + backup.ljust(MAX_BACKUP_SIZE, b"\0")
    nonce = secrets.token_bytes(_NONCE_SIZE)
    return PeerStorage(blob=nonce + ChaCha20Poly1305(key).encrypt(nonce, padded, None))


def unseal(key: bytes, message: PeerStorageRetrieval) -> bytes:
    """The backup in what the peer returned; :class:`MessageError` if it is not what we sealed under ``key``."""
    try:
        padded = ChaCha20Poly1305(key).decrypt(message.blob[:_NONCE_SIZE], message.blob[_NONCE_SIZE:], None)
    except (InvalidTag, ValueError) as error:
        raise MessageError("the backup was not sealed with this key", field="peer_storage_retrieval.blob") from error
    size = int.from_bytes(padded[:_LENGTH_SIZE], "big")
    return padded[_LENGTH_SIZE : _LENGTH_SIZE + size]


def retrieval(latest: PeerStorage) -> PeerStorageRetrieval:
    """What a peer gets back: the blob of its latest ``peer_storage`` (B01-peer-storage-s-05)."""
    return PeerStorageRetrieval(blob=latest.blob)
