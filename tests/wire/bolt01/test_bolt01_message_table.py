"""The table of messages against the data lists of the BOLTs, and the reference made from it."""

import json
from pathlib import Path
from typing import Any

import pytest

from boltwire.layout import Field
from boltwire.messages import MESSAGES, reference, rows
from boltwire.wiretypes import CompositeType, CountedType, FlagType, PrefixedBytes, WireType

TABLES: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bolt01_message_tables.json").read_text())
BY_TYPE = {row["type"]: row for row in TABLES["messages"]}
Pair = tuple[str, str]


def counted(fields: list[list[str]]) -> list[Pair]:
    """The BOLT's fields with each length field folded into what it counts, the TLV stream left out."""
    found: list[Pair] = []
    for kind, name in fields:
        if name == "tlvs":
            continue
        if "*" in kind and found and kind.split("*")[0] == found[-1][1]:
            found.pop()
            found.append(("u16*" + kind.split("*")[1], name))
        else:
            found.append((kind, name))
    return found


def kind_of(wire: WireType) -> str:
    if isinstance(wire, PrefixedBytes):
        return "u16*byte"
    if isinstance(wire, CountedType):
        return f"u16*{wire.item.name}"
    return wire.name


def members_of(field: Field) -> list[Pair]:
    """What a record holds; its single member goes by whatever name the BOLT gives it."""
    if isinstance(field.wire, FlagType):
        return []
    if isinstance(field.wire, CompositeType):
        return [(kind_of(wire), name) for name, wire in field.wire.members]
    return [(kind_of(field.wire), "")]


def anonymous(pairs: list[Pair]) -> list[Pair]:
    return [(pairs[0][0], "")] if len(pairs) == 1 else pairs


def stream_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    named = [kind for kind, name in row["fields"] if name == "tlvs"]
    stream: list[dict[str, Any]] = TABLES["tlv_streams"].get(named[0] if named else row["name"] + "_tlvs", [])
    return stream


def test_every_message_of_the_bolts_is_there_and_no_other() -> None:
    assert {type_: cls.layout.name for type_, cls in MESSAGES.items()} == {
        type_: row["name"] for type_, row in BY_TYPE.items()
    }


@pytest.mark.parametrize("type_", BY_TYPE, ids=lambda type_: BY_TYPE[type_]["name"])
def test_fields_are_those_of_the_bolt(type_: int) -> None:
    layout, row = MESSAGES[type_].layout, BY_TYPE[type_]
    assert layout.bolt == row["bolt"]
    assert [(kind_of(field.wire), field.name) for field in layout.fixed] == counted(row["fields"])
    found = [(number, field.name, members_of(field)) for number, field in layout.records.items()]
    assert found == [(tlv["type"], tlv["name"], anonymous(counted(tlv["fields"]))) for tlv in stream_of(row)]


def test_reference_has_a_section_per_message_and_a_row_per_field() -> None:
    text = reference()
    assert text.count("\n## ") == len(MESSAGES) - 1
    assert "| 1 | `next_funding.next_funding_txid` | `sha256` | 32 |  |  |" in text
    assert "|  | `funding_satoshis` | `u64` | 8 | sat |  |" in text
    found = [row for row in rows() if row.message == "update_add_htlc"]
    assert [(row.field, row.tlv, row.size, row.unit) for row in found] == [
        ("channel_id", None, 32, ""),
        ("id", None, 8, ""),
        ("amount_msat", None, 8, "msat"),
        ("payment_hash", None, 32, ""),
        ("cltv_expiry", None, 4, ""),
        ("onion_routing_packet", None, 1366, ""),
        ("blinded_path", 0, 33, ""),
    ]
    assert found[-1].feature == "option_route_blinding"
