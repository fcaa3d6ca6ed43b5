"""A node that is killed at any point of defending its channel goes on where it was, and ends with what is its due."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("crashing_defence.py")
Job = tuple[str, bool, list[int]]


def run(jobs: list[Job], tmp_path: Path) -> list[dict[str, Any]]:
    given = []
    for number, (story, anchors, points) in enumerate(jobs):
        folder = tmp_path / str(number)
        folder.mkdir(parents=True)
        given.append([story, anchors, str(folder), points])
    done = subprocess.run(
        [sys.executable, PROGRAM], input=json.dumps(given), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def points_of(story: str, anchors: bool, tmp_path: Path) -> int:
    """How many points the story has when nothing kills it."""
    (whole,) = run([(story, anchors, [])], tmp_path)
    assert whole["won"] == whole["due"]
    assert whole["killed"] == 0
    count = whole["points"]
    assert isinstance(count, int)
    return count


@pytest.mark.parametrize(("anchors", "every"), [(True, 1), (False, 4)], ids=["anchors", "static_remotekey"])
def test_killed_at_every_point_of_punishing(tmp_path: Path, anchors: bool, every: int) -> None:
    """Without anchors at each fourth point: the steps are the same."""
    count = points_of("penalty", anchors, tmp_path / "whole")
    assert count >= 90
    at = range(1, count + 1, every)
    for point, result in zip(at, run([("penalty", anchors, [point]) for point in at], tmp_path), strict=True):
        assert result["killed"] == 1
        assert result["won"] == result["due"], f"killed at point {point}"


@pytest.mark.parametrize(("anchors", "every"), [(True, 2), (False, 8)], ids=["anchors", "static_remotekey"])
def test_killed_again_and_again_while_being_in_time(tmp_path: Path, anchors: bool, every: int) -> None:
    """With HTLCs at their deadlines; the first kill moves up to the distance between kills."""
    distance = 48
    count = points_of("deadlines", anchors, tmp_path / "whole")
    assert count >= 240
    firsts = range(1, distance + 1, every)
    jobs: list[Job] = [("deadlines", anchors, [first] + [distance] * (count // distance)) for first in firsts]
    for first, result in zip(firsts, run(jobs, tmp_path), strict=True):
        assert result["killed"] >= count // distance - 1
        assert result["won"] == result["due"], f"killed first at point {first}"
