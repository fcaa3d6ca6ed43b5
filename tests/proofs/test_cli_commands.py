"""The ``boltspec`` command: results, exit codes, and what it says to wrong names and damaged files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from boltproofs import cli, results
from boltproofs.cli import command
from boltproofs.trace import load
from boltproofs.verify import TheoremResult, VerifyResult
from boltspec.rules import requirements

WATCH = "B05-general-n-01"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def read(file: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return data


@pytest.fixture(autouse=True)
def private_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "directory", lambda: tmp_path / "results")


def test_explore_tells_everything_to_programs(tmp_path: Path) -> None:
    done = run("explore", "dance-a", "--workers", "1", "--json", tmp_path / "x.json")
    assert done.exit_code == 0, done.output
    data = read(tmp_path / "x.json")
    assert (data["scenario"], data["verdict"], data["trace"], data["workers"]) == ("dance-a", "holds", None, 1)
    assert (data["states"], data["transitions"], data["depth"]) == (37, 42, 20)
    assert 0 < data["collision_probability"] < 1e-12
    assert data["seconds"] > 0


def test_explore_shows_and_saves_the_attack(tmp_path: Path) -> None:
    file = tmp_path / "attack.json"
    done = run("explore", "C1-A", "--without", WATCH, "--workers", "1", "--trace", file)
    assert done.exit_code == 1, done.output
    assert "broken: UnilateralExit" in done.output
    assert f"boltspec replay {file}" in done.output
    assert load(file).property == "UnilateralExit"


def test_explore_asks_for_one_property_only(tmp_path: Path) -> None:
    asked = ["--without", WATCH, "--property", "PenaltySafety"]
    done = run("explore", "C1-A", *asked, "--json", "-", "--workers", "1")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["trace"]["property"] == "PenaltySafety"


def test_explore_cut_short_is_incomplete_and_says_what_was_covered() -> None:
    done = run("explore", "dance", "--max-states", "50", "--workers", "1")
    assert done.exit_code == 4
    assert "too many states: covered every world up to" in done.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["explore", "danse"], "unknown scenario 'danse'; near: dance"),
        (["explore", "dance", "--without", "B05-general-n-1"], "unknown rule 'B05-general-n-1'; near: B05"),
        (["explore", "dance", "--property", "Conversation"], "unknown property 'Conversation'; near: Conservation"),
        (["verify", "Conversation"], "unknown theorem 'Conversation'; near: Conservation"),
        (["ablate", "--rule", "nothing like it"], "unknown rule 'nothing like it'"),
        (["replay", "/nowhere/trace.json"], "/nowhere/trace.json: "),
        (["explore", "dance", "--without", "B05-revoked-commit"], "near: B05-revoked-commit-l-03, "),
        (["rules", "--bolt", "x"], "'x' is not one of '1', '2', "),
        (["rules", "--bolt", "6"], "'6' is not one of '1', '2', "),
        (["rules", "--bolt", "13"], "'13' is not one of '1', '2', "),
        (["explain"], "No such command 'explain'"),
    ],
)
def test_wrong_names_exit_2_with_the_nearest(arguments: list[str], complaint: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert complaint in done.output


def verified(*entries: tuple[str, str | None]) -> VerifyResult:
    """What the prover would return: a theorem for each status and reason."""
    theorems = [
        TheoremResult(
            name=f"T{number}",
            status=status,
            kind="inductive",
            sentence="So it is.",
            unbounded=["amounts"],
            bounds={},
            obligations=3,
            seconds=0.5,
            witness=True,
            refuted_without=[WATCH],
            lemmas=[],
            reason=reason,
        )
        for number, (status, reason) in enumerate(entries)
    ]
    return VerifyResult(theorems, solver="z3", version="0", paths=9, seconds=1.0)


@pytest.mark.parametrize(
    ("result", "exit_code"),
    [
        (verified(("proved", None), ("proved", None)), 0),
        (verified(("proved", None), ("refuted", None)), 1),
        (verified(("proved", "no witness"), ("unknown", "time")), 1),
        (verified(("proved", None), ("unknown", "time")), 4),
    ],
    ids=["proved", "refuted", "empty", "unknown"],
)
def test_verify_ends_with_what_came_of_it(
    result: VerifyResult, exit_code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "verify", lambda *_, **__: result)
    done = run("verify", "--json", tmp_path / "v.json")
    assert done.exit_code == exit_code, done.output
    assert read(tmp_path / "v.json") == result.to_json()
    assert all(theorem.name in done.output for theorem in result.theorems)


def test_verify_hands_its_options_to_the_prover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}

    def prover(names: object, off: object, seconds: object, **options: object) -> VerifyResult:
        given.update(names=names, off=off, seconds=seconds, **options)
        return verified(("proved", None))

    monkeypatch.setattr(cli, "verify", prover)
    options = ["--without", WATCH, "--seconds", "9", "--workers", "3", "--smtlib", str(tmp_path), "--cross-check"]
    run("verify", "Conservation", *options)
    del given["progress"]
    assert given == {
        "names": ("Conservation",),
        "off": {WATCH},
        "seconds": 9.0,
        "smtlib_dir": tmp_path,
        "cross_check": True,
        "workers": 3,
    }


def test_ablate_one_rule(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    done = run("ablate", "--rule", "D02-adding-htlc-s-01", "--ladders", "--workers", "2", "--json", file)
    assert done.exit_code == 0, done.output
    (entry,) = read(file)["rules"]
    assert (entry["outcome"], entry["trace"]["property"]) == ("necessary", "Reserve")
    assert "broken: NeverRejected" in done.output
    assert results.stored("ablate") is None, "one rule is not the whole table"


def test_replay_agrees_with_the_chain(tmp_path: Path) -> None:
    trace, report = tmp_path / "t.json", tmp_path / "r.json"
    asked = ["--without", WATCH, "--property", "PenaltySafety"]
    run("explore", "C1-A", *asked, "--workers", "1", "--trace", trace)
    done = run("replay", trace, "--show", "--json", report)
    assert done.exit_code == 0, done.output
    assert "broken: PenaltySafety" in done.output
    assert "agreed after each of" in done.output
    assert read(report)["agreed"] is True


OPENING = ("open-static-remotekey", "B02-funding-signed-f-03", "EstablishmentCompletes")
CLOSE = ("simple-corrupt-closer", "B02-closing-complete-k-02", "MutualCloseCorrect")


@pytest.mark.parametrize(("scenario", "rule", "broken"), [OPENING, CLOSE], ids=["opening", "closing"])
def test_every_family_is_explored_saved_loaded_and_shown(
    scenario: str, rule: str, broken: str, tmp_path: Path
) -> None:
    trace, report = tmp_path / "t.json", tmp_path / "r.json"
    explored = run("explore", scenario, "--without", rule, "--workers", "1", "--trace", trace)
    assert explored.exit_code == 1, explored.output
    assert f"broken: {broken}." in explored.output
    assert load(trace).property == broken
    refused = run("replay", trace)
    assert refused.exit_code == 2
    assert "no transactions for a chain; use --chain model" in refused.output
    done = run("replay", trace, "--chain", "model", "--show", "--json", report)
    assert done.exit_code == 0, done.output
    assert f"the last one breaks {broken}" in done.output
    assert (read(report)["agreed"], read(report)["property"]) == (True, broken)


def test_a_property_of_another_family_is_refused() -> None:
    done = run("explore", "open-honest", "--property", "PenaltySafety")
    assert done.exit_code == 2
    assert "PenaltySafety is no property of the worlds of open-honest" in done.output


def test_replay_without_bitcoind_says_how_to_provide_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boltproofs.replay.chains.find_bitcoind", lambda: None)
    trace = tmp_path / "t.json"
    run("explore", "C1-careless", "--without", WATCH, "--workers", "1", "--trace", trace)
    done = run("replay", trace, "--chain", "bitcoind")
    assert done.exit_code == 2
    assert "looked for bitcoind" in done.output


def test_rules_has_every_requirement_with_its_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results.store("verify", {"theorems": [{"name": "T", "status": "proved", "refuted_without": [WATCH]}]})
    rule = {"rule": WATCH, "outcome": "necessary", "reason": "because", "scenarios": ["C1-careless"]}
    results.store("ablate", {"rules": [rule], "scenarios": [{"scenario": "C1-careless", "verdict": "holds"}]})
    monkeypatch.setattr(cli, "verify", None)
    monkeypatch.setattr(cli, "ablate", None)
    done = run("rules", "--json", tmp_path / "all.json")
    assert done.exit_code == 0, done.output
    rules = {entry["id"]: entry for entry in read(tmp_path / "all.json")["rules"]}
    assert set(rules) == set(requirements())
    watch = rules[WATCH]
    assert (watch["specified"], watch["proved"], watch["searched"]) == (True, ["T"], "holds")
    assert (watch["tested"], watch["ablation"], watch["reason"]) == (True, "necessary", "because")
    unspecified = rules["B08-act-two-i-01"]
    assert (unspecified["specified"], unspecified["proved"], unspecified["ablation"]) == (False, [], None)
    run("rules", "--bolt", "5", "--json", tmp_path / "5.json")
    assert {entry["bolt"] for entry in read(tmp_path / "5.json")["rules"]} == {5}


def test_stored_results_are_forgotten_when_the_sources_change(monkeypatch: pytest.MonkeyPatch) -> None:
    results.store("verify", {"theorems": []})
    assert results.stored_or("verify", lambda: {"new": True}) == {"theorems": []}
    monkeypatch.setattr(results, "fingerprint", lambda: "another")
    assert results.stored("verify") is None
    assert results.stored_or("verify", lambda: {"new": True}) == {"new": True}
    assert results.stored("verify") == {"new": True}


def test_damaged_stored_results_count_as_none() -> None:
    results.store("verify", {"theorems": []})
    (results.directory() / "verify.json").write_text("{", "utf-8")
    assert results.stored("verify") is None


def test_an_internal_error_has_an_exit_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("broken inside")

    monkeypatch.setattr(command, "main", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 5
    assert "broken inside" in capsys.readouterr().err
