"""BigSize: the variable-length unsigned integer of BOLT 1 (Appendix A), 1, 3, 5 or 9 bytes, big-endian.

A first byte below 0xfd is the value itself; 0xfd, 0xfe and 0xff announce 2, 4 and 8 bytes. Only the shortest of the
encodings of a value is legal, which makes the encoding canonical: what is hashed or signed over can be recomputed.
"""

from boltwire.errors import TlvError

MAX_BIGSIZE = 2**64 - 1
"""The greatest value that a BigSize can hold."""

_WIDTHS = {0xFD: (2, 0xFD), 0xFE: (4, 0x1_0000), 0xFF: (8, 0x1_0000_0000)}
"""First byte: (bytes that follow, least value that needs this many)."""


def encode_bigsize(value: int) -> bytes:
    """The shortest encoding of ``value`` (B01-tlv-s-03); ValueError unless it is in 0..2^64-1."""
    if not 0 <= value <= MAX_BIGSIZE:
        raise ValueError(f"a BigSize is between 0 and 2^64-1, not {value}")
    if value < 0xFD:
        return bytes((value,))
    if value < 0x1_0000:
        return b"\xfd" + value.to_bytes(2, "big")
    if value < 0x1_0000_0000:
        return b"\xfe" + value.to_bytes(4, "big")
    return b"\xff" + value.to_bytes(8, "big")


def decode_bigsize(data: bytes, offset: int = 0) -> tuple[int, int]:
    """The value that starts at ``offset`` and the offset just after it.

    Raises :class:`TlvError` when the input ends too early or the encoding is not the shortest one (B01-tlv-r-02).
    """
    if offset >= len(data):
        raise TlvError("the input ends where a BigSize should start", offset=offset)
    first = data[offset]
    if first < 0xFD:
        return first, offset + 1
    width, least = _WIDTHS[first]
    end = offset + 1 + width
    if end > len(data):
        raise TlvError(f"a BigSize of {1 + width} bytes is truncated", offset=offset)
    value = int.from_bytes(data[offset + 1 : end], "big")
    if value < least:
        raise TlvError(f"the BigSize {value} is not minimally encoded in {1 + width} bytes", offset=offset)
    return value, end
