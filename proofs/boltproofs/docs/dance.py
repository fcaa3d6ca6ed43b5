"""The update dance, drawn from :data:`boltspec.htlc.ADVANCES`."""

from __future__ import annotations

from itertools import pairwise

from boltproofs.docs.drawing import Drawing
from boltproofs.docs.markdown import code, summary, table
from boltproofs.docs.source import attribute_docstrings
from boltspec import htlc
from boltspec.htlc import ADVANCES, Event, Side, Stage

GAP = 200
"""Pixels from one stage to the next."""
BOX = (140, 34)
"""Width and height of a stage."""


def message_of(event: Event) -> str:
    """Return an event as people say it: ``send commitment_signed``."""
    verb, _, message = event.name.lower().partition("_")
    return f"{verb} {message}"


def event_between(before: Stage, after: Stage, maker: Side) -> Event | None:
    """Return the event that takes an update of that maker from one stage to the other."""
    return next((event for (event, side), move in ADVANCES.items() if (side, move) == (maker, (before, after))), None)


def stages() -> str:
    """Return the table of stages with what each means."""
    meanings = attribute_docstrings(htlc, "Stage")
    rows = ((str(stage.value), code(stage.name), summary(meanings[stage.name])) for stage in Stage)
    return table(("", "stage", "the update is"), rows)


def advances() -> str:
    """Return the table itself: who made the update, and what moves it."""
    rows = []
    for (event, maker), (before, after) in ADVANCES.items():
        rows.append((message_of(event), maker.name.lower(), code(before.name), code(after.name)))
    return table(("event", "update made by", "from", "to"), rows)


def diagram() -> str:
    """Return the way of an update through its stages, once as its maker and once as the other node sees it."""
    order = [stage for stage in Stage if stage is not Stage.ABSENT]
    drawing = Drawing(GAP * len(order) - 40, 230, "The five stages of an update and what moves it on")
    for row, maker in enumerate(Side):
        y = 40 + row * 110
        drawing.text(5, y - 18, f"update made by the {maker.name.lower()} node", "start", "strong")
        for column, stage in enumerate(order):
            drawing.box((5 + column * GAP, y), BOX, [stage.name])
        for column, (before, after) in enumerate(pairwise(order)):
            event = event_between(before, after, maker)
            assert event is not None, f"no event takes an update of {maker.name} from {before.name} to {after.name}"
            x = 5 + column * GAP + BOX[0]
            drawing.arrow([(x, y + BOX[1] / 2), (x + GAP - BOX[0], y + BOX[1] / 2)])
            verb, _, message = message_of(event).partition(" ")
            drawing.text(x + (GAP - BOX[0]) / 2, y + BOX[1] + 18, [verb, message], style="small")
    return drawing.figure("Drawn from boltspec.htlc.ADVANCES.")
