"""The curve: points, secret keys and ECDSA signatures, over the libsecp256k1 that ``coincurve`` ships.

Everything is bytes as in the BOLTs: points are 33 bytes compressed, secrets and scalars 32 bytes big-endian, signatures
64 bytes ``r || s`` ("compact"), digests 32 bytes. The library's C functions are called directly, because going through
coincurve's classes costs a DER round trip per signature and an unused x-only key per secret. Key objects keep the
parsed point: hold on to them instead of parsing the same bytes again (a point costs 7 µs to parse, a public key 23 µs
to derive).

Signatures are deterministic (RFC 6979) and low-S, without grinding for a low R: that is what BOLT 3's vectors contain.
"""

from typing import Any, Self

from coincurve import GLOBAL_CONTEXT
from coincurve._libsecp256k1 import ffi, lib  # type: ignore[import-not-found]

from boltwire.errors import DecodeError

POINT_SIZE = 33
"""Bytes of a compressed point."""

SCALAR_SIZE = 32
"""Bytes of a secret key, a tweak and a message digest."""

SIGNATURE_SIZE = 64
"""Bytes of a signature on the wire of BOLT 1 (``signature``): r and s, each 32 bytes big-endian."""

MAX_DER_SIZE = 72
"""Most bytes that a DER signature can take (high R and high S)."""

GROUP_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Number of points of the curve: secrets are between 1 and this minus 1."""

_CONTEXT = GLOBAL_CONTEXT.ctx
_COMPRESSED = lib.SECP256K1_EC_COMPRESSED


class CurveError(DecodeError):
    """Bytes that are not a point, a secret key, a scalar or a signature; or a sum that is not one."""


class PublicKey:
    """A point of the curve, immutable; equal and hashable by its encoding."""

    __slots__ = ("_point", "encoded")

    encoded: bytes
    """33 bytes: 02 or 03 by the parity of y, then x."""

    def __init__(self, encoded: bytes) -> None:
        """Parse 33 compressed bytes; :class:`CurveError` unless they are a point."""
        if len(encoded) != POINT_SIZE:
            raise CurveError(f"a point takes {POINT_SIZE} bytes, not {len(encoded)}")
        point = ffi.new("secp256k1_pubkey *")
        if not lib.secp256k1_ec_pubkey_parse(_CONTEXT, point, bytes(encoded), POINT_SIZE):
            raise CurveError(f"not a point of secp256k1: {encoded.hex()}")
        self._point = point
        self.encoded = bytes(encoded)

    @classmethod
    def _of(cls, point: Any) -> Self:
        key = cls.__new__(cls)
        out = ffi.new("unsigned char[33]")
        lib.secp256k1_ec_pubkey_serialize(_CONTEXT, out, ffi.new("size_t *", POINT_SIZE), point, _COMPRESSED)
        key._point = point
        key.encoded = bytes(ffi.buffer(out))
        return key

    def __bytes__(self) -> bytes:
        return self.encoded

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.encoded == other.encoded

    def __hash__(self) -> int:
        return hash(self.encoded)

    def __repr__(self) -> str:
        return f"PublicKey({self.encoded.hex()})"

    def __reduce__(self) -> tuple[object, ...]:
        return PublicKey, (self.encoded,)

    def __add__(self, other: "PublicKey") -> "PublicKey":
        """The sum of two points; :class:`CurveError` when it is the point at infinity."""
        total = ffi.new("secp256k1_pubkey *")
        terms = ffi.new("secp256k1_pubkey *[2]", [self._point, other._point])
        if not lib.secp256k1_ec_pubkey_combine(_CONTEXT, total, terms, 2):
            raise CurveError("the points add up to the point at infinity")
        return PublicKey._of(total)

    def add_generator(self, scalar: bytes) -> "PublicKey":
        """``self + scalar * G``; :class:`CurveError` for an unusable scalar or a sum at infinity."""
        return self._tweaked(lib.secp256k1_ec_pubkey_tweak_add, scalar)

    def multiply(self, scalar: bytes) -> "PublicKey":
        """``scalar * self``; :class:`CurveError` unless the scalar is between 1 and the group order minus 1."""
        return self._tweaked(lib.secp256k1_ec_pubkey_tweak_mul, scalar)

    def _tweaked(self, operation: Any, scalar: bytes) -> "PublicKey":
        _require_size(scalar, SCALAR_SIZE, "scalar")
        point = ffi.new("secp256k1_pubkey *", self._point[0])
        if not operation(_CONTEXT, point, scalar):
            raise CurveError("the scalar is out of range or leads to the point at infinity")
        return PublicKey._of(point)

    def verify(self, digest: bytes, signature: bytes) -> bool:
        """Whether ``signature`` (64 bytes) signs ``digest`` (32 bytes) under this key; a high S never does.

        Sizes are the caller's business (ValueError); any content of the signature is a mere False.
        """
        _require_size(digest, SCALAR_SIZE, "digest")
        _require_size(signature, SIGNATURE_SIZE, "signature")
        parsed = ffi.new("secp256k1_ecdsa_signature *")
        if not lib.secp256k1_ecdsa_signature_parse_compact(_CONTEXT, parsed, signature):
            return False
        return bool(lib.secp256k1_ecdsa_verify(_CONTEXT, parsed, digest, self._point))


class PrivateKey:
    """A secret key with its public key, immutable. Its text form never shows the secret."""

    __slots__ = ("public_key", "secret")

    secret: bytes
    """32 bytes, big-endian, between 1 and the group order minus 1."""

    public_key: PublicKey
    """``secret * G``, derived once."""

    def __init__(self, secret: bytes) -> None:
        """Take 32 bytes; :class:`CurveError` unless they are a secret key."""
        _require_size(secret, SCALAR_SIZE, "secret key")
        point = ffi.new("secp256k1_pubkey *")
        if not lib.secp256k1_ec_pubkey_create(_CONTEXT, point, secret):
            raise CurveError("a secret key is between 1 and the group order minus 1")
        self.secret = bytes(secret)
        self.public_key = PublicKey._of(point)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PrivateKey) and self.secret == other.secret

    def __hash__(self) -> int:
        return hash(self.public_key)

    def __repr__(self) -> str:
        return f"PrivateKey(of {self.public_key.encoded.hex()})"

    def __reduce__(self) -> tuple[object, ...]:
        return PrivateKey, (self.secret,)

    def add(self, scalar: bytes) -> "PrivateKey":
        """``self + scalar`` modulo the group order; :class:`CurveError` for an unusable scalar or a zero sum."""
        return self._tweaked(lib.secp256k1_ec_seckey_tweak_add, scalar)

    def multiply(self, scalar: bytes) -> "PrivateKey":
        """``self * scalar`` modulo the group order; :class:`CurveError` for an unusable scalar."""
        return self._tweaked(lib.secp256k1_ec_seckey_tweak_mul, scalar)

    def _tweaked(self, operation: Any, scalar: bytes) -> "PrivateKey":
        _require_size(scalar, SCALAR_SIZE, "scalar")
        secret = ffi.new("unsigned char[32]", self.secret)
        if not operation(_CONTEXT, secret, scalar):
            raise CurveError("the scalar is out of range or leads to zero")
        return PrivateKey(bytes(ffi.buffer(secret)))

    def ecdh(self, point: PublicKey) -> bytes:
        """SHA-256 of the compressed point ``secret * point``: the ECDH of BOLTs 4 and 8."""
        shared = ffi.new("unsigned char[32]")
        lib.secp256k1_ecdh(_CONTEXT, shared, point._point, self.secret, ffi.NULL, ffi.NULL)
        return bytes(ffi.buffer(shared))

    def sign(self, digest: bytes) -> bytes:
        """The deterministic low-S signature (64 bytes) of a 32-byte digest."""
        _require_size(digest, SCALAR_SIZE, "digest")
        signature = ffi.new("secp256k1_ecdsa_signature *")
        lib.secp256k1_ecdsa_sign(_CONTEXT, signature, digest, self.secret, ffi.NULL, ffi.NULL)
        return _compact(signature)


def signature_to_der(signature: bytes) -> bytes:
    """A 64-byte signature as DER (70 to 72 bytes, rarely fewer), which is what Bitcoin scripts contain.

    Raises :class:`CurveError` when r or s is not below the group order.
    """
    _require_size(signature, SIGNATURE_SIZE, "signature")
    parsed = ffi.new("secp256k1_ecdsa_signature *")
    if not lib.secp256k1_ecdsa_signature_parse_compact(_CONTEXT, parsed, signature):
        raise CurveError("r or s of the signature is not below the group order")
    der = ffi.new("unsigned char[72]")
    size = ffi.new("size_t *", MAX_DER_SIZE)
    lib.secp256k1_ecdsa_signature_serialize_der(_CONTEXT, der, size, parsed)
    return bytes(ffi.buffer(der, size[0]))


def signature_from_der(der: bytes) -> bytes:
    """The 64 bytes of a DER signature (without sighash byte); :class:`CurveError` unless it is strict DER."""
    parsed = ffi.new("secp256k1_ecdsa_signature *")
    if not lib.secp256k1_ecdsa_signature_parse_der(_CONTEXT, parsed, der, len(der)):
        raise CurveError("the signature is not strict DER")
    signature = _compact(parsed)
    if signature_to_der(signature) != der:
        raise CurveError("the signature is not strict DER")
    return signature


def _compact(signature: Any) -> bytes:
    out = ffi.new("unsigned char[64]")
    lib.secp256k1_ecdsa_signature_serialize_compact(_CONTEXT, out, signature)
    return bytes(ffi.buffer(out))


def _require_size(value: bytes, size: int, name: str) -> None:
    if len(value) != size:
        raise CurveError(f"a {name} takes {size} bytes, not {len(value)}")
