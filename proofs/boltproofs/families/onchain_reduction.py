"""What a search of the chain world may forget.

**Once the funding output is spent for good** (no reorganisation can bring it back) and every honest party has seen it,
nobody listens to messages any more, and nobody can publish another commitment. From then on the transition relation
and the properties ask the dance only what :class:`boltspec.chain.enforcement.Standing` says of each party; a standing
depends on nothing that still changes. So the dance is replaced by the two standings, and by who has lost its data,
which the properties ask for. Whether such a party was sure of its commitment is asked when that is put into the block,
before anything is forgotten.

**The number of the confirmed commitment** has then done its work: whether it is revoked, and whether its secret is
known, is in the standings. It stays in names only, in all of them alike; so it is set to zero in all of them.

Moves and their labels name outputs by their place in the ledger and transactions by what they are for; neither depends
on the number. The tests compare the worlds that a search visits with the images of those that an unreduced one visits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from boltspec.chain.ledger import Closing, Confirmed, Ledger
from boltspec.chain.mempool import Pooled
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.transactions import NOBODY, Coin, Outpoint, Transaction, Txid
from boltspec.chain.world import ChainWorld, Status, standing_of


def forgetting(scenario: ChainScenario) -> Callable[[ChainWorld], ChainWorld]:
    """Return the function that says which world stands for a world in a search of the scenario."""
    del scenario

    def stands_for(world: ChainWorld) -> ChainWorld:
        closing = world.ledger.closing
        if world.talk is None or closing is None or world.reorganisations or world.hidden:
            return world
        if closing.height > world.ledger.height:
            return world
        if any(world.status[party] is not Status.CLOSED for party in (0, 1) if not world.corrupt[party]):
            return world
        standings = (standing_of(world, 0), standing_of(world, 1))
        return replace(
            world,
            talk=None,
            standings=standings,
            lost=world.talk.restored,
            kept=((), ()),
            ledger=_without_number(world.ledger, closing),
            pool=tuple(map(_pooled, world.pool)),
            reopened=tuple(map(_outpoint, world.reopened)),
            bids=tuple(bid._replace(outpoints=tuple(map(_outpoint, bid.outpoints))) for bid in world.bids),
            evicted=tuple(map(_txid, world.evicted)),
        )

    return stands_for


def _without_number(ledger: Ledger, closing: Closing) -> Ledger:
    unspent = tuple(Confirmed(_outpoint(entry.outpoint), _coin(entry.coin), entry.height) for entry in ledger.unspent)
    return replace(ledger, unspent=unspent, closing=closing._replace(txid=_txid(closing.txid)))


def _txid(txid: Txid) -> Txid:
    return txid if txid.number == NOBODY else txid._replace(number=0)


def _outpoint(outpoint: Outpoint) -> Outpoint:
    return outpoint._replace(txid=_txid(outpoint.txid))


def _coin(coin: Coin) -> Coin:
    return coin if coin.number == NOBODY else coin._replace(number=0)


def _pooled(pooled: Pooled) -> Pooled:
    return pooled._replace(transaction=_transaction(pooled.transaction))


def _transaction(transaction: Transaction) -> Transaction:
    return transaction._replace(
        txid=_txid(transaction.txid),
        inputs=tuple(entry._replace(outpoint=_outpoint(entry.outpoint)) for entry in transaction.inputs),
        outputs=tuple(map(_coin, transaction.outputs)),
    )
