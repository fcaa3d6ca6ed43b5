"""Lost connections: how a channel is resumed, and what is sent again; found by running the steps in every order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial

from boltproofs.citations import rules_of_modules
from boltproofs.docs.machine import Edge, state_diagram, transitions
from boltproofs.docs.rule_tables import rules_table
from boltproofs.families.shown import wire_name
from boltproofs.scenarios import SCENARIOS
from boltspec.channel import Channel, Link, opened
from boltspec.move import CHAIN, Move
from boltspec.reestablish import (
    disconnected,
    next_channel_reestablish,
    receive_channel_reestablish,
    retransmission,
    send_channel_reestablish,
)
from boltspec.verdict import Accepted
from boltspec.world import World, initial, successors

SCENARIO = replace(SCENARIOS["resume-fees"], disconnections=2)
"""Both sides send updates; the connection is lost at any point, and lost again at any point after it."""
LINKS = (Link.DOWN, Link.SENT, Link.RECEIVED, Link.UP)
"""In the order in which they are passed."""
LOST = "connection lost"
NOTHING = "nothing"
OWED = (
    NOTHING,
    "commitment_signed",
    "revoke_and_ack",
    "revoke_and_ack, commitment_signed",
    "commitment_signed, revoke_and_ack",
)
"""What can be owed, in the order in which it is sent."""


def link_edges() -> Iterator[Edge]:
    """Yield every change of a link that a step makes."""
    waiting, found = [opened(SCENARIO.params)], {Link.UP}
    while waiting:
        channel = waiting.pop()
        for event, after in _steps(channel):
            if after.link is not channel.link:
                yield channel.link.name, event, after.link.name
            if after.link not in found:
                found.add(after.link)
                waiting.append(after)


def _steps(channel: Channel) -> Iterator[tuple[str, Channel]]:
    yield LOST, disconnected(channel)
    for verb, step in (("send", send_channel_reestablish), ("receive", receive_channel_reestablish)):
        verdict = step(channel, next_channel_reestablish(channel))
        if isinstance(verdict, Accepted):
            yield f"{verb} channel_reestablish", verdict.state


def link_diagram() -> str:
    """Return the states of :class:`boltspec.channel.Link`."""
    caption = "Found by running disconnected, send_channel_reestablish and receive_channel_reestablish."
    return state_diagram("How a channel is resumed", [link.name for link in LINKS], link_edges(), caption)


def what_is_owed(channel: Channel) -> str:
    """Return what a node has to send again, without the updates that go before their ``commitment_signed``."""
    messages = [wire_name(message) for message in retransmission(channel)]
    return ", ".join(name for name in messages if not name.startswith("update_")) or NOTHING


@cache
def owed_edges() -> frozenset[Edge]:
    """Return every change of what is owed that any run goes through."""
    every = transitions(initial(SCENARIO), partial(successors, scenario=SCENARIO))
    return frozenset(edge for world, move, after in every for edge in _changes(world, move, after))


def _changes(world: World, move: Move, after: World) -> Iterator[Edge]:
    for party, (old, new) in enumerate(zip(world.nodes, after.nodes, strict=True)):
        before, now = what_is_owed(old), what_is_owed(new)
        if before != now:
            yield before, _event(world, move, party), now


def _event(world: World, move: Move, party: int) -> str:
    if move.party == CHAIN:
        return LOST
    if move.action == "send":
        return "sent again" if what_is_owed(world.nodes[party]) != NOTHING else "send channel_reestablish"
    return f"receive {wire_name(world.wires[1 - party][0])}"


def owed_diagram() -> str:
    """Return what a node can owe after a lost connection, and how it comes to that."""
    caption = f"Found by running {SCENARIO.name} with two lost connections in every order of events."
    return state_diagram("What is sent again", OWED, owed_edges(), caption)


def rules() -> str:
    """Return the rules of resuming a channel."""
    return rules_table(sorted(rules_of_modules("reestablish")))


FRAGMENTS: dict[str, Callable[[], str]] = {
    "resuming-link.inc": link_diagram,
    "resuming-owed.inc": owed_diagram,
    "resuming-rules.inc": rules,
}
"""What the page about it includes."""
