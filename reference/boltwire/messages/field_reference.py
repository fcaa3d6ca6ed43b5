"""The message reference of the documentation, made from the same table as the codec."""

from collections.abc import Iterator
from typing import NamedTuple

from boltwire.layout import Field, Layout
from boltwire.messages.base import MESSAGES
from boltwire.wiretypes import AmountType, CompositeType, FixedType, WireType


class ReferenceRow(NamedTuple):
    """One field of one message."""

    message: str
    """Name of the message in the BOLT."""
    type: int
    """Its type number."""
    tlv: int | None
    """Type number of the TLV record that the field is, None in the fixed part."""
    field: str
    """Name of the field; ``record.member`` for records of several fields."""
    wire_type: str
    """As the BOLT writes it."""
    size: int | None
    """Bytes; None if it varies."""
    unit: str
    """``sat``, ``msat`` or empty."""
    feature: str
    """Feature that the field (or the whole message) depends on, or empty."""


def rows() -> Iterator[ReferenceRow]:
    """Every field of every message, by type number and in the order of the wire."""
    for type_ in sorted(MESSAGES):
        layout = MESSAGES[type_].layout
        for field in (*layout.fixed, *layout.records.values()):
            for name, wire in _members(field):
                yield _row(layout, field, name, wire)


def _members(field: Field) -> Iterator[tuple[str, WireType]]:
    if isinstance(field.wire, CompositeType):
        for name, wire in field.wire.members:
            yield f"{field.name}.{name}", wire
    else:
        yield field.name, field.wire


def _row(layout: Layout, field: Field, name: str, wire: WireType) -> ReferenceRow:
    tlv = field.tlv
    feature = (tlv.feature if tlv else None) or layout.feature or ""
    size = wire.size if isinstance(wire, FixedType) else None
    unit = wire.unit if isinstance(wire, AmountType) else ""
    return ReferenceRow(layout.name, layout.type, tlv.type if tlv else None, name, wire.name, size, unit, feature)


def reference() -> str:
    """The whole reference as Markdown: a heading and a table of fields per message."""
    return "\n".join(_section(MESSAGES[type_].layout, MESSAGES[type_].__doc__ or "") for type_ in sorted(MESSAGES))


def _section(layout: Layout, doc: str) -> str:
    summary = " ".join(line.strip() for line in doc.strip().split("\n\n")[0].splitlines())
    needs = f"; needs `{layout.feature}`" if layout.feature else ""
    where = f"BOLT {layout.bolt}, `#{layout.section}`{needs}."
    lines = [f"## `{layout.name}` ({layout.type})", "", summary, "", where, ""]
    lines += ["| TLV | field | type | bytes | unit | feature |", "|---:|---|---|---:|---|---|"]
    lines += [_line(row) for row in rows() if row.type == layout.type]
    return "\n".join([*lines, ""])


def _line(row: ReferenceRow) -> str:
    tlv = "" if row.tlv is None else str(row.tlv)
    size = "" if row.size is None else str(row.size)
    return f"| {tlv} | `{row.field}` | `{row.wire_type}` | {size} | {row.unit} | {row.feature} |"
