"""Fingerprints of worlds, from their packed content.

The same world has the same fingerprint in every process and on every machine; Python's ``hash`` has not. A world is a
record of tuples, plain values and *components*: nodes, messages, ledgers and whatever else its fields hold. A component
is digested once, as long as the object or an equal one lives in the table; steps are remembered, so that the same few
objects make up all worlds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any

from boltspec.params import Params

COMPONENT_BYTES = 16
"""Size of a component's digest: equal digests are taken for equal components."""
FINGERPRINT_BYTES = 8
"""Size of a world's fingerprint."""

# --- content as bytes ---


def packed(value: object) -> bytes:
    """Return bytes that stand for a value: different values of one type have different bytes."""
    return repr(_plain(value)).encode()


def _plain(value: object) -> object:
    """Return a value as nested tuples of integers, strings and ``None``."""
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    reader = _READERS.get(kind)
    if reader is None:
        reader = _READERS[kind] = _reader(kind)
    return reader(value)


_AS_THEY_ARE = frozenset((int, str, bool, type(None)))
"""Types of values that need not be made plain."""


def _reader(kind: type) -> Callable[[Any], object]:
    """Return the function that makes values of a type plain.

    The constants of a channel are part of all its states: they are made plain once.
    """
    if issubclass(kind, Enum):
        return attrgetter("name")
    if issubclass(kind, int):
        return int
    if issubclass(kind, tuple):
        return _plain_entries
    if kind is frozenset:
        return _plain_members
    if kind is Params:
        return _plain_params
    if is_dataclass(kind):
        return _record_reader(kind)
    raise TypeError(f"no packed form for {kind.__name__}")


def _record_reader(kind: type) -> Callable[[Any], object]:
    """Return the reader of a dataclass: its fields, without those that do not count when two are compared."""
    names = tuple(field.name for field in fields(kind) if field.compare)
    if not names:
        return lambda _: (kind.__name__,)
    read = attrgetter(*names)
    if len(names) == 1:
        return lambda value: (kind.__name__, _plain(read(value)))
    return lambda value: (kind.__name__, *_plain_entries(read(value)))


def _plain_entries(values: tuple[object, ...]) -> tuple[object, ...]:
    return tuple([value if type(value) in _AS_THEY_ARE else _plain(value) for value in values])


@cache
def _plain_params(params: Params) -> object:
    return _record_reader(Params)(params)


def _plain_members(value: frozenset[object]) -> object:
    return ("frozenset", *sorted(map(_plain, value), key=repr))


_READERS: dict[type, Callable[[Any], object]] = {}


def digest(value: object) -> bytes:
    """Return the digest of a component."""
    return blake2b(packed(value), digest_size=COMPONENT_BYTES).digest()


# --- worlds ---


def field_names(kind: Any) -> tuple[str, ...]:
    """Return the names of the fields of a record: a named tuple or a dataclass."""
    return kind._fields if hasattr(kind, "_fields") else tuple(field.name for field in fields(kind))


def reader_of_fields(kind: type) -> Callable[[Any], tuple[object, ...]]:
    """Return the function that reads all fields of a record, in order."""
    reader = _FIELD_READERS.get(kind)
    if reader is None:
        reader = _FIELD_READERS[kind] = _make_reader_of_fields(kind)
    return reader


_FIELD_READERS: dict[type, Callable[[Any], tuple[object, ...]]] = {}


def _make_reader_of_fields(kind: type) -> Callable[[Any], tuple[object, ...]]:
    if issubclass(kind, tuple):
        return _as_it_is
    names = field_names(kind)
    if len(names) == 1:
        read_one = attrgetter(names[0])
        return lambda record: (read_one(record),)
    return attrgetter(*names)


class Digests:
    """Digests of the components that one search has met."""

    def __init__(self) -> None:
        self._by_identity: dict[int, tuple[bytes, object]] = {}
        """Digests of objects that live as long as this table, by ``id``."""
        self._by_value: dict[type, dict[object, bytes]] = {}
        """The same by type and value: for equal objects that come and go."""
        self._first: dict[bytes, object] = {}
        self._expected: set[int] = set()

    def copy(self) -> Digests:
        """Return a table of the same components, for another search."""
        other = Digests()
        other._by_identity = dict(self._by_identity)
        other._by_value = {kind: dict(known) for kind, known in self._by_value.items()}
        other._first = dict(self._first)
        other._expected = set(self._expected)
        return other

    def of(self, component: object) -> bytes:
        """Return the digest of a component."""
        entry = self._by_identity.get(id(component))
        return entry[0] if entry is not None else self._of_value(component)

    def _of_value(self, component: object) -> bytes:
        known = self._by_value.setdefault(type(component), {})
        found = known.get(component)
        if found is None:
            found = known[component] = digest(component)
            self._first.setdefault(found, component)
            self._by_identity[id(component)] = (found, component)
        elif id(component) in self._expected:
            self._by_identity[id(component)] = (found, component)
        return found

    def expect(self, component: object) -> None:
        """Know this very object again, not only what equals it, from the first time on that its digest is asked for."""
        self._expected.add(id(component))

    def keep(self, component: object) -> None:
        """Digest a component that will be met often, and know this very object again."""
        self.expect(component)
        self._of_value(component)

    def adopt(self, found: bytes, component: object) -> None:
        """Take over a component with its digest, perhaps from another process."""
        self._by_identity[id(component)] = (found, component)
        self._by_value.setdefault(type(component), {}).setdefault(component, found)
        self._first.setdefault(found, component)

    def with_digest(self, found: bytes) -> object:
        """Return the component with this digest; ``KeyError`` if the search has not met it."""
        return self._first[found]

    def fingerprint(self, world: object) -> int:
        """Return the fingerprint of a world: equal worlds have equal ones."""
        return fingerprint_of(self.parts(world))

    def parts(self, world: object) -> Parts:
        """Return what the fields of a world contribute to its fingerprint."""
        return [self._part(value) for value in reader_of_fields(type(world))(world)]

    def parts_after(self, before: object, parts: Parts, world: object) -> Parts:
        """Return the same, the world before it known: a move leaves most fields as they are."""
        read, part = reader_of_fields(type(world)), self._part
        return [
            known if value is old else part(value)
            for value, old, known in zip(read(world), read(before), parts, strict=True)
        ]

    def _part(self, value: object) -> bytes:
        """Return what a field contributes to the fingerprint."""
        if type(value) is not tuple:
            return self.of(value)
        parts = [_length(len(value))]
        if value:
            self._collect(value, parts)
        return b"".join(parts)

    def _collect(self, values: tuple[object, ...], parts: list[bytes]) -> None:
        """Append digests of all that is in a tuple; a length stands before the content of each tuple in it."""
        known = self._by_identity
        for value in values:
            if type(value) is tuple:
                parts.append(_length(len(value)))
                if value:
                    self._collect(value, parts)
            else:
                entry = known.get(id(value))
                parts.append(entry[0] if entry is not None else self._of_value(value))


def _as_it_is(record: tuple[object, ...]) -> tuple[object, ...]:
    return record


Parts = list[bytes]
"""What the fields of a world contribute to its fingerprint, in their order."""


def fingerprint_of(parts: Parts) -> int:
    """Return the fingerprint that is made of these parts."""
    return int.from_bytes(blake2b(b"".join(parts), digest_size=FINGERPRINT_BYTES).digest(), "big")


@cache
def _length(count: int) -> bytes:
    return count.to_bytes(COMPONENT_BYTES, "big")


def collision_probability(states: int) -> float:
    """Return a bound on the probability that two of so many different worlds have the same fingerprint."""
    return states * (states - 1) / 2 / 2.0 ** (8 * FINGERPRINT_BYTES)
