"""State machines drawn from their transitions.

Each state has a column with a line under it; each arrow leads from the line of one state to that of another, with what
causes it above. So any machine can be drawn without overlap, and no arrow can be forgotten. The transitions are found
by running the steps in every order.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

from boltproofs.docs.drawing import LINE_HEIGHT, Drawing
from boltspec.move import Move

World = TypeVar("World", bound=Hashable)

Edge = tuple[str, str, str]
"""From a state, by an event, to a state."""
WIDTH, HEIGHT, WIDEST = 1000, 54, 140
"""Pixels: of a drawing across, of a state down, and of the widest state across."""
LETTER = 8
"""Pixels of a letter in the name of a state."""


def transitions(
    first: World, successors: Callable[[World], Iterable[tuple[Move, World]]]
) -> Iterator[tuple[World, Move, World]]:
    """Yield every transition of every run once: the world before it, the move, the world after it."""
    waiting, seen = [first], {first}
    while waiting:
        before = waiting.pop()
        for move, after in successors(before):
            yield before, move, after
            if after not in seen:
                seen.add(after)
                waiting.append(after)


def state_diagram(title: str, states: Sequence[str], edges: Iterable[Edge], caption: str) -> str:
    """Return a drawing of a machine; ValueError if an edge touches a state that is not listed, or leads nowhere."""
    arrows = _arrows(states, edges)
    height = 90 + sum(LINE_HEIGHT * len(events) + 16 for _, _, events in arrows)
    drawing = Drawing(WIDTH, height, title)
    gap = WIDTH / len(states)
    width = min(WIDEST, gap - 10)
    middles = [gap * (column + 0.5) for column in range(len(states))]
    for state, middle in zip(states, middles, strict=True):
        drawing.line([(middle, HEIGHT + 5), (middle, height - 5)], "lane")
        drawing.box((middle - width / 2, 5), (width, HEIGHT), _lines(state, int(width / LETTER)))
    y = 74.0
    for before, after, events in arrows:
        start, end = middles[before], middles[after]
        y += LINE_HEIGHT * len(events)
        drawing.text((start + end) / 2, y - 6 - LINE_HEIGHT * (len(events) - 1), events, style="small event")
        drawing.arrow([(start, y), (end, y)])
        y += 16
    return drawing.figure(caption)


def _arrows(states: Sequence[str], edges: Iterable[Edge]) -> list[tuple[int, int, list[str]]]:
    """Return from which column to which an arrow leads, and for what; those that lead forward first."""
    found: dict[tuple[int, int], list[str]] = {}
    for before, event, after in sorted(set(edges)):
        if before == after or not {before, after} <= {*states}:
            raise ValueError(f"not to be drawn: from {before!r} by {event!r} to {after!r}")
        found.setdefault((states.index(before), states.index(after)), []).append(event)
    order = sorted(found, key=lambda pair: (pair[1] < pair[0], pair))
    return [(before, after, found[before, after]) for before, after in order]


def _lines(state: str, letters: int) -> list[str]:
    """Break the name of a state into lines of so many letters, if its words let us."""
    lines = [""]
    for word in state.split():
        if lines[-1] and len(lines[-1]) + len(word) >= letters:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
