"""Revoked commitments: who publishes one loses everything, and honest parties publish none."""

from __future__ import annotations

from boltspec.chain.leaving import is_unsure
from boltspec.chain.ledger import is_commitment
from boltspec.chain.properties.property import ANCHORS, SECOND_STAGE, ChainProperty, is_over, slack, victim_of
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.world import ChainWorld, standing_of
from boltspec.chain.worth import is_small
from boltspec.units import Blocks, Sat


def _thief_gets_nothing(world: ChainWorld, scenario: ChainScenario) -> bool:
    victim = victim_of(world)
    if victim is None:
        return True
    booty = world.ledger.received[1 - victim]
    if booty != Sat(0) and not is_small(booty, scenario):
        return False
    if not is_over(world, scenario):
        return True
    amounts = (entry.coin.amount_sat for entry in world.ledger.unspent if entry.coin.kind not in ANCHORS)
    left = sum(amounts, Sat(0))
    return left == Sat(0) or is_small(left, scenario)


def _second_stage_is_punished(world: ChainWorld, scenario: ChainScenario) -> bool:
    if victim_of(world) is None or world.hidden:
        return True
    # What is pinned is left until the delay is nearly over.
    delay = scenario.params.local.to_self_delay if scenario.pinned else Blocks(0)
    return all(
        confirmed.coin.kind not in SECOND_STAGE
        or world.ledger.height < confirmed.height + (slack(scenario) + delay)
        or is_small(confirmed.coin.amount_sat, scenario)
        for confirmed in world.ledger.unspent
    )


def _honest_is_not_punished(world: ChainWorld, scenario: ChainScenario) -> bool:
    return not any(world.ledger.punished[party] for party in (0, 1) if not world.corrupt[party])


def _honest_publishes_unrevoked(world: ChainWorld, scenario: ChainScenario) -> bool:
    closing = world.ledger.closing
    if closing is None or not is_commitment(closing) or world.corrupt[closing.txid.seat]:
        return True
    return not standing_of(world, 1 - closing.txid.seat).knows_secret


def _stale_state_stays_unpublished(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether no party that has lost data has published a commitment while it was not sure of it."""
    closing, talk = world.ledger.closing, world.talk
    if closing is None or talk is None or not is_commitment(closing) or world.corrupt[closing.txid.seat]:
        return True
    seat = closing.txid.seat
    return not (talk.restored[seat] and (talk.nodes[seat].behind or is_unsure(world, seat)))


PENALTY_SAFETY = ChainProperty(
    "PenaltySafety",
    "Who publishes a revoked commitment gets nothing that is worth a claim, and its victim takes all that is.",
    _thief_gets_nothing,
)
SECOND_STAGE_PENALTY = ChainProperty(
    "SecondStagePenalty",
    "The second-stage outputs of a revoked commitment are taken as soon as they are there.",
    _second_stage_is_punished,
)
NO_FALSE_PENALTY = ChainProperty(
    "NoFalsePenalty",
    "An honest party's commitment is never punished.",
    _honest_is_not_punished,
)
REVOKED_NOT_PUBLISHED = ChainProperty(
    "RevokedNotPublished",
    "An honest party never publishes a revoked commitment.",
    _honest_publishes_unrevoked,
)
STALE_STATE_SAFE = ChainProperty(
    "StaleStateSafe",
    "Who has lost data publishes no commitment unless its peer has shown that it is not behind.",
    _stale_state_stays_unpublished,
)
