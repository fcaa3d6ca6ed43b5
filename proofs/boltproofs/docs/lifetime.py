"""The whole life of a channel, drawn: every change of phase that any run of some scenarios goes through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import cache, partial
from typing import Any

from boltproofs.citations import rules_of_modules
from boltproofs.docs.machine import Edge, state_diagram, transitions
from boltproofs.docs.markdown import summary, table
from boltproofs.docs.rule_tables import rules_table
from boltproofs.families.shown import wire_name
from boltproofs.life_scenarios import LIFE_SCENARIOS
from boltspec.channel import Link
from boltspec.lifetime import owed, resuming, steps
from boltspec.lifetime.state import End, Life
from boltspec.lifetime.world import World, initial, successors
from boltspec.move import Move

SCENARIOS = tuple(LIFE_SCENARIOS[name] for name in ("life", "life-lost", "life-crash", "life-failed"))
"""A payment and a close; the same with a connection that is lost, a crash, a node that fails a channel in operation."""
LOST = "connection lost"
CALLS: dict[Callable[..., Any], str] = {
    owed.owed: "after every step and on every new connection, and sends what it says",
    owed.is_resending: "before it sends what is owed",
    owed.resent: "once that is sent, instead of `send` for each message",
    steps.send: "for everything else that it wants to say; what is accepted is made durable, then sent",
    steps.receive: "when a message arrives",
    steps.react: "when `receive` has rejected one",
    resuming.disconnected: "when the connection is lost, and when it starts again from what was durable",
    steps.publish_funding_transaction: "as the opener, before the funding transaction is broadcast",
    steps.look: "with every block",
    steps.may_publish_commitment: "before its commitment is broadcast",
}
"""What a node calls, and when."""


class Phase(StrEnum):
    """How far a channel is in its life, as one node sees it."""

    OPENING = "opening"
    """Not both first commitments are signed."""
    WAITING = "waits for channel_ready"
    OPERATION = "in operation"
    CLOSING = "shutdown said"
    RESUMING = "to be resumed"
    FORGOTTEN = End.FORGOTTEN.value
    FAILED = End.FAILED.value
    CLOSED = End.CLOSED.value


def phase_of(life: Life) -> Phase:
    """Return the phase of a life."""
    if life.end is not End.NONE:
        return Phase(life.end.value)
    if life.closing is None:
        return Phase.OPENING
    if life.closing.channel.link is not Link.UP:
        return Phase.RESUMING
    if life.shutdown_sent or life.closing.sent_shutdown or life.closing.received_shutdown:
        return Phase.CLOSING
    return Phase.OPERATION if life.is_open else Phase.WAITING


@cache
def edges() -> frozenset[Edge]:
    """Return every change of phase that any run goes through."""
    found: set[Edge] = set()
    for scenario in SCENARIOS:
        for world, move, after in transitions(initial(scenario), partial(successors, scenario=scenario)):
            found |= set(_changes(world, move, after))
    return frozenset(found)


def _changes(world: World, move: Move, after: World) -> Iterator[Edge]:
    for party, (old, new) in enumerate(zip(world.nodes, after.nodes, strict=True)):
        if phase_of(old) is not phase_of(new):
            yield phase_of(old), _event(world, move, after, party), phase_of(new)


def _event(world: World, move: Move, after: World, party: int) -> str:
    """Return what a move is for a party."""
    match move.action:
        case "send":
            return f"send {wire_name(after.wires[party][-1])}"
        case "deliver":
            return f"receive {wire_name(world.wires[1 - party][0])}"
        case "disconnect" | "crash":
            return "crash" if move.party == party else LOST
        case "fail":
            return "fail the channel"
        case "close" | "publish":
            return f"funding output spent by {after.spent}"
        case _:
            raise ValueError(f"a move that changes no phase: {move}")


def diagram() -> str:
    """Return the phases of a life and what leads from one to another."""
    names = ", ".join(scenario.name for scenario in SCENARIOS)
    caption = f"Found by running {names} in every order of events."
    return state_diagram("The life of a channel", [*Phase], edges(), caption)


def calls() -> str:
    """Return what a node calls in the life of a channel."""
    return table(("a node calls", "when", "what it does"), map(_call, CALLS))


def _call(step: Callable[..., Any]) -> tuple[str, str, str]:
    return f"{{py:func}}`~{step.__module__}.{step.__name__}`", CALLS[step], summary(step.__doc__ or "")


def rules() -> str:
    """Return the rules that are about the whole of a life."""
    return rules_table(sorted(rules_of_modules("lifetime")))


FRAGMENTS: dict[str, Callable[[], str]] = {
    "lifetime-calls.inc": calls,
    "lifetime-diagram.inc": diagram,
    "lifetime-rules.inc": rules,
}
"""What the page about it includes."""
