"""``make bench``: how fast the explorer, the prover, the replay and the wire code are.

Each figure is the median of several runs in this process. The modules ``tests/bench/bench_*.py`` of the source tree
bring their own lists ``BENCHES``.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from statistics import median

import click
from rich.table import Table

from boltproofs import tables
from boltproofs.citations import tree
from boltproofs.explorer.search import search
from boltproofs.replay import KernelPool, replay
from boltproofs.scenarios import SCENARIOS
from boltproofs.stories import STORIES
from boltproofs.verify import verify

RUNS = 5
"""Runs whose median counts."""
SECONDS_PER_RUN = 0.2
"""A run repeats its call for at least this long."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured rate."""

    name: str
    per_second: float
    unit: str
    target: float | None
    """What is wanted; ``None`` if nothing in particular."""

    @property
    def reached(self) -> bool:
        """The rate is as high as wanted."""
        return self.target is None or self.per_second >= self.target


def rate(call: Callable[[], object], units: float) -> float:
    """Return units per second, when one call does so many: the median of several runs after one to warm up."""
    call()
    return median(_one_run(call, units) for _ in range(RUNS))


def _one_run(call: Callable[[], object], units: float) -> float:
    calls, started = 0, time.perf_counter()
    while (spent := time.perf_counter() - started) < SECONDS_PER_RUN:
        call()
        calls += 1
    return calls * units / spent


def figures() -> Iterator[Figure]:
    """Measure everything, one figure after the other."""
    for scenario, target in (("dance", 20_000.0), ("thief-A-offers", None)):
        yield from _explorer(scenario, target)
    yield _prover()
    yield _replay()
    root = tree()
    for path in sorted((root / "tests" / "bench").glob("bench_*.py")) if root else ():
        for name, call, units, unit, wanted in _benches(path):
            yield Figure(name, rate(call, units), unit, wanted)


def _explorer(name: str, target: float | None) -> Iterator[Figure]:
    run = partial(search, SCENARIOS[name])
    result = run()
    per_second = rate(run, 1)
    yield Figure(f"explorer, {name}, one process", per_second * result.states, "states", None)
    yield Figure(f"explorer, {name}, one process", per_second * result.transitions, "transitions", target)


def _prover() -> Figure:
    result = verify()
    return Figure(f"prover, {len(result.theorems)} theorems, one run", result.paths / result.seconds, "paths", None)


def _replay() -> Figure:
    trace = STORIES[0].find()
    assert trace is not None, "the story is part of the main job"
    with KernelPool() as pool:
        per_second = rate(lambda: replay(trace, pool.chain()), 1)
    return Figure(f"replay of {len(trace.moves)} moves with signatures, embedded chain", per_second, "traces", 20)


def _benches(path: Path) -> list[tuple[str, Callable[[], object], float, str, float | None]]:
    description = spec_from_file_location(path.stem, path)
    assert description is not None
    assert description.loader is not None
    module = module_from_spec(description)
    description.loader.exec_module(module)
    found: list[tuple[str, Callable[[], object], float, str, float | None]] = module.BENCHES
    return found


@click.command()
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the figures as JSON.")
def main(json_file: Path | None) -> None:
    """Measure, and say what misses its target."""
    measured = []
    for figure in figures():
        measured.append(figure)
        click.echo(f"... {figure.name}: {figure.per_second:,.0f} {figure.unit}/s", err=True)
    tables.console().print(_table(measured))
    data = {
        "version": version("boltspec"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "figures": [asdict(figure) | {"reached": figure.reached} for figure in measured],
    }
    if json_file is not None:
        json_file.write_text(json.dumps(data, indent=1) + "\n", "utf-8")
    missed = sum(not figure.reached for figure in measured)
    click.echo(f"{len(measured)} figures, {missed} below target")


def _table(measured: list[Figure]) -> Table:
    table = Table(title="Rates (median)", title_justify="left")
    table.add_column("what")
    table.add_column("per second", justify="right")
    table.add_column("unit")
    table.add_column("target", justify="right")
    for figure in measured:
        colour = "green" if figure.reached else "yellow"
        target = "" if figure.target is None else f"{figure.target:,.0f}"
        table.add_row(figure.name, f"[{colour}]{figure.per_second:,.0f}[/{colour}]", figure.unit, target)
    return table


if __name__ == "__main__":
    main()
