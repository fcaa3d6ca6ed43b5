"""The main job, ``make verify``: prove, search, weaken, replay, run the node. Exit 0 only if all of it holds."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import click

from boltproofs import tables
from boltproofs.ablation import Ablation, Outcome, ablate_by
from boltproofs.convergence import LOSSY, Convergence, convergence
from boltproofs.crew import Crew
from boltproofs.explorer.search import Result, Verdict, search
from boltproofs.families import SCENARIOS, large
from boltproofs.ladder import ladder
from boltproofs.replay import replay
from boltproofs.results import directory, store
from boltproofs.stories import STORIES, Story
from boltproofs.verify import SOON, summary_lines, verify

CORES = os.cpu_count() or 1


def main() -> int:
    """Run everything and return the exit code."""
    started = time.monotonic()
    checks = {"theorems": _prove()}
    searches, ablation, converging = _search()
    checks["searches"] = _show_searches(searches)
    checks["ReestablishConverges"] = _show_convergence(converging)
    checks["ablation"] = _show_ablation(ablation)
    for story in STORIES:
        checks[f"replay: {story.title}"] = _replay(story)
    checks["demo: two nodes pay, close, cheat and are punished"] = _demo()
    for name, holds in checks.items():
        click.echo(f"{'ok    ' if holds else 'FAILED'} {name}")
    failed = sum(not holds for holds in checks.values())
    click.echo(f"{len(checks) - failed} passed, {failed} failed, 0 skipped in {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


def _prove() -> bool:
    _progress("proving the theorems")
    result = verify(tuple(theorem.name for theorem in SOON), workers=CORES)
    data = result.to_json()
    store("verify-main", data)
    tables.console().print(tables.theorems_table(data))
    for line in summary_lines(result):
        click.echo(line)
    click.echo("Balance security and its lemmas: make verify-deep, or boltspec verify balance-security\n")
    return result.holds


def _search() -> tuple[list[Result], Ablation, list[Convergence]]:
    """Search all scenarios, and the small ones again for each rule: every core has something to do to the end."""
    _progress("searching every world of each scenario, then again without each rule")
    with Crew(CORES) as crew:
        only_once = [crew.submit(search, SCENARIOS[name]) for name in large()]
        compared = [crew.submit(convergence, name) for name in LOSSY]
        ablation = ablate_by(crew.map)
        searches = [one.result for one in ablation.baselines] + [future.result() for future in only_once]
        converging = [future.result() for future in compared]
    store("ablate", ablation.to_json())
    return searches, ablation, converging


def _show_searches(searches: list[Result]) -> bool:
    tables.console().print(tables.searches_table([result.to_json() for result in searches]))
    if any(result.transitions == 0 for result in searches):
        click.echo("Where nothing can move, every offer is refused: these worlds are there for ablation.\n")
    for result in searches:
        if result.trace is not None:
            click.echo(ladder(result.trace))
    return all(result.verdict is Verdict.HOLDS for result in searches)


def _show_convergence(converging: list[Convergence]) -> bool:
    for one in converging:
        as_without = "each is reached without a loss as well" if one.holds else f"{len(one.strange)} only after a loss"
        click.echo(f"{one.scenario}: the channel is resumed in {one.resumed:,} states, {as_without}")
    click.echo()
    return all(one.holds for one in converging)


def _show_ablation(ablation: Ablation) -> bool:
    data = ablation.to_json()
    others = [finding for finding in ablation.findings if finding.outcome is not Outcome.NECESSARY]
    tables.console().print(tables.ablation_table({"rules": [finding.to_json() for finding in others]}))
    click.echo(f"{tables.ablation_summary(data)}. The attacks: boltspec ablate --ladders\n")
    return all(finding.outcome is not Outcome.NOT_COVERED for finding in ablation.findings)


def _replay(story: Story) -> bool:
    _progress(f"replaying on Bitcoin Core's consensus code: {story.title}")
    trace = story.find()
    if trace is None:
        click.echo(f"not found: {story.title}")
        return False
    file = directory() / f"{story.name}.json"
    trace.save(file)
    result = replay(trace, "kernel")
    command = f"boltspec replay --show {os.path.relpath(file)}"
    click.echo(f"{story.title}\n\n{ladder(trace, command)}\n\n{result.report}\n")
    return result.agreed


def _demo() -> bool:
    """Let two nodes run what was proved; in a process of its own, as nothing here knows of the node."""
    _progress("running the demo of the node")
    return subprocess.run([sys.executable, "-m", "boltnode.cli", "demo"], check=False).returncode == 0


def _progress(text: str) -> None:
    click.echo(f"... {text}", err=True)


if __name__ == "__main__":
    sys.exit(main())
