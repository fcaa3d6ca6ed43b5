"""Fundamental types of BOLT 1 other than BigSize: integers, truncated integers, amounts, points and node references.

Everything is big-endian. Readers raise :class:`boltwire.errors.TlvError`; writers raise ValueError for a value that has
no legal encoding.
"""

from typing import Final, NamedTuple

from boltwire.errors import TlvError
from boltwire.scid import ShortChannelId

MAX_SATOSHI: Final = 0x0007_75F0_5A07_4000
"""21 million BTC in satoshi, the greatest amount that may be written (B01-types-s-04)."""

MAX_MILLISATOSHI: Final = 0x1D24_B2DF_AC52_0000
"""21 million BTC in millisatoshi, the greatest amount that may be written (B01-types-s-05)."""

POINT_SIZE: Final = 33
"""Bytes of a compressed secp256k1 point: 02 or 03 for the parity of y, then x."""

COMPRESSED_POINT_FORMS: Final = frozenset((2, 3))
"""First bytes of a compressed point (SEC 1, 2.3.3)."""


def encode_signed(value: int, bits: int) -> bytes:
    """Two's complement of ``value`` in ``bits`` (8, 16, 32 or 64); ValueError if it does not fit (s8 to s64)."""
    try:
        return value.to_bytes(bits // 8, "big", signed=True)
    except OverflowError as error:
        raise ValueError(f"{value} does not fit into s{bits}") from error


def decode_signed(data: bytes, bits: int) -> int:
    """The two's complement integer that ``data``, exactly ``bits`` long, stands for (s8 to s64)."""
    if len(data) * 8 != bits:
        raise TlvError(f"s{bits} takes {bits // 8} bytes, not {len(data)}")
    return int.from_bytes(data, "big", signed=True)


def encode_truncated(value: int, bits: int) -> bytes:
    """``value`` without leading zero bytes, at most ``bits`` long: tu16, tu32 or tu64.

    B01-types-s-01, B01-types-s-02, B01-types-s-03; zero has no bytes at all. ValueError if it does not fit.
    """
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{value} does not fit into tu{bits}")
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def decode_truncated(data: bytes, bits: int) -> int:
    """The integer in all of ``data``, which has no leading zero byte and at most ``bits`` (B01-tlv-r-07)."""
    if len(data) * 8 > bits:
        raise TlvError(f"tu{bits} takes at most {bits // 8} bytes, not {len(data)}")
    if data and data[0] == 0:
        raise TlvError(f"tu{bits} is not minimally encoded: it starts with a zero byte", offset=0)
    return int.from_bytes(data, "big")


def require_point(data: bytes) -> bytes:
    """``data`` if it has the form of a compressed point: 33 bytes, the first one 02 or 03.

    Whether the point is on the curve is not looked at: that takes a square root, see :mod:`boltwire.points`.
    """
    if len(data) != POINT_SIZE:
        raise TlvError(f"a point takes {POINT_SIZE} bytes, not {len(data)}")
    if data[0] not in COMPRESSED_POINT_FORMS:
        raise TlvError(f"a compressed point starts with 02 or 03, not {data[0]:02x}", offset=0)
    return data


class ScidDirection(NamedTuple):
    """A node named by its place in a channel: one of the two forms of ``sciddir_or_pubkey``."""

    direction: int
    """0 for node_id_1 of the channel_announcement, 1 for node_id_2."""
    short_channel_id: ShortChannelId
    """The channel."""


def encode_sciddir_or_pubkey(value: ScidDirection | bytes) -> bytes:
    """9 bytes for a direction and channel, or the 33 bytes of a point unchanged."""
    if isinstance(value, bytes):
        return require_point(value)
    if value.direction not in (0, 1):
        raise ValueError(f"a direction is 0 or 1, not {value.direction}")
    return bytes((value.direction,)) + value.short_channel_id.to_bytes(8, "big")


def decode_sciddir_or_pubkey(data: bytes, offset: int = 0) -> tuple[ScidDirection | bytes, int]:
    """The node reference at ``offset`` and the offset after it; the first byte tells the form."""
    if offset >= len(data):
        raise TlvError("the input ends where a sciddir_or_pubkey should start", offset=offset)
    form = data[offset]
    if form > max(COMPRESSED_POINT_FORMS):
        raise TlvError(f"a sciddir_or_pubkey starts with 00 to 03, not {form:02x}", offset=offset)
    end = offset + (POINT_SIZE if form in COMPRESSED_POINT_FORMS else 9)
    if end > len(data):
        raise TlvError(f"a sciddir_or_pubkey of {end - offset} bytes is truncated", offset=offset)
    if form in COMPRESSED_POINT_FORMS:
        return data[offset:end], end
    return ScidDirection(form, ShortChannelId.from_bytes(data[offset + 1 : end])), end


def decode_utf8(data: bytes) -> str:
    """The string in ``data``; invalid UTF-8 is rejected, as a reader may (B01-types-r-01)."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TlvError("not a valid UTF-8 string", offset=error.start) from error


def encode_utf8(text: str) -> bytes:
    """``text`` as UTF-8 (B01-types-s-06); lone surrogates raise UnicodeEncodeError, which is a ValueError."""
    return text.encode("utf-8")
