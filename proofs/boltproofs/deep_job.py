"""The deep job, ``make verify-deep``: every theorem, and the larger scenarios of all families searched to their end.

Each search is written down as it goes, so that the job can be interrupted at any time: run it again and it goes on
where it was. What a search has found is kept until the sources change. Exit 0 only if every property holds in all of
them, 4 if time ran out first.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from boltproofs import tables
from boltproofs.explorer.saved import Saved, SavedError, WrongSearch
from boltproofs.explorer.search import Result, Verdict, search
from boltproofs.explorer.shard import Bounds
from boltproofs.families import FAMILIES, SCENARIOS
from boltproofs.ladder import ladder
from boltproofs.names import Named
from boltproofs.progress import Slowly
from boltproofs.results import directory, store, stored, stored_or
from boltproofs.verify import verify

CORES = os.cpu_count() or 1
SECONDS = 3_300.0
"""For all searches together: with what comes before and after the job takes no more than an hour."""
HOLDS, FAILED, DAMAGED, INCOMPLETE = 0, 1, 2, 4
"""Exit codes, as of the ``boltspec`` command."""


def names() -> tuple[str, ...]:
    """Return the names of the larger scenarios: those of the main job first, as they are the quickest."""
    return tuple(
        name for kind in ("large", "deep") for family in FAMILIES for name in family.scenarios
        if name in getattr(family, kind)
    )  # fmt: skip


def saved_file(name: str) -> Path:
    """Return where a search is written down while it is not at its end."""
    return directory().parent / "searches" / f"{name}.search"


def run(scenarios: Sequence[str], seconds: float, workers: int) -> tuple[int, list[dict[str, Any]]]:
    """Search scenarios one after the other; return the exit code and the results, as far as the time went."""
    started, say, found = time.monotonic(), Slowly(), dict[str, dict[str, Any]]()
    before = (stored("deep") or {"scenarios": {}})["scenarios"]
    for name in scenarios:
        if name in before:
            found[name] = before[name]
            continue
        bounds = Bounds(seconds=max(0.0, seconds - (time.monotonic() - started)))
        result = _searched(name, bounds, workers, say)
        if result.trace is not None:
            click.echo(ladder(result.trace))
        found[name] = result.to_json()
        store("deep", {"scenarios": {one: data for one, data in (before | found).items() if _is_final(data)}})
        if result.verdict is Verdict.UNKNOWN:
            break
    return exit_code(found.values(), len(scenarios)), list(found.values())


def _searched(name: str, bounds: Bounds, workers: int, say: Slowly) -> Result:
    scenario, saved = SCENARIOS[name], Saved(saved_file(name))
    try:
        return search(scenario, bounds=bounds, workers=workers, progress=say.searching, saved=saved)
    except WrongSearch as outdated:
        click.echo(f"{outdated}: beginning anew", err=True)
        saved.remove()
        return search(scenario, bounds=bounds, workers=workers, progress=say.searching, saved=saved)


def _is_final(data: dict[str, Any]) -> bool:
    return bool(data["verdict"] != Verdict.UNKNOWN)


def exit_code(found: Iterable[dict[str, Any]], wanted: int) -> int:
    """Return the exit code for these results, of so many scenarios."""
    verdicts = [data["verdict"] for data in found]
    if Verdict.VIOLATED in verdicts:
        return FAILED
    return HOLDS if verdicts.count(Verdict.HOLDS) == wanted else INCOMPLETE


def _prove(workers: int) -> bool:
    """Prove every theorem, balance security too, unless that was done for the sources as they are."""
    data = stored_or("verify", lambda: verify(workers=workers, progress=Slowly()).to_json())
    tables.console().print(tables.theorems_table(data))
    return all(entry["status"] == "proved" and not entry.get("reason") for entry in data["theorems"])


@click.command()
@click.argument("scenarios", nargs=-1, type=Named("scenario", lambda: SCENARIOS))
@click.option("--seconds", type=click.FloatRange(min=0), default=SECONDS, show_default=True, help="For all of them.")
@click.option("--workers", type=click.IntRange(min=1), default=CORES, show_default=True, help="Processes to use.")
def main(scenarios: tuple[str, ...], seconds: float, workers: int) -> None:
    """Search SCENARIOS to their end; what was interrupted is resumed.

    By default all theorems are proved first, and all large scenarios searched.
    """
    wanted = scenarios or names()
    proved = bool(scenarios) or _prove(workers)
    try:
        code, found = run(wanted, seconds, workers)
    except SavedError as damaged:
        click.echo(str(damaged), err=True)
        sys.exit(DAMAGED)
    tables.console().print(tables.searches_table(found))
    held = sum(data["verdict"] == Verdict.HOLDS for data in found)
    click.echo(f"{held} of {len(wanted)} searches hold")
    if code == INCOMPLETE:
        click.echo("out of time: run it again, and it goes on where it was")
    sys.exit(code if proved else FAILED)


if __name__ == "__main__":
    main()
