"""Whole lives of channels: the world of :mod:`boltspec.lifetime.world`."""

from __future__ import annotations

from boltproofs.explorer.family import Family, Form, stated
from boltproofs.families.shown import TwoNodes
from boltproofs.life_scenarios import LARGE, LIFE_SCENARIOS
from boltspec.lifetime.properties import FINAL_PROPERTIES, LIFE_PROPERTIES, MOVE_PROPERTIES, WORLD_PROPERTIES
from boltspec.lifetime.scenario import LifeScenario
from boltspec.lifetime.world import PLAIN, initial, successors

LIFETIME = Family(
    name="lifetime",
    title="The whole life of a channel",
    kind=LifeScenario,
    scenarios=LIFE_SCENARIOS,
    large=LARGE,
    initial=initial,
    successors=successors,
    steps=PLAIN,
    properties=(
        *stated(Form.NODE, LIFE_PROPERTIES, felt=lambda _: False),
        *stated(Form.MOVE, MOVE_PROPERTIES, felt=lambda _: False),
        *stated(Form.WORLD, WORLD_PROPERTIES, felt=lambda _: True),
        *stated(Form.END, FINAL_PROPERTIES, felt=lambda _: True),
    ),
    home=("lifetime",),
    worlds="lifetime.world",
    shown=TwoNodes(),
)
"""Two nodes from the first message to the end."""
