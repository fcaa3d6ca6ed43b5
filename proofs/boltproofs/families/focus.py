"""One HTLC among any number of others: the world of :mod:`boltspec.world` with traffic (:mod:`boltproofs.focus`)."""

from __future__ import annotations

from boltproofs.explorer.family import Family, Form, Property, stated
from boltproofs.families.dance import step_of
from boltproofs.families.dance_shown import DanceShown
from boltproofs.focus import EARLY, FOCUS, FocusScenario, begun, moves, moves_alike, stands_for
from boltspec.party import PLAIN
from boltspec.properties.accounting import MONOTONE_NUMBERS, ONE_UNACKED_COMMIT, STAGE_ORDER
from boltspec.properties.agreement import EVENTUAL_AGREEMENT, NEVER_REJECTED, SAME_VIEW
from boltspec.properties.exposure import DUST_CONSISTENCY
from boltspec.world import World


def _moves_alike(world: World, scenario: FocusScenario) -> bool:
    return scenario.first_number > 0 or moves_alike(world, scenario, FAR)


FAR = 1 << 40
"""Commitments have 48-bit numbers (BOLT 3)."""

NUMBERS_DO_NOT_MATTER = Property(
    "NumbersDoNotMatter",
    "With greater numbers of commitments a world has the same moves; asked from the first commitments on.",
    Form.WORLD,
    _moves_alike,
    felt=False,
)
"""What the reduction rests on."""

FOCUS_FAMILY = Family(
    name="focus",
    title="One HTLC among any number of others",
    kind=FocusScenario,
    scenarios=FOCUS,
    large=frozenset(),
    deep=EARLY | {"focus-A", "focus-B"},
    initial=begun,
    successors=moves,
    steps=PLAIN,
    properties=(
        *stated(Form.STEP, (MONOTONE_NUMBERS,), felt=lambda _: False),
        *stated(Form.NODE, (STAGE_ORDER, ONE_UNACKED_COMMIT), felt=lambda _: False),
        *stated(Form.WORLD, (SAME_VIEW, DUST_CONSISTENCY, EVENTUAL_AGREEMENT, NEVER_REJECTED), felt=lambda _: True),
        NUMBERS_DO_NOT_MATTER,
    ),
    home=(),
    worlds="world",
    shown=DanceShown(),
    reduction=stands_for,
    step_of=step_of,
)
"""Two nodes in normal operation, any number of HTLCs."""
