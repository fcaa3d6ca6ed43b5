"""Withdrawal: what a commitment on chain owes to an honest party, the party takes."""

from __future__ import annotations

from boltspec.properties.property import WorldProperty
from boltspec.scenario import Scenario
from boltspec.world import World, horizon, spendable_paths, usable_paths


def _nothing_left_lying(world: World, scenario: Scenario) -> bool:
    ledger = world.ledger
    if ledger.closing is None or ledger.height < horizon(world):
        return True
    return all(
        scenario.corrupt[party]
        or not any(spendable_paths(world, party, confirmed))
        or any(usable_paths(world, scenario, party, confirmed))
        for confirmed in ledger.unspent
        for party in (0, 1)
    )


EVENTUALLY_WITHDRAWN = WorldProperty(
    "EventuallyWithdrawn",
    "Once every lock is open, an honest party takes each output that it can spend: none is left lying.",
    _nothing_left_lying,
)
