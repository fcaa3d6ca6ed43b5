"""Searches that are interrupted and resumed find what an uninterrupted one does; files that do not fit are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from boltproofs import deep_job, results
from boltproofs.cli import command
from boltproofs.explorer.saved import Saved, SavedError, WrongSearch
from boltproofs.explorer.search import Progress, Result, Verdict, search
from boltproofs.explorer.shard import Bounds, Stop
from boltproofs.families import SCENARIOS

CASES = [
    ("dance-a", frozenset[str]()),
    ("C1-A", frozenset[str]()),
    ("C1-A", frozenset({"B05-revoked-commit-l-10"})),
    ("open-corrupt-accepter", frozenset[str]()),
    ("open-static-remotekey", frozenset({"B02-funding-signed-f-03"})),
    ("legacy-disjoint", frozenset({"B02-closing-signed-f-01"})),
    ("simple-corrupt-closer", frozenset[str]()),
]


class Interrupted(Exception):
    """Somebody has ended the search."""


def facts(result: Result) -> tuple[object, ...]:
    return result.verdict, result.states, result.transitions, result.depth, result.trace


def interrupt_at(depth: int):  # type: ignore[no-untyped-def]
    def progress(at: Progress) -> None:
        if at.depth >= depth:
            raise Interrupted

    return progress


def interrupted(name: str, off: frozenset[str], file: Path, depth: int, workers: int = 1) -> None:
    saved = Saved(file, every_seconds=0)
    with pytest.raises(Interrupted):
        search(SCENARIOS[name], without=off, saved=saved, workers=workers, progress=interrupt_at(depth))


@pytest.mark.parametrize(("name", "off"), CASES)
@pytest.mark.parametrize("depth", [2, 3])
def test_a_resumed_search_equals_an_uninterrupted_one(
    name: str, off: frozenset[str], depth: int, tmp_path: Path
) -> None:
    file = tmp_path / "x.search"
    interrupted(name, off, file, depth)
    assert file.exists()
    resumed = search(SCENARIOS[name], without=off, saved=Saved(file))
    assert facts(resumed) == facts(search(SCENARIOS[name], without=off))
    assert not file.exists(), "nothing is left of a search that has ended"


@pytest.mark.parametrize(("first", "second"), [(2, 1), (1, 2), (2, 3)])
def test_another_number_of_processes_may_go_on(first: int, second: int, tmp_path: Path) -> None:
    file = tmp_path / "x.search"
    interrupted("C1-A", frozenset(), file, 12, workers=first)
    resumed = search(SCENARIOS["C1-A"], saved=Saved(file), workers=second)
    assert facts(resumed) == facts(search(SCENARIOS["C1-A"]))


def test_a_search_can_be_interrupted_again_and_again(tmp_path: Path) -> None:
    file = tmp_path / "x.search"
    for depth in (3, 7, 11, 15):
        interrupted("C1-A", frozenset(), file, depth)
    assert facts(search(SCENARIOS["C1-A"], saved=Saved(file))) == facts(search(SCENARIOS["C1-A"]))


def test_a_search_that_hits_a_bound_is_written_down_and_goes_on_later(tmp_path: Path) -> None:
    file = tmp_path / "x.search"
    cut = search(SCENARIOS["C1-A"], bounds=Bounds(states=100), saved=Saved(file))
    assert (cut.verdict, cut.stopped) == (Verdict.UNKNOWN, Stop.STATES)
    whole = search(SCENARIOS["C1-A"], saved=Saved(file))
    assert facts(whole) == facts(search(SCENARIOS["C1-A"]))


def test_the_seconds_of_all_parts_add_up(tmp_path: Path) -> None:
    file = tmp_path / "x.search"
    cut = search(SCENARIOS["C1-A"], bounds=Bounds(states=100), saved=Saved(file))
    assert search(SCENARIOS["C1-A"], saved=Saved(file)).seconds > cut.seconds


@pytest.mark.parametrize("damage", [0, 30, 200, -1, -20], ids=lambda at: f"byte {at}")
def test_a_damaged_file_is_refused(damage: int, tmp_path: Path) -> None:
    file = tmp_path / "x.search"
    interrupted("C1-A", frozenset(), file, 5)
    content = bytearray(file.read_bytes())
    content[damage] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(SavedError, match=r"x\.search is damaged: .* remove it to begin anew"):
        search(SCENARIOS["C1-A"], saved=Saved(file))
    assert file.exists()


@pytest.mark.parametrize("length", [0, 10, 100])
def test_a_file_that_ends_early_is_refused(length: int, tmp_path: Path) -> None:
    file = tmp_path / "x.search"
    interrupted("C1-A", frozenset(), file, 5)
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(SavedError, match="is damaged"):
        search(SCENARIOS["C1-A"], saved=Saved(file))


def test_a_file_of_another_search_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.search"
    interrupted("C1-A", frozenset(), file, 5)
    with pytest.raises(WrongSearch, match="another search \\(of C1-A;"):
        search(SCENARIOS["C1-B"], saved=Saved(file))
    with pytest.raises(WrongSearch):
        search(SCENARIOS["C1-A"], without=frozenset({"B05-revoked-commit-l-10"}), saved=Saved(file))
    with pytest.raises(WrongSearch):
        search(SCENARIOS["C1-A"], asked={"PenaltySafety"}, saved=Saved(file))
    monkeypatch.setattr("boltproofs.explorer.saved.fingerprint", lambda: "other sources")
    with pytest.raises(WrongSearch):
        search(SCENARIOS["C1-A"], saved=Saved(file))


def test_explore_resumes_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "directory", lambda: tmp_path / "results")
    monkeypatch.setattr(deep_job, "directory", lambda: tmp_path / "results")
    asked = ["explore", "C1-A", "--workers", "1", "--resume"]
    assert CliRunner().invoke(command, [*asked, "--max-states", "100"]).exit_code == 4
    (file,) = (tmp_path / "searches").iterdir()
    assert CliRunner().invoke(command, asked).exit_code == 0
    file.write_bytes(b"nothing of the kind")
    refused = CliRunner().invoke(command, asked)
    assert (refused.exit_code, "is damaged" in refused.output) == (2, True)


def test_the_deep_job_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "directory", lambda: tmp_path / "results")
    monkeypatch.setattr(deep_job, "directory", lambda: tmp_path / "results")
    names = ["dance-a", "simple-corrupt-closer"]
    assert CliRunner().invoke(deep_job.main, [*names, "--seconds", "0", "--workers", "1"]).exit_code == 4
    done = CliRunner().invoke(deep_job.main, [*names, "--workers", "1"])
    assert done.exit_code == 0, done.output
    assert "2 of 2 searches hold" in done.output
    monkeypatch.setattr(deep_job, "search", None)
    assert CliRunner().invoke(deep_job.main, names).exit_code == 0, "what was found is kept"
    names_of_all = deep_job.names()
    assert len(names_of_all) == len(set(names_of_all)) > 4


def test_the_deep_job_fails_if_a_property_breaks() -> None:
    held, broken, unknown = ({"verdict": one.value} for one in Verdict)
    assert deep_job.exit_code([held, held], 2) == 0
    assert deep_job.exit_code([held], 2) == 4
    assert deep_job.exit_code([held, unknown], 2) == 4
    assert deep_job.exit_code([unknown, broken], 2) == 1
