"""How the value of each TLV field of BOLT 12 is read and written.

All of these are bijections: a value that can be read has exactly one encoding. So a decoded stream encodes to the very
bytes that it came from, which is what signatures and comparisons of mirrored fields need.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from boltwire.bolt12.paths import decode_paths, encode_paths
from boltwire.bolt12.subtypes import (
    Bip353Name,
    decode_fallbacks,
    decode_payinfos,
    encode_fallbacks,
    encode_payinfos,
)
from boltwire.errors import TlvError
from boltwire.primitives import decode_truncated, decode_utf8, encode_truncated, encode_utf8
from boltwire.secp256k1 import POINT_SIZE, PublicKey

HASH_SIZE: Final = 32
"""Bytes of a chain hash and of a payment hash."""


class Field(NamedTuple):
    """One TLV field: its type, the BOLT's name for it, and its encoding."""

    type: int
    name: str
    encode: Callable[[Any], bytes]
    """ValueError for a value without encoding."""
    decode: Callable[[bytes], Any]
    """DecodeError for bytes that no value has."""


def _identity(value: bytes) -> bytes:
    return value


def any_bytes(type_: int, name: str) -> Field:
    """``...*byte``."""
    return Field(type_, name, _identity, _identity)


def utf8(type_: int, name: str) -> Field:
    """``...*utf8``."""
    return Field(type_, name, encode_utf8, decode_utf8)


def truncated(type_: int, name: str, bits: int = 64) -> Field:
    """``tu32`` or ``tu64``."""
    return Field(type_, name, lambda value: encode_truncated(value, bits), lambda data: decode_truncated(data, bits))


def exactly(type_: int, name: str, size: int) -> Field:
    """``size`` bytes without structure: hashes and signatures."""

    def encode(value: bytes) -> bytes:
        if len(value) != size:
            raise ValueError(f"{name} takes {size} bytes, not {len(value)}")
        return value

    def decode(data: bytes) -> bytes:
        if len(data) != size:
            raise TlvError(f"takes {size} bytes, not {len(data)}")
        return data

    return Field(type_, name, encode, decode)


def point(type_: int, name: str) -> Field:
    """``point``: 33 bytes that are on the curve."""

    def encode(value: bytes) -> bytes:
        # Whether it is on the curve is left to who derived it.
        if len(value) != POINT_SIZE:
            raise ValueError(f"{name} takes {POINT_SIZE} bytes, not {len(value)}")
        return value

    def decode(data: bytes) -> bytes:
        return PublicKey(data).encoded

    return Field(type_, name, encode, decode)


def paths(type_: int, name: str) -> Field:
    """``...*blinded_path``."""
    return Field(type_, name, encode_paths, decode_paths)


def payinfos(type_: int, name: str) -> Field:
    """``...*blinded_payinfo``."""
    return Field(type_, name, encode_payinfos, decode_payinfos)


def fallbacks(type_: int, name: str) -> Field:
    """``...*fallback_address``."""
    return Field(type_, name, encode_fallbacks, decode_fallbacks)


def bip353_name(type_: int, name: str) -> Field:
    """The name and domain of BIP 353, each behind a ``u8`` length."""
    return Field(type_, name, Bip353Name.encode, Bip353Name.decode)


def chains(type_: int, name: str) -> Field:
    """``...*chain_hash``."""

    def encode(value: tuple[bytes, ...]) -> bytes:
        if any(len(chain) != HASH_SIZE for chain in value):
            raise ValueError(f"a chain hash takes {HASH_SIZE} bytes")
        return b"".join(value)

    def decode(data: bytes) -> tuple[bytes, ...]:
        if len(data) % HASH_SIZE:
            raise TlvError(f"{len(data)} bytes are not a whole number of chain hashes")
        return tuple(data[start : start + HASH_SIZE] for start in range(0, len(data), HASH_SIZE))

    return Field(type_, name, encode, decode)
