"""The world of two closing nodes: wires, time, and what must be remembered to judge it.

Messages arrive in order. An honest party that rejects a message reacts as the rule prescribes. Nobody waits for ever:
when no honest party can do anything and nothing is under way, time passes and those who wait for an answer give up.
A party that may either fail the channel or close the connection fails the channel: the shorter end. A corrupt party
sends only when nothing of its own is under way: what it would send ahead it can as well send right before it is
delivered, knowing more.

:func:`successors` is the transition relation. It is made of functions of single components
(:mod:`boltspec.closing.party`), whose results a search can remember.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from boltspec.channel import opened
from boltspec.closing import legacy, simple
from boltspec.closing.messages import ClosingComplete, Message
from boltspec.closing.party import PLAIN, Steps
from boltspec.closing.proposals import Progress
from boltspec.closing.scenario import CloseScenario
from boltspec.closing.state import Closing, reconnected
from boltspec.closing.witness import Witness
from boltspec.move import Move, with_entry
from boltspec.rules import Reaction
from boltspec.verdict import Rejected


class Blame(NamedTuple):
    """An honest party rejected a message of an honest party: the specification contradicts itself."""

    receiver: int
    rule: str


class World(NamedTuple):
    """A state of the world."""

    nodes: tuple[Closing, Closing]
    wires: tuple[tuple[Message, ...], tuple[Message, ...]]
    """``wires[p]``: messages that party p has sent and that are not delivered yet, oldest first."""
    progress: tuple[Progress, Progress]
    witness: tuple[Witness, Witness]
    abuses: int
    reconnections: int
    over: bool = False
    """The channel has been failed, or the connection is closed for good."""
    blame: Blame | None = None


def initial(scenario: CloseScenario) -> World:
    """Return the world before anybody has said anything."""
    first, second = (_node(scenario, party) for party in (0, 1))
    return World(
        nodes=(first, second),
        wires=((), ()),
        progress=(Progress(), Progress()),
        witness=(Witness(), Witness()),
        abuses=scenario.abuses,
        reconnections=scenario.reconnections,
    )


def _node(scenario: CloseScenario, party: int) -> Closing:
    params = scenario.params if party == 0 else scenario.params.mirrored()
    return Closing(
        channel=opened(params, scenario.push_msat),
        features=scenario.features,
        policy=scenario.policies[party],
        local_upfront=scenario.upfront[party],
        remote_upfront=scenario.upfront[1 - party],
        sent_funding=scenario.funded,
        received_funding=scenario.funded,
        turn=params.opener,
    )


def successors(world: World, scenario: CloseScenario, steps: Steps = PLAIN) -> Iterator[tuple[Move, World]]:
    """Yield every move that is possible now, with the world that it leads to."""
    if world.over:
        return
    busy = any(world.wires)
    for party in (0, 1):
        for move, after in _sends(world, scenario, party, steps):
            busy |= not scenario.corrupt[party]
            yield move, after
        if world.wires[1 - party]:
            yield _deliver(world, scenario, party, steps)
    if not busy:
        yield from _time_passes(world, scenario)


def _sends(world: World, scenario: CloseScenario, party: int, steps: Steps) -> Iterator[tuple[Move, World]]:
    if scenario.corrupt[party] and world.wires[party]:
        return
    abusive = scenario.corrupt[party] and world.abuses > 0
    node, witness = world.nodes[party], world.witness[party]
    for sent in steps.outgoing(scenario, party, node, world.progress[party], abusive):
        yield Move(party, "send", sent.label), world._replace(
            nodes=with_entry(world.nodes, party, sent.closing),
            wires=with_entry(world.wires, party, (*world.wires[party], sent.message)),
            progress=with_entry(world.progress, party, sent.progress),
            witness=with_entry(world.witness, party, steps.noted_sending(witness, node, sent.message)),
            abuses=world.abuses - sent.forbidden,
        )


def _deliver(world: World, scenario: CloseScenario, party: int, steps: Steps) -> tuple[Move, World]:
    message, wires = world.wires[1 - party][0], with_entry(world.wires, 1 - party, world.wires[1 - party][1:])
    move = Move(party, "deliver", type(message).__name__)
    node = world.nodes[party]
    verdict = steps.incoming(scenario, party, node, message)
    if isinstance(verdict, Rejected):
        world = world._replace(wires=wires)
        return move, world if scenario.corrupt[party] else _rejected(world, scenario, party, message, verdict)
    witness = steps.noted_receiving(world.witness[party], node, message)
    return move, world._replace(
        nodes=with_entry(world.nodes, party, verdict.state),
        wires=wires,
        witness=with_entry(world.witness, party, witness),
    )


def _rejected(world: World, scenario: CloseScenario, party: int, message: Message, verdict: Rejected) -> World:
    """Return the world after the reaction that the rule prescribes."""
    if not any(scenario.corrupt) and not _is_expected(world.nodes[party], message, verdict.rule):
        world = world._replace(blame=Blame(party, verdict.rule))
    match verdict.reaction:
        case Reaction.WARN:
            disputed = verdict.rule == "B02-closing-signed-r-07"
            witness = world.witness[party]
            witness = witness._replace(disputed=witness.disputed or disputed)
            return world._replace(witness=with_entry(world.witness, party, witness))
        case Reaction.WARN_AND_CLOSE:
            return _disconnected(world)
        case _:
            return world._replace(over=True, wires=((), ()))


def _is_expected(node: Closing, message: Message, rule: str) -> bool:
    """Say whether honest parties may come to this: no common fee, or scripts that cross on the way."""
    if rule == "B02-closing-complete-k-02" and isinstance(message, ClosingComplete):
        return message.details.closee_scriptpubkey == (node.local_upfront or node.policy.script)
    return rule == "B02-closing-signed-r-07"


def _disconnected(world: World) -> World:
    """Return the world after a new connection, or its end if there is none."""
    if world.reconnections == 0:
        return world._replace(over=True, wires=((), ()))
    first, second = (_afresh(world, party) for party in (0, 1))
    return world._replace(
        nodes=(reconnected(world.nodes[0]), reconnected(world.nodes[1])),
        wires=((), ()),
        progress=(first[0], second[0]),
        witness=(first[1], second[1]),
        reconnections=world.reconnections - 1,
    )


def _afresh(world: World, party: int) -> tuple[Progress, Witness]:
    progress, witness = world.progress[party], world.witness[party]
    if world.nodes[party].proposed is not None:
        progress = progress._replace(bids=progress.bids - 1)
    return progress, witness._replace(gaps=(), rounds=0, shutdowns=0, shutdowns_taken=0, disputed=False)


def _time_passes(world: World, scenario: CloseScenario) -> Iterator[tuple[Move, World]]:
    for party in (0, 1):
        node, disputed = world.nodes[party], world.witness[party].disputed
        if scenario.corrupt[party]:
            continue
        if legacy.must_fail_in_time(node) or (disputed and legacy.must_fail_for_range(node)):
            yield Move(party, "fail", "the channel after waiting in vain"), world._replace(over=True)
        if legacy.must_fail_for_want_of_means(node):
            yield Move(party, "fail", "the channel for want of means"), world._replace(over=True)
        if simple.must_disconnect_in_time(node):
            yield Move(party, "disconnect", "after waiting in vain"), _disconnected(world)
