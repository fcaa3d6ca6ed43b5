"""The world of a connection: two nodes and the wires between them.

Messages arrive in order. When the connection is lost or closed, all that is under way is lost with it; then it may be
made again. A party whose ping is not answered may give up when nothing else can happen: it has waited long enough. A
party that strays from its plan does so only when nothing of its own is under way: what it would send ahead it can as
well send right before it is delivered, knowing more.

:func:`successors` is the transition relation. It is made of functions of single components
(:mod:`boltspec.connection.party`), whose results a search can remember.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from boltspec.connection.control import given_up
from boltspec.connection.messages import Message
from boltspec.connection.party import PLAIN, Said, Steps
from boltspec.connection.scenario import ConnectionScenario
from boltspec.connection.state import Connection, Slot, disconnected, reconnected
from boltspec.move import CHAIN, Move, with_entry
from boltspec.rules import RuleBroken
from boltspec.verdict import Accepted, Rejected

OF_CHOICE = frozenset({"B01-init-r-05", "B01-init-r-06", "B01-init-r-07"})
"""Rules by which honest nodes that do not suit each other part."""
Pair = tuple[Connection, Connection]


class Blame(NamedTuple):
    """An honest party rejected another, or waited for it in vain: the specification contradicts itself."""

    receiver: int
    rule: str


@dataclass(frozen=True, slots=True)
class World:
    """A state of the world."""

    nodes: Pair
    wires: tuple[tuple[Message, ...], tuple[Message, ...]]
    """``wires[p]``: messages that party p has sent and that are not delivered yet, oldest first."""
    said: tuple[Said, Said]
    abuses: int
    disconnections: int
    reconnections: int
    links: int = 1
    """How many connections between the two there are."""
    blame: Blame | None = None


Moves = Iterator[tuple[Move, World]]


def initial(scenario: ConnectionScenario) -> World:
    """Return the world right after the two have connected."""
    first, second = (
        Connection(node, tuple(Slot(channel_id) for channel_id in slots))
        for node, slots in zip(scenario.nodes, scenario.slots, strict=True)
    )
    plan_a, plan_b = scenario.plans
    return World(
        nodes=(first, second),
        wires=((), ()),
        said=((False,) * len(plan_a), (False,) * len(plan_b)),
        abuses=scenario.abuses,
        disconnections=scenario.disconnections,
        reconnections=scenario.reconnections,
    )


def successors(world: World, scenario: ConnectionScenario, steps: Steps = PLAIN) -> Moves:
    """Yield every move that is possible now, with the world that it leads to."""
    idle = True
    for party in (0, 1):
        for move, after in _of_party(world, scenario, party, steps):
            idle = idle and scenario.corrupt[party]
            yield move, after
    if world.links and world.disconnections:
        yield Move(CHAIN, "disconnect", ""), replace(_closed(world), disconnections=world.disconnections - 1)
    yield from _new_connections(world, scenario)
    if idle and world.links:
        yield from _patience_ends(world, scenario)


def _of_party(world: World, scenario: ConnectionScenario, party: int, steps: Steps) -> Moves:
    if not world.nodes[party].up:
        return
    tempted = scenario.corrupt[party] or scenario.careless
    may_stray = tempted and world.abuses > 0 and not world.wires[party]
    for sent in steps.outgoing(scenario, party, world.nodes[party], world.said[party], may_stray):
        after = replace(
            world,
            nodes=with_entry(world.nodes, party, sent.state),
            wires=with_entry(world.wires, party, (*world.wires[party], sent.message)),
            said=with_entry(world.said, party, sent.said),
            abuses=world.abuses - sent.strays,
        )
        yield Move(party, "send", sent.label), after
    if world.wires[1 - party]:
        yield _deliver(world, scenario, party, steps)


def _deliver(world: World, scenario: ConnectionScenario, party: int, steps: Steps) -> tuple[Move, World]:
    message, *rest = world.wires[1 - party]
    move = Move(party, "deliver", type(message).__name__)
    world = replace(world, wires=with_entry(world.wires, 1 - party, tuple(rest)))
    verdict = steps.incoming(scenario, party, world.nodes[party], message)
    if isinstance(verdict, Accepted):
        return move, replace(world, nodes=with_entry(world.nodes, party, verdict.state))
    return move, world if scenario.corrupt[party] else _rejected(world, scenario, party, verdict)


def _rejected(world: World, scenario: ConnectionScenario, party: int, verdict: Rejected) -> World:
    """Return the world after the reaction that the rules of connections prescribe: the connection is closed."""
    if not any(scenario.corrupt) and verdict.rule not in OF_CHOICE:
        world = replace(world, blame=Blame(party, verdict.rule))
    return _closed(world)


def _closed(world: World) -> World:
    first, second = (disconnected(node) for node in world.nodes)
    return replace(world, nodes=(first, second), wires=((), ()), links=0)


def _new_connections(world: World, scenario: ConnectionScenario) -> Moves:
    if not world.reconnections or (world.links and not scenario.careless):
        return
    try:
        first, second = (reconnected(node) for node in world.nodes)
    except RuleBroken:
        return
    after = replace(world, nodes=(first, second), links=world.links + 1, reconnections=world.reconnections - 1)
    yield Move(CHAIN, "connect", ""), after


def _patience_ends(world: World, scenario: ConnectionScenario) -> Moves:
    for party in (0, 1):
        node = world.nodes[party]
        if node.pings and not scenario.corrupt[party]:
            # Of two honest nodes the other should have answered.
            blame = None if any(scenario.corrupt) else Blame(party, "B01-ping-pong-r-01")
            closed = replace(_closed(world), blame=blame)
            yield Move(party, "give up", ""), replace(closed, nodes=with_entry(closed.nodes, party, given_up(node)))
