"""What an honest party broadcasts: its way out of the channel or its claims, alone or together, and for what fee."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from boltspec.chain.bidding import NEVER_LOWER, Wallets, is_unsettled, placed, still_possible
from boltspec.chain.claims import taken
from boltspec.chain.conditions import Use
from boltspec.chain.enforcement import INVALIDATED, REBROADCAST, SECURITY_DELAY, SEPARATE, WATCH, Situation, pays_enough
from boltspec.chain.leaving import exits, way_out
from boltspec.chain.mempool import Market, Pooled
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.transactions import Transaction, joined, side, spending
from boltspec.chain.world import ChainWorld, Status, standing_of
from boltspec.chain.worth import is_small, left_alone
from boltspec.rules import duty
from boltspec.units import Blocks


def broadcast(world: ChainWorld, scenario: ChainScenario) -> ChainWorld:
    """Return the world with the transactions in the pool that honest parties want confirmed now."""
    if scenario.market is not None:
        return _bid(world, scenario, scenario.market)
    waited = {pooled.transaction.txid: pooled.waited for pooled in world.pool}
    pool, payments = [], list(world.payments)
    for party in filter(partial(is_watching, world), (0, 1)):
        for transaction in wanted(world, scenario, party):
            if transaction.txid in world.evicted and not duty(REBROADCAST):
                continue
            enough = pays_enough(transaction.txid.form, scenario.params.option_anchors)
            pool.append(Pooled(transaction, enough, waited.get(transaction.txid, Blocks(0))))
            for index in shown(world, transaction):
                payments[index] = payments[index]._replace(disclosed=True)
    evicted = () if duty(REBROADCAST) else world.evicted
    return replace(world, pool=tuple(sorted(pool)), payments=tuple(payments), evicted=evicted)


def is_watching(world: ChainWorld, party: int) -> bool:
    """Say whether a party is honest, has not forgotten the channel, and watches the chain for it."""
    return not world.corrupt[party] and world.status[party] is not Status.FORGOTTEN and duty(WATCH)


def _bid(world: ChainWorld, scenario: ChainScenario, market: Market) -> ChainWorld:
    """Return the world after honest parties have broadcast what they want, for what they offer."""
    watching = filter(partial(is_watching, world), (0, 1))
    wishes = [transaction for party in watching for transaction in wanted(world, scenario, party)]
    payments = list(world.payments)
    for index in {index for transaction in wishes for index in shown(world, transaction)}:
        payments[index] = payments[index]._replace(disclosed=True)
    pool, bids = placed(still_possible(world.pool, world.ledger), world.bids, wallets(world, scenario, market), wishes)
    return replace(world, pool=pool, bids=bids, payments=tuple(payments))


def wallets(world: ChainWorld, scenario: ChainScenario, market: Market) -> Wallets:
    """Return what the parties bid with."""
    remember = world.reorganisations > 0 and duty(NEVER_LOWER)
    return Wallets(market, scenario.params.option_anchors, world.coins, remember)


def shown(world: ChainWorld, transaction: Transaction) -> Iterator[int]:
    """Yield the payments whose preimage a transaction shows."""
    for spent in transaction.inputs:
        if spent.use in (Use.CLAIM_WITH_PREIMAGE, Use.HTLC_SUCCESS):
            for confirmed in world.ledger.unspent:
                if confirmed.outpoint == spent.outpoint and confirmed.coin.htlc is not None:
                    yield confirmed.coin.htlc.payment_hash


def wanted(world: ChainWorld, scenario: ChainScenario, party: int) -> list[Transaction]:
    """Return the transactions that an honest party wants in the next block: all of them are valid there."""
    if world.ledger.closing is None:
        if world.status[party] is not Status.FAILED:
            return []
        return list(way_out(world.ledger, scenario, party, exits(world, party)))
    known = standing_of(world, party)
    left = left_alone(world.ledger, known.case, scenario)
    claims = [
        spending(scenario.params, confirmed.outpoint, confirmed.coin, way, party)
        for confirmed in world.ledger.unspent
        if confirmed not in left and (way := taken(world, scenario, party, known, confirmed)) is not None
    ]
    if scenario.batched and known.case is Situation.REMOTE:
        return _together(claims)
    if scenario.batched and known.case is Situation.REVOKED and len(claims) > 1:
        if _was_invalidated(world) and not duty(INVALIDATED):
            return []
        if not _is_to_separate(world, scenario):
            return [joined(tuple(claims))]
    return _small_ones_together(claims, scenario)


def _together(claims: list[Transaction]) -> list[Transaction]:
    """Return one transaction for all HTLCs that are taken back, and the others."""
    expired = tuple(claim for claim in claims if claim.inputs[0].use is Use.CLAIM_EXPIRED)
    others = [claim for claim in claims if claim not in expired]
    return [*others, joined(expired)] if expired else others


def _small_ones_together(claims: list[Transaction], scenario: ChainScenario) -> list[Transaction]:
    """Return the claims, those in one transaction that are worth none each: all of them punish a revoked commitment."""
    small = tuple(claim for claim in claims if is_small(claim.outputs[0].amount_sat, scenario))
    others = [claim for claim in claims if claim not in small]
    return [*others, joined(small)] if len(small) > 1 else claims


def _is_to_separate(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether outputs are punished one by one now: with anchors, when the thief's delay is nearly over.

    Without anchors the thief can add nothing to its HTLC transactions, and so pins none of them.
    """
    return scenario.params.option_anchors and _is_delay_ending(world, scenario) and duty(SEPARATE)


def _is_delay_ending(world: ChainWorld, scenario: ChainScenario) -> bool:
    closing = world.ledger.closing
    assert closing is not None
    delay = scenario.params.binding(side(closing.txid.seat)).to_self_delay
    return world.ledger.height >= closing.height + (delay - SECURITY_DELAY)


def _was_invalidated(world: ChainWorld) -> bool:
    return any(claim.use in (Use.HTLC_TIMEOUT, Use.HTLC_SUCCESS) for claim in world.ledger.claims)


def is_waiting(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether a transaction of an honest party is in the mempool, or will be again with the next block."""
    if scenario.market is not None:
        return is_unsettled(world.pool, world.bids, wallets(world, scenario, scenario.market))
    if any(pooled.pays_enough for pooled in world.pool):
        return True
    return bool(world.evicted) and duty(REBROADCAST)
