"""Bitcoin's serialization: little-endian integers, variable-length sizes, and the double hash that names things."""

from __future__ import annotations

import struct
from hashlib import sha256


def double_sha256(data: bytes) -> bytes:
    """Bitcoin's hash of transactions and block headers: SHA-256 twice, 32 bytes."""
    return sha256(sha256(data).digest()).digest()


def compact_size(value: int) -> bytes:
    """Bitcoin's variable-length integer: 1, 3, 5 or 9 bytes, little-endian."""
    if value < 0xFD:
        return bytes((value,))
    if value <= 0xFFFF:
        return b"\xfd" + struct.pack("<H", value)
    if value <= 0xFFFFFFFF:
        return b"\xfe" + struct.pack("<I", value)
    return b"\xff" + struct.pack("<Q", value)


class Reader:
    """A cursor over bytes. Every read past the end is a ValueError that tells the offset."""

    __slots__ = ("data", "offset")

    def __init__(self, data: bytes, offset: int = 0) -> None:
        self.data = data
        self.offset = offset

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self.offset + size
        if end > len(self.data):
            msg = f"cut short: {size} bytes wanted at offset {self.offset}, {len(self.data)} in all"
            raise ValueError(msg)
        chunk = self.data[self.offset : end]
        self.offset = end
        return chunk

    def uint(self, size: int) -> int:
        """An unsigned integer of `size` bytes."""
        return int.from_bytes(self.take(size), "little")

    def compact_size(self) -> int:
        """A variable-length integer."""
        first = self.uint(1)
        return first if first < 0xFD else self.uint(1 << (first - 0xFC))

    def sized(self) -> bytes:
        """Bytes that are preceded by their number."""
        return self.take(self.compact_size())

    def end(self) -> None:
        """ValueError if bytes are left over."""
        if self.offset != len(self.data):
            msg = f"{len(self.data) - self.offset} bytes left over at offset {self.offset}"
            raise ValueError(msg)
