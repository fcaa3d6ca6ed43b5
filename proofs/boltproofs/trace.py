"""Traces: a scenario, the rules that are off, and a list of moves; as JSON, to be replayed by anyone.

A trace is data, not a recording: whatever reads one runs the moves again on the model. A file that is damaged, or
whose moves are not possible where they stand, is refused as a whole (:class:`TraceError`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path

from boltproofs.explorer.invariants import breaks
from boltproofs.scenarios import SCENARIOS
from boltspec.properties.catalogue import CHANNEL_PROPERTIES, STEP_PROPERTIES, WORLD_PROPERTIES
from boltspec.rules import requirements, without
from boltspec.scenario import Scenario
from boltspec.world import CHAIN, Move, World, initial, take

FORMAT = "boltspec-trace-1"
"""Value of the field ``format``."""
PROPERTIES = frozenset(
    [entry.name for entry in CHANNEL_PROPERTIES]
    + [entry.name for entry in STEP_PROPERTIES]
    + [entry.name for entry in WORLD_PROPERTIES]
)
"""Names of all properties that a trace can break."""
FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "format": str,
    "version": str,
    "scenario": str,
    "without": list,
    "property": (str, type(None)),
    "moves": list,
}
"""Fields of the JSON object and their types; none may be absent and there are no others."""


class TraceError(ValueError):
    """A trace that is damaged or inconsistent; the text says where (file, field or move) and what."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A run of a scenario with some rules off."""

    scenario: Scenario
    without: frozenset[str]
    """Rules that are switched off for honest parties too."""
    moves: tuple[Move, ...]
    property: str | None = None
    """Name of the property that the last move breaks, if it was found as a counterexample."""

    def worlds(self) -> tuple[World, ...]:
        """Return every world of the run, the initial one first; ``TraceError`` at the first impossible move."""
        with without(self.without):
            worlds = [initial(self.scenario)]
            for index, move in enumerate(self.moves):
                try:
                    worlds.append(take(worlds[-1], self.scenario, move))
                except ValueError as impossible:
                    raise TraceError(f"moves[{index}]: {impossible}") from impossible
        return tuple(worlds)

    def to_json(self) -> dict[str, object]:
        """Return the trace as a JSON object."""
        return {
            "format": FORMAT,
            "version": version("boltspec"),
            "scenario": self.scenario.name,
            "without": sorted(self.without),
            "property": self.property,
            "moves": [move._asdict() for move in self.moves],
        }

    def save(self, path: Path) -> None:
        """Write the trace to a file."""
        path.write_text(json.dumps(self.to_json(), indent=1) + "\n", "utf-8")


def load(path: Path) -> Trace:
    """Read a trace and run it on the model; ``TraceError`` unless all of it is right."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise TraceError(f"{path}: {error}") from error
    try:
        trace = from_json(data)
        _check_property(trace, trace.worlds())
    except TraceError as error:
        raise TraceError(f"{path}: {error}") from error
    return trace


def from_json(data: object) -> Trace:
    """Return the trace that a JSON value stands for, names checked but moves not yet run."""
    if not isinstance(data, dict):
        raise TraceError(f"a JSON object is expected, not {type(data).__name__}")
    _check_fields(data, FIELDS, "")
    if data["format"] != FORMAT:
        raise TraceError(f"format: {data['format']!r} is not {FORMAT!r}")
    rules: list[object] = data["without"]
    for index, rule in enumerate(rules):
        _check_name(rule, requirements(), f"without[{index}]")
    _check_name(data["scenario"], SCENARIOS, "scenario")
    if data["property"] is not None:
        _check_name(data["property"], dict.fromkeys(PROPERTIES), "property")
    return Trace(
        scenario=SCENARIOS[data["scenario"]],
        without=frozenset(str(rule) for rule in rules),
        moves=tuple(_move(entry, f"moves[{index}]") for index, entry in enumerate(data["moves"])),
        property=data["property"],
    )


def _check_property(trace: Trace, worlds: tuple[World, ...]) -> None:
    """Refuse a trace that claims to break a property and does not."""
    if trace.property is None:
        return
    with without(trace.without):
        if not breaks(trace.property, worlds, trace.moves, trace.scenario):
            raise TraceError(f"property: the last move does not break {trace.property}")


def _move(entry: object, where: str) -> Move:
    if not isinstance(entry, dict):
        raise TraceError(f"{where}: a JSON object is expected, not {type(entry).__name__}")
    _check_fields(entry, {"party": int, "action": str, "detail": str}, f"{where}.")
    if entry["party"] not in (0, 1, CHAIN):
        raise TraceError(f"{where}.party: {entry['party']} is none of 0, 1, {CHAIN}")
    return Move(entry["party"], entry["action"], entry["detail"])


def _check_fields(data: dict[str, object], fields: Mapping[str, type | tuple[type, ...]], where: str) -> None:
    for name, expected in fields.items():
        if name not in data:
            raise TraceError(f"{where}{name}: missing")
        if not isinstance(data[name], expected) or isinstance(data[name], bool):
            raise TraceError(f"{where}{name}: {data[name]!r} has the wrong type")
    for name in data:
        if name not in fields:
            raise TraceError(f"{where}{name}: unknown field")


def _check_name(name: object, known: Mapping[str, object], where: str) -> None:
    if not isinstance(name, str) or name not in known:
        near = get_close_matches(str(name), known, n=3)
        hint = f"; near: {', '.join(near)}" if near else ""
        raise TraceError(f"{where}: unknown name {name!r}{hint}")
