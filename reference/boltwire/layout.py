"""The layout of a message, read from the annotations of its class: this is the table that everything else reads.

A message is its type (u16), its fields in order, and a TLV stream up to the end (BOLT 1, Lightning Message Format). The
reader and writer (:mod:`boltwire.message_codec`) and the reference in the documentation
(:mod:`boltwire.messages.field_reference`) are made from it.
"""

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from boltwire.fields import Tlv, wire_type_of
from boltwire.wiretypes import FlagType, WireType

UNKNOWN_TLVS: Final = "unknown_tlvs"
"""Name of the field that keeps the odd records which this codec does not know."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message, in its fixed part or (``tlv`` set) in its TLV stream."""

    name: str
    """As in the BOLT; a record of one member has the record's name, not the member's."""
    wire: WireType
    """How it lies on the wire."""
    tlv: Tlv | None = None
    """The record that it is."""

    @property
    def absent(self) -> object:
        """What the field of a TLV record is when the record is not there: False for a flag, else None."""
        return False if isinstance(self.wire, FlagType) else None


@dataclass(frozen=True, slots=True)
class Layout:
    """How one message lies on the wire, and where the BOLT defines it."""

    name: str
    """As in the BOLT: ``open_channel``."""
    type: int
    """Type number, the first two bytes of the message."""
    bolt: int
    """Number of the BOLT."""
    section: str
    """Anchor of the section."""
    feature: str | None
    """BOLT 9 feature that has to be negotiated, where there is one."""
    fixed: tuple[Field, ...]
    """The fields before the TLV stream, in order."""
    records: Mapping[int, Field]
    """The known records of the TLV stream, by type number."""


def split_fields(fields: Sequence[Field]) -> tuple[tuple[Field, ...], dict[int, Field]]:
    """The fixed part, and the records by type number."""
    fixed = tuple(field for field in fields if field.tlv is None)
    return fixed, {field.tlv.type: field for field in fields if field.tlv is not None}


def read_fields(cls: type) -> list[Field]:
    """The fields of a message class in order, from its annotations."""
    hints = typing.get_type_hints(cls, include_extras=True)
    names = [name for name, hint in hints.items() if typing.get_origin(hint) is not typing.ClassVar]
    return [_read_field(name, hints[name]) for name in names if name != UNKNOWN_TLVS]


def _read_field(name: str, hint: Any) -> Field:
    marks = [extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Tlv)]
    if not marks:
        return Field(name, wire_type_of(hint))
    return Field(name, _wire_type_of_record(hint), marks[0])


def _wire_type_of_record(hint: Any) -> WireType:
    """The wire type of ``Annotated[X | None, Tlv(...)]``; flags are ``Annotated[Flag, Tlv(...)]``, which flattens."""
    inner = hint.__origin__
    if isinstance(inner, types.UnionType) or typing.get_origin(inner) is typing.Union:
        (inner,) = (part for part in typing.get_args(inner) if part is not types.NoneType)
        return wire_type_of(inner)
    return wire_type_of(hint)
