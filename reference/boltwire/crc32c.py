"""CRC32C, the checksum of RFC 3720 (Appendix B.4), with which BOLT 7 compares channel updates."""

from typing import Final

_POLYNOMIAL: Final = 0x82F63B78
"""Castagnoli's polynomial, least significant bit first."""


def _table_entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE: Final = tuple(map(_table_entry, range(256)))


def crc32c(data: bytes) -> int:
    """The checksum of ``data``, 32 bits."""
    value = 0xFFFF_FFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFF_FFFF
