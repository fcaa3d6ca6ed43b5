"""Worlds on their way between the processes of a search.

A world travels as the digests of its components. Each component itself travels once between two shards: what a shard
has sent to another it does not send again.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from typing import NamedTuple

from boltproofs.explorer.digest import Digests
from boltspec.channel import Channel
from boltspec.ledger import Ledger
from boltspec.messages import CommitmentSigned, Message
from boltspec.world import Blame, World

Pair = tuple[tuple[bytes, ...], tuple[bytes, ...]]


class Reached(NamedTuple):
    """A world that was reached, on its way to the shard that owns it."""

    fingerprint: int
    parent: int
    """Fingerprint of the world from which it was reached."""
    world: World


class _Packed(NamedTuple):
    """A reached world, its long-lived components as digests."""

    fingerprint: int
    parent: int
    nodes: tuple[bytes, bytes]
    wires: Pair
    history: Pair
    ledger: Ledger
    offered: tuple[int, int]
    connected: bool
    abuses: int
    blame: Blame | None


class Parcels:
    """Packs worlds for one other shard."""

    def __init__(self, digests: Digests) -> None:
        self._digests = digests
        self._sent: set[bytes] = set()

    def pack(self, worlds: Iterable[Reached]) -> bytes:
        """Return the worlds as bytes for :func:`unpack` in the process of that shard."""
        new: dict[bytes, object] = {}
        packed = [self._pack_one(reached, new) for reached in worlds]
        return pickle.dumps((new, packed), pickle.HIGHEST_PROTOCOL)

    def _pack_one(self, reached: Reached, new: dict[bytes, object]) -> _Packed:
        def named(component: object) -> bytes:
            found = self._digests.of(component)
            if found not in self._sent:
                self._sent.add(found)
                new[found] = component
            return found

        world = reached.world
        return _Packed(
            reached.fingerprint,
            reached.parent,
            (named(world.nodes[0]), named(world.nodes[1])),
            (tuple(map(named, world.wires[0])), tuple(map(named, world.wires[1]))),
            (tuple(map(named, world.history[0])), tuple(map(named, world.history[1]))),
            world.ledger,
            world.offered,
            world.connected,
            world.abuses,
            world.blame,
        )


def unpack(parcel: bytes, digests: Digests) -> Iterable[Reached]:
    """Yield the worlds of a parcel, made of components that this process knows already where they are equal."""
    new, packed = pickle.loads(parcel)  # noqa: S301  # written by our own processes
    for found, component in new.items():
        digests.adopt(found, component)

    def messages(names: tuple[bytes, ...]) -> tuple[Message, ...]:
        return tuple([digests.with_digest(name) for name in names])  # type: ignore[misc]

    def signatures(names: tuple[bytes, ...]) -> tuple[CommitmentSigned, ...]:
        return tuple([digests.with_digest(name) for name in names])  # type: ignore[misc]

    def channel(name: bytes) -> Channel:
        return digests.with_digest(name)  # type: ignore[return-value]

    for one in packed:
        world = World(
            nodes=(channel(one.nodes[0]), channel(one.nodes[1])),
            wires=(messages(one.wires[0]), messages(one.wires[1])),
            offered=one.offered,
            history=(signatures(one.history[0]), signatures(one.history[1])),
            ledger=one.ledger,
            connected=one.connected,
            abuses=one.abuses,
            blame=one.blame,
        )
        yield Reached(one.fingerprint, one.parent, world)
