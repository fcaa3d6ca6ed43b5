"""The world of one channel with the chain as arbiter.

The two parties talk as in :mod:`boltspec.world`: the same steps of the update dance, the same wires. Here there are
heights, deadlines and neighbours besides, and everything that happens on chain, transaction by transaction.

**Corrupt parties** stay silent, publish any commitment that was ever signed for them, and put any spend that they can
make into any block; miners are on their side and need no mempool to know of it. A corrupt recipient knows all
preimages.

**Honest parties** look at each block, fail the channel when a deadline is past and at any other time they like, and
broadcast at once what BOLT 5 asks for. A transaction of theirs is in a block within ``scenario.inclusion`` blocks of
when it could be, unless something else has spent its inputs by then; within that bound miners decide. With
``scenario.market`` it has to get there: :mod:`boltspec.chain.mempool` and :mod:`boltspec.chain.bidding`.

**Reorganisations** undo up to R blocks. What waited for the first of them waits again. Honest parties see the new
branch when it has overtaken the old one; until then they broadcast nothing new.

The transition relation is :func:`boltspec.chain.moves.successors`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple

from boltspec import world as dance
from boltspec.chain import ledger as chain
from boltspec.chain.bidding import Bids
from boltspec.chain.conditions import CONDITIONS, Condition, Keys, Kind
from boltspec.chain.enforcement import Standing, standing
from boltspec.chain.ledger import Confirmed, Ledger
from boltspec.chain.mempool import Pool
from boltspec.chain.payments import Progress, started
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.transactions import Outpoint, Transaction, Txid
from boltspec.channel import Channel
from boltspec.htlc import Stage
from boltspec.messages import CommitmentSigned
from boltspec.move import Move
from boltspec.units import Blocks
from boltspec.world import World


class Status(IntEnum):
    """What a party does with the channel."""

    OPEN = 0
    """It takes part in the update dance."""
    FAILED = 1
    """It has given up on its peer and publishes its commitment."""
    CLOSED = 2
    """It has seen the funding output spent."""
    FORGOTTEN = 3
    """It has forgotten the channel."""


class Block(NamedTuple):
    """The end of a block: what was confirmed then, and what waited for the next one."""

    ledger: Ledger
    pool: Pool


@dataclass(frozen=True, slots=True)
class ChainWorld:
    """A state of the world."""

    corrupt: tuple[bool, bool]
    talk: World | None
    """The dance; ``None`` once nothing of it can matter any more."""
    status: tuple[Status, Status]
    payments: tuple[Progress, ...]
    ledger: Ledger
    chosen: bool = True
    """It is settled who is corrupt."""
    pool: Pool = ()
    """The mempool, in the order of names: of honest parties' transactions, and with ``scenario.market`` of all."""
    bids: Bids = ()
    """What honest parties offer miners."""
    coins: tuple[int, int] = (0, 0)
    """How many coins each wallet has to pay fees with."""
    submissions: int = 0
    """How many transactions corrupt parties may still put into the mempool."""
    standings: tuple[Standing | None, Standing | None] = (None, None)
    """What each party makes of the confirmed closing, once ``talk`` is dropped."""
    lost: tuple[bool, bool] = (False, False)
    """Who had lost its data when ``talk`` was dropped."""
    agreed: Transaction | None = None
    """The closing transaction that both have signed."""
    kept: tuple[tuple[CommitmentSigned, ...], tuple[CommitmentSigned, ...]] = ((), ())
    """Signatures that a corrupt party has received and denies: the connection was lost before it answered."""
    past: tuple[Block, ...] = ()
    """The blocks that a reorganisation can return to, oldest first."""
    hidden: Blocks = Blocks(0)  # noqa: RUF009  # a plain integer
    """How many blocks of a new branch are still to come before honest parties see it."""
    reopened: tuple[Outpoint, ...] = ()
    """Outputs that were spent once, by transactions that a reorganisation has undone."""
    evicted: tuple[Txid, ...] = ()
    """Transactions of honest parties that were driven out of the mempool."""
    reorganisations: int = 0
    """How many reorganisations there may still be."""
    evictions: int = 0
    """How often a transaction may still be driven out of the mempool."""


Reached = Iterator[tuple[Move, ChainWorld]]
"""Moves, with the worlds that they lead to."""


def initial(scenario: ChainScenario) -> ChainWorld:
    """Return the world right after both ``channel_ready``."""
    if not scenario.every_corrupt_set:
        return begun(scenario, scenario.corrupt)
    return replace(begun(scenario, (False, False)), chosen=False)


def begun(scenario: ChainScenario, corrupt: tuple[bool, bool]) -> ChainWorld:
    """Return the world right after both ``channel_ready``, with these corrupt parties."""
    ledger, market = chain.opened(scenario.params, scenario.start), scenario.market
    return ChainWorld(
        corrupt=corrupt,
        talk=_after_committing(scenario) if scenario.silent else dance.initial(scenario.talk(corrupt)),
        status=(Status.OPEN, Status.OPEN),
        payments=tuple(started(payment, corrupt) for payment in scenario.payments),
        ledger=ledger,
        past=(Block(ledger, ()),) if scenario.reorganisations else (),
        reorganisations=scenario.reorganisations,
        evictions=scenario.evictions,
        coins=(market.coins, market.coins) if market is not None else (0, 0),
        submissions=market.submissions if market is not None else 0,
    )


def _after_committing(scenario: ChainScenario) -> World:
    """Return the dance when all HTLCs are irrevocably committed, and the two have lost contact for good."""
    talk = scenario.talk((False, False))
    world = dance.initial(talk)
    while not all(_is_committed(node, len(scenario.payments)) for node in world.nodes) or world.wires != ((), ()):
        moves = [entry for entry in dance.successors(world, talk) if _commits(entry[0])]
        world = min(moves, key=lambda entry: _order(entry[0]))[1]
    return world._replace(connected=False)


def _is_committed(node: Channel, payments: int) -> bool:
    return [htlc.added for htlc in node.htlcs.items] == [Stage.IRREVOCABLE] * payments


def _order(move: Move) -> tuple[str, bool]:
    """Return what comes first: each HTLC is committed before the next one is offered."""
    return move.action, move.detail.startswith("update_add_htlc")


def _commits(move: Move) -> bool:
    """Say whether a move brings HTLCs into both commitments."""
    adds = ("update_add_htlc", "commitment_signed", "revoke_and_ack")
    return move.action == "deliver" or (move.action == "send" and move.detail.split()[0] in adds)


def standing_of(world: ChainWorld, party: int) -> Standing:
    """Return what a party makes of the confirmed closing; ValueError if there is none."""
    kept = world.standings[party]
    if kept is not None:
        return kept
    if world.talk is None or world.ledger.closing is None:
        raise ValueError("the funding output is unspent")
    return standing(world.talk.nodes[party], world.ledger.closing, party)


def ways(world: ChainWorld, party: int, confirmed: Confirmed) -> Iterator[Condition]:
    """Yield the conditions of an output that a party has the keys, the secret and the preimage for."""
    coin = confirmed.coin
    seat = Keys.OWNER if coin.seat == party else Keys.OTHER
    for way in CONDITIONS[coin.kind]:
        if way.keys is Keys.BOTH:
            if coin.kind is Kind.FUNDING or seat is Keys.OTHER or not coin.htlcs_signed:
                continue
        elif way.keys is not seat:
            continue
        if way.secret and not standing_of(world, party).knows_secret:
            continue
        if way.preimage and coin.htlc is not None and not world.payments[coin.htlc.payment_hash].known[party]:
            continue
        yield way
