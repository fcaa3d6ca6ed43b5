"""Fingerprints of worlds, from their packed content.

The same world has the same fingerprint in every process and on every machine; Python's ``hash`` has not. Components
are digested once, for as long as the object lives in the table: steps are remembered, so that the same few objects
make up all worlds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any, TypeVar

from boltspec.params import Params
from boltspec.world import World

T = TypeVar("T")

COMPONENT_BYTES = 16
"""Size of a component's digest: equal digests are taken for equal components."""
FINGERPRINT_BYTES = 8
"""Size of a world's fingerprint."""


def packed(value: object) -> bytes:
    """Return bytes that stand for a value: different values of one type have different bytes."""
    return repr(_plain(value)).encode()


def _plain(value: object) -> object:
    """Return a value as nested tuples of integers, strings and ``None``."""
    kind = type(value)
    reader = _READERS.get(kind)
    if reader is None:
        reader = _READERS[kind] = _reader(kind)
    return reader(value)


def _reader(kind: type) -> Callable[[Any], object]:
    """Return the function that makes values of a type plain.

    The constants of a channel are part of all its states: they are made plain once.
    """
    if kind in (int, str, bool, type(None)):
        return _same
    if issubclass(kind, int):
        return int
    if issubclass(kind, Enum):
        return attrgetter("name")
    if issubclass(kind, tuple):
        return _plain_entries
    if kind is Params:
        return _plain_params
    if is_dataclass(kind):
        return _record_reader(kind)
    raise TypeError(f"no packed form for {kind.__name__}")


def _record_reader(kind: type) -> Callable[[Any], object]:
    names = tuple(field.name for field in fields(kind))
    read = attrgetter(*names)
    if len(names) == 1:
        return lambda value: (kind.__name__, _plain(read(value)))
    return lambda value: (kind.__name__, *map(_plain, read(value)))


@cache
def _plain_params(params: Params) -> object:
    return _record_reader(Params)(params)


def _same(value: object) -> object:
    return value


def _plain_entries(value: tuple[object, ...]) -> object:
    return tuple([_plain(entry) for entry in value])


_READERS: dict[type, Callable[[Any], object]] = {}


def digest(value: object) -> bytes:
    """Return the digest of a component."""
    return blake2b(packed(value), digest_size=COMPONENT_BYTES).digest()


class Digests:
    """Digests of the components that one search has met, by object identity; the table keeps them alive."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, bytes]] = {}
        self._first: dict[bytes, object] = {}
        self._scalars: dict[object, bytes] = {}

    def of(self, component: object) -> bytes:
        """Return the digest of a long-lived component."""
        entry = self._known.get(id(component))
        if entry is None:
            entry = (component, digest(component))
            self._known[id(component)] = entry
            self._first.setdefault(entry[1], component)
        return entry[1]

    def one(self, component: T) -> T:
        """Return the same object for all equal components."""
        return self._first[self.of(component)]  # type: ignore[return-value]  # an equal component has the same type

    def with_digest(self, found: bytes) -> object | None:
        """Return the component with this digest, if the search has met it."""
        return self._first.get(found)

    def adopt(self, found: bytes, component: object) -> None:
        """Take over a component whose digest another process has computed."""
        self._known[id(component)] = (component, found)
        self._first.setdefault(found, component)

    def of_passing(self, component: object) -> bytes:
        """Return the digest of a component without keeping it."""
        entry = self._known.get(id(component))
        return digest(component) if entry is None else entry[1]

    def fingerprint(self, world: World) -> int:
        """Return the fingerprint of a world: equal worlds have equal ones."""
        of = self.of
        first, second = world.wires
        mine, yours = world.history
        sizes = (len(first), len(second), len(mine))
        parts = [
            self._of_scalars((world.offered, world.connected, world.abuses, world.blame, sizes)),
            of(world.nodes[0]),
            of(world.nodes[1]),
            self.of_passing(world.ledger),
        ]
        for components in (first, second, mine, yours):
            parts.extend([of(component) for component in components])
        return int.from_bytes(blake2b(b"".join(parts), digest_size=FINGERPRINT_BYTES).digest(), "big")

    def _of_scalars(self, scalars: tuple[object, ...]) -> bytes:
        found = self._scalars.get(scalars)
        if found is None:
            found = self._scalars[scalars] = digest(scalars)
        return found


def collision_probability(states: int) -> float:
    """Return a bound on the probability that two of so many different worlds have the same fingerprint."""
    return states * (states - 1) / 2 / 2.0 ** (8 * FINGERPRINT_BYTES)
