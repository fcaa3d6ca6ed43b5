"""Pseudo-random byte stream: the ChaCha20 stream that hides everything inside an onion (BOLT 4).

Nonce and block counter are zero throughout, which is safe because no key is used for two messages. Hiding and
revealing are the same operation, an exclusive or with the stream, so one function serves both.
"""

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

_COUNTER_AND_NONCE = bytes(16)


def apply_stream(key: bytes, data: bytes) -> bytes:
    """``data`` XOR the stream of the 32-byte ``key``; same length, its own inverse."""
    return Cipher(ChaCha20(key, _COUNTER_AND_NONCE), mode=None).encryptor().update(data)


def stream(key: bytes, size: int) -> bytes:
    """The first ``size`` bytes of the stream of the 32-byte ``key``."""
    return apply_stream(key, bytes(size))
