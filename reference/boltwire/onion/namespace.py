"""TLV namespaces: one dataclass for each kind of TLV stream inside an onion, and the reader and writer made from it.

A field of such a class is annotated with its wire type and record type, ``Annotated[Point | None, Tlv(4)]``, and is
None when the record is absent. Odd records of other types are kept in ``unknown_tlvs``, even ones are an error.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Annotated, Generic, Protocol, TypeAlias, TypeVar

from boltwire import wiretypes as wt
from boltwire.bigsize import encode_bigsize
from boltwire.errors import TlvError
from boltwire.layout import Field, read_fields
from boltwire.onion.rejection import InvalidOnionPayload
from boltwire.tlv import TlvRecord, decode_tlv_stream, encode_tlv_stream

Tu32: TypeAlias = Annotated[int, wt.TruncatedType(32)]
"""At most 4 bytes, without leading zeros."""
Tu64: TypeAlias = Annotated[int, wt.TruncatedType(64)]
"""At most 8 bytes, without leading zeros."""


class TlvClass(Protocol):
    """What a dataclass for a TLV stream has besides its annotated fields."""

    @property
    def unknown_tlvs(self) -> tuple[TlvRecord, ...]:
        """Records of types without a field, in order of type."""


T = TypeVar("T", bound=TlvClass)


class Namespace(Generic[T]):
    """The records that one kind of TLV stream may have."""

    def __init__(self, cls: type[T]) -> None:
        self._make: Callable[..., T] = cls
        self.fields: Mapping[int, Field] = {f.tlv.type: f for f in read_fields(cls) if f.tlv is not None}

    def decode(self, data: bytes) -> T:
        """The TLV stream that fills ``data``.

        Raises :class:`InvalidOnionPayload`, with the record's type and offset: a broken stream, an unknown even type
        (B01-tlv-r-08), or a value that its field cannot hold (B01-tlv-r-05 to B01-tlv-r-07).
        """
        try:
            records = decode_tlv_stream(data)
        except TlvError as error:
            raise InvalidOnionPayload(error.reason, offset=error.offset) from error
        known: dict[str, object] = {}
        unknown: list[TlvRecord] = []
        for index, record in enumerate(records):
            try:
                self._sort(record, known, unknown)
            except TlvError as error:
                offset = sum(map(_record_size, records[:index]))
                raise InvalidOnionPayload(
                    error.reason, offset=offset, field=error.field, tlv_type=record.type
                ) from error
        return self._make(**known, unknown_tlvs=tuple(unknown))

    def _sort(self, record: TlvRecord, known: dict[str, object], unknown: list[TlvRecord]) -> None:
        field = self.fields.get(record.type)
        if field is not None:
            known[field.name] = _value(field, record.value)
        elif record.type % 2:
            unknown.append(record)
        else:
            raise TlvError(f"unknown even TLV type {record.type}")

    def encode(self, value: T) -> bytes:
        """The TLV stream of ``value``; ValueError naming a field that has no encoding, or for a type given twice."""
        records = [*value.unknown_tlvs]
        for type_, field in self.fields.items():
            content = getattr(value, field.name)
            if content is not None:
                records.append(TlvRecord(type_, _encoded(field, content)))
        return encode_tlv_stream(sorted(records, key=lambda record: record.type))

    def types(self, value: T) -> frozenset[int]:
        """The types of all records of ``value``, for rules about what else a stream may contain."""
        present = (type_ for type_, field in self.fields.items() if getattr(value, field.name) is not None)
        return frozenset(present) | {record.type for record in value.unknown_tlvs}


def _value(field: Field, data: bytes) -> object:
    """The field's value, which must use up all of ``data``."""
    try:
        value, end = field.wire.decode(data, 0)
    except TlvError as error:
        raise error.within(field.name) from error
    if end != len(data):
        raise TlvError(f"{len(data) - end} bytes too many", offset=end, field=field.name)
    return value


def _encoded(field: Field, value: object) -> bytes:
    try:
        return field.wire.encode(value)
    except (ValueError, TypeError, AttributeError, struct.error) as error:
        raise ValueError(f"{field.name}: {error}") from error


def _record_size(record: TlvRecord) -> int:
    return len(encode_bigsize(record.type)) + len(encode_bigsize(len(record.value))) + len(record.value)
