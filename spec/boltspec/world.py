"""The world of one channel in normal operation: two nodes and two wires.

Either party may be corrupt. An honest party sends what its sender rules allow and answers what it owes. A corrupt party
may stay silent (no move is forced on it) and send messages that the rules forbid. It knows all preimages: the worst
case. In *careless* scenarios honest parties are tempted to send what is forbidden; their own rules hold them back.

The connection may be lost, with all that is on the wires; then it is there again at once, and both parties resume the
channel. A party that crashes starts again from what it had made durable: its state before it last sent a
``commitment_signed`` or ``revoke_and_ack``, with that message. One that *restores* has lost everything since the
channel was opened.

A message that an honest party rejects ends the connection for good. No rule here depends on heights. What becomes of a
channel on chain, at any time, is the matter of :mod:`boltspec.chain.world`, in which this world goes on talking.

:func:`successors` is the transition relation. It is deterministic in its labels: a trace is a list of moves. It is
made of functions of single components (:mod:`boltspec.party`), whose results a search can remember.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from boltspec.channel import Channel, opened
from boltspec.commit import first_signature
from boltspec.messages import CommitmentSigned, Message
from boltspec.move import CHAIN, Move, with_entry
from boltspec.party import PLAIN, Steps, is_durable_before
from boltspec.reestablish import must_ask_to_be_closed
from boltspec.rules import Reaction, duty
from boltspec.scenario import Scenario
from boltspec.verdict import Rejected


class Blame(NamedTuple):
    """An honest party rejected a message of an honest party: the specification contradicts itself."""

    receiver: int
    rule: str


class World(NamedTuple):
    """A state of the world."""

    nodes: tuple[Channel, Channel]
    wires: tuple[tuple[Message, ...], tuple[Message, ...]]
    """``wires[p]``: messages that party p has sent and that are not delivered yet, oldest first."""
    offered: tuple[int, int]
    """How many of its wishes each party has made true."""
    history: tuple[tuple[CommitmentSigned, ...], tuple[CommitmentSigned, ...]]
    """``history[p]``: how each commitment of party p was signed, by number; kept only where it can be published.

    A corrupt party may take the signature of one commitment twice; the later ones are further behind then.
    """
    connected: bool = True
    failed: bool = False
    """A party has failed the channel and told the other so; nothing but a commitment on chain can follow."""
    abuses: int = 0
    """How many forbidden messages corrupt parties may still send."""
    blame: Blame | None = None
    durable: tuple[Channel | None, Channel | None] = (None, None)
    """What each party would start from after a crash; kept only while one may happen."""
    disconnections: int = 0
    """How often the connection may still be lost."""
    crashes: int = 0
    restores: int = 0
    restored: tuple[bool, bool] = (False, False)
    """Who has lost its data."""


def initial(scenario: Scenario) -> World:
    """Return the world right after both ``channel_ready``."""
    nodes = (
        opened(scenario.params, scenario.push_msat),
        opened(scenario.params.mirrored(), scenario.push_msat),
    )
    first = [(first_signature(node),) if scenario.publishable else () for node in nodes]
    return World(
        nodes=nodes,
        wires=((), ()),
        offered=(0, 0),
        history=(first[0], first[1]),
        abuses=scenario.abuses,
        durable=nodes if scenario.crashes else (None, None),
        disconnections=scenario.disconnections,
        crashes=scenario.crashes,
        restores=scenario.restores,
    )


def successors(world: World, scenario: Scenario, steps: Steps = PLAIN) -> Iterator[tuple[Move, World]]:
    """Yield every move that is possible now, with the world that it leads to."""
    if not world.connected:
        return
    for party in (0, 1):
        yield from _sends(world, scenario, party, steps)
    for party in (0, 1):
        if world.wires[1 - party]:
            yield _deliver(world, scenario, party, steps)
    yield from _losses(world, scenario, steps)
    yield from _calls_for_an_end(world, scenario)


def take(world: World, scenario: Scenario, move: Move) -> World:
    """Return the world after a move; ``ValueError`` if it is not possible here."""
    for candidate, after in successors(world, scenario):
        if candidate == move:
            return after
    raise ValueError(f"not possible in this state: {move}")


# --- messages ---


def _sends(world: World, scenario: Scenario, party: int, steps: Steps) -> Iterator[tuple[Move, World]]:
    abusive = scenario.corrupt[party] and world.abuses > 0
    for sent in steps.outgoing(scenario, party, world.nodes[party], world.offered[party], abusive):
        after = world._replace(
            nodes=with_entry(world.nodes, party, sent.channel),
            wires=with_entry(world.wires, party, (*world.wires[party], *sent.messages)),
            offered=with_entry(world.offered, party, sent.offered),
            abuses=world.abuses - sent.forbidden,
        )
        if world.crashes and any(map(is_durable_before, sent.messages)) and duty("D02-retransmission-n-01"):
            after = after._replace(durable=with_entry(world.durable, party, sent.channel))
        yield Move(party, "send", sent.label), after


def _deliver(world: World, scenario: Scenario, party: int, steps: Steps) -> tuple[Move, World]:
    message = world.wires[1 - party][0]
    move = Move(party, "deliver", type(message).__name__)
    wires = with_entry(world.wires, 1 - party, world.wires[1 - party][1:])
    verdict = steps.incoming(scenario, party, world.nodes[party], message)
    if isinstance(verdict, Rejected):
        return move, _rejected(world._replace(wires=wires), scenario, party, verdict)
    history = world.history
    if scenario.publishable and isinstance(message, CommitmentSigned):
        history = with_entry(history, party, (*history[party], message))
    return move, world._replace(nodes=with_entry(world.nodes, party, verdict.state), wires=wires, history=history)


def _rejected(world: World, scenario: Scenario, party: int, verdict: Rejected) -> World:
    if scenario.corrupt[party]:
        return world
    # Who has lost its data, and who meets such a one, must expect that numbers do not fit.
    excused = scenario.corrupt[1 - party] or any(world.restored)
    blame = None if excused else Blame(party, verdict.rule)
    # With a choice a party fails the channel. Who is behind has no commitment to do it with: it can only ask for it.
    node = world.nodes[party]
    failed = verdict.reaction is Reaction.FAIL_CHANNEL or not node.behind or must_ask_to_be_closed(node)
    return world._replace(wires=((), ()), connected=False, failed=failed, blame=blame)


# --- losing the connection, and more ---


def _losses(world: World, scenario: Scenario, steps: Steps) -> Iterator[tuple[Move, World]]:
    if world.disconnections:
        after = _reconnected(world, world.nodes, steps)
        yield Move(CHAIN, "disconnect", ""), after._replace(disconnections=world.disconnections - 1)
    for party in (0, 1):
        durable = world.durable[party]
        if world.crashes and durable is not None and not scenario.corrupt[party]:
            after = _restarted(world, party, durable, steps)
            yield Move(party, "crash", ""), after._replace(crashes=world.crashes - 1)
        if world.restores and not scenario.corrupt[party]:
            after = _restarted(world, party, initial(scenario).nodes[party], steps)
            yield (
                Move(party, "restore", ""),
                after._replace(restores=world.restores - 1, restored=with_entry(world.restored, party, True)),
            )


def _restarted(world: World, party: int, channel: Channel, steps: Steps) -> World:
    """Return the world in which a party has started again from an earlier state."""
    history = world.history[party][: channel.local_commitment_number + 1]
    world = world._replace(history=with_entry(world.history, party, history))
    return _reconnected(world, with_entry(world.nodes, party, channel), steps)


def _reconnected(world: World, nodes: tuple[Channel, Channel], steps: Steps) -> World:
    return world._replace(nodes=(steps.disconnected(nodes[0]), steps.disconnected(nodes[1])), wires=((), ()))


def _calls_for_an_end(world: World, scenario: Scenario) -> Iterator[tuple[Move, World]]:
    """Yield the error by which a party that is behind asks its peer to fail the channel: the connection ends."""
    for party in (0, 1):
        if not scenario.corrupt[party] and must_ask_to_be_closed(world.nodes[party]):
            yield Move(party, "ask", "to be closed"), world._replace(wires=((), ()), connected=False, failed=True)
