"""Reader and writer of one message, compiled from its layout.

Runs of fields of fixed size become one :class:`struct.Struct`, so that a typical message is read in two or three steps.
For every input that is accepted, writing what was read gives the same bytes again: all encodings are canonical.
"""

import struct
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

from boltwire.errors import MessageError, TlvError
from boltwire.layout import UNKNOWN_TLVS, Field, Layout
from boltwire.tlv import TlvRecord, decode_tlv_stream, encode_tlv_stream
from boltwire.wiretypes import FixedType

MAX_MESSAGE_SIZE: Final = 65535
"""Bytes of the longest message, with its type (B08-message-size-b-01)."""


class Group:
    """A run of fields of fixed size, read and written by one :class:`struct.Struct`."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = fields
        self.wires = [_fixed(field) for field in fields]
        self.struct = struct.Struct(">" + "".join(wire.code for wire in self.wires))
        self.size = self.struct.size
        self.loads = [(index, wire.load) for index, wire in enumerate(self.wires) if wire.load is not None]

    def decode(self, data: bytes, offset: int, values: list[Any]) -> int:
        """Append the values at ``offset`` to ``values``; the offset after them."""
        end = offset + self.size
        if end > len(data):
            raise self._truncated(data, offset)
        found = self.struct.unpack_from(data, offset)
        start = len(values)
        values += found
        for index, load in self.loads:
            try:
                values[start + index] = load(found[index])
            except TlvError as error:
                before = sum(wire.size for wire in self.wires[:index])
                raise MessageError(error.reason, offset=offset + before, field=self.fields[index].name) from error
        return end

    def _truncated(self, data: bytes, offset: int) -> MessageError:
        """The error that names the first field which is not complete."""
        for field, wire in zip(self.fields, self.wires, strict=True):
            if offset + wire.size > len(data):
                left = len(data) - offset
                reason = f"the message is too short: {wire.name} takes {wire.size} bytes, {left} are left"
                return MessageError(reason, offset=offset, field=field.name)
            offset += wire.size
        raise AssertionError("every field of a truncated group is complete")

    def encode(self, values: Sequence[Any]) -> bytes:
        """The bytes of the group's values."""
        return self.struct.pack(*map(_dump, self.fields, self.wires, values))


def _fixed(field: Field) -> FixedType:
    assert isinstance(field.wire, FixedType)
    return field.wire


def _dump(field: Field, wire: FixedType, value: Any) -> Any:
    """The value as struct takes it; an error names the field."""
    try:
        return wire.dump(value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{field.name}: {error}") from error


def _encode(field: Field, value: Any) -> bytes:
    """The bytes of a value; an error names the field."""
    try:
        return field.wire.encode(value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{field.name}: {error}") from error


class Single:
    """A field whose size is not fixed."""

    def __init__(self, field: Field) -> None:
        self.fields = [field]

    def decode(self, data: bytes, offset: int, values: list[Any]) -> int:
        """Append the value at ``offset`` to ``values``; the offset after it."""
        field = self.fields[0]
        try:
            value, end = field.wire.decode(data, offset)
        except TlvError as error:
            raise _as_message_error(error.within(field.name)) from error
        values.append(value)
        return end

    def encode(self, values: Sequence[Any]) -> bytes:
        """The bytes of the value."""
        return _encode(self.fields[0], values[0])


def _as_message_error(error: TlvError) -> MessageError:
    return MessageError(error.reason, offset=error.offset, field=error.field)


def _parts(fields: Sequence[Field]) -> list[Group | Single]:
    parts: list[Group | Single] = []
    run: list[Field] = []
    for field in fields:
        if isinstance(field.wire, FixedType):
            run.append(field)
            continue
        if run:
            parts.append(Group(run))
            run = []
        parts.append(Single(field))
    return [*parts, Group(run)] if run else parts


class MessageCodec:
    """Reads and writes the messages of one layout."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._prefix = struct.pack(">H", layout.type)
        self._parts = _parts(layout.fixed)
        self._names = tuple(field.name for field in layout.fixed)
        self._getters = [_getter(part) for part in self._parts]

    def decode(self, data: bytes) -> dict[str, Any]:
        """All fields of the message ``data`` (with its type) by name; :class:`MessageError` if it is malformed.

        B01-message-format-r-04: a message that ends too early is not accepted.
        """
        values: list[Any] = []
        offset = 2
        for part in self._parts:
            offset = part.decode(data, offset, values)
        found = dict(zip(self._names, values, strict=True))
        if offset < len(data):
            self._decode_records(data, offset, found)
        return found

    def _decode_records(self, data: bytes, offset: int, found: dict[str, Any]) -> None:
        """Add the records of the TLV stream that starts at ``offset``.

        B01-message-format-r-07 (malformed extension), B01-tlv-r-08 (unknown even type), B01-tlv-r-09 (unknown odd). No
        extension is disregarded, though B01-message-format-r-06 would permit it.
        """
        unknown: list[TlvRecord] = []
        try:
            records = decode_tlv_stream(data, offset)
        except TlvError as error:
            raise MessageError(error.reason, offset=error.offset, field="tlvs") from error
        for record in records:
            field = self.layout.records.get(record.type)
            if field is not None:
                found[field.name] = _decode_record(field, record)
            elif record.type % 2:
                unknown.append(record)
            else:
                raise MessageError(f"unknown even TLV type {record.type}", field="tlvs")
        if unknown:
            found[UNKNOWN_TLVS] = tuple(unknown)

    def encode(self, message: Any) -> bytes:
        """The bytes of ``message``, with its type; ValueError naming the field that has no encoding."""
        parts = [self._prefix]
        parts += [part.encode(get(message)) for part, get in zip(self._parts, self._getters, strict=True)]
        if self.layout.records or message.unknown_tlvs:
            parts.append(self._encode_records(message))
        data = b"".join(parts)
        if len(data) > MAX_MESSAGE_SIZE:
            raise ValueError(f"a message has at most {MAX_MESSAGE_SIZE} bytes, not {len(data)}")
        return data

    def _encode_records(self, message: Any) -> bytes:
        records = [self._unknown(record) for record in message.unknown_tlvs]
        for type_, field in self.layout.records.items():
            value = getattr(message, field.name)
            if value is not field.absent:
                records.append(TlvRecord(type_, _encode(field, value)))
        return encode_tlv_stream(sorted(records))

    def _unknown(self, record: TlvRecord) -> TlvRecord:
        """``record`` if it may be sent to a peer that does not know it: odd, not ours (B01-message-format-s-03)."""
        if record.type % 2 == 0 or record.type in self.layout.records:
            raise ValueError(f"{UNKNOWN_TLVS} holds odd types unknown to {self.layout.name}, not {record.type}")
        return record


def _getter(part: Group | Single) -> Callable[[Any], Sequence[Any]]:
    """A function that gets the part's values from a message, as a sequence."""
    names = [field.name for field in part.fields]
    if len(names) > 1:
        return attrgetter(*names)
    get = attrgetter(names[0])
    return lambda message: (get(message),)


def _decode_record(field: Field, record: TlvRecord) -> Any:
    """The value of a known record, which has to fill it exactly (B01-tlv-r-05, B01-tlv-r-06, B01-tlv-r-07)."""
    try:
        value, end = field.wire.decode(record.value, 0)
    except TlvError as error:
        raise MessageError(f"{error.reason} (TLV type {record.type})", field=error.within(field.name).field) from error
    if end != len(record.value):
        left = len(record.value) - end
        raise MessageError(f"TLV type {record.type} has {left} bytes too many", field=field.name)
    return value
