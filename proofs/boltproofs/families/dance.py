"""The update dance: the world of :mod:`boltspec.world`."""

from __future__ import annotations

from boltproofs.explorer.family import Family, Form, World, stated
from boltproofs.families.dance_shown import DanceShown
from boltproofs.scenarios import DEEP, LARGE, SCENARIOS
from boltspec.channel import Link
from boltspec.move import Move
from boltspec.party import PLAIN
from boltspec.properties.catalogue import (
    CHANNEL_PROPERTIES,
    FINAL_PROPERTIES,
    STEP_PROPERTIES,
    WORLD_PROPERTIES,
)
from boltspec.properties.property import Step
from boltspec.scenario import Scenario
from boltspec.world import initial, successors


def step_of(before: World, move: Move, after: World, scenario: Scenario) -> Step | None:
    """Return the step that an honest node takes in a move, if it takes one."""
    party = move.party
    if move.action not in ("send", "deliver") or not after.connected or scenario.corrupt[party]:
        return None
    node, sending = before.nodes[party], move.action == "send"
    if sending and (node.owes_commitment or node.owes_revocation) and node.link is Link.UP:
        return None  # it only sends again what it sent before
    message = after.wires[party][-1] if sending else before.wires[1 - party][0]
    return Step(node, sending, message, after.nodes[party])


DANCE = Family(
    name="dance",
    title="The update dance",
    kind=Scenario,
    scenarios=SCENARIOS,
    large=LARGE,
    deep=DEEP,
    initial=initial,
    successors=successors,
    steps=PLAIN,
    properties=(
        *stated(Form.STEP, STEP_PROPERTIES, felt=lambda _: False),
        *stated(Form.NODE, CHANNEL_PROPERTIES, felt=lambda _: False),
        *stated(Form.WORLD, WORLD_PROPERTIES, felt=lambda _: True),
        *stated(Form.END, FINAL_PROPERTIES, felt=lambda _: True),
    ),
    home=("world", "party", "update", "fee_updates", "commit", "reestablish"),
    worlds="world",
    shown=DanceShown(),
    step_of=step_of,
    replayable=True,
)
"""Two nodes in normal operation."""
