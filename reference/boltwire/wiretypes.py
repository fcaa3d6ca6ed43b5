"""How one field of a message lies on the wire: the types that BOLT 1 names, and the ways the BOLTs combine them.

A wire type reads a value at an offset and writes it. Types of one fixed size (:class:`FixedType`) also have a code of
:mod:`struct`, so that a run of such fields is read in one go (see :mod:`boltwire.layout`). The names that message
classes annotate their fields with are in :mod:`boltwire.fields`.

Readers raise :class:`boltwire.errors.TlvError`, writers ValueError.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any

from boltwire.bigsize import decode_bigsize, encode_bigsize
from boltwire.errors import TlvError
from boltwire.primitives import COMPRESSED_POINT_FORMS, POINT_SIZE, decode_truncated, encode_truncated
from boltwire.scid import ShortChannelId

_U16 = struct.Struct(">H")


class WireType:
    """One kind of field: ``name`` is how the BOLTs write it, with a space before what is repeated."""

    name: str

    def __init__(self, name: str) -> None:
        self.name = name

    def decode(self, data: bytes, offset: int) -> tuple[Any, int]:
        """The value at ``offset`` and the offset after it; what ends with the input may use all of ``data``."""
        raise NotImplementedError

    def encode(self, value: Any) -> bytes:
        """The bytes of ``value``; ValueError when it has none."""
        raise NotImplementedError


class FixedType(WireType):
    """A type that always takes ``size`` bytes and that :mod:`struct` reads with ``code``.

    ``load`` turns what ``struct`` read into the value and checks it; ``dump`` is the inverse. None means that there is
    nothing to do.
    """

    def __init__(self, name: str, code: str, load: Callable[[Any], Any] | None, dump: Callable[[Any], Any]) -> None:
        super().__init__(name)
        self.code = code
        self.struct = struct.Struct(">" + code)
        self.size = self.struct.size
        self.load = load
        self.dump = dump

    def decode(self, data: bytes, offset: int) -> tuple[Any, int]:
        """The value in the ``size`` bytes at ``offset``."""
        end = offset + self.size
        if end > len(data):
            raise TlvError(f"{self.name} takes {self.size} bytes, {len(data) - offset} are left", offset=offset)
        value = self.struct.unpack_from(data, offset)[0]
        return (value if self.load is None else self.load(value)), end

    def encode(self, value: Any) -> bytes:
        """``value`` in ``size`` bytes."""
        return self.struct.pack(self.dump(value))


_CODES = {"byte": "B", "u8": "B", "u16": "H", "u32": "I", "u64": "Q", "s64": "q"}


def integer_type(name: str, unit: str | None = None) -> FixedType:
    """``byte``, ``u8``, ``u16``, ``u32``, ``u64`` or ``s64``; ``unit`` (``sat``, ``msat``) marks an amount."""
    code = _CODES[name]
    bits = 8 * struct.calcsize(">" + code)
    low, high = (-(1 << bits - 1), 1 << bits - 1) if name.startswith("s") else (0, 1 << bits)

    def dump(value: int) -> int:
        if not low <= value < high:
            raise ValueError(f"{value} does not fit into {name}")
        return value

    return AmountType(name, code, dump, unit) if unit else FixedType(name, code, None, dump)


class AmountType(FixedType):
    """An integer that is an amount of ``unit`` (``sat`` or ``msat``), bounded for who writes it by BOLT 1."""

    def __init__(self, name: str, code: str, dump: Callable[[Any], Any], unit: str) -> None:
        super().__init__(name, code, None, dump)
        self.unit = unit


def bytes_type(name: str, size: int) -> FixedType:
    """Exactly ``size`` bytes without structure: hashes, signatures, secrets, packets."""

    def dump(value: bytes) -> bytes:
        if len(value) != size:
            raise ValueError(f"{name} takes {size} bytes, not {len(value)}")
        return value

    return FixedType(name, f"{size}s", None, dump)


class PointType(FixedType):
    """A compressed point, checked for its form only (first byte 02 or 03), not for being on the curve."""

    def __init__(self) -> None:
        super().__init__("point", f"{POINT_SIZE}s", self._load, self._dump)

    @staticmethod
    def _load(value: bytes) -> bytes:
        if value[0] not in COMPRESSED_POINT_FORMS:
            raise TlvError(f"a compressed point starts with 02 or 03, not {value[0]:02x}")
        return value

    @staticmethod
    def _dump(value: bytes) -> bytes:
        if len(value) != POINT_SIZE or value[0] not in COMPRESSED_POINT_FORMS:
            raise ValueError(f"not the compressed form of a point: {value[:40].hex()}")
        return value


def scid_type() -> FixedType:
    """Eight bytes that become a :class:`ShortChannelId`."""
    return FixedType("short_channel_id", "Q", ShortChannelId, ShortChannelId)


class PrefixedBytes(WireType):
    """A ``u16`` length and that many bytes; the length field is part of the type, not a field of the message."""

    def decode(self, data: bytes, offset: int) -> tuple[bytes, int]:
        """The bytes after the length."""
        start = offset + 2
        if start > len(data):
            raise TlvError("the input ends in a u16 length", offset=offset)
        end = start + _U16.unpack_from(data, offset)[0]
        if end > len(data):
            raise TlvError(f"{end - start} bytes are announced, {len(data) - start} are left", offset=start)
        return data[start:end], end

    def encode(self, value: bytes) -> bytes:
        """Length and bytes."""
        if len(value) > 0xFFFF:
            raise ValueError(f"{len(value)} bytes have no u16 length")
        return _U16.pack(len(value)) + value


class CountedType(WireType):
    """A ``u16`` number of items and the items."""

    def __init__(self, item: WireType) -> None:
        super().__init__(f"u16 count, then count*{item.name}")
        self.item = item

    def decode(self, data: bytes, offset: int) -> tuple[tuple[Any, ...], int]:
        """All items; an announced number that cannot fit fails at the first missing one, before any allocation."""
        if offset + 2 > len(data):
            raise TlvError("the input ends in a u16 count", offset=offset)
        count = _U16.unpack_from(data, offset)[0]
        return _decode_items(self.item, count, data, offset + 2)

    def encode(self, value: Sequence[Any]) -> bytes:
        """Number and items."""
        if len(value) > 0xFFFF:
            raise ValueError(f"{len(value)} items have no u16 count")
        return _U16.pack(len(value)) + b"".join(map(self.item.encode, value))


class RepeatedType(WireType):
    """Exactly ``count`` items."""

    def __init__(self, count: int, item: WireType) -> None:
        super().__init__(f"{count}*{item.name}")
        self.count = count
        self.item = item

    def decode(self, data: bytes, offset: int) -> tuple[tuple[Any, ...], int]:
        """The items."""
        return _decode_items(self.item, self.count, data, offset)

    def encode(self, value: Sequence[Any]) -> bytes:
        """The items, one after the other."""
        if len(value) != self.count:
            raise ValueError(f"{self.name} takes {self.count} items, not {len(value)}")
        return b"".join(map(self.item.encode, value))


def _decode_items(item: WireType, count: int, data: bytes, offset: int) -> tuple[tuple[Any, ...], int]:
    if isinstance(item, FixedType) and item.load is None and offset + count * item.size <= len(data):
        end = offset + count * item.size
        return tuple(value for (value,) in item.struct.iter_unpack(data[offset:end])), end
    items: list[Any] = []
    for index in range(count):
        try:
            value, offset = item.decode(data, offset)
        except TlvError as error:
            raise error.within(f"[{index}]") from error
        items.append(value)
    return tuple(items), offset


class RemainingBytes(WireType):
    """All bytes that are left in the record, without a length of their own (B01-tlv-s-07)."""

    def decode(self, data: bytes, offset: int) -> tuple[bytes, int]:
        """Everything from ``offset``."""
        return data[offset:], len(data)

    def encode(self, value: bytes) -> bytes:
        """The bytes as they are."""
        return bytes(value)


class RemainingItems(WireType):
    """As many items of a fixed size as the rest of the record holds; a partial one is an error."""

    def __init__(self, item: WireType, item_size: int) -> None:
        super().__init__(f"...*{item.name}")
        self.item = item
        self.item_size = item_size

    def decode(self, data: bytes, offset: int) -> tuple[tuple[Any, ...], int]:
        """All items up to the end."""
        count, rest = divmod(len(data) - offset, self.item_size)
        if rest:
            raise TlvError(f"{self.name}: {rest} bytes are left over", offset=len(data) - rest)
        return _decode_items(self.item, count, data, offset)

    def encode(self, value: Sequence[Any]) -> bytes:
        """The items, one after the other."""
        return b"".join(map(self.item.encode, value))


class TruncatedType(WireType):
    """``tu16``, ``tu32`` or ``tu64``: the last field of a record, without leading zero bytes."""

    def __init__(self, bits: int) -> None:
        super().__init__(f"tu{bits}")
        self.bits = bits

    def decode(self, data: bytes, offset: int) -> tuple[int, int]:
        """The integer in all bytes that are left (B01-tlv-r-06, B01-tlv-r-07)."""
        return decode_truncated(data[offset:], self.bits), len(data)

    def encode(self, value: int) -> bytes:
        """Without leading zeros (B01-types-s-01 to B01-types-s-03)."""
        return encode_truncated(value, self.bits)


class BigSizeType(WireType):
    """A BigSize (B01-tlv-r-07: the shortest form only)."""

    def decode(self, data: bytes, offset: int) -> tuple[int, int]:
        """The integer at ``offset``."""
        return decode_bigsize(data, offset)

    def encode(self, value: int) -> bytes:
        """The shortest form."""
        return encode_bigsize(value)


class FlagType(WireType):
    """A record without a value: being there is all it says, so that the Python value is ``True`` or ``False``."""

    def decode(self, data: bytes, offset: int) -> tuple[bool, int]:  # noqa: ARG002  # there is nothing to read
        """``True``; bytes that are left are the caller's to reject."""
        return True, offset

    def encode(self, value: bool) -> bytes:
        """Nothing; ``False`` has no encoding, since an absent flag has no record."""
        if value is not True:
            raise ValueError(f"the record of a flag means True, not {value!r}")
        return b""


class CompositeType(WireType):
    """Several fields in a row, as a NamedTuple ``make``: the subtypes of the BOLTs and records of several fields."""

    def __init__(self, name: str, make: Callable[..., Any], members: Sequence[tuple[str, WireType]]) -> None:
        super().__init__(name)
        self.make = make
        self.members = tuple(members)

    def decode(self, data: bytes, offset: int) -> tuple[Any, int]:
        """All members."""
        values: list[Any] = []
        for name, wire in self.members:
            try:
                value, offset = wire.decode(data, offset)
            except TlvError as error:
                raise error.within(name) from error
            values.append(value)
        return self.make(*values), offset

    def encode(self, value: Sequence[Any]) -> bytes:
        """The members, one after the other."""
        return b"".join(wire.encode(part) for (_, wire), part in zip(self.members, value, strict=True))
