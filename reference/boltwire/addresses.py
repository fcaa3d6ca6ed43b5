"""Address descriptors: where a node can be reached (BOLT 7, node_announcement; BOLT 1, ``remote_addr``).

A descriptor is a type byte and data of that type. A list of descriptors is in ascending order of type, so that its
reader can stop at the first type it does not know.
"""

import base64
import hashlib
import ipaddress
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from boltwire.errors import MessageError

_PORT: Final = struct.Struct(">H")
_SIZES: Final = {1: 6, 2: 18, 3: 12, 4: 37}
"""Bytes after the type byte; type 5 has a length of its own."""
_TOR_V2: Final = 3
_DNS: Final = 5


@dataclass(frozen=True, slots=True)
class IpAddress:
    """Types 1 (IPv4) and 2 (IPv6)."""

    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int

    @property
    def type(self) -> int:
        """1 or 2."""
        return 1 if self.address.version == 4 else 2

    def encode(self) -> bytes:
        """Type, 4 or 16 bytes of address, port; a port of 0 is refused (B07-node-announcement-o-13)."""
        return bytes((self.type,)) + self.address.packed + _encode_port(self.port)

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TorV3Address:
    """Type 4: an onion service; ``onion_addr`` is the 35 bytes that base32 shows (public key, checksum, version)."""

    onion_addr: bytes
    port: int

    @property
    def type(self) -> int:
        """4."""
        return 4

    def encode(self) -> bytes:
        """Type, 35 bytes, port."""
        if len(self.onion_addr) != 35:
            raise ValueError(f"a Tor v3 address takes 35 bytes, not {len(self.onion_addr)}")
        return b"\x04" + self.onion_addr + _PORT.pack(self.port)

    @property
    def is_consistent(self) -> bool:
        """Whether the checksum and the version 3 fit the public key."""
        pubkey, checksum, version = self.onion_addr[:32], self.onion_addr[32:34], self.onion_addr[34:]
        expected = hashlib.sha3_256(b".onion checksum" + pubkey + version).digest()[:2]
        return version == b"\x03" and checksum == expected

    def __str__(self) -> str:
        return f"{base64.b32encode(self.onion_addr).decode().lower()}.onion:{self.port}"


@dataclass(frozen=True, slots=True)
class DnsAddress:
    """Type 5: a host name of 1 to 255 ASCII characters, Punycode for others."""

    hostname: str
    port: int

    @property
    def type(self) -> int:
        """5."""
        return _DNS

    @classmethod
    def from_unicode(cls, hostname: str, port: int) -> "DnsAddress":
        """From a host name in any script; other than ASCII goes through Punycode (B07-node-announcement-o-02)."""
        return cls(hostname if hostname.isascii() else hostname.encode("idna").decode("ascii"), port)

    def encode(self) -> bytes:
        """Type, length, name, port.

        ASCII only (B07-node-announcement-o-01), and the port is not 0 (B07-node-announcement-o-13).
        """
        if not (self.hostname.isascii() and 0 < len(self.hostname) < 256):
            raise ValueError(f"a host name has 1 to 255 ASCII characters: {self.hostname!r}")
        return bytes((_DNS, len(self.hostname))) + self.hostname.encode("ascii") + _encode_port(self.port)

    def __str__(self) -> str:
        return f"{self.hostname}:{self.port}"


Address: TypeAlias = IpAddress | TorV3Address | DnsAddress


def _encode_port(port: int) -> bytes:
    if not 0 < port < 1 << 16:
        raise ValueError(f"a port to announce is between 1 and 65535, not {port}")
    return _PORT.pack(port)


@dataclass(frozen=True, slots=True)
class AddressList:
    """What a reader gets out of ``addresses``."""

    usable: tuple[Address, ...]
    """The descriptors to connect to, in order."""
    unread: bytes
    """From the first descriptor of unknown type on: ignored, and future fields may be there."""
    dns_count: int
    """Number of host names; above 1 the announcement must not be forwarded."""


def encode_addresses(addresses: Iterable[Address]) -> bytes:
    """The descriptors by ascending type, without padding or obsolete types; ValueError for more than one host name.

    B07-node-announcement-o-10 (order), B07-node-announcement-o-11 and B07-node-announcement-o-12 (no padding),
    B07-node-announcement-o-17 (Tor v2 has no class), B07-node-announcement-o-18 (one host name). The length in front is
    the codec's (B07-node-announcement-o-09).
    """
    ordered = sorted(addresses, key=lambda address: address.type)
    if sum(address.type == _DNS for address in ordered) > 1:
        raise ValueError("at most one host name is announced")
    return b"".join(address.encode() for address in ordered)


def decode_addresses(data: bytes) -> AddressList:
    """The descriptors in ``addresses`` of a node_announcement.

    Left out are padding, Tor v2, and port 0; reading stops at the first unknown type. Raises :class:`MessageError`
    when a descriptor of known type runs past the end (B07-node-announcement-r-11).
    """
    usable: list[Address] = []
    dns_count = 0
    offset = 0
    while offset < len(data):
        type_ = data[offset]
        if type_ == 0:
            offset += 1
            continue
        if type_ not in _SIZES and type_ != _DNS:
            break
        address, offset = _decode_address(data, offset)
        dns_count += type_ == _DNS
        if address is not None and address.port and not (type_ == _DNS and dns_count > 1):
            usable.append(address)
    return AddressList(tuple(usable), data[offset:], dns_count)


def decode_address(data: bytes) -> Address | None:
    """The single descriptor in all of ``data``, as in ``remote_addr`` of ``init``; None if it is obsolete or unknown.

    A port of 0 is returned as it is. Raises :class:`MessageError` when the descriptor does not fill ``data`` exactly.
    """
    if not data:
        raise MessageError("an address descriptor has at least a type byte", offset=0)
    if data[0] not in _SIZES and data[0] != _DNS:
        return None
    address, end = _decode_address(data, 0)
    if end != len(data):
        raise MessageError(f"{len(data) - end} bytes follow the address descriptor", offset=end)
    return address


def encode_remote_addr(address: Address) -> bytes:
    """The value of ``remote_addr`` in ``init``: one descriptor (B01-init-s-09)."""
    return address.encode()


def _decode_address(data: bytes, offset: int) -> tuple[Address | None, int]:
    """The descriptor of known type at ``offset`` and the offset after it; None for an obsolete or unusable one."""
    type_, body = data[offset], offset + 1
    size = _SIZES[type_] if type_ != _DNS else _dns_size(data, body)
    end = body + size
    if end > len(data):
        raise MessageError(f"address descriptor of type {type_} is truncated", offset=offset, field="addresses")
    return _build(type_, data[body : end - 2], _PORT.unpack_from(data, end - 2)[0]), end


def _dns_size(data: bytes, body: int) -> int:
    """Bytes of length, host name and port; just the length if that is missing, so that the descriptor is truncated."""
    return 1 + data[body] + 2 if body < len(data) else 1


def _build(type_: int, host: bytes, port: int) -> Address | None:
    match type_:
        case 1:
            return IpAddress(ipaddress.IPv4Address(host), port)
        case 2:
            return IpAddress(ipaddress.IPv6Address(host), port)
        case 4:
            return TorV3Address(host, port)
        case 5 if host[1:].isascii() and len(host) > 1:
            return DnsAddress(host[1:].decode("ascii"), port)
        case _:
            return None
