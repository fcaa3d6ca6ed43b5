"""A whole payment, message by message: what comes of running the specification on it.

Both nodes are honest and each message arrives before the next one is sent. Of every state between two messages the
page shows what all six views of both nodes contain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from boltproofs.docs.drawing import Drawing
from boltproofs.docs.markdown import code, from_docstring, heading, sentence, table
from boltproofs.scenarios import SCENARIOS
from boltspec import party
from boltspec.commitment import View, commitment
from boltspec.htlc import LOCAL, Htlc
from boltspec.messages import Message
from boltspec.move import Move
from boltspec.scenario import NAMES
from boltspec.units import Msat
from boltspec.world import World, initial, take

SCENARIO = SCENARIOS["dance-a"]
"""A offers one HTLC; B has the preimage."""
MESSAGES = (
    (0, "update_add_htlc 0"),
    (0, "commitment_signed"),
    (1, "revoke_and_ack"),
    (1, "commitment_signed"),
    (0, "revoke_and_ack"),
    (1, "update_fulfill_htlc 0"),
    (1, "commitment_signed"),
    (0, "revoke_and_ack"),
    (0, "commitment_signed"),
    (1, "revoke_and_ack"),
)
"""Who sends what, in order: the HTLC is added, then removed."""

LANES = (270, 730)
"""Where the lines of A and B are in the ladder."""
STEP = 66
"""Pixels from one message to the next."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One message, and the world once it has arrived."""

    sender: int
    message: Message
    name: str
    """Name of the message on the wire."""
    world: World


@cache
def payment() -> tuple[Rung, ...]:
    """Run the payment; every move has to be possible, and the last world has no HTLC any more."""
    world, rungs = initial(SCENARIO), []
    for sender, detail in MESSAGES:
        world = take(world, SCENARIO, Move(sender, "send", detail))
        message = world.wires[sender][0]
        world = take(world, SCENARIO, Move(1 - sender, "deliver", type(message).__name__))
        rungs.append(Rung(sender, message, detail.split()[0], world))
    return tuple(rungs)


def sat(amount: Msat) -> str:
    """Return a whole amount in satoshis, digits grouped."""
    return f"{int(amount) // 1000:,}"


def ladder() -> str:
    """Return the payment as a drawing: messages between A and B, and how far each node takes the HTLC to be."""
    rungs = payment()
    drawing = Drawing(1000, 110 + STEP * len(rungs), "The messages of a payment and the newest commitments")
    for seat in (0, 1):
        drawing.box((LANES[seat] - 40, 10), (80, 30), [NAMES[seat]])
        drawing.line([(LANES[seat], 40), (LANES[seat], 100 + STEP * len(rungs))], "lane")
    _newest(drawing, initial(SCENARIO), 60)
    for index, rung in enumerate(rungs):
        y = 100 + STEP * index
        start, end = LANES[rung.sender], LANES[1 - rung.sender]
        drawing.text((start + end) / 2, y - 8, f"{index + 1}  {rung.name}", style="mono")
        drawing.arrow([(start, y), (end, y)])
        _newest(drawing, rung.world, y + 10)
    return drawing.figure(
        "Beside each node: the newest commitment that it holds (number; balance of A, pending HTLC, balance of B in"
        " sat) and the stage of the HTLC's update as the node sees it. Made by running the specification."
    )


def _newest(drawing: Drawing, world: World, y: float) -> None:
    for seat, (x, anchor) in enumerate(((LANES[0] - 20, "end"), (LANES[1] + 20, "start"))):
        held = commitment(world.nodes[seat], View.LOCAL_LATEST)
        balances = (held.to_owner_msat, held.to_other_msat)
        of_a, of_b = balances if seat == 0 else balances[::-1]
        pending = sat(Msat(sum(int(htlc.amount_msat) for htlc in held.htlcs)))
        drawing.text(x, y, [f"#{held.number}:  {sat(of_a)} | {pending} | {sat(of_b)}"], anchor, "mono")
        stages = [_stage(htlc) for htlc in world.nodes[seat].htlcs.items]
        drawing.text(x, y + 16, stages, anchor, "small")


def _stage(htlc: Htlc) -> str:
    if htlc.removed:
        return f"{htlc.removal.name.lower()}: {htlc.removed.name}"
    return f"added: {htlc.added.name}"


def steps() -> str:
    """Return a section per message: what the two steps do, and all six views of both nodes afterwards."""
    before, sections = _contents(initial(SCENARIO)), []
    for index, rung in enumerate(payment(), start=1):
        after = _contents(rung.world)
        sections.append(heading(3, f"{index}. {NAMES[rung.sender]} sends `{rung.name}`"))
        sections.append("\n".join(_what_happens(rung)) + "\n")
        sections.append(table(("view", "node A", "node B"), _rows(before, after)))
        before = after
    return "\n".join(sections)


def _what_happens(rung: Rung) -> Iterator[str]:
    for seat, verb in ((rung.sender, "send"), (1 - rung.sender, "receive")):
        step = getattr(party, f"{verb}_{rung.name}")
        name = f"{{py:func}}`~{step.__module__}.{step.__name__}`"
        yield f"- {NAMES[seat]} runs {name}: {from_docstring(sentence(step.__doc__))}"
    for seat in (0, 1):
        for htlc in rung.world.nodes[seat].htlcs.items:
            offerer = seat if htlc.offerer is LOCAL else 1 - seat
            yield f"- {NAMES[seat]} now sees HTLC {NAMES[offerer]}{htlc.id} as {code(_stage(htlc))}."


def _contents(world: World) -> dict[View, tuple[str, str]]:
    def shown(seat: int, view: View) -> str:
        one = commitment(world.nodes[seat], view)
        mine = view.owner is LOCAL
        local, remote = (one.to_owner_msat, one.to_other_msat) if mine else (one.to_other_msat, one.to_owner_msat)
        of_a, of_b = (local, remote) if seat == 0 else (remote, local)
        held = "".join(f" + HTLC {sat(htlc.amount_msat)}" for htlc in one.htlcs)
        return f"#{one.number}: A {sat(of_a)}{held} + B {sat(of_b)}"

    return {view: (shown(0, view), shown(1, view)) for view in View}


def _rows(before: dict[View, tuple[str, str]], after: dict[View, tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    for view in View:
        cells = [f"**{new}**" if new != old else new for old, new in zip(before[view], after[view], strict=True)]
        yield code(view.name), cells[0], cells[1]
