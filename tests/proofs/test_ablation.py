"""Ablation: each outcome, and that what it says is true when a rule is really removed from the source."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest

import boltspec.units
from boltproofs.ablation import Baseline, Finding, Outcome, ablate_by, baseline, finding
from boltproofs.citations import cited_in, rules_of_modules, rules_of_worlds, switchable_rules
from boltproofs.explorer.search import Verdict, search, survey
from boltproofs.explorer.shard import Bounds
from boltproofs.families import FAMILIES, SCENARIOS
from boltproofs.families.dance import DANCE
from boltspec.chain import enforcement
from boltspec.chain.world import standing_of
from boltspec.rules import requirements, without

SEARCHED = ("dance", "C1-A", "careless-reserve", "liar-A", "liar-B", "C5-crossing-B")
"""Enough for the outcomes that are tested one by one."""


@cache
def baselines() -> tuple[Baseline, ...]:
    return tuple(map(baseline, SEARCHED))


@cache
def found(rule: str) -> Finding:
    return finding(baselines(), rule)


def test_a_necessary_rule_has_a_shortest_attack_and_its_damage() -> None:
    """D02-revoke-and-ack-s-01: who revokes its only commitment is soon rejected."""
    one = found("D02-revoke-and-ack-s-01")
    assert one.outcome is Outcome.NECESSARY
    assert one.trace is not None
    assert one.damage is not None
    assert (one.trace.property, one.damage.property) == ("OneUnackedCommit", "NeverRejected")


def test_who_does_not_check_a_secret_cannot_punish_with_it_later() -> None:
    """B02-revoke-and-ack-r-01: what breaks in the books first, and then on the chain."""
    first = found("B02-revoke-and-ack-r-01").trace
    assert first is not None
    assert first.property == "SecretsHeld"
    theft = search(SCENARIOS["C1-liar-B"], without=first.without, asked={"PenaltySafety"}).trace
    assert theft is not None
    known = standing_of(theft.worlds()[-1], 0)
    assert (known.case, known.knows_secret) == (enforcement.Situation.REVOKED, False), "the victim cannot punish"


def test_damage_is_not_looked_for_where_the_attack_is_damage() -> None:
    one = found("B05-revoked-commit-l-10")
    assert one.damage is one.trace is not None


def test_a_redundant_rule_names_what_prevents_the_same() -> None:
    """B05-revoked-commit-l-07, B05-revoked-commit-l-08: whichever is done, the output is taken."""
    one, other = found("B05-revoked-commit-l-07"), found("B05-revoked-commit-l-08")
    assert (one.outcome, other.outcome) == (Outcome.REDUNDANT, Outcome.REDUNDANT)
    assert (one.subsumed_by, other.subsumed_by) == (("B05-revoked-commit-l-08",), ("B05-revoked-commit-l-07",))


def test_a_rule_that_is_asked_only_where_another_is_missing_is_redundant() -> None:
    """B05-revoked-commit-l-04, B05-revoked-commit-l-05: the penalty needs no preimage, so it comes first."""
    one = finding((baseline("C5-crossing-A"),), "B05-revoked-commit-l-05")
    assert (one.outcome, one.subsumed_by, one.trace) == (Outcome.REDUNDANT, ("B05-revoked-commit-l-04",), None)
    assert "comes before it" in one.reason


@pytest.mark.parametrize("rule", ["D02-commitment-signed-s-01", "D02-commitment-signed-r-01"])
def test_what_a_redundant_rule_says_is_so(rule: str) -> None:
    """Without a point for it no second signature is valid; so those who check signatures need no count."""
    one = found(rule)
    assert one.outcome is Outcome.REDUNDANT
    assert one.trace is not None
    assert len(one.subsumed_by) == 2
    scenario, others = one.trace.scenario, frozenset(one.subsumed_by)
    assert one.trace.without == others | {rule}
    assert search(scenario, without=frozenset({rule})).verdict is Verdict.HOLDS
    without_others = survey(scenario, others, Bounds(states=10_000))
    assert without_others.complete
    assert one.trace.property not in without_others.broken


@pytest.mark.parametrize("rule", ["B02-retransmission-n-07", "B02-retransmission-n-17"])
def test_a_number_that_no_scenario_needs_refused_is_needed_by_a_theorem(rule: str) -> None:
    """No commitment has number 0, and nobody can prove a revocation that was never sent: others refuse them too."""
    one = finding((baseline("liar-resume-B"),), rule)
    assert (one.outcome, one.trace) == (Outcome.NECESSARY, None)
    assert f"ReestablishNumbers is refuted: boltspec verify ReestablishNumbers --without {rule}" in one.reason


def test_a_rule_that_decides_nothing_is_not_covered() -> None:
    one = finding(baselines()[2:3], "B05-general-n-01")
    assert (one.outcome, one.scenarios) == (Outcome.NOT_COVERED, ())
    assert "decides nothing" in one.reason


@pytest.mark.parametrize("name", ["dance", "C1-A"])
def test_a_rule_that_decides_nothing_changes_nothing(name: str) -> None:
    """The searches that are left out would have found what is known already."""
    one = next(entry for entry in baselines() if entry.result.scenario.name == name)
    silent = rules_of_worlds("world") - one.deciding
    weakened = search(SCENARIOS[name], without=silent)
    assert (weakened.verdict, weakened.states) == (Verdict.HOLDS, one.result.states)
    assert weakened.transitions == one.result.transitions


def test_an_ablation_is_explained_if_nothing_is_left_open() -> None:
    done = ablate_by(map, ["B05-general-n-01", "B05-revoked-commit-l-08"], SEARCHED)
    assert done.explained
    assert not ablate_by(map, ["B05-general-n-01"], ["careless-reserve"]).explained
    assert [entry["outcome"] for entry in done.to_json()["rules"]] == ["necessary", "redundant here"]  # type: ignore[attr-defined]


def test_attacks_run_again_with_the_rule_off() -> None:
    trace = found("B05-general-n-01").trace
    assert trace is not None
    with without(trace.without):
        world = trace.worlds()[0]
        for move in trace.moves:
            world = trace.family().take(world, trace.scenario, move)
    assert world == trace.worlds()[-1]


def test_rules_are_found_in_the_source() -> None:
    rules = switchable_rules()
    assert set(rules) <= set(requirements())
    some = {"B05-general-n-01", "B02-adding-htlc-s-05", "B05-revoked-commit-l-11", "D02-revoke-and-ack-r-01"}
    assert some <= rules_of_worlds("chain.moves") <= set(rules)
    assert rules_of_worlds("world") < rules_of_worlds("chain.moves"), "the chain world talks as well"
    assert rules_of_modules("closing") <= rules_of_worlds("closing.world")
    assert "B02-adding-htlc-r-05" not in rules, "cited in a docstring only"


def test_shortened_ids_are_completed() -> None:
    text = "(B03-trimmed-outputs-b-03, -b-05, -b-07; B05-general-n-01)"
    assert cited_in(text) == {
        "B03-trimmed-outputs-b-03",
        "B03-trimmed-outputs-b-05",
        "B03-trimmed-outputs-b-07",
        "B05-general-n-01",
    }


def test_every_rule_is_at_home_in_a_family_or_needed_by_a_theorem_about_a_step_without_a_world() -> None:
    at_home = {rule for family in FAMILIES for rule in rules_of_modules(*family.home)}
    proved_only = rules_of_modules("final_node", "onion")
    assert set(switchable_rules()) == at_home | proved_only
    assert not at_home & proved_only
    one = ablate_by(map, ("B04-mpp-z-02",), ("dance-a",)).findings[0]
    assert (one.outcome, one.trace, one.reason) == (
        Outcome.NECESSARY,
        None,
        "no scenario breaks without it, but FinalNodeIsPaid is refuted:"
        " boltspec verify FinalNodeIsPaid --without B04-mpp-z-02",
    )


# --- rules removed from the source, one line at a time ---

NUMBERS = {"B02-retransmission-n-07", "B02-retransmission-n-17"}
"""What they stop, other rules on the numbers in channel_reestablish stop as well."""
REDUNDANT = {"D02-commitment-signed-s-01", "D02-commitment-signed-r-01", *NUMBERS}
"""Guards that may go: each is shown redundant above."""
GUARDED = ("update", "fee_updates", "commit", "reestablish", "chain.enforcement")
PACKAGE = Path(boltspec.units.__file__).parent
SEARCH = """
import sys
from boltproofs.explorer.search import search
from boltproofs.families import SCENARIOS
from boltspec import rules
assert rules.__file__.startswith(sys.argv[1]), rules.__file__
for name in sys.argv[2:]:
    result = search(SCENARIOS[name])
    if result.trace:
        print(name, result.trace.property)
        break
"""


def guards() -> Iterator[tuple[Path, ast.Expr, str]]:
    """Yield every ``require`` statement of the modules that the world is made of, with its rule."""
    for path in (PACKAGE.joinpath(*name.split(".")).with_suffix(".py") for name in GUARDED):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                call = node.value
                if isinstance(call.func, ast.Name) and call.func.id == "require":
                    named = call.args[1]
                    rule = named.value if isinstance(named, ast.Constant) else getattr(enforcement, ast.unparse(named))
                    yield path, node, str(rule)


def where_it_matters(rule: str) -> list[str]:
    """Return the scenarios in which a missing guard is likely to show, quick ones first."""
    if rule in ("B02-revoke-and-ack-n-01", "B02-retransmission-r-03", enforcement.PUBLISH):
        return ["C1-careless", "C1-restore-B"]
    kinds = ("liar",) if "-r-" in rule else ("careless", "dance-a", "fee-spike-htlc")
    if "retransmission" in rule:
        kinds = (*kinds, "liar-resume", "resume-a", "restore")
    names = [name for name in DANCE.scenarios if name not in DANCE.large | DANCE.deep and name.startswith(kinds)]
    return sorted(names, key=lambda name: (name in ("careless", "liar-offers"), len(SCENARIOS[name].wishes)))


def removed(guarded: tuple[Path, ast.Expr, str], folder: Path) -> str:
    """Search with one statement missing from a copy of the specification; return what broke where."""
    path, guard, rule = guarded
    shutil.copytree(PACKAGE, folder / "boltspec", ignore=shutil.ignore_patterns("__pycache__"))
    lines = path.read_text("utf-8").splitlines(keepends=True)
    assert guard.end_lineno is not None
    lines[guard.lineno - 1 : guard.end_lineno] = [" " * guard.col_offset + "pass\n"]
    (folder / "boltspec" / path.relative_to(PACKAGE)).write_text("".join(lines), "utf-8")
    command = [sys.executable, "-c", SEARCH, str(folder), *where_it_matters(rule)]
    done = subprocess.run(command, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{rule} at {path.name}:{guard.lineno}: {done.stderr}"
    return done.stdout


def test_every_guard_that_is_removed_by_hand_is_missed(tmp_path: Path) -> None:
    """Delete any one ``require`` line: a scenario of the main job breaks, or ablation says what prevents the same."""
    every = list(guards())
    assert len(every) >= 30
    with ThreadPoolExecutor(2) as pool:
        folders = [tmp_path / str(number) for number in range(len(every))]
        outcomes = pool.map(removed, every, folders)
        unnoticed = {rule for (_, _, rule), broken in zip(every, outcomes, strict=True) if not broken}
    assert unnoticed == REDUNDANT
