"""The chain as arbiter of one channel: the world of :mod:`boltspec.chain.world`.

Two reductions make its searches small. Blocks in which nothing can happen are passed over in one move
(:mod:`boltspec.chain.times`); it is part of the scenario, so that the tests can leave it out. And what can no longer
matter is forgotten (:mod:`boltproofs.families.onchain_reduction`).
"""

from __future__ import annotations

from boltproofs.explorer.family import Family, Form, Reduced, stated
from boltproofs.families.onchain_reduction import forgetting
from boltproofs.families.onchain_shown import OnchainShown
from boltspec.chain.moves import PLAIN, successors
from boltspec.chain.presets import DEEP, ONCE, SCENARIOS
from boltspec.chain.properties.catalogue import PROPERTIES
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.world import initial


def _checked(what: str, test: str) -> Reduced:
    return Reduced(what, f"tests/onchain/test_chain_reductions.py::{test}")


IDLE = _checked("blocks in which nothing can happen, passed over in one move", "test_leaping_reaches_the_same_ends")
FORGOTTEN = _checked(
    "what no longer matters once a commitment is confirmed for good", "test_a_search_sees_the_images_of_all_worlds"
)
COMMUTING = _checked(
    "orders within a block that commute: talking after the funding output is spent, transactions without a rival",
    "test_orders_within_a_block_reach_the_same_ends",
)


def reduced(scenario: ChainScenario) -> tuple[Reduced, ...]:
    """Return what a search of the scenario leaves out."""
    return (IDLE, FORGOTTEN, COMMUTING) if scenario.leap else (FORGOTTEN, COMMUTING)


CAUTION = frozenset(
    {
        "RevokedNotPublished",
        "StaleStateSafe",
        "TimeoutDeadline",
        "FulfilDeadline",
        "UnilateralExit",
        "MutualPreferred",
        "PreimageHidden",
    }
)
"""Properties that are a node's own caution: nobody has lost anything yet when they break."""

ONCHAIN = Family(
    name="onchain",
    title="The chain as arbiter",
    kind=ChainScenario,
    scenarios=SCENARIOS,
    large=frozenset(one.name for one in ONCE),
    deep=frozenset(one.name for one in DEEP),
    initial=initial,
    successors=successors,
    steps=PLAIN,
    properties=stated(Form.WORLD, PROPERTIES, felt=lambda name: name not in CAUTION),
    home=("chain", "fees"),
    worlds="chain.moves",
    shown=OnchainShown(),
    reduction=forgetting,
    reduced=reduced,
    replayable=True,
)
"""One channel, transaction by transaction."""
