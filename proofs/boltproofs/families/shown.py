"""How the moves of two nodes with wires between them are shown: messages with their fields, and what changes.

It works for every world that has ``nodes`` and ``wires``; a family with more to say about its messages, its nodes or
its chain says it in a class of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import Enum
from typing import Any

from boltproofs.explorer.digest import field_names
from boltproofs.explorer.family import Form, Property, Rung, World
from boltspec.move import Move
from boltspec.scenario import NAMES
from boltspec.verdict import Rejected

LONGEST = 60
"""Characters of a value that are shown."""


def wire_name(message: object) -> str:
    """Return the name of a message as the BOLT writes it."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(message).__name__).lower()


def arrow(text: str, sender: int) -> str:
    """Return text with an arrow that leads away from its sender."""
    return f"{text} -->" if sender == 0 else f"<-- {text}"


def sides(lines: list[str], party: int, middle: list[str]) -> Rung:
    """Return a rung with lines at one party."""
    changes = tuple(lines)
    return Rung(changes if party == 0 else (), tuple(middle), changes if party == 1 else ())


def short(value: object) -> str:
    """Return a value for people: enumerations by name, records by their type and what is in them."""
    if isinstance(value, Enum):
        text = str(value.value) if isinstance(value.value, str) else value.name.lower()
    elif is_dataclass(value) and not isinstance(value, type):
        inside = ", ".join(short(getattr(value, name)) for name in field_names(type(value)))
        text = f"{type(value).__name__}({inside})"
    elif isinstance(value, frozenset):
        text = "{" + ", ".join(sorted(map(short, value))) + "}"
    elif isinstance(value, tuple):
        text = "(" + ", ".join(map(short, value)) + ")"
    else:
        text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def differences(before: object, after: object, prefix: str = "") -> Iterator[str]:
    """Yield what differs between two values, field by field, records within records too."""
    if before is after or before == after:
        return
    record = is_dataclass(after) or hasattr(after, "_fields")
    if type(before) is type(after) and record:
        for name in field_names(type(after)):
            yield from differences(getattr(before, name), getattr(after, name), f"{prefix}.{name}" if prefix else name)
    else:
        yield f"{prefix} {short(before)} > {short(after)}"


class TwoNodes:
    """Shows messages by their fields, nodes and everything else by what differs."""

    def rung(self, scenario: Any, before: World, move: Move, after: World) -> Rung:
        """Return a move as lines."""
        party = move.party
        if move.action == "send":
            return self._sent(before, party, after)
        if move.action == "deliver":
            message = before.wires[1 - party][0]
            changes = self.changes(before, party, after) or self._rejection(scenario, before, party, message)
            return sides(changes, party, [arrow(f"{wire_name(message)} arrives", 1 - party)])
        lines = [self.changes(before, seat, after) for seat in (0, 1)]
        return Rung(tuple(lines[0]), tuple(self.happened(before, move, after)), tuple(lines[1]))

    def _sent(self, before: World, party: int, after: World) -> Rung:
        sent = after.wires[party][len(before.wires[party]) :]
        middle = arrow("; ".join(map(self.message, sent)), party)
        if after.abuses < before.abuses:
            middle += " (forbidden)"
        return sides(self.changes(before, party, after), party, [middle])

    def _rejection(self, scenario: Any, before: World, party: int, message: object) -> list[str]:
        verdict = self.received(scenario, before, party, message)
        if not isinstance(verdict, Rejected):
            return []
        return [f"rejected: {verdict.rule}", *(f"  {name} {short(value)}" for name, value in verdict.numbers.items())]

    def received(self, scenario: Any, before: World, party: int, message: object) -> object:
        """Return the verdict on a message that reaches a party, if it is known how to ask for it."""
        del scenario, before, party, message
        return None

    def message(self, message: object) -> str:
        """Return a message as text."""
        names = field_names(type(message))
        return f"{wire_name(message)} ({', '.join(f'{name} {short(getattr(message, name))}' for name in names)})"

    def changes(self, before: World, party: int, after: World) -> list[str]:
        """Return what changes at a party, line by line."""
        return list(differences(before.nodes[party], after.nodes[party]))

    def happened(self, before: World, move: Move, after: World) -> list[str]:
        """Return the lines of a move that is no message."""
        names = [name for name in field_names(type(after)) if name not in ("nodes", "wires")]
        changes = [line for name in names for line in differences(getattr(before, name), getattr(after, name), name)]
        return [f"# {move}", *(f"  {line}" for line in changes)]

    def numbers(self, scenario: Any, before: World, move: Move | None, after: World, broken: Property) -> list[str]:
        """Return the blame, if an honest node was rejected; else the state of the honest nodes."""
        del before, move
        if after.blame is not None:
            receiver, rule = after.blame.receiver, after.blame.rule
            return [f"{NAMES[receiver]} rejects what honest {NAMES[1 - receiver]} sent: {rule}"]
        return [
            line for party in (0, 1) if not scenario.corrupt[party] or broken.form is Form.WORLD
            for line in self.node(NAMES[party], after.nodes[party])
        ]  # fmt: skip

    def node(self, name: str, node: Any) -> list[str]:
        """Return the fields of a node that have a value."""
        shown = [(field, getattr(node, field)) for field in field_names(type(node))]
        empty: tuple[object, ...] = (None, (), frozenset(), False)
        return [f"{name}: {field} {short(value)}" for field, value in shown if value not in empty]
