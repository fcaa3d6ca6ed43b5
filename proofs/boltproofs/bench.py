"""``make bench``: how fast explorer, prover, replay and wire code are, and how much memory a search takes.

Each rate is the median of several runs in this process. The modules ``tests/bench/bench_*.py`` of the source tree
bring their own lists ``BENCHES``.
"""

from __future__ import annotations

import json
import platform
import time
import tracemalloc
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
from boltproofs.explorer.search import Result, search
from boltproofs.explorer.shard import Bounds
from boltproofs.families import FAMILIES, SCENARIOS
from boltproofs.families.dance import DANCE
from boltproofs.replay import KernelPool, replay
from boltproofs.stories import STORIES
from boltproofs.verify import verify

RUNS = 5
"""Runs whose median counts."""
SEARCHED = {
    "dance": ("dance", "dance-3", "liar-A-of-two"),
    "establishment": ("open-corrupt-accepter",),
    "closing": ("simple-corrupt-closer",),
    "onchain": ("C1-A",),
}
"""Scenarios that are measured, by family; of other families the first one."""
PROVED = "Conservation"
"""The theorem that is measured; ``boltspec verify`` shows the time of each."""
MOST_STATES = 30_000
"""Larger searches are cut off here."""
TRANSITIONS = 20_000.0
"""What is wanted of the update dance, per second and core."""
SECONDS_PER_RUN = 0.2
"""A run repeats its call for at least this long."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure."""

    name: str
    value: float
    unit: str
    """What is counted per second, or the whole unit if it is no rate."""
    target: float | None
    """What is wanted; ``None`` if nothing in particular."""
    is_rate: bool = True

    @property
    def reached(self) -> bool:
        """The rate is as high as wanted."""
        return self.target is None or self.value >= self.target


def rate(call: Callable[[], object], units: float, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return units per second, when one call does so many: the median of several runs after one to warm up."""
    call()
    return median(_one_run(call, units, clock) for _ in range(RUNS))


def _one_run(call: Callable[[], object], units: float, clock: Callable[[], float]) -> float:
    calls, started = 0, clock()
    while (spent := clock() - started) < SECONDS_PER_RUN:
        call()
        calls += 1
    return calls * units / spent


def figures() -> Iterator[Figure]:
    """Measure everything, one figure after the other."""
    for family in FAMILIES:
        for name in SEARCHED.get(family.name, tuple(family.scenarios)[:1]):
            yield from _explorer(name, TRANSITIONS if family is DANCE else None)
    yield _prover()
    yield _replay()
    root = tree()
    for path in sorted((root / "tests" / "bench").glob("bench_*.py")) if root else ():
        for name, call, units, unit, wanted in _benches(path):
            yield Figure(name, rate(call, units), unit, wanted)


def _explorer(name: str, target: float | None) -> Iterator[Figure]:
    run = partial(search, SCENARIOS[name], bounds=Bounds(states=MOST_STATES))
    result = run()
    # Per core: what other processes take from this one does not count.
    per_second = rate(run, 1, time.process_time)
    yield Figure(f"explorer, {name}, one process", per_second * result.states, "states", None)
    yield Figure(f"explorer, {name}, one process", per_second * result.transitions, "transitions", target)
    yield Figure(f"explorer, {name}, memory", bytes_per_state(run), "bytes per world", None, is_rate=False)


def bytes_per_state(run: Callable[[], Result]) -> float:
    """Return how much memory a search takes at most, per world that it has seen."""
    tracemalloc.start()
    try:
        states = run().states
        return tracemalloc.get_traced_memory()[1] / states
    finally:
        tracemalloc.stop()


def _prover() -> Figure:
    result = verify((PROVED,))
    return Figure(f"prover, {PROVED}, one run", result.paths / result.seconds, "paths", None)


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
        click.echo(f"... {figure.name}: {figure.value:,.0f} {_unit(figure)}", err=True)
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
    table = Table(title="Figures (medians)", title_justify="left")
    table.add_column("what")
    table.add_column("value", justify="right")
    table.add_column("unit")
    table.add_column("target", justify="right")
    for figure in measured:
        colour = "green" if figure.reached else "yellow"
        target = "" if figure.target is None else f"{figure.target:,.0f}"
        table.add_row(figure.name, f"[{colour}]{figure.value:,.0f}[/{colour}]", _unit(figure), target)
    return table


def _unit(figure: Figure) -> str:
    return f"{figure.unit}/s" if figure.is_rate else figure.unit


if __name__ == "__main__":
    main()
