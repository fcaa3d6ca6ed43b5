"""The handshake of BOLT 8 (Noise_XK): three acts that authenticate both nodes and agree on the keys of the session.

Sans I/O: a machine per role takes the bytes of the act it waits for and gives the bytes of its own. Acts have a fixed
size (50, 50 and 66 bytes), so that the caller reads exactly that many.

    initiator                          responder
    act_one()  ------- 50 bytes ----->  act_two(act one)
    act_three(act two) <-- 50 bytes --
               ------- 66 bytes ----->  finish(act three)

Any error ends the connection without an answer: B08-act-one-q-02, B08-act-two-i-02, B08-act-three-q-02,
B08-act-three-q-03. A machine is used for one connection, and each step once.

With the ephemeral keys of the BOLT's appendix, both roles give the appendix's bytes (B08-initiator-tests-i-01,
B08-responder-tests-q-01).
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from boltwire.errors import TransportError
from boltwire.secp256k1 import CurveError, PrivateKey, PublicKey

ACT_ONE_SIZE: Final = 50
"""Bytes: version, ephemeral point, tag."""
ACT_TWO_SIZE: Final = 50
"""Bytes: version, ephemeral point, tag."""
ACT_THREE_SIZE: Final = 66
"""Bytes: version, encrypted static point with its tag, tag."""

HANDSHAKE_VERSION: Final = 0
"""The only version; all others are refused (B08-handshake-version-n-01)."""

_PROTOCOL_NAME: Final = b"Noise_XK_secp256k1_ChaChaPoly_SHA256"
_PROLOGUE: Final = b"lightning"
_FIRST_NONCE: Final = bytes(12)
_SECOND_NONCE: Final = bytes((0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0))


def hkdf(salt: bytes, key_material: bytes) -> tuple[bytes, bytes]:
    """Two keys of 32 bytes by HKDF-SHA256 (RFC 5869) with empty ``info``: BOLT 8 always asks for 64 bytes."""
    secret = hmac.digest(salt, key_material, "sha256")
    first = hmac.digest(secret, b"\x01", "sha256")
    return first, hmac.digest(secret, first + b"\x02", "sha256")


def fresh_ephemeral_key() -> PrivateKey:
    """A new key of strong randomness; one per session (B08-handshake-state-n-01)."""
    while True:
        try:
            return PrivateKey(secrets.token_bytes(32))
        except CurveError:
            continue  # about once in 2^128 draws


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """What both sides know after the handshake; ``send_key`` of one is ``receive_key`` of the other."""

    send_key: bytes
    """32 bytes, encrypts messages to the peer."""
    receive_key: bytes
    """32 bytes, decrypts messages from the peer."""
    chaining_key: bytes
    """32 bytes, from which both keys are rotated."""
    remote_static: bytes
    """33 bytes, the node id that the peer has proved to own."""


class _SymmetricState:
    """The handshake hash ``h`` and the chaining key ``ck`` (BOLT 8, Handshake State)."""

    def __init__(self, responder_static: bytes) -> None:
        self.chaining_key = hashlib.sha256(_PROTOCOL_NAME).digest()
        self.digest = hashlib.sha256(self.chaining_key + _PROLOGUE).digest()
        self.mix_hash(responder_static)
        self.temporary_key = b""

    def mix_hash(self, data: bytes) -> None:
        """``h = SHA256(h || data)``."""
        self.digest = hashlib.sha256(self.digest + data).digest()

    def mix_key(self, shared_secret: bytes) -> None:
        """``ck, temp_k = HKDF(ck, ECDH)``."""
        self.chaining_key, self.temporary_key = hkdf(self.chaining_key, shared_secret)

    def seal(self, nonce: bytes, plaintext: bytes) -> bytes:
        """Encrypt with ``h`` as associated data, then mix the ciphertext into ``h``.

        ChaCha20-Poly1305 as in RFC 8439 (B08-noise-b-01).
        """
        sealed = ChaCha20Poly1305(self.temporary_key).encrypt(nonce, plaintext, self.digest)
        self.mix_hash(sealed)
        return sealed

    def open(self, nonce: bytes, sealed: bytes, act: str, offset: int) -> bytes:
        """The inverse of :meth:`seal`; a wrong tag is the end of the connection."""
        try:
            plaintext = ChaCha20Poly1305(self.temporary_key).decrypt(nonce, sealed, self.digest)
        except InvalidTag as error:
            raise TransportError("the tag does not authenticate", offset=offset, field=act) from error
        self.mix_hash(sealed)
        return plaintext


def _require_act(data: bytes, size: int, act: str) -> None:
    """``data`` has the size of the act and a known version.

    B08-act-one-q-01, B08-act-two-i-01 (whose text says responder), B08-act-three-q-01.
    """
    if len(data) != size:
        raise TransportError(f"the act takes {size} bytes, not {len(data)}", field=act)
    if data[0] != HANDSHAKE_VERSION:
        raise TransportError(f"unknown handshake version {data[0]}", offset=0, field=act)


def _parse_point(data: bytes, act: str) -> PublicKey:
    try:
        return PublicKey(data)
    except CurveError as error:
        raise TransportError("the public key is not a compressed point of the curve", offset=1, field=act) from error


class Initiator:
    """The side that connects and knows whom it wants to talk to."""

    def __init__(self, static: PrivateKey, responder_static: PublicKey, ephemeral: PrivateKey | None = None) -> None:
        """``ephemeral`` is fresh unless a test vector fixes it."""
        self._static = static
        self._responder_static = responder_static
        self._ephemeral = ephemeral or fresh_ephemeral_key()
        self._state = _SymmetricState(responder_static.encoded)

    def act_one(self) -> bytes:
        """The first 50 bytes to send."""
        point = self._ephemeral.public_key.encoded
        self._state.mix_hash(point)
        self._state.mix_key(self._ephemeral.ecdh(self._responder_static))
        return bytes((HANDSHAKE_VERSION,)) + point + self._state.seal(_FIRST_NONCE, b"")

    def act_three(self, act_two: bytes) -> tuple[bytes, SessionKeys]:
        """Take the responder's 50 bytes; the 66 bytes to send and the session's keys.

        Raises :class:`TransportError` on an unknown version (B08-act-two-i-01), an invalid point or a bad tag
        (B08-act-two-i-02).
        """
        _require_act(act_two, ACT_TWO_SIZE, "act two")
        responder_ephemeral = _parse_point(act_two[1:34], "act two")
        self._state.mix_hash(act_two[1:34])
        self._state.mix_key(self._ephemeral.ecdh(responder_ephemeral))
        self._state.open(_FIRST_NONCE, act_two[34:], "act two", 34)
        sealed_static = self._state.seal(_SECOND_NONCE, self._static.public_key.encoded)
        self._state.mix_key(self._static.ecdh(responder_ephemeral))
        tag = self._state.seal(_FIRST_NONCE, b"")
        send_key, receive_key = hkdf(self._state.chaining_key, b"")
        keys = SessionKeys(send_key, receive_key, self._state.chaining_key, self._responder_static.encoded)
        return bytes((HANDSHAKE_VERSION,)) + sealed_static + tag, keys


class Responder:
    """The side that is connected to, and learns in act three by whom."""

    def __init__(self, static: PrivateKey, ephemeral: PrivateKey | None = None) -> None:
        """``ephemeral`` is fresh unless a test vector fixes it."""
        self._static = static
        self._ephemeral = ephemeral or fresh_ephemeral_key()
        self._state = _SymmetricState(static.public_key.encoded)

    def act_two(self, act_one: bytes) -> bytes:
        """Take the initiator's 50 bytes; the 50 bytes to send.

        Raises :class:`TransportError` on an unknown version (B08-act-one-q-01), an invalid point or a bad tag
        (B08-act-one-q-02), which also tells that the initiator takes us for somebody else.
        """
        _require_act(act_one, ACT_ONE_SIZE, "act one")
        initiator_ephemeral = _parse_point(act_one[1:34], "act one")
        self._state.mix_hash(act_one[1:34])
        self._state.mix_key(self._static.ecdh(initiator_ephemeral))
        self._state.open(_FIRST_NONCE, act_one[34:], "act one", 34)
        point = self._ephemeral.public_key.encoded
        self._state.mix_hash(point)
        self._state.mix_key(self._ephemeral.ecdh(initiator_ephemeral))
        return bytes((HANDSHAKE_VERSION,)) + point + self._state.seal(_FIRST_NONCE, b"")

    def finish(self, act_three: bytes) -> SessionKeys:
        """Take the initiator's 66 bytes; the session's keys, with the initiator's node id.

        Raises :class:`TransportError` on an unknown version (B08-act-three-q-01), a bad tag of the static key
        (B08-act-three-q-02), an invalid point, or a bad final tag (B08-act-three-q-03).
        """
        _require_act(act_three, ACT_THREE_SIZE, "act three")
        static = self._state.open(_SECOND_NONCE, act_three[1:50], "act three", 1)
        initiator_static = _parse_point(static, "act three")
        self._state.mix_key(self._ephemeral.ecdh(initiator_static))
        self._state.open(_FIRST_NONCE, act_three[50:], "act three", 50)
        receive_key, send_key = hkdf(self._state.chaining_key, b"")
        return SessionKeys(send_key, receive_key, self._state.chaining_key, static)
