"""Encrypted frames of BOLT 8: message to bytes on the wire and back, with key rotation. Sans I/O.

A frame is the message's length (u16) and the message, each encrypted by ChaCha20-Poly1305 with its own tag of 16 bytes
and its own nonce. A key serves for 1000 encryptions, that is 500 messages, and is then replaced.

The hot path is two calls into OpenSSL per frame. Nonces of a key are counted from 0 to 999, so that all of them are in
a table; objects that hold a key are made once per rotation.
"""

import struct
from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from boltwire.errors import TransportError
from boltwire.message_codec import MAX_MESSAGE_SIZE
from boltwire.noise import hkdf

TAG_SIZE: Final = 16
"""Bytes of a Poly1305 tag."""
HEADER_SIZE: Final = 2 + TAG_SIZE
"""Bytes of an encrypted length."""
MAX_FRAME_SIZE: Final = HEADER_SIZE + MAX_MESSAGE_SIZE + TAG_SIZE
"""Bytes of the longest frame: 65569."""
ROTATION_INTERVAL: Final = 1000
"""Encryptions with one key, two per message."""

_NONCES: Final = tuple(bytes(4) + struct.pack("<Q", counter) for counter in range(ROTATION_INTERVAL))
"""Nonces by counter: 32 zero bits, then 64 bits little-endian."""
_LENGTH: Final = struct.Struct(">H")


class _RotatingKey:
    """A key with its counter, replaced after 1000 uses (BOLT 8, Lightning Message Key Rotation)."""

    __slots__ = ("aead", "chaining_key", "counter", "key")

    def __init__(self, key: bytes, chaining_key: bytes) -> None:
        self.key = key
        self.chaining_key = chaining_key
        self.aead = ChaCha20Poly1305(key)
        self.counter = 0

    def rotate(self) -> None:
        """The next key; earlier ones cannot be derived from it."""
        self.chaining_key, self.key = hkdf(self.chaining_key, self.key)
        self.aead = ChaCha20Poly1305(self.key)
        self.counter = 0


class FrameEncryptor:
    """Turns messages into frames, in the order in which they are sent."""

    __slots__ = ("_key",)

    def __init__(self, send_key: bytes, chaining_key: bytes) -> None:
        self._key = _RotatingKey(send_key, chaining_key)

    def encrypt(self, message: bytes) -> bytes:
        """The frame of ``message``, at most 65535 bytes (B08-message-size-b-01; ValueError otherwise).

        The nonce advances after the length (B08-encrypt-s-01) and after the message (B08-encrypt-s-02).
        """
        return b"".join(self._parts(message))

    def encrypt_all(self, messages: Iterable[bytes]) -> bytes:
        """The frames of several messages in a row, for a single write."""
        parts: list[bytes] = []
        for message in messages:
            parts += self._parts(message)
        return b"".join(parts)

    def _parts(self, message: bytes) -> tuple[bytes, bytes]:
        if len(message) > MAX_MESSAGE_SIZE:
            raise ValueError(f"a message has at most {MAX_MESSAGE_SIZE} bytes, not {len(message)}")
        key = self._key
        counter = key.counter
        encrypt = key.aead.encrypt
        header = encrypt(_NONCES[counter], _LENGTH.pack(len(message)), None)
        body = encrypt(_NONCES[counter + 1], message, None)
        key.counter = counter + 2
        if key.counter == ROTATION_INTERVAL:
            key.rotate()
        return header, body


class FrameDecryptor:
    """Turns the received stream into messages; bytes may arrive in pieces of any size.

    After a frame that does not authenticate the stream is of no use any more: messages before it are still given, then
    every call raises the same error.
    """

    __slots__ = ("_buffer", "_error", "_key", "_needed", "_start")

    def __init__(self, receive_key: bytes, chaining_key: bytes) -> None:
        self._key = _RotatingKey(receive_key, chaining_key)
        self._buffer = b""
        self._start = 0
        self._needed: int | None = None
        self._error: TransportError | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that ``data`` completes; no more than a frame is kept for the next call.

        Raises :class:`TransportError` if the first frame to complete does not authenticate. If a later one does not,
        the messages before it are returned, and the next call raises.
        """
        self.require_intact()
        self._buffer = self._buffer[self._start :] + data if self._start < len(self._buffer) else data
        self._start = 0
        messages: list[bytes] = []
        try:
            self._take_all(messages)
        except InvalidTag as cause:
            what = "length" if self._needed is None else "message"
            self._error = TransportError(f"the tag of a {what} does not authenticate", field="frame")
            self._error.__cause__ = cause
            self._buffer = b""
        if not messages:
            self.require_intact()
        return messages

    def require_intact(self) -> None:
        """Raise the :class:`TransportError` that ended the stream, if one has."""
        if self._error is not None:
            raise self._error

    def require_frame_boundary(self) -> None:
        """Raise :class:`TransportError` if the stream has ended inside a frame, or was not intact."""
        self.require_intact()
        if self._needed is not None or self._start < len(self._buffer):
            raise TransportError("the stream ends inside a frame", field="frame")

    def _take_all(self, messages: list[bytes]) -> None:
        """Append all messages that the buffer completes.

        The nonce advances after each length (B08-decrypt-r-01) and each message (B08-decrypt-r-02).
        """
        buffer, key = self._buffer, self._key
        while True:
            if self._needed is None:
                end = self._start + HEADER_SIZE
                if end > len(buffer):
                    return
                length = key.aead.decrypt(_NONCES[key.counter], buffer[self._start : end], None)
                self._needed = _LENGTH.unpack(length)[0] + TAG_SIZE
                key.counter += 1
                self._start = end
            end = self._start + self._needed
            if end > len(buffer):
                return
            messages.append(key.aead.decrypt(_NONCES[key.counter], buffer[self._start : end], None))
            self._needed = None
            key.counter += 1
            self._start = end
            if key.counter == ROTATION_INTERVAL:
                key.rotate()
