"""The structures inside of BOLT 12's fields other than blinded paths: payinfo, fallback address, BIP 353 name."""

import re
import struct
from dataclasses import dataclass
from typing import Final, Self

from boltwire.bech32 import encode_segwit_address, witness_program_fault
from boltwire.errors import TlvError

_PAYINFO: Final = struct.Struct(">IIHQQH")
_FALLBACK: Final = struct.Struct(">BH")
_NAME: Final = re.compile(rb"[0-9A-Za-z._-]*")


@dataclass(frozen=True, slots=True)
class BlindedPayinfo:
    """What a payment over one blinded path costs and how long it may take, for the path as a whole."""

    fee_base_msat: int
    """Constant fee, 32 bits."""
    fee_proportional_millionths: int
    """Fee per million of the amount, 32 bits."""
    cltv_expiry_delta: int
    """Blocks that the path takes, the final node's included, 16 bits."""
    htlc_minimum_msat: int
    """Least amount, 64 bits."""
    htlc_maximum_msat: int
    """Greatest amount, 64 bits."""
    features: bytes = b""
    """What the path's nodes allow (``allowed_features``), big-endian bits, up to 65535 bytes."""

    def encode(self) -> bytes:
        """28 bytes and the features; ValueError for a number that does not fit."""
        try:
            return self._head() + self.features
        except struct.error as error:
            raise ValueError(f"a blinded_payinfo has no encoding: {error}") from error

    def _head(self) -> bytes:
        return _PAYINFO.pack(
            self.fee_base_msat,
            self.fee_proportional_millionths,
            self.cltv_expiry_delta,
            self.htlc_minimum_msat,
            self.htlc_maximum_msat,
            len(self.features),
        )

    @classmethod
    def decode_at(cls, data: bytes, offset: int) -> tuple[Self, int]:
        """The payinfo at ``offset`` and the offset after it; :class:`TlvError` if it is cut short."""
        start = offset + _PAYINFO.size
        if start > len(data):
            raise TlvError(f"a blinded_payinfo takes {_PAYINFO.size} bytes, {len(data) - offset} left", offset=offset)
        base, millionths, delta, least, most, size = _PAYINFO.unpack_from(data, offset)
        if start + size > len(data):
            raise TlvError(f"{size} bytes of features are announced, {len(data) - start} are left", offset=start)
        return cls(base, millionths, delta, least, most, data[start : start + size]), start + size


@dataclass(frozen=True, slots=True)
class FallbackAddress:
    """Where to pay on the chain; any version and address have an encoding, see :meth:`fault`."""

    version: int
    """Witness version, 8 bits."""
    address: bytes
    """Witness program, up to 65535 bytes."""

    def fault(self) -> str | None:
        """Why nobody should pay to it; None if it is a witness version and program (for Bitcoin)."""
        return witness_program_fault(self.version, self.address)

    def text(self, prefix: str) -> str:
        """The address as people know it, on the network whose addresses start with ``prefix``, such as ``bc``."""
        return encode_segwit_address(prefix, self.version, self.address)

    def encode(self) -> bytes:
        """3 bytes and the address; ValueError for a number that does not fit."""
        try:
            return _FALLBACK.pack(self.version, len(self.address)) + self.address
        except struct.error as error:
            raise ValueError(f"a fallback_address has no encoding: {error}") from error

    @classmethod
    def decode_at(cls, data: bytes, offset: int) -> tuple[Self, int]:
        """The address at ``offset`` and the offset after it; :class:`TlvError` if it is cut short."""
        start = offset + _FALLBACK.size
        if start > len(data):
            raise TlvError(f"a fallback_address starts with 3 bytes, {len(data) - offset} are left", offset=offset)
        version, size = _FALLBACK.unpack_from(data, offset)
        if start + size > len(data):
            raise TlvError(f"{size} bytes of address are announced, {len(data) - start} are left", offset=start)
        return cls(version, data[start : start + size]), start + size


@dataclass(frozen=True, slots=True)
class Bip353Name:
    """The human-readable name that an offer was found under, such as ``₿name@domain`` (BIP 353).

    Bytes, since a reader meets any; see :meth:`is_allowed`.
    """

    name: bytes
    """What stands between ``₿`` and ``@``, up to 255 bytes."""
    domain: bytes
    """What stands after ``@``, up to 255 bytes."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``₿name@domain`` or ``name@domain``: B12-invoice-requests-w-25, B12-invoice-requests-w-26.

        ValueError for anything else, or for characters that a reader would have to reject.
        """
        name, at, domain = text.removeprefix("₿").partition("@")
        parsed = cls(name.encode(), domain.encode())
        if not (name and at and domain and parsed.is_allowed()):
            raise ValueError(f"not a BIP 353 name: {text!r}")
        return parsed

    def is_allowed(self) -> bool:
        """Whether name and domain consist of letters and digits of ASCII, ``-``, ``_`` and ``.`` only."""
        return all(_NAME.fullmatch(part) for part in (self.name, self.domain))

    def encode(self) -> bytes:
        """Both, each behind its length; ValueError for more than 255 bytes."""
        if max(len(self.name), len(self.domain)) > 255:
            raise ValueError("a BIP 353 name and domain have at most 255 bytes each")
        return b"".join(bytes((len(part),)) + part for part in (self.name, self.domain))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The name that fills ``data``; :class:`TlvError` otherwise."""
        name = data[1 : 1 + data[0]] if data else b""
        tail = data[1 + len(name) :]
        if not tail or len(name) != data[0] or len(tail) != 1 + tail[0]:
            raise TlvError("not a name and a domain with one byte of length each")
        return cls(name, tail[1:])


def encode_payinfos(payinfos: tuple[BlindedPayinfo, ...]) -> bytes:
    """The payinfos, one after the other."""
    return b"".join(payinfo.encode() for payinfo in payinfos)


def decode_payinfos(data: bytes) -> tuple[BlindedPayinfo, ...]:
    """All payinfos in ``data``; :class:`TlvError` for a truncated one."""
    payinfos = []
    offset = 0
    while offset < len(data):
        payinfo, offset = BlindedPayinfo.decode_at(data, offset)
        payinfos.append(payinfo)
    return tuple(payinfos)


def encode_fallbacks(fallbacks: tuple[FallbackAddress, ...]) -> bytes:
    """The addresses, one after the other."""
    return b"".join(fallback.encode() for fallback in fallbacks)


def decode_fallbacks(data: bytes) -> tuple[FallbackAddress, ...]:
    """All addresses in ``data``; :class:`TlvError` for a truncated one."""
    fallbacks = []
    offset = 0
    while offset < len(data):
        fallback, offset = FallbackAddress.decode_at(data, offset)
        fallbacks.append(fallback)
    return tuple(fallbacks)
