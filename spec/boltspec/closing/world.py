"""The world of two closing nodes: wires, time, and what must be remembered to judge it.

Messages arrive in order. An honest party that rejects a message reacts as the rule prescribes. Nobody waits for ever:
when no honest party can do anything and nothing is under way, time passes and those who wait for an answer give up.
A party that may either fail the channel or close the connection fails the channel: the shorter end. A corrupt party
sends only when nothing of its own is under way: what it would send ahead it can as well send right before it is
delivered, knowing more.

:func:`successors` is the transition relation, deterministic in its labels: a trace is a list of moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from boltspec.channel import opened
from boltspec.closing import legacy, shutdown, simple
from boltspec.closing.messages import (
    ClosingComplete,
    ClosingSig,
    ClosingSigned,
    FundingMessage,
    Message,
    Shutdown,
)
from boltspec.closing.proposals import Progress, Proposal, proposals
from boltspec.closing.scenario import CloseScenario
from boltspec.closing.state import Closing, reconnected
from boltspec.closing.witness import Witness, noted_receiving, noted_sending
from boltspec.rules import EVERY_RULE, Reaction, without
from boltspec.scenario import NAMES
from boltspec.verdict import Accepted, Refused, Rejected

T = TypeVar("T")


class Blame(NamedTuple):
    """An honest party rejected a message of an honest party: the specification contradicts itself."""

    receiver: int
    rule: str


@dataclass(frozen=True, slots=True)
class World:
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


def successors(world: World, scenario: CloseScenario) -> Iterator[tuple[str, World]]:
    """Yield every move that is possible now, with the world that it leads to."""
    if world.over:
        return
    busy = any(world.wires)
    for party in (0, 1):
        for label, after in _sends(world, scenario, party):
            busy |= not scenario.corrupt[party]
            yield label, after
        if world.wires[1 - party]:
            yield _deliver(world, scenario, party)
    if not busy:
        yield from _time_passes(world, scenario)


def send(closing: Closing, message: Message) -> Accepted[Closing] | Refused:
    """Hand a message to the sender's step for its type."""
    match message:
        case FundingMessage():
            return shutdown.send_funding(closing, message)
        case Shutdown():
            return shutdown.send_shutdown(closing, message)
        case ClosingSigned():
            return legacy.send_closing_signed(closing, message)
        case ClosingComplete():
            return simple.send_closing_complete(closing, message)
        case ClosingSig():
            return simple.send_closing_sig(closing, message)
        case _:
            return shutdown.send_channel_message(closing, message)


def receive(closing: Closing, message: Message) -> Accepted[Closing] | Rejected:
    """Hand a message to the receiver's step for its type."""
    match message:
        case FundingMessage():
            return shutdown.receive_funding(closing, message)
        case Shutdown():
            return shutdown.receive_shutdown(closing, message)
        case ClosingSigned():
            return legacy.receive_closing_signed(closing, message)
        case ClosingComplete():
            return simple.receive_closing_complete(closing, message)
        case ClosingSig():
            return simple.receive_closing_sig(closing, message)
        case _:
            return shutdown.receive_channel_message(closing, message)


def _sends(world: World, scenario: CloseScenario, party: int) -> Iterator[tuple[str, World]]:
    if scenario.corrupt[party] and world.wires[party]:
        return
    node, abusive = world.nodes[party], scenario.corrupt[party] and world.abuses > 0
    tempted = scenario.careless or abusive
    for proposal in proposals(node, scenario, party, world.progress[party], tempted=tempted):
        verdict = send(node, proposal.message)
        if isinstance(verdict, Accepted):
            yield _sent(world, party, proposal, verdict.state, 0)
        elif abusive:
            yield _sent(world, party, proposal, _against_the_rules(node, proposal.message), 1)


def _against_the_rules(closing: Closing, message: Message) -> Closing:
    with without(EVERY_RULE):
        verdict = send(closing, message)
    return verdict.state if isinstance(verdict, Accepted) else closing


def _sent(world: World, party: int, proposal: Proposal, after: Closing, abuse: int) -> tuple[str, World]:
    message = proposal.message
    witness = noted_sending(world.witness[party], world.nodes[party], message)
    return f"{NAMES[party]} sends {proposal.label}", replace(
        world,
        nodes=_with(world.nodes, party, after),
        wires=_with(world.wires, party, (*world.wires[party], message)),
        progress=_with(world.progress, party, proposal.progress),
        witness=_with(world.witness, party, witness),
        abuses=world.abuses - abuse,
    )


def _with(pair: tuple[T, T], party: int, value: T) -> tuple[T, T]:
    """Return the pair with one party's entry changed."""
    return (value, pair[1]) if party == 0 else (pair[0], value)


def _deliver(world: World, scenario: CloseScenario, party: int) -> tuple[str, World]:
    message, *rest = world.wires[1 - party]
    label = f"{NAMES[party]} receives {type(message).__name__}"
    world = replace(world, wires=_with(world.wires, 1 - party, tuple(rest)))
    node = world.nodes[party]
    if scenario.corrupt[party]:
        with without(EVERY_RULE):
            verdict = receive(node, message)
    else:
        verdict = receive(node, message)
    if isinstance(verdict, Rejected):
        return label, world if scenario.corrupt[party] else _rejected(world, scenario, party, message, verdict)
    witness = noted_receiving(world.witness[party], node, message)
    return label, replace(
        world, nodes=_with(world.nodes, party, verdict.state), witness=_with(world.witness, party, witness)
    )


def _rejected(world: World, scenario: CloseScenario, party: int, message: Message, verdict: Rejected) -> World:
    """Return the world after the reaction that the rule prescribes."""
    if not any(scenario.corrupt) and not _is_expected(world.nodes[party], message, verdict.rule):
        world = replace(world, blame=Blame(party, verdict.rule))
    match verdict.reaction:
        case Reaction.WARN:
            disputed = verdict.rule == "B02-closing-signed-r-07"
            witness = world.witness[party]
            witness = witness._replace(disputed=witness.disputed or disputed)
            return replace(world, witness=_with(world.witness, party, witness))
        case Reaction.WARN_AND_CLOSE:
            return _disconnected(world)
        case _:
            return replace(world, over=True, wires=((), ()))


def _is_expected(node: Closing, message: Message, rule: str) -> bool:
    """Say whether honest parties may come to this: no common fee, or scripts that cross on the way."""
    if rule == "B02-closing-complete-k-02" and isinstance(message, ClosingComplete):
        return message.details.closee_scriptpubkey == (node.local_upfront or node.policy.script)
    return rule == "B02-closing-signed-r-07"


def _disconnected(world: World) -> World:
    """Return the world after a new connection, or its end if there is none."""
    if world.reconnections == 0:
        return replace(world, over=True, wires=((), ()))
    first, second = (_afresh(world, party) for party in (0, 1))
    return replace(
        world,
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
    return progress, witness._replace(gaps=(), rounds=0, shutdowns=0, disputed=False)


def _time_passes(world: World, scenario: CloseScenario) -> Iterator[tuple[str, World]]:
    for party in (0, 1):
        node, disputed = world.nodes[party], world.witness[party].disputed
        if scenario.corrupt[party]:
            continue
        if legacy.must_fail_in_time(node) or (disputed and legacy.must_fail_for_range(node)):
            yield f"{NAMES[party]} waits in vain and fails the channel", replace(world, over=True)
        if simple.must_disconnect_in_time(node):
            yield f"{NAMES[party]} waits in vain and disconnects", _disconnected(world)
