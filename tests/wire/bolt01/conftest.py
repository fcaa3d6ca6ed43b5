"""Any message at all, drawn from the layout that the codec works by."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import strategies as st

from boltwire.layout import Layout
from boltwire.messages import MESSAGES, Message
from boltwire.tlv import TlvRecord
from boltwire.wiretypes import (
    BigSizeType,
    CompositeType,
    CountedType,
    FixedType,
    FlagType,
    PointType,
    RemainingItems,
    RepeatedType,
    WireType,
)

_RANGES = {"B": (0, 2**8), "H": (0, 2**16), "I": (0, 2**32), "Q": (0, 2**64), "q": (-(2**63), 2**63)}


def values(wire: WireType) -> st.SearchStrategy[Any]:
    """Values of one wire type."""
    match wire:
        case PointType():
            return st.builds(
                lambda odd, x: bytes((2 + odd,)) + (x * 32)[:32], st.booleans(), st.binary(min_size=1, max_size=4)
            )
        case FixedType() if wire.code in _RANGES:
            low, high = _RANGES[wire.code]
            number = st.integers(low, high - 1)
            return number.map(wire.load) if wire.load else number
        case FixedType():
            return st.binary(min_size=1, max_size=8).map(lambda seed: (seed * wire.size)[: wire.size])
        case RepeatedType():
            item = st.lists(values(wire.item), min_size=1, max_size=3)
            return item.map(lambda found: tuple(found[index % len(found)] for index in range(wire.count)))
        case CountedType() | RemainingItems():
            return st.lists(values(wire.item), max_size=4).map(tuple)
        case CompositeType():
            return st.builds(wire.make, *(values(member) for _, member in wire.members))
        case FlagType():
            return st.just(True)
        case BigSizeType():
            return st.integers(0, 2**64 - 1)
        case _:
            return st.binary(max_size=80)


def _unknown_tlvs(layout: Layout) -> st.SearchStrategy[tuple[TlvRecord, ...]]:
    types = st.integers(0, 2**63 - 1).map(lambda half: 2 * half + 1).filter(lambda type_: type_ not in layout.records)
    found = st.dictionaries(types, st.binary(max_size=20), max_size=2)
    return found.map(lambda items: tuple(TlvRecord(type_, items[type_]) for type_ in sorted(items)))


@cache
def messages_of(type_: int) -> st.SearchStrategy[Message]:
    """Messages of one type."""
    cls = MESSAGES[type_]
    parts = {field.name: values(field.wire) for field in cls.layout.fixed}
    for field in cls.layout.records.values():
        parts[field.name] = st.just(field.absent) | values(field.wire)
    return st.builds(cls, unknown_tlvs=_unknown_tlvs(cls.layout), **parts)


@pytest.fixture(scope="session")
def any_message() -> Callable[[int], st.SearchStrategy[Message]]:
    """A strategy for messages of a given type."""
    return messages_of
