"""Cooperative close: the world of :mod:`boltspec.closing.world`."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from boltproofs.closing_scenarios import CLOSE_SCENARIOS
from boltproofs.explorer.family import Family, Form, stated
from boltproofs.families.shown import TwoNodes
from boltspec.closing.party import PLAIN
from boltspec.closing.properties import CLOSE_PROPERTIES
from boltspec.closing.scenario import CloseScenario
from boltspec.closing.world import initial, successors

CAUTION = frozenset(
    {
        "OpReturnEmpty",
        "FeesApproach",
        "RangesSettle",
        "NoUpdateAfterShutdown",
        "CleanShutdown",
        "OneShutdown",
        "PermittedScripts",
        "LastScriptCounts",
        "ClosingFeeWithinRange",
    }
)
"""Properties that are a node's own caution: nobody feels it at once when they break."""

TWICE = replace(
    CLOSE_SCENARIOS["simple-corrupt-closer"],
    name="simple-corrupt-closer-twice",
    title="A is corrupt and breaks two rules, B is asked",
    abuses=2,
)
"""Larger than those that are searched for every rule."""

CLOSING = Family(
    name="closing",
    title="Closing a channel together",
    kind=CloseScenario,
    scenarios=MappingProxyType({**CLOSE_SCENARIOS, TWICE.name: TWICE}),
    large=frozenset(),
    deep=frozenset({TWICE.name}),
    initial=initial,
    successors=successors,
    steps=PLAIN,
    properties=(
        *stated(Form.WORLD, [one for one in CLOSE_PROPERTIES if not one.final], felt=lambda name: name not in CAUTION),
        *stated(Form.END, [one for one in CLOSE_PROPERTIES if one.final], felt=lambda name: name not in CAUTION),
    ),
    home=("closing",),
    worlds="closing.world",
    shown=TwoNodes(),
)
"""Two nodes that close a channel."""
