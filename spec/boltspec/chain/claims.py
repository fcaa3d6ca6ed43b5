"""Which outputs an honest party takes in the next block, and in which way.

The table is :data:`boltspec.chain.enforcement.RESOLUTIONS`; here it meets keys, locks and preimages.
"""

from __future__ import annotations

from boltspec.chain.conditions import Condition, first_block
from boltspec.chain.enforcement import AGAIN, Standing, may_claim, resolution
from boltspec.chain.ledger import HTLC_OUTPUTS, Confirmed
from boltspec.chain.overdue import may_still_show
from boltspec.chain.payments import is_for_us
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.transactions import spending
from boltspec.chain.world import ChainWorld, ways
from boltspec.rules import duty
from boltspec.units import Blocks, Height


def taken(
    world: ChainWorld, scenario: ChainScenario, party: int, known: Standing, confirmed: Confirmed
) -> Condition | None:
    """Return the way in which an honest party takes an output in the next block, if it does."""
    possible = tuple(ways(world, party, confirmed))
    if not possible or (confirmed.outpoint in world.reopened and not duty(AGAIN)):
        return None

    def can_use(way: Condition) -> bool:
        if way not in possible or not is_open(scenario, confirmed, way, world.ledger.height):
            return False
        return not way.preimage or _may_show(world, scenario, known, confirmed)

    return resolution(known.case, confirmed.coin.kind, can_use)


def is_open(scenario: ChainScenario, confirmed: Confirmed, way: Condition, height: Height) -> bool:
    """Say whether the chain's locks allow a way in the block that is built on ``height``."""
    transaction = spending(scenario.params, confirmed.outpoint, confirmed.coin, way, confirmed.coin.seat)
    return first_block(confirmed.height, transaction.inputs[0].sequence, transaction.locktime) <= height + Blocks(1)


def _may_show(world: ChainWorld, scenario: ChainScenario, known: Standing, confirmed: Confirmed) -> bool:
    htlc = confirmed.coin.htlc
    assert htlc is not None
    assert confirmed.coin.kind in HTLC_OUTPUTS
    progress = world.payments[htlc.payment_hash]
    if not may_claim(known.case, htlc.payment_hash in known.committed, is_for_us(progress)):
        return False
    return may_still_show(progress, htlc.cltv_expiry, scenario.timing, world.ledger.height)
