"""The world of an establishment: two nodes, two wires, one funding transaction and the blocks above it.

An honest party sends what its sender rules allow and publishes the funding transaction when it may. A corrupt one may
fall silent (no move is forced on anyone), send messages that the rules forbid, publish whenever it likes, and
double-spend what is unconfirmed. A message that an honest party rejects ends the connection; the chain goes on.

Miners confirm a published transaction. Someone on the way may change the txid of a malleable one. Time only passes up
to the next number of confirmations that any rule looks at: one, ``minimum_depth`` and the maturity of a coinbase, each
with the block before it. Honest nodes look at every block. Nothing is reorganised.

:func:`successors` is the transition relation. It is made of functions of single components
(:mod:`boltspec.establishment.party`), whose results a search can remember.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from boltspec.establishment.funding import COINBASE_MATURITY, Transaction
from boltspec.establishment.messages import ChannelReestablish, Message
from boltspec.establishment.opener import owes_publication, publish_funding_transaction
from boltspec.establishment.party import PLAIN, Steps
from boltspec.establishment.resume import UNKNOWN_CHANNEL, reconnected
from boltspec.establishment.scenario import Scenario
from boltspec.establishment.state import ACCEPTER, OPENER, Establishment, Role
from boltspec.move import CHAIN, Move
from boltspec.rules import requirements
from boltspec.units import Blocks
from boltspec.verdict import Accepted

DOUBLE_SPEND = Transaction(())
"""A transaction that spends the inputs of the funding transaction elsewhere."""
ONE = Blocks(1)


@dataclass(frozen=True, slots=True)
class Blame:
    """An honest party rejected a message of an honest party, and not for a reason of its own."""

    receiver: Role
    rule: str


class World(NamedTuple):
    """A state of the world."""

    nodes: tuple[Establishment, Establishment]
    wires: tuple[tuple[Message, ...], tuple[Message, ...]] = ((), ())
    """``wires[p]``: messages that party p has sent and that are not delivered yet, oldest first."""
    published: Transaction | None = None
    """The transaction that spends the opener's coins, as miners have it."""
    confirmations: Blocks = Blocks(0)  # a plain integer
    connected: bool = True
    abuses: int = 0
    """How many forbidden messages corrupt parties may still send."""
    disconnections: int = 0
    """How often the connection may still be lost."""
    blame: Blame | None = None


Moves = Iterator[tuple[Move, World]]


def initial(scenario: Scenario) -> World:
    """Return the world before ``open_channel``."""
    first, second = scenario.nodes
    return World(
        nodes=(Establishment(first), Establishment(second)),
        abuses=scenario.abuses,
        disconnections=scenario.disconnections,
    )


def successors(world: World, scenario: Scenario, steps: Steps = PLAIN) -> Moves:
    """Yield every move that is possible now, with the world that it leads to."""
    if world.connected:
        for party in (OPENER, ACCEPTER):
            yield from _sends(world, scenario, party, steps)
            if world.wires[party.other]:
                yield _deliver(world, scenario, party, steps)
        yield from _disconnections(world, steps)
    yield from _publications(world, scenario, steps)
    yield from _blocks(world, scenario, steps)


def _changed(world: World, party: Role, state: Establishment, steps: Steps) -> World:
    """Return the world with one node changed; it sees what there is to see of the funding output."""
    state = steps.looking(state, world.published, world.confirmations)
    return world._replace(nodes=_with(world.nodes, party, state))


def _with(pair: tuple[Establishment, Establishment], party: Role, value: Establishment) -> tuple[
    Establishment, Establishment
]:  # fmt: skip
    return (value, pair[1]) if party is OPENER else (pair[0], value)


def _on_wire(world: World, party: Role, wire: tuple[Message, ...]) -> World:
    wires = (wire, world.wires[1]) if party is OPENER else (world.wires[0], wire)
    return world._replace(wires=wires)


def _sends(world: World, scenario: Scenario, party: Role, steps: Steps) -> Moves:
    abusive = scenario.corrupt[party] and world.abuses > 0
    renewed = world.disconnections != scenario.disconnections
    for sent in steps.outgoing(scenario, party, world.nodes[party], renewed, abusive):
        after = _changed(world, party, sent.state, steps)._replace(abuses=world.abuses - sent.forbidden)
        yield Move(party, "send", sent.label), _on_wire(after, party, (*world.wires[party], sent.message))


def _deliver(world: World, scenario: Scenario, party: Role, steps: Steps) -> tuple[Move, World]:
    message, *rest = world.wires[party.other]
    move = Move(party, "deliver", type(message).__name__)
    world = _on_wire(world, party.other, tuple(rest))
    verdict = steps.incoming(scenario, party, world.nodes[party], message)
    if isinstance(verdict, Accepted):
        return move, _changed(world, party, verdict.state, steps)
    if scenario.corrupt[party]:
        return move, world
    if verdict.rule == UNKNOWN_CHANNEL:
        return move, _failed(world, party.other, message, steps)
    # A node may refuse terms that it does not like; all else that is rejected among honest nodes is a contradiction.
    justified = scenario.corrupt[party.other] or requirements()[verdict.rule].klass == "policy"
    blame = None if justified else Blame(party, verdict.rule)
    return move, world._replace(wires=((), ()), connected=False, blame=blame)


def _failed(world: World, party: Role, message: Message, steps: Steps) -> World:
    """Return the world after a party was told by an error that its peer does not know the channel.

    Without a published transaction there is nothing to come back to; with one it has its way out.
    """
    state = world.nodes[party]
    named = isinstance(message, ChannelReestablish) and message.channel_id == state.funding
    return _changed(world, party, Establishment(state.node), steps) if named and not state.published else world


def _disconnections(world: World, steps: Steps) -> Moves:
    if world.disconnections > 0:
        yield Move(CHAIN, "disconnect", ""), _disconnected(world, steps)


def _disconnected(world: World, steps: Steps) -> World:
    """Return the world after the connection was lost and made again: also what is left after a crash of either node."""
    world = world._replace(
        nodes=(reconnected(world.nodes[0]), reconnected(world.nodes[1])),
        wires=((), ()),
        disconnections=world.disconnections - 1,
    )
    return _seen(world, steps)


def _publications(world: World, scenario: Scenario, steps: Steps) -> Moves:
    opener = world.nodes[OPENER]
    if world.published is not None or opener.funding is None:
        return
    transaction = opener.funding.funding_txid
    if not scenario.corrupt[OPENER]:
        if not (scenario.careless or owes_publication(opener)):
            return
        verdict = publish_funding_transaction(opener, opener.funding)
        if not isinstance(verdict, Accepted):
            return
        opener = verdict.state
        if world.disconnections > 0 and world.connected:
            written = world._replace(nodes=(opener, world.nodes[ACCEPTER]))
            yield Move(OPENER, "crash", "before publishing"), _disconnected(written, steps)
    # A coinbase exists in a block or not at all.
    depth = ONE if transaction.coinbase else Blocks(0)
    after = world._replace(nodes=(opener, world.nodes[ACCEPTER]))
    yield Move(OPENER, "publish", ""), _seen(after._replace(published=transaction, confirmations=depth), steps)


def _blocks(world: World, scenario: Scenario, steps: Steps) -> Moves:
    transaction = world.published
    if transaction is None:
        return
    if world.confirmations == Blocks(0):
        if transaction.malleable:
            changed = replace(transaction, malleated=True)
            after = world._replace(published=changed, confirmations=ONE)
            yield Move(CHAIN, "confirm", "under another txid"), _seen(after, steps)
        if scenario.corrupt[OPENER]:
            after = world._replace(published=DOUBLE_SPEND, confirmations=ONE)
            yield Move(OPENER, "double-spend", ""), _seen(after, steps)
    later = [depth for depth in _depths(world, scenario) if depth > world.confirmations]
    if later:
        yield Move(CHAIN, "mine", ""), _seen(world._replace(confirmations=min(later)), steps)


def _depths(world: World, scenario: Scenario) -> Iterator[Blocks]:
    """Yield the numbers of confirmations at which anything can change."""
    yield ONE
    accepting = world.nodes[ACCEPTER].accept_channel
    depth = (accepting or scenario.accept_channel).minimum_depth
    yield from (depth - ONE, depth)
    if world.published is not None and world.published.coinbase:
        yield from (COINBASE_MATURITY - ONE, COINBASE_MATURITY)


def _seen(world: World, steps: Steps) -> World:
    """Return the world after both nodes have looked at the chain."""
    for party in (OPENER, ACCEPTER):
        world = _changed(world, party, world.nodes[party], steps)
    return world
