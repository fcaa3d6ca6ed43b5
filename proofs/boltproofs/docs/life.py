"""A channel's life around the update dance: the phases of connecting, opening and closing.

The phases of opening are drawn from :data:`boltspec.establishment.state.SENDER`. Those of connecting and closing are
found by running the steps: who is where after which message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import pairwise

from boltproofs.citations import rules_in
from boltproofs.closing_scenarios import CLOSE_SCENARIOS
from boltproofs.docs.drawing import Drawing
from boltproofs.docs.machine import Edge, state_diagram, transitions
from boltproofs.docs.markdown import code, table
from boltproofs.docs.rule_tables import rules_table
from boltproofs.docs.source import ROOT
from boltproofs.families.shown import wire_name
from boltspec.closing.state import Closing, negotiates
from boltspec.closing.world import World, initial, successors
from boltspec.connection.party import next_init, receive, send
from boltspec.connection.state import Connection, Node, Phase
from boltspec.establishment.state import SENDER, Awaited
from boltspec.move import Move

GAP, BOX = 210, (150, 50)
"""Pixels from one phase to the next, and the size of a phase."""
CLOSING_PHASES = (
    "in operation",
    "shutdown sent",
    "shutdown received",
    "both said shutdown, updates left",
    "negotiation",
    "closing transaction published",
)
"""Of a node that closes; see :func:`phase_of`."""


def _chain(title: str, phases: list[str], labels: list[list[str]], caption: str) -> str:
    """Return phases one after another, with what leads from each to the next."""
    drawing = Drawing(GAP * len(phases) - 50, 110, title)
    for column, phase in enumerate(phases):
        drawing.box((5 + column * GAP, 20), BOX, phase.split(" ", 1) if len(phase) > 16 else [phase])
    for column, lines in enumerate(labels):
        x = 5 + column * GAP + BOX[0]
        drawing.arrow([(x, 45), (x + GAP - BOX[0], 45)])
        drawing.text(x + (GAP - BOX[0]) / 2, 88, lines, style="small")
    return drawing.figure(caption)


def opening() -> str:
    """Return the phases of an establishment, each named by the message that comes next."""
    phases = list(Awaited)
    labels = []
    for phase, _ in pairwise(phases):
        sender = SENDER[phase]
        labels.append([str(phase), f"by the {sender.name.lower()}" if sender is not None else "by either"])
    names = [f"awaits {phase}" for phase in phases]
    return _chain("The phases of opening a channel", names, labels, "Drawn from boltspec.establishment.state.SENDER.")


def connecting() -> str:
    """Return how far a connection can be, and which init leads on."""
    return table(("a node is at", "and", "then it is at"), map(_shown, _init_edges()))


def _init_edges() -> Iterator[Edge]:
    fresh = Connection(Node())
    waiting, found = [fresh], {fresh.phase}
    while waiting:
        state = waiting.pop(0)
        for verb, step in (("sends", send), ("receives", receive)):
            after = getattr(step(state, next_init(state)), "state", None)
            if isinstance(after, Connection) and after.phase is not state.phase:
                yield state.phase, f"{verb} init", after.phase
                if after.phase not in found:
                    found.add(after.phase)
                    waiting.append(after)
    yield "any of these", "loses the connection", Phase.DOWN


def _shown(edge: Edge) -> tuple[str, str, str]:
    return edge[0], code(edge[1]), edge[2]


def closing_legacy() -> str:
    """Return the phases of a close by ``closing_signed``."""
    return _closing("legacy-asked")


def closing_simple() -> str:
    """Return the phases of a close by ``closing_complete``."""
    return _closing("simple-htlcs")


def phase_of(node: Closing) -> str:
    """Return how far a node is with a close."""
    if node.published:
        return "closing transaction published"
    if negotiates(node):
        return "negotiation"
    if node.sent_shutdown and node.received_shutdown:
        return "both said shutdown, updates left"
    if node.sent_shutdown:
        return "shutdown sent"
    return "shutdown received" if node.received_shutdown else "in operation"


def _closing(name: str) -> str:
    return table(("a node is at", "after", "it is at"), map(_shown, sorted(_closing_edges(name))))


def closing_diagram(name: str) -> str:
    """Return the same as a drawing."""
    edges = _closing_edges(name)
    reached = [phase for phase in CLOSING_PHASES if any(phase in (before, after) for before, _, after in edges)]
    caption = f"Found by running {name} in every order of events."
    return state_diagram("The phases of closing a channel", reached, edges, caption)


@cache
def _closing_edges(name: str) -> frozenset[Edge]:
    """Return every change of phase that any run of a scenario goes through."""
    edges: set[Edge] = set()
    scenario = CLOSE_SCENARIOS[name]
    for world, move, after in transitions(initial(scenario), partial(successors, scenario=scenario)):
        for party, (old, new) in enumerate(zip(world.nodes, after.nodes, strict=True)):
            if phase_of(old) != phase_of(new):
                edges.add((phase_of(old), _message(world, after, move, party), phase_of(new)))
    return frozenset(edges)


def _message(world: World, after: World, move: Move, party: int) -> str:
    if move.action == "send":
        return f"sends {wire_name(after.wires[party][-1])}"
    return f"receives {wire_name(world.wires[1 - party][0])}"


def _rules(package: str) -> str:
    return rules_table(rules_in(sorted((ROOT / "spec" / "boltspec" / package).glob("*.py"))))


FRAGMENTS: dict[str, Callable[[], str]] = {
    "life-connecting.inc": connecting,
    "life-opening.inc": opening,
    "life-closing-legacy.inc": closing_legacy,
    "life-closing-legacy-diagram.inc": partial(closing_diagram, "legacy-asked"),
    "life-closing-simple.inc": closing_simple,
    "life-closing-simple-diagram.inc": partial(closing_diagram, "simple-htlcs"),
    "life-connection-rules.inc": partial(_rules, "connection"),
    "life-establishment-rules.inc": partial(_rules, "establishment"),
    "life-closing-rules.inc": partial(_rules, "closing"),
}
"""What the pages of this chapter include."""
