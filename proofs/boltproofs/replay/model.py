"""Replay without a chain: the moves run again on the specification, which every family of worlds can do."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from boltproofs.trace import Trace

MODEL = "model"
"""In place of a chain."""


@dataclass(frozen=True, slots=True)
class ModelReplay:
    """A trace whose moves are all possible on the specification."""

    trace: Trace
    agreed: bool = True
    """Loading a trace has run it already; one that is not possible is refused there."""

    @property
    def report(self) -> str:
        """The replay as text, a line for each move and one for the outcome."""
        trace = self.trace
        off = f" without {', '.join(sorted(trace.without))}" if trace.without else ""
        lines = [f"replay of {trace.scenario.name}{off} on the specification alone"]
        lines += [f"{number:4} {move}" for number, move in enumerate(trace.moves, start=1)]
        broken = "" if trace.property is None else f"; the last one breaks {trace.property}"
        return "\n".join([*lines, f"each of {len(trace.moves)} moves is possible{broken}"])

    def to_json(self) -> dict[str, object]:
        """The result as a JSON object, with the fields that a replay on a chain has too."""
        return {
            "version": version("boltspec"),
            "scenario": self.trace.scenario.name,
            "without": sorted(self.trace.without),
            "chain": MODEL,
            "agreed": self.agreed,
            "steps": [{**move._asdict(), "note": ""} for move in self.trace.moves],
            "property": self.trace.property,
        }


def on_the_model(trace: Trace) -> ModelReplay:
    """Run a trace on the specification; ``TraceError`` at the first move that is not possible."""
    trace.worlds()
    return ModelReplay(trace)
