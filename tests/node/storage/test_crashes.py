"""Nothing leaves before it is durable: killed or failed by the kernel at every write, fsync and step between them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from boltnode.storage import channel_rows, event_rows
from boltnode.storage.database import Database
from boltnode.storage.schema import VERSION

PROGRAM = Path(__file__).parent / "crashing.py"
UNITS = 11
STOPPED = 3
KILLS = ("kill", "kill at a write", "kill at an fsync")
FAILURES = {"disk full": "the disk is full", "read-only": "disk", "failing fsync": "disk"}
"""By mode, what the reason says."""
POINTS = VERSION * 2 + UNITS * 2 + 5 * 3
"""Migrations, eleven units, five groups."""

AFTER_THE_LAST_COMMIT = 1 + 4
"""Points at which there is nothing more to write."""


@dataclass
class Run:
    """What a child did, and what it left behind."""

    told: list[str]
    exit: int
    states: int
    events: int

    @property
    def left(self) -> list[int]:
        return [int(line.removeprefix("left ")) for line in self.told if line.startswith("left ")]


def run(folder: Path, mode: str, points: range) -> list[Run]:
    """One child per point, each in a new folder, whose database is opened again afterwards."""
    jobs = []
    for at in points:
        (folder / str(at)).mkdir()
        jobs.append((str(folder / str(at)), mode, at))
    done = subprocess.run(
        [sys.executable, PROGRAM], input=json.dumps(jobs), capture_output=True, text=True, check=True, timeout=300
    )
    results = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        Run(result["told"], result["exit"], *stored(Path(job[0]))) for result, job in zip(results, jobs, strict=True)
    ]


def stored(folder: Path) -> tuple[int, int]:
    """How many states and how many events there are in the database, which is opened as after a restart."""
    with Database(folder / "node.sqlite3") as database:
        rows = channel_rows.load(database.connection)
        events = event_rows.load(database.connection)
    assert [event.at for event in events] == list(range(1, len(events) + 1))
    assert not rows or rows[0].state == b"state %d" % rows[0].revision
    return rows[0].revision if rows else 0, len(events)


def require_durable_before_out(outcome: Run) -> None:
    assert outcome.left == list(range(1, len(outcome.left) + 1)), "out of order, or twice"
    assert outcome.states >= len(outcome.left), "something left that a restart does not know of"
    assert outcome.events == outcome.states, "half of a unit was stored"


def test_everything_is_stored_and_leaves_when_nothing_strikes(tmp_path: Path) -> None:
    (outcome,) = run(tmp_path, "never", range(POINTS + 1, POINTS + 2))
    assert outcome.exit == 0
    assert outcome.told[-1] == f"points {POINTS}"
    assert (len(outcome.left), outcome.states) == (UNITS, UNITS)


@pytest.mark.parametrize("mode", KILLS)
def test_killed_at_any_point(tmp_path: Path, mode: str) -> None:
    outcomes = run(tmp_path, mode, range(1, POINTS + 1))
    for outcome in outcomes:
        require_durable_before_out(outcome)
        if mode == "kill":
            assert outcome.exit == -signal.SIGKILL
        else:  # nothing is written after the last point but what closing the file writes
            assert outcome.exit in (-signal.SIGSYS, 0)
    assert sum(outcome.exit != 0 for outcome in outcomes) >= POINTS - 1
    assert {outcome.states for outcome in outcomes} >= {0, 1, 3, 6, 7, UNITS}, "each group was hit"
    if mode != "kill at a write":
        assert any(outcome.states > len(outcome.left) for outcome in outcomes), "none was hit between disk and network"


@pytest.mark.parametrize("mode", FAILURES)
def test_failing_storage_stops_everything_that_leaves(tmp_path: Path, mode: str) -> None:
    stopped = 0
    for outcome in run(tmp_path, mode, range(1, POINTS + 1)):
        require_durable_before_out(outcome)
        if outcome.exit == 0:
            continue
        assert outcome.exit == STOPPED
        stopped += 1
        if any(line.startswith("not opened") for line in outcome.told):
            continue
        first = next(index for index, line in enumerate(outcome.told) if line.startswith("latch"))
        assert FAILURES[mode] in outcome.told[first]
        assert not any(line.startswith("left") for line in outcome.told[first:])
        assert not any(line.startswith("unexpected") for line in outcome.told)
        assert outcome.told[-1] == "stopped"
    assert stopped == POINTS - AFTER_THE_LAST_COMMIT
