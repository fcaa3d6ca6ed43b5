"""Worlds on their way between the processes of a search, or to a file.

A world travels as the digests of its components. Each component itself travels once between two shards: what a shard
has sent to another it does not send again.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from boltproofs.explorer.digest import Digests, Parts, reader_of_fields


class Reached(NamedTuple):
    """A world that was reached, on its way to the shard that owns it."""

    fingerprint: int
    parent: int
    """Fingerprint of the world from which it was reached."""
    world: Any
    """The world: of which type depends on the family that is searched."""
    parts: Parts | None = None
    """What its fields contribute to the fingerprint, if that has been computed in this process."""


class Parcels:
    """Packs worlds for one other shard."""

    def __init__(self, digests: Digests) -> None:
        self._digests = digests
        self._sent: set[bytes] = set()

    def pack(self, worlds: Iterable[Reached]) -> bytes:
        """Return the worlds as bytes for :func:`unpack` in the process of that shard."""
        new: dict[bytes, object] = {}
        packed = [(fingerprint, parent, *self._of_world(world, new)) for fingerprint, parent, world, _ in worlds]
        return pickle.dumps((new, packed), pickle.HIGHEST_PROTOCOL)

    def _of_world(self, world: Any, new: dict[bytes, object]) -> tuple[type, tuple[object, ...]]:
        kind = type(world)
        return kind, self._named(reader_of_fields(kind)(world), new)

    def _named(self, values: tuple[object, ...], new: dict[bytes, object]) -> tuple[object, ...]:
        """Return the digests of all that is in a tuple, in tuples of the same shape."""
        names: list[object] = []
        for value in values:
            if type(value) is tuple:
                names.append(self._named(value, new))
                continue
            found = self._digests.of(value)
            if found not in self._sent:
                self._sent.add(found)
                new[found] = value
            names.append(found)
        return tuple(names)


def unpack(parcel: bytes, digests: Digests) -> Iterator[Reached]:
    """Yield the worlds of a parcel, made of components that this process knows already where they are equal."""
    new, packed = pickle.loads(parcel)  # noqa: S301  # written by our own processes
    for found, component in new.items():
        digests.adopt(found, component)

    def known(names: tuple[Any, ...]) -> tuple[object, ...]:
        return tuple([known(name) if type(name) is tuple else digests.with_digest(name) for name in names])

    for fingerprint, parent, kind, names in packed:
        yield Reached(fingerprint, parent, kind(*known(names)))
