"""What corrupt parties do on chain: they publish, they spend, and they disturb the mempool.

They put into a block whatever they can make: miners are on their side. With ``scenario.market`` they put transactions
into the mempool besides, with a fee and a weight of their choice, to keep others out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from boltspec.chain.bidding import coin, is_fixed
from boltspec.chain.claims import is_open
from boltspec.chain.conditions import Kind
from boltspec.chain.enforcement import SIGN_ALL, publish_commitment
from boltspec.chain.leaving import own_commitment
from boltspec.chain.ledger import confirm
from boltspec.chain.mempool import Market, Pooled, is_admitted, outbidding, pin, submitted, withdrawal
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.transactions import Form, Transaction, can_be_siphoned, siphoned, spending
from boltspec.chain.world import ChainWorld, Reached, ways
from boltspec.move import Move
from boltspec.rules import duty
from boltspec.verdict import Accepted


def included(world: ChainWorld, move: Move, transaction: Transaction) -> tuple[Move, ChainWorld]:
    """Return a move that puts a transaction into the block that is being built."""
    return move, replace(world, ledger=confirm(world.ledger, transaction))


def publications(world: ChainWorld, scenario: ChainScenario) -> Reached:
    """Commitments that corrupt parties publish, and those that careless honest ones would.

    B02-retransmission-n-19: a peer may publish whatever was ever signed for it.
    """
    assert world.talk is not None
    for party in (0, 1):
        honest = not world.corrupt[party]
        if honest and not scenario.careless:
            continue
        for detail, transaction in _commitments(world, scenario, party):
            number = transaction.txid.number
            if honest and not isinstance(publish_commitment(world.talk.nodes[party], number), Accepted):
                continue
            yield included(world, Move(party, "publish", detail), transaction)
        if world.agreed is not None and not honest:
            yield included(world, Move(party, "publish", "closing transaction"), world.agreed)


def thefts(world: ChainWorld, scenario: ChainScenario) -> Reached:
    """Spends of corrupt parties: whatever they can make. Anchors are worth nothing to them."""
    for party in _thieves(world):
        for detail, transaction in _spends(world, scenario, party):
            yield included(world, Move(party, "spend", detail), transaction)
            if can_be_siphoned(scenario.params, transaction):
                yield included(world, Move(party, "spend", f"{detail} siphoned"), siphoned(transaction))


def _thieves(world: ChainWorld) -> Iterator[int]:
    return (party for party in (0, 1) if world.corrupt[party])


def _commitments(world: ChainWorld, scenario: ChainScenario, party: int) -> Iterator[tuple[str, Transaction]]:
    """Yield the commitments that a party holds, and those that it denies to hold."""
    assert world.talk is not None
    held = [(f"commitment {number}", one) for number, one in enumerate(world.talk.history[party])]
    held += [(f"denied commitment {index}", one) for index, one in enumerate(world.kept[party])]
    for detail, one in held:
        transaction = own_commitment(scenario, party, one)
        if transaction is not None:
            yield detail, transaction


def _spends(world: ChainWorld, scenario: ChainScenario, party: int) -> Iterator[tuple[str, Transaction]]:
    """Yield the spends that a party can make and that the next block may hold."""
    for index, confirmed in enumerate(world.ledger.unspent):
        if confirmed.coin.kind in (Kind.TO_LOCAL_ANCHOR, Kind.TO_REMOTE_ANCHOR):
            continue
        for way in ways(world, party, confirmed):
            if is_open(scenario, confirmed, way, world.ledger.height):
                transaction = spending(scenario.params, confirmed.outpoint, confirmed.coin, way, party)
                yield f"{index} {confirmed.coin.kind.name.lower()} {way.use}", transaction


# --- the mempool ---


def submissions(world: ChainWorld, scenario: ChainScenario) -> Reached:
    """Transactions that corrupt parties put into the mempool: pins, replacements, and withdrawals of their own."""
    market = scenario.market
    if market is None or not world.submissions or world.ledger.filled:
        return
    for party in _thieves(world):
        for what, entry in _offers(world, scenario, market, party):
            if is_admitted(world.pool, entry.slots, entry.feerate, entry.weight):
                pool = submitted(world.pool, entry)
                yield Move(party, "submit", what), replace(world, pool=pool, submissions=world.submissions - 1)


def _offers(world: ChainWorld, scenario: ChainScenario, market: Market, party: int) -> Iterator[tuple[str, Pooled]]:
    paying = coin(party, world.submissions)
    for detail, transaction in _competing(world, scenario, market, party):
        if market.can_pin:
            yield f"pin {detail}", pin(transaction, market, paying)
        higher = outbidding(transaction, market, paying, world.pool)
        if higher is not None:
            yield f"outbid {detail}", higher
    for entry in world.pool:
        if entry.transaction.signer == party and entry.coins:
            yield f"withdraw {entry.transaction.txid.form.name.lower()}", withdrawal(entry)


def _competing(
    world: ChainWorld, scenario: ChainScenario, market: Market, party: int
) -> Iterator[tuple[str, Transaction]]:
    """Yield what a corrupt party could put into the mempool, with a fee and a weight of its choice.

    An HTLC transaction that its owner has signed with no more than it had to (not as B05-htlc-tx-l-01 asks) can be
    taken apart and paid for by anybody.
    """
    if world.ledger.closing is not None:
        found = _spends(world, scenario, party)
    else:
        found = _commitments(world, scenario, party) if market.commitments else iter(())
    yield from (entry for entry in found if not is_fixed(entry[1], scenario.params.option_anchors))
    for entry in world.pool:
        transaction = entry.transaction
        if transaction.signer != party and transaction.txid.form is Form.SECOND_STAGE and not duty(SIGN_ALL):
            yield f"{transaction.txid.output} of the other", transaction._replace(signer=party)


def evictions(world: ChainWorld) -> Reached:
    """Replace a transaction in the mempool by one that conflicts with it, and that one by something else."""
    if not world.evictions:
        return
    for index, pooled in enumerate(world.pool):
        pool = (*world.pool[:index], *world.pool[index + 1 :])
        evicted = (*world.evicted, pooled.transaction.txid)
        detail = f"{pooled.transaction.txid.form.name.lower()} {pooled.transaction.txid.output}"
        changed = replace(world, pool=pool, evicted=tuple(sorted(set(evicted))), evictions=world.evictions - 1)
        yield Move(1 - pooled.transaction.signer, "evict", detail), changed
