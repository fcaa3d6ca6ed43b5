"""The way out: an honest party always has one, and takes the one that both have agreed on if there is one."""

from __future__ import annotations

from boltspec.chain.bidding import is_fixed
from boltspec.chain.broadcasting import is_waiting
from boltspec.chain.leaving import own_commitment
from boltspec.chain.ledger import is_commitment, is_valid
from boltspec.chain.properties.property import ChainProperty, honest
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.world import ChainWorld, Status


def _can_get_out(world: ChainWorld, scenario: ChainScenario) -> bool:
    if world.ledger.closing is not None or world.talk is None:
        return True
    return all(_has_exit(world, scenario, party) and _is_leaving(world, scenario, party) for party in honest(world))


def _has_exit(world: ChainWorld, scenario: ChainScenario, party: int) -> bool:
    """Say whether the party holds a signed commitment that is valid now and not revoked."""
    assert world.talk is not None
    channel, held = world.talk.nodes[party], world.talk.history[party]
    transaction = own_commitment(scenario, party, held[-1])
    unrevoked = len(held) - 1 >= channel.local_revocations
    return transaction is not None and unrevoked and is_valid(world.ledger, transaction)


def _is_leaving(world: ChainWorld, scenario: ChainScenario, party: int) -> bool:
    """Say whether a party that has failed the channel has a transaction on its way that miners will take."""
    if world.status[party] is not Status.FAILED or world.hidden or world.evicted:
        return True
    if scenario.market is not None and (is_waiting(world, scenario) or _has_nothing(world, scenario, party)):
        return True
    return any(pooled.transaction.signer == party and pooled.pays_enough for pooled in world.pool)


def _has_nothing(world: ChainWorld, scenario: ChainScenario, party: int) -> bool:
    """Say whether a party has neither balance nor HTLC in its commitment: then there is no anchor of its own in it."""
    assert world.talk is not None
    transaction = own_commitment(scenario, party, world.talk.history[party][-1])
    return scenario.params.option_anchors and transaction is not None and is_fixed(transaction, option_anchors=True)


def _mutual_preferred(world: ChainWorld, scenario: ChainScenario) -> bool:
    closing = world.ledger.closing
    if closing is None or world.agreed is None or not is_commitment(closing):
        return True
    return world.corrupt[closing.txid.seat]


UNILATERAL_EXIT = ChainProperty(
    "UnilateralExit",
    "While the channel is open each honest party holds a valid, unrevoked commitment, and miners take it.",
    _can_get_out,
)
MUTUAL_PREFERRED = ChainProperty(
    "MutualPreferred",
    "Who has agreed on a closing transaction publishes that, and not its commitment.",
    _mutual_preferred,
)
