"""The moves of the chain world: the transition relation.

Moves of a block that is being built commute with talking, since no message changes what a confirmed transaction is; so
there is no talking between the first transaction that spends the funding output and the end of its block. For the same
reason transactions of honest parties that no other one conflicts with enter the block when it is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product

from boltspec import world as dance
from boltspec.chain import ledger as chain
from boltspec.chain.adversary import evictions, included, publications, submissions, thefts
from boltspec.chain.bidding import RESERVE, raised
from boltspec.chain.broadcasting import broadcast, is_waiting
from boltspec.chain.enforcement import KEEP
from boltspec.chain.honest import give_up, look
from boltspec.chain.ledger import confirm, is_valid
from boltspec.chain.mempool import Pooled
from boltspec.chain.neighbours import neighbours, settlements
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.speaking import Said, after_message, may_send
from boltspec.chain.times import branch_length, next_height
from boltspec.chain.transactions import Transaction, closing_transaction
from boltspec.chain.world import Block, ChainWorld, Reached, Status, begun
from boltspec.channel import Channel
from boltspec.fees import commitment_fee
from boltspec.messages import CommitmentSigned
from boltspec.move import CHAIN, Move, with_entry
from boltspec.rules import duty
from boltspec.scenario import NAMES
from boltspec.units import Blocks, Height, Msat, floor_to_sat
from boltspec.world import World


@dataclass(frozen=True, slots=True)
class Steps:
    """The functions that the transition relation is made of: each depends on its arguments only."""

    talk: Callable[[World, ChainScenario, tuple[bool, bool]], tuple[tuple[Move, World], ...]]
    """The moves of the dance, given who is corrupt."""


def _talk(world: World, scenario: ChainScenario, corrupt: tuple[bool, bool]) -> tuple[tuple[Move, World], ...]:
    return tuple(dance.successors(world, scenario.talk(corrupt)))


LOSSES = ("disconnect", "crash", "restore")
"""Moves that take everything off the wires."""
PLAIN = Steps(_talk)
"""The functions themselves, computed anew each time."""


def successors(world: ChainWorld, scenario: ChainScenario, steps: Steps = PLAIN) -> Reached:
    """Yield every move that is possible now, with the world that it leads to."""
    if not world.chosen:
        for first, second in product((False, True), repeat=2):
            corrupt = (first, second)
            names = " and ".join(name for name, is_corrupt in zip(NAMES, corrupt, strict=True) if is_corrupt)
            yield Move(CHAIN, "corrupts", names or "nobody"), begun(scenario, corrupt)
        return
    if world.hidden == Blocks(0):
        if may_talk(world, scenario):
            yield from _talking(world, scenario, steps)
            yield from _closings(world, scenario)
            yield from _farewells(world, scenario)
        if not world.ledger.filled:
            yield from neighbours(world, scenario)
            yield from settlements(world, scenario)
        yield from evictions(world)
        yield from submissions(world, scenario)
        yield from _expenses(world, scenario)
    if world.ledger.closing is None:
        yield from publications(world, scenario)
    else:
        yield from thefts(world, scenario)
    yield from _inclusions(world, scenario)
    yield from _blocks(world, scenario)
    yield from _reorganisations(world)


def take(world: ChainWorld, scenario: ChainScenario, move: Move) -> ChainWorld:
    """Return the world after a move; ``ValueError`` if it is not possible here."""
    for candidate, after in successors(world, scenario):
        if candidate == move:
            return after
    raise ValueError(f"not possible in this state: {move}")


# --- talking ---


def may_talk(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether anybody may still send or receive messages that matter."""
    if scenario.silent or world.talk is None or world.agreed is not None or world.ledger.height >= scenario.horizon:
        return False
    if world.ledger.closing is None:
        return True
    # Has an honest party not drawn the consequence?
    listens = any(not world.corrupt[party] and world.status[party] is Status.OPEN for party in (0, 1))
    return listens and not is_being_closed(world)


def is_being_closed(world: ChainWorld) -> bool:
    """Say whether what spends the funding output is in the block that is being built."""
    closing = world.ledger.closing
    return closing is not None and closing.height > world.ledger.height


def _talking(world: ChainWorld, scenario: ChainScenario, steps: Steps) -> Reached:
    before = world.talk
    assert before is not None
    for move, after in steps.talk(before, scenario, world.corrupt):
        party = move.party
        if party != CHAIN and world.status[party] is not Status.OPEN:
            continue
        sent = after.wires[party][len(before.wires[party]) :] if move.action == "send" else ()
        honest = party != CHAIN and not world.corrupt[party]
        if honest and not all(may_send(world, scenario, party, message) for message in sent):
            continue
        changed = replace(world, talk=after)
        if move.action in LOSSES:
            changed = replace(changed, kept=(_kept(world, before, 0), _kept(world, before, 1)))
        if honest:
            received = before.wires[1 - party][:1] if move.action == "deliver" else ()
            for message in (*sent, *received):
                sending = move.action == "send"
                changed = after_message(changed, scenario, party, Said(before.nodes[party], message, sending))
            changed = give_up(changed, scenario, party)
        yield move, changed


def _kept(world: ChainWorld, before: World, party: int) -> tuple[CommitmentSigned, ...]:
    """Return the signatures that a corrupt party keeps when the connection is lost: those on the wire to it too."""
    if not world.corrupt[party]:
        return ()
    on_the_wire = [message for message in before.wires[1 - party] if isinstance(message, CommitmentSigned)]
    return (*world.kept[party], *(message for message in on_the_wire if message not in world.kept[party]))


def _closings(world: ChainWorld, scenario: ChainScenario) -> Reached:
    """An honest party may fail the channel at any time."""
    for party in (0, 1):
        if not world.corrupt[party] and world.status[party] is Status.OPEN and world.ledger.closing is None:
            failed = replace(world, status=with_entry(world.status, party, Status.FAILED))
            yield Move(party, "fail", "channel"), broadcast(failed, scenario)


def _farewells(world: ChainWorld, scenario: ChainScenario) -> Reached:
    """The two agree on a closing transaction; a careless party forgets the channel."""
    talk = world.talk
    assert talk is not None
    if world.ledger.closing is not None or any(status is not Status.OPEN for status in world.status):
        return
    if scenario.mutual and talk.connected and talk.wires == ((), ()) and not any(_is_busy(node) for node in talk.nodes):
        leaving = replace(world, agreed=_closing_of(talk.nodes[0]), status=(Status.FAILED, Status.FAILED))
        yield Move(CHAIN, "agree", "on a closing transaction"), broadcast(leaving, scenario)
    for party in (0, 1):
        if scenario.careless and not world.corrupt[party] and _had_something(world, party) and not duty(KEEP):
            forgotten = replace(world, status=with_entry(world.status, party, Status.FORGOTTEN))
            yield Move(party, "forget", "channel"), forgotten


def _is_busy(channel: Channel) -> bool:
    """Say whether the node has an HTLC, or a signature without its revocation."""
    return channel.htlcs.any(lambda _: True) or channel.remote_commitment_number > channel.remote_revocations


def _closing_of(channel: Channel) -> Transaction:
    """Return the closing transaction for the balances of seat 0's channel."""
    params = channel.params
    fee = commitment_fee(params, params.feerate_per_kw, 0)
    balances = (floor_to_sat(channel.local_msat), floor_to_sat(channel.remote_msat))
    return closing_transaction(params, balances, params.local.dust_limit_satoshis, fee)


def _had_something(world: ChainWorld, party: int) -> bool:
    """Say whether a party has nothing in its newest commitment, and had something in an earlier one."""
    assert world.talk is not None
    stakes = [
        held.signature.signed is not None
        and (bool(held.signature.signed.htlcs) or held.signature.signed.to_owner_msat > Msat(0))
        for held in world.talk.history[party]
    ]
    return any(stakes) and not stakes[-1]


def _expenses(world: ChainWorld, scenario: ChainScenario) -> Reached:
    """An honest party that keeps no reserve spends a coin on something else."""
    if scenario.market is None:
        return
    for party in (0, 1):
        if not world.corrupt[party] and world.status[party] is Status.OPEN and world.coins[party] and not duty(RESERVE):
            coins = with_entry(world.coins, party, world.coins[party] - 1)
            yield Move(party, "pay", "with a coin of the reserve"), replace(world, coins=coins)


# --- the block that is being built ---


def _inclusions(world: ChainWorld, scenario: ChainScenario) -> Reached:
    """Transactions of honest parties that miners include although they need not yet, or before a conflicting one."""
    for pooled in world.pool:
        transaction = pooled.transaction
        if world.corrupt[transaction.signer] or not is_valid(world.ledger, transaction):
            continue
        if _is_due(pooled, scenario) and not _has_rival(world, pooled):
            continue
        detail = f"{transaction.txid.form.name.lower()} {transaction.txid.output}"
        yield included(world, Move(transaction.signer, "include", detail), transaction)


def _has_rival(world: ChainWorld, pooled: Pooled) -> bool:
    mine = {spent.outpoint for spent in pooled.transaction.inputs}
    return any(
        other is not pooled and not mine.isdisjoint(spent.outpoint for spent in other.transaction.inputs)
        for other in world.pool
    )


def _is_due(pooled: Pooled, scenario: ChainScenario) -> bool:
    if scenario.pinned and len(pooled.transaction.inputs) > 1:
        return False
    if scenario.market is not None:
        return pooled.pays_enough and bool(pooled.transaction.inputs)
    return pooled.pays_enough and pooled.waited + Blocks(1) >= scenario.inclusion


# --- blocks ---


def _blocks(world: ChainWorld, scenario: ChainScenario) -> Reached:
    """Close the block that is being built, with all that must be in it."""
    ledger = reduce(confirm, due(world, scenario), world.ledger)
    busy = ledger.filled or is_waiting(world, scenario) or world.hidden > Blocks(0)
    height = world.ledger.height + Blocks(1) if busy else next_height(world, scenario, scenario.leap)
    if height is None:
        return
    hidden = max(world.hidden - Blocks(1), Blocks(0))
    pool = tuple(pooled._replace(waited=pooled.waited + Blocks(1)) for pooled in world.pool)
    bids = world.bids if scenario.market is None else tuple(raised(bid, scenario.market) for bid in world.bids)
    mined = replace(world, ledger=chain.mine(ledger, height), pool=pool, bids=bids, hidden=hidden)
    seen = mined if hidden > Blocks(0) else look(mined, scenario)
    yield Move(CHAIN, "mine", ""), replace(seen, past=_past(world, seen, scenario))


def due(world: ChainWorld, scenario: ChainScenario) -> tuple[Transaction, ...]:
    """Return the transactions of honest parties that must be in the block if it is closed now, in their order there."""
    ledger, chosen = world.ledger, []
    for pooled in world.pool:
        if _is_due(pooled, scenario) and is_valid(ledger, pooled.transaction):
            ledger = confirm(ledger, pooled.transaction)
            chosen.append(pooled.transaction)
    return tuple(chosen)


def _past(before: ChainWorld, after: ChainWorld, scenario: ChainScenario) -> tuple[Block, ...]:
    """Return the ends of the last blocks, as far back as a reorganisation can go; leapt-over ones were empty.

    What was broadcast while the new block was being built waited for it too: should it be undone, that waits again.
    What is broadcast on the newest block has not waited for any of them.
    """
    if not after.reorganisations:
        return ()
    first, last = int(before.ledger.height) + 1, int(after.ledger.height)
    leapt = tuple(Block(chain.mine(after.ledger, Height(at)), before.pool) for at in range(first, last))
    new = (*leapt, Block(after.ledger, after.pool))
    old = tuple(block._replace(pool=before.pool) for block in before.past[-1:])
    return (*before.past[:-1], *old, *new)[-int(scenario.timing.reorg_depth) - 1 :]


def _reorganisations(world: ChainWorld) -> Reached:
    """Undo some of the last blocks; one more than these will come in their place."""
    if not world.reorganisations or world.ledger.filled or world.hidden > Blocks(0):
        return
    for undone in range(1, len(world.past)):
        ledger, pool = world.past[-1 - undone]
        there = {entry.outpoint for entry in world.ledger.unspent}
        reopened = {entry.outpoint for entry in ledger.unspent if entry.outpoint not in there}
        yield (
            Move(CHAIN, "undo", f"{undone} blocks"),
            replace(
                world,
                ledger=ledger,
                pool=pool,
                past=world.past[: len(world.past) - undone],
                hidden=branch_length(Blocks(undone)),
                reopened=tuple(sorted({*world.reopened, *reopened})),
                reorganisations=world.reorganisations - 1,
            ),
        )
