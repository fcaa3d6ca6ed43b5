"""What all messages of BOLT 12 have in common: they are TLV streams whose fields have names, types and ranges."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from boltwire.bolt12.errors import Bolt12Rejected
from boltwire.bolt12.field import Field
from boltwire.errors import DecodeError
from boltwire.tlv import TlvRecord, decode_tlv_stream, encode_tlv_stream

OFFER_RANGES = (range(1, 80), range(1_000_000_000, 2_000_000_000))
"""Types of offer fields, the second range for experiments."""

INVREQ_RANGES = (range(160), range(1_000_000_000, 3_000_000_000))
"""Types of invoice request fields other than signatures, those of the mirrored offer included."""


def is_in(type_: int, ranges: Iterable[range]) -> bool:
    """Whether a type lies in one of ``ranges``."""
    return any(type_ in part for part in ranges)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A message of named TLV fields; a field that is None is not there."""

    FIELDS: ClassVar[tuple[Field, ...]] = ()
    """All fields that the message defines, by ascending type."""
    RANGES: ClassVar[tuple[range, ...]] = (range(2**64),)
    """Where the types of fields have to lie."""
    RANGE_RULE: ClassVar[str | None] = None
    """The requirement that says so."""

    unknown: tuple[TlvRecord, ...] = ()
    """Records of odd types that the message does not define, by ascending type. They are mirrored and signed."""

    def records(self) -> list[TlvRecord]:
        """All records by ascending type; ValueError for a value that has no encoding."""
        values = [(field, getattr(self, field.name)) for field in self.FIELDS]
        known = [TlvRecord(field.type, field.encode(value)) for field, value in values if value is not None]
        return sorted([*known, *self.unknown])

    def encode(self) -> bytes:
        """The TLV stream."""
        return encode_tlv_stream(self.records())

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The message in the TLV stream ``data``, its structure only; :class:`Bolt12Error` if it is malformed.

        The rules of the message are checked by the readers beside each message.
        """
        try:
            records = decode_tlv_stream(data)
        except DecodeError as error:
            raise Bolt12Rejected(error.reason, offset=error.offset) from error
        fields = {field.type: field for field in cls.FIELDS}
        values: dict[str, Any] = {}
        unknown = []
        for record in records:
            cls._require_expected(record.type, record.type in fields)
            if record.type in fields:
                values[fields[record.type].name] = _decode_value(fields[record.type], record.value)
            else:
                unknown.append(record)
        return cls(**values, unknown=tuple(unknown))

    @classmethod
    def _require_expected(cls, type_: int, known: bool) -> None:
        if not is_in(type_, cls.RANGES):
            raise Bolt12Rejected(f"type {type_} is out of range", rule=cls.RANGE_RULE)
        if not known and type_ % 2 == 0:
            raise Bolt12Rejected(f"unknown even type {type_}", rule="B01-tlv-r-08")


def _decode_value(field: Field, value: bytes) -> Any:
    try:
        return field.decode(value)
    except DecodeError as error:
        within = error.within(field.name)
        raise Bolt12Rejected(within.reason, offset=within.offset, field=within.field) from error


def records_in(message: Stream, ranges: Iterable[range]) -> list[TlvRecord]:
    """The records of ``message`` whose types lie in ``ranges``: what has to be equal where it is mirrored."""
    return [record for record in message.records() if is_in(record.type, ranges)]
