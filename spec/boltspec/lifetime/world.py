"""The world of a whole life: two nodes, two wires, the funding output, from before ``open_channel`` to the end.

Parties are honest, or corrupt: such a one may send any message, so many times, whatever its rules are. It is delivered
at once, after what was under way from it. The connection may be lost with all that is on the wires, and is there again
at once. A party that crashes starts again from its state when it last sent a message that is not an update, or
published. Miners confirm the funding transaction, then whatever spends its output. A message that is rejected is
answered as the rule prescribes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from boltspec.closing.transaction import ClosingTx
from boltspec.establishment.funding import Transaction
from boltspec.establishment.funding import look as look_at
from boltspec.establishment.opener import owes_publication
from boltspec.establishment.scenario import REAL_SCID
from boltspec.establishment.state import Establishment
from boltspec.lifetime.messages import Error, Message
from boltspec.lifetime.owed import is_resending, owed, resent
from boltspec.lifetime.proposals import wishes
from boltspec.lifetime.resuming import disconnected
from boltspec.lifetime.scenario import LifeScenario
from boltspec.lifetime.state import End, Life, failed
from boltspec.lifetime.steps import (
    Spent,
    look,
    may_publish_commitment,
    publish_funding_transaction,
    react,
    receive,
    send,
)
from boltspec.lifetime.temptations import abuses
from boltspec.messages import Update
from boltspec.move import CHAIN, Move, with_entry
from boltspec.rules import EVERY_RULE, Reaction, without
from boltspec.units import Blocks
from boltspec.verdict import Accepted, Rejected


class Blame(NamedTuple):
    """An honest party rejected a message of an honest party: the specification contradicts itself."""

    receiver: int
    rule: str


class World(NamedTuple):
    """A state of the world."""

    nodes: tuple[Life, Life]
    wires: tuple[tuple[Message, ...], tuple[Message, ...]]
    """``wires[p]``: messages that party p has sent and that are not delivered yet, oldest first."""
    durable: tuple[Life | None, Life | None]
    """What each party would start from after a crash; kept only while one may happen."""
    disconnections: int
    crashes: int
    failures: int
    abuses: int = 0
    """How many messages a corrupt party may still send that it does not owe."""
    offered: tuple[int, int] = (0, 0)
    """How many of its HTLCs each party has offered."""
    published: Transaction | None = None
    """The funding transaction."""
    confirmations: Blocks = Blocks(0)
    spent: Spent = Spent.NOTHING
    closed_by: ClosingTx | None = None
    """The transaction of a mutual close that was confirmed."""
    blame: Blame | None = None


Moves = Iterator[tuple[Move, World]]


@dataclass(frozen=True, slots=True)
class Steps:
    """The functions that the transition relation is made of: each depends on its arguments only."""

    sending: Callable[[LifeScenario, int, Life, int], tuple[tuple[str, tuple[Message, ...], Life, int], ...]]
    receiving: Callable[[Life, Message], Accepted[Life] | Rejected]
    disconnected: Callable[[Life], Life]
    abuses: Callable[[LifeScenario, int, Life], tuple[tuple[str, Message, Life], ...]]
    taking: Callable[[Life, Message], Life]


def taking(life: Life, message: Message) -> Life:
    """Return a corrupt party's state after a message: it takes what makes any sense, and ignores the rest."""
    with without(EVERY_RULE):
        verdict = receive(life, message)
    return verdict.state if isinstance(verdict, Accepted) else life


def sending(
    scenario: LifeScenario, party: int, life: Life, offered: int
) -> tuple[tuple[str, tuple[Message, ...], Life, int], ...]:
    """Return what a party can send now: label, messages, its state after them, and how many HTLCs it has offered."""
    due = owed(life)
    if is_resending(life):
        return (("again", due, resent(life), offered),)
    # An error or a channel_reestablish goes before everything else.
    first = [(f"owed {type(message).__name__}", message, offered) for message in due]
    wanted = () if any(isinstance(message, Error) for message in due) else wishes(life, scenario, party, offered)
    sent = []
    for label, message, then in (*first, *wanted):
        verdict = send(life, message)
        if isinstance(verdict, Accepted):
            sent.append((label, (message,), verdict.state, then))
    return tuple(sent)


PLAIN = Steps(sending, receive, disconnected, abuses, taking)
"""The functions themselves, computed anew each time."""


def initial(scenario: LifeScenario) -> World:
    """Return the world before anybody has said anything."""
    first, second = (
        Life(Establishment(scenario.opening.nodes[party]), scenario.features, scenario.policies[party])
        for party in (0, 1)
    )
    return World(
        nodes=(first, second),
        wires=((), ()),
        durable=(first, second) if scenario.crashes else (None, None),
        disconnections=scenario.disconnections,
        crashes=scenario.crashes,
        failures=scenario.failures,
        abuses=scenario.abuses,
    )


def successors(world: World, scenario: LifeScenario, steps: Steps = PLAIN) -> Moves:
    """Yield every move that is possible now, with the world that it leads to."""
    if world.blame is not None or world.spent is not Spent.NOTHING:
        return
    for party in (0, 1):
        yield from _sends(world, scenario, party, steps)
        if world.wires[1 - party]:
            yield _deliver(world, scenario, party, steps)
        if scenario.corrupt[party] and world.abuses:
            yield from _abuses(world, scenario, party, steps)
        yield from _mishaps(world, party, steps)
    if world.disconnections:
        after = _reconnected(world, world.nodes, steps)
        yield Move(CHAIN, "disconnect", ""), after._replace(disconnections=world.disconnections - 1)
    yield from _chain_moves(world)


def _sends(world: World, scenario: LifeScenario, party: int, steps: Steps) -> Moves:
    for label, messages, life, offered in steps.sending(scenario, party, world.nodes[party], world.offered[party]):
        after = world._replace(
            nodes=with_entry(world.nodes, party, life),
            wires=with_entry(world.wires, party, (*world.wires[party], *messages)),
            offered=with_entry(world.offered, party, offered),
        )
        if not all(isinstance(message, Update) for message in messages):
            after = _durable(after, party)
        yield Move(party, "send", label), after


def _durable(world: World, party: int) -> World:
    """Return the world in which a party has made its state durable."""
    if not world.crashes:
        return world
    return world._replace(durable=with_entry(world.durable, party, world.nodes[party]))


def _abuses(world: World, scenario: LifeScenario, party: int, steps: Steps) -> Moves:
    if world.wires[party] or world.nodes[party].end is not End.NONE:
        # What is under way is delivered first; after an end nothing counts but the error.
        return
    for label, message, life in steps.abuses(scenario, party, world.nodes[party]):
        after = world._replace(nodes=with_entry(world.nodes, party, life), abuses=world.abuses - 1)
        yield Move(party, "abuse", label), _taken(after, scenario, 1 - party, message, steps)


def _deliver(world: World, scenario: LifeScenario, party: int, steps: Steps) -> tuple[Move, World]:
    message, *rest = world.wires[1 - party]
    world = world._replace(wires=with_entry(world.wires, 1 - party, tuple(rest)))
    return Move(party, "deliver", type(message).__name__), _taken(world, scenario, party, message, steps)


def _taken(world: World, scenario: LifeScenario, party: int, message: Message, steps: Steps) -> World:
    """Return the world after a party has got a message."""
    abused = world.abuses < scenario.abuses
    if scenario.corrupt[party] and abused:
        return world._replace(nodes=with_entry(world.nodes, party, steps.taking(world.nodes[party], message)))
    verdict = steps.receiving(world.nodes[party], message)
    if not isinstance(verdict, Rejected):
        return world._replace(nodes=with_entry(world.nodes, party, verdict.state))
    if not abused:
        world = world._replace(blame=Blame(party, verdict.rule))
    lives = with_entry(world.nodes, party, react(world.nodes[party], verdict))
    if verdict.reaction in (Reaction.WARN_AND_CLOSE, Reaction.CLOSE):
        return _reconnected(world, lives, steps)
    return world._replace(nodes=lives)


def _mishaps(world: World, party: int, steps: Steps) -> Moves:
    durable = world.durable[party]
    if world.crashes and durable is not None:
        after = _reconnected(world, with_entry(world.nodes, party, durable), steps)
        yield Move(party, "crash", ""), _seen(after._replace(crashes=world.crashes - 1))
    life = world.nodes[party]
    if world.failures and life.closing is not None and life.end is End.NONE:
        lives = with_entry(world.nodes, party, failed(life, owes_error=True))
        yield Move(party, "fail", "the channel"), _durable(
            world._replace(nodes=lives, failures=world.failures - 1), party
        )


def _reconnected(world: World, lives: tuple[Life, Life], steps: Steps) -> World:
    return world._replace(nodes=(steps.disconnected(lives[0]), steps.disconnected(lives[1])), wires=((), ()))


# --- the chain ---


def _chain_moves(world: World) -> Moves:
    opener = world.nodes[0]
    if world.published is None:
        if opener.establishment.funding is not None and owes_publication(opener.establishment):
            verdict = publish_funding_transaction(opener, None)
            if isinstance(verdict, Accepted):
                published = opener.establishment.funding.funding_txid
                after = world._replace(nodes=(verdict.state, world.nodes[1]), published=published)
                yield Move(0, "publish", "the funding transaction"), _durable(_seen(after), 0)
        return
    if world.confirmations == Blocks(0):
        yield Move(CHAIN, "mine", ""), _seen(world._replace(confirmations=_depth(opener)))
        return
    for party in (0, 1):
        life = world.nodes[party]
        if life.closing is not None:
            for number, transaction in enumerate(life.closing.published):
                after = world._replace(spent=Spent.MUTUAL_CLOSE, closed_by=transaction)
                yield Move(party, "close", f"by its transaction {number}"), _seen(after)
        if may_publish_commitment(life):
            yield Move(party, "publish", "its commitment"), _seen(world._replace(spent=Spent.COMMITMENT))


def _depth(opener: Life) -> Blocks:
    """Return how many confirmations both nodes wait for; before them nothing can happen."""
    accepting = opener.establishment.accept_channel
    return max(accepting.minimum_depth, Blocks(1)) if accepting is not None else Blocks(1)


def _seen(world: World) -> World:
    """Return the world after both nodes have looked at the chain."""
    first, second = (_looking(life, world) for life in world.nodes)
    return world._replace(nodes=(first, second))


def _looking(life: Life, world: World) -> Life:
    if life.end is End.FORGOTTEN:
        return life
    seen = look_at(life.establishment.funding, world.published, world.confirmations, REAL_SCID)
    return look(life, seen, world.spent)
