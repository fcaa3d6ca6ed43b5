"""Traces as two-column message ladders: A on the left, B on the right, the chain in the middle.

Each step shows the message with its fields, and of the node that moves only what changed. At the end stand the property
that broke, its numbers, the rule that was off and the command that shows it again. Plain text, at most 100 columns.
What the lines say is the family's matter (:class:`boltproofs.explorer.family.Shown`), where they stand is decided
here.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from itertools import zip_longest

from boltproofs.explorer.family import Rung, World
from boltproofs.trace import Trace
from boltspec.rules import requirements, without
from boltspec.scenario import NAMES

SIDE = 31
"""Width of the column of a node."""
MIDDLE = 34
"""Width of the column between them."""
WIDTH = 100
"""Width of a ladder."""


def ladder(trace: Trace, command: str | None = None) -> str:
    """Return the trace as text; ``command`` is what shows it again."""
    with without(trace.without):
        worlds = trace.worlds()
        steps = zip(worlds, trace.moves, worlds[1:], strict=False)
        shown = trace.family().shown
        rungs = [shown.rung(trace.scenario, before, move, after) for before, move, after in steps]
        end = _ending(trace, worlds)
    body = [line for rung in rungs for line in _columns(rung)]
    return "\n".join([*_heading(trace), "", *body, "", *end, f"again: {command or _search_command(trace)}"])


def _search_command(trace: Trace) -> str:
    off = "".join(f" --without {rule}" for rule in sorted(trace.without))
    asked = f" --property {trace.property}" if trace.property else ""
    return f"boltspec explore {trace.scenario.name}{off}{asked}"


# --- heading ---


def _heading(trace: Trace) -> list[str]:
    scenario = trace.scenario
    lines = _wrapped(f"{scenario.name}: {scenario.title}", WIDTH)
    for rule in sorted(trace.without):
        row = requirements()[rule]
        lines += _wrapped(f"switched off: {rule} ({row.level}) {row.summary}", WIDTH)
    names = [f"{name} (corrupt)" if corrupt else name for name, corrupt in zip(NAMES, scenario.corrupt, strict=True)]
    return [*lines, "", _row(names[0], "", names[1]), "-" * WIDTH]


# --- ending ---


def _ending(trace: Trace, worlds: tuple[World, ...]) -> list[str]:
    if trace.property is None:
        return ["end of the trace"]
    broken = trace.family().property(trace.property)
    before, move = (worlds[-2], trace.moves[-1]) if trace.moves else (worlds[-1], None)
    numbers = trace.family().shown.numbers(trace.scenario, before, move, worlds[-1], broken)
    lines = _wrapped(f"broken: {broken.name}. {broken.sentence}", WIDTH)
    return [*lines, *_wrap_all((f"  {number}" for number in numbers), WIDTH)]


# --- layout ---


def _columns(rung: Rung) -> list[str]:
    """Return rows of three columns, each wrapped to its width."""
    cells = (_wrap_all(rung.left, SIDE), _wrap_all(rung.middle, MIDDLE), _wrap_all(rung.right, SIDE))
    return [_row(*cell) for cell in zip_longest(*cells, fillvalue="")]


def _wrap_all(texts: Iterable[str], width: int) -> list[str]:
    return [line for text in texts for line in _wrapped(text, width)]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)


def _row(left: str, middle: str, right: str) -> str:
    return f"{left:{SIDE}}| {middle:{MIDDLE}}| {right}".rstrip()
