"""Channel establishment: the world of :mod:`boltspec.establishment.world`."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from boltproofs.explorer.family import Family, Form, Property
from boltproofs.families.shown import TwoNodes
from boltspec.establishment.party import PLAIN
from boltspec.establishment.properties import DAMAGE, FINAL_PROPERTIES, PROPERTIES, OfEachHonest, OfWorld
from boltspec.establishment.properties import Property as Stated
from boltspec.establishment.scenario import CORRUPT_ACCEPTER, SCENARIOS, Scenario
from boltspec.establishment.world import initial, successors


def _asked(one: Stated) -> Property:
    """Return a property in the most specific form that it has: what is asked of nodes need not be asked so often."""
    felt = one in DAMAGE or one in FINAL_PROPERTIES
    match one.holds:
        case OfEachHonest(holds):
            return Property(one.name, one.sentence, Form.NODE, holds, felt)
        case OfWorld(holds):
            return Property(one.name, one.sentence, Form.END if one in FINAL_PROPERTIES else Form.WORLD, holds, felt)
        case _:
            return Property(one.name, one.sentence, Form.MOVE, one.holds, felt)


TWICE = replace(
    CORRUPT_ACCEPTER, name="open-corrupt-accepter-twice", title="The accepter may break two rules", abuses=2
)
"""Larger than those of the specification."""

ESTABLISHMENT = Family(
    name="establishment",
    title="Opening a channel",
    kind=Scenario,
    scenarios=MappingProxyType(SCENARIOS | {TWICE.name: TWICE}),
    large=frozenset(),
    deep=frozenset({TWICE.name}),
    initial=initial,
    successors=successors,
    steps=PLAIN,
    properties=tuple(map(_asked, (*PROPERTIES, *FINAL_PROPERTIES))),
    home=("establishment",),
    worlds="establishment.world",
    shown=TwoNodes(),
)
"""Two nodes that open a channel, and its funding transaction."""
