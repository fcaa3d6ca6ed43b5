"""Connections: the world of :mod:`boltspec.connection.world`."""

from __future__ import annotations

from types import MappingProxyType

from boltproofs.explorer.family import Family, Form, Property
from boltproofs.families.shown import TwoNodes
from boltspec.connection.party import PLAIN
from boltspec.connection.properties import PROPERTIES
from boltspec.connection.properties import Property as Stated
from boltspec.connection.scenario import SCENARIOS, ConnectionScenario
from boltspec.connection.world import World, initial, successors


def _at_the_end(one: Stated) -> Property:
    def holds(world: World, scenario: ConnectionScenario) -> bool:
        return one.holds(world, world, scenario)

    return Property(one.name, one.sentence, Form.END, holds, one.felt)


CONNECTION = Family(
    name="connection",
    title="Connecting to a peer",
    kind=ConnectionScenario,
    scenarios=MappingProxyType(SCENARIOS),
    large=frozenset(),
    initial=initial,
    successors=successors,
    steps=PLAIN,
    properties=tuple(
        _at_the_end(one) if one.final else Property(one.name, one.sentence, Form.MOVE, one.holds, one.felt)
        for one in PROPERTIES
    ),
    home=("connection",),
    worlds="connection.world",
    shown=TwoNodes(),
)
"""Two nodes and the connection between them."""
