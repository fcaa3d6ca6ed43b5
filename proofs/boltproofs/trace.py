"""Traces: a scenario, the rules that are off, and a list of moves; as JSON, to be replayed by anyone.

A trace is data, not a recording: whatever reads one runs the moves again on the model. A file that is damaged, or
whose moves are not possible where they stand, is refused as a whole (:class:`TraceError`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from boltproofs.explorer.digest import Digests
from boltproofs.explorer.family import Family, World
from boltproofs.explorer.watch import Watch
from boltproofs.families import SCENARIOS, family_of
from boltproofs.names import hint
from boltspec.move import CHAIN, Move
from boltspec.rules import requirements, without

FORMAT = "boltspec-trace-1"
"""Value of the field ``format``."""
FIELDS: Mapping[str, type | tuple[type, ...]] = {
    "format": str,
    "version": str,
    "scenario": str,
    "without": list,
    "property": (str, type(None)),
    "moves": list,
}
"""Fields of the JSON object and their types; none may be absent and there are no others."""
HOW_TO_GET_ONE = "mend the file, or write it anew with `boltspec explore SCENARIO --without RULE --trace FILE`"
"""What whoever has no readable file can do."""


class TraceError(ValueError):
    """A trace that is damaged or inconsistent; the text says where (file, field or move) and what."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A run of a scenario with some rules off."""

    scenario: Any
    """A scenario of some family."""
    without: frozenset[str]
    """Rules that are switched off for honest parties too."""
    moves: tuple[Move, ...]
    property: str | None = None
    """Name of the property that the last move breaks, if it was found as a counterexample."""

    def family(self) -> Family:
        """The family that the scenario belongs to."""
        return family_of(self.scenario)

    def worlds(self) -> tuple[World, ...]:
        """Return every world of the run, the initial one first; ``TraceError`` at the first impossible move."""
        with without(self.without):
            worlds = [self.family().initial(self.scenario)]
            for index, move in enumerate(self.moves):
                try:
                    worlds.append(self.family().take(worlds[-1], self.scenario, move))
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
        trace = from_json(_json_of(path))
        _check_property(trace, trace.worlds())
    except TraceError as error:
        raise TraceError(f"{path}: {error}") from error
    return trace


def _json_of(path: Path) -> object:
    """Return the JSON value in a file; ``TraceError`` if there is none, with the place and what to do."""
    try:
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise TraceError(f"cannot be read: {error.strerror}; {HOW_TO_GET_ONE}") from error
    except UnicodeDecodeError as error:
        raise TraceError(f"byte {error.start}: this is no UTF-8 text, so no trace; {HOW_TO_GET_ONE}") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise TraceError(f"{place}: from here on this is no JSON, so no trace; {HOW_TO_GET_ONE}") from error
    except (RecursionError, ValueError) as error:
        raise TraceError(f"nested too deeply, or a number too long, for a trace; {HOW_TO_GET_ONE}") from error


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
    scenario = SCENARIOS[data["scenario"]]
    if data["property"] is not None:
        _check_name(data["property"], {one.name: one for one in family_of(scenario).properties}, "property")
    return Trace(
        scenario=scenario,
        without=frozenset(str(rule) for rule in rules),
        moves=tuple(_move(entry, f"moves[{index}]") for index, entry in enumerate(data["moves"])),
        property=data["property"],
    )


def _check_property(trace: Trace, worlds: tuple[World, ...]) -> None:
    """Refuse a trace that claims to break a property and does not."""
    if trace.property is None:
        return
    if trace.property not in breaks(trace, worlds, len(trace.moves)):
        raise TraceError(f"property: the last move does not break {trace.property}")


def breaks(trace: Trace, worlds: Sequence[World], count: int) -> frozenset[str]:
    """Return the names of the properties that the first so many moves of a trace break at their end.

    ``worlds`` are those of the trace.
    """
    family, scenario = trace.family(), trace.scenario
    watch = Watch(family, scenario, family.properties, Digests())
    after = worlds[count]
    with without(trace.without):
        broken = watch.of_world(after) if count else watch.at_first(after)
        if count:
            broken += watch.of_move(worlds[count - 1], trace.moves[count - 1], after)
        if watch.asks_for_ends and next(family.successors(after, scenario, family.steps), None) is None:
            broken += watch.of_end(after)
    return frozenset(broken)


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
        raise TraceError(f"{where}: unknown name {name!r}{hint(str(name), known)}")
