"""The explorer against a search that is too simple to be wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest

from boltproofs.explorer.digest import Digests, collision_probability, packed
from boltproofs.explorer.family import Family, Form, Property
from boltproofs.explorer.search import Result, Verdict, search, survey
from boltproofs.explorer.shard import Bounds, Stop, Task
from boltproofs.explorer.team import Alone
from boltproofs.explorer.watch import Watch
from boltproofs.families import FAMILIES, SCENARIOS, family_of
from boltproofs.trace import breaks
from boltspec.chain.enforcement import WATCH
from boltspec.move import Move
from boltspec.rules import without
from boltspec.world import initial

SCOPES = [
    "dance-a", "liar-A", "liar-B", "resume-a", "restore-b", "careless-offers", "liar-fee", "C1-A", "C1-feerate-A",
    "open-honest", "open-careless", "open-untrusted-zeroconf", "open-corrupt-accepter",
    "legacy", "legacy-careless", "legacy-upfront-corrupt", "simple-again", "simple-corrupt-closer", "no-ranges",
]  # fmt: skip
WEAKENED = [
    ("dance", "B02-commitment-signed-s-01"),
    ("careless-offers", "D02-removing-htlc-s-02"),
    ("liar-A", "B02-revoke-and-ack-r-01"),
    ("C1-careless", "B05-local-commit-local-offers-n-04"),
    ("C1-A", "B05-revoked-commit-l-10"),
    ("C1-A", WATCH),
    ("C1-careless-A", "B02-revoke-and-ack-n-01"),
    ("open-static-remotekey", "B02-funding-signed-f-03"),
    ("open-corrupt-accepter", "B02-accept-channel-r-02"),
    ("legacy-careless", "D02-closing-signed-s-01"),
    ("simple-corrupt-closer", "B02-closing-complete-k-02"),
    ("legacy-disjoint", "B02-closing-signed-f-01"),
]


def every_world(scenario: Any) -> set[Any]:
    """Breadth first, without reductions, memory or fingerprints."""
    family = family_of(scenario)
    seen = {family.initial(scenario)}
    newest = list(seen)
    while newest:
        found = {after for world in newest for _, after in family.successors(world, scenario, family.steps)} - seen
        seen |= found
        newest = list(found)
    return seen


def fewest_moves_to_break(scenario: Any) -> tuple[int, set[str]]:
    """Return after how many moves a property breaks first, and which do then; the same simple way."""
    family = family_of(scenario)
    watch = Watch(family, scenario, family.properties, Digests())
    seen = {family.initial(scenario)}
    newest, moves = list(seen), 0
    while newest:
        reached = {before: list(family.successors(before, scenario, family.steps)) for before in newest}
        broken = {name for before, after in reached.items() if not after for name in watch.of_end(before)}
        if broken:
            return moves, broken
        moves += 1
        for before, step in ((before, step) for before, steps in reached.items() for step in steps):
            broken.update(watch.of_move(before, *step), watch.of_world(step[1]))
        if broken:
            return moves, broken
        newest = list({after for steps in reached.values() for _, after in steps} - seen)
        seen.update(newest)
    raise AssertionError("nothing breaks")


def visited(scenario: Any) -> frozenset[int]:
    team = Alone(Task(family_of(scenario), scenario, frozenset()))
    assert not team.begin()
    while team.waiting():
        team.expand(None)
        assert not team.absorb()
    return team.shard.fingerprints()


@pytest.mark.parametrize("name", SCOPES)
def test_search_visits_exactly_the_worlds_that_stand_for_all(name: str) -> None:
    scenario, digests = SCENARIOS[name], Digests()
    stands_for = family_of(scenario).reduction(scenario)
    images = {stands_for(world) for world in every_world(scenario)}
    fingerprints = visited(scenario)
    assert fingerprints == {digests.fingerprint(world) for world in images}
    assert len(fingerprints) == len(images), "two worlds have the same fingerprint"


@pytest.mark.parametrize(("name", "rule"), WEAKENED)
def test_counterexample_is_as_short_as_the_simple_search_finds_it(name: str, rule: str) -> None:
    off = frozenset({rule})
    result = search(SCENARIOS[name], without=off)
    assert result.verdict is Verdict.VIOLATED
    assert result.trace is not None
    with without(off):
        moves, broken = fewest_moves_to_break(SCENARIOS[name])
    assert len(result.trace.moves) == moves
    assert result.trace.property in broken


@pytest.mark.parametrize(("name", "rule"), WEAKENED)
def test_counterexample_runs_again_and_breaks_its_property_at_the_end_only(name: str, rule: str) -> None:
    trace = search(SCENARIOS[name], without=frozenset({rule})).trace
    assert trace is not None
    assert trace.property is not None
    worlds = trace.worlds()
    broken = [trace.property in breaks(trace, worlds, end) for end in range(len(worlds))]
    assert broken == [False] * len(trace.moves) + [True]


def facts(result: Result) -> tuple[object, ...]:
    return result.verdict, result.states, result.transitions, result.depth, result.trace and len(result.trace.moves)


@pytest.mark.parametrize(
    ("name", "off"),
    [
        ("C1-A", frozenset[str]()),
        ("C1-A", frozenset({"B05-revoked-commit-l-10"})),
        ("open-corrupt-accepter", frozenset[str]()),
        ("open-corrupt-accepter", frozenset({"B02-accept-channel-r-02"})),
        ("simple-corrupt-closer", frozenset[str]()),
        ("legacy-disjoint", frozenset({"B02-closing-signed-f-01"})),
    ],
)
def test_several_processes_find_what_one_does(name: str, off: frozenset[str]) -> None:
    scenario = SCENARIOS[name]
    alone, together = search(scenario, without=off), search(scenario, without=off, workers=3)
    assert facts(together) == facts(alone)
    assert together.workers == 3


def test_everything_holds_with_every_rule_on() -> None:
    result = search(SCENARIOS["dance"])
    assert (result.verdict, result.stopped, result.trace) == (Verdict.HOLDS, None, None)
    assert result.states > 2_000


@pytest.mark.parametrize(
    ("bounds", "stopped"),
    [
        (Bounds(seconds=0), Stop.TIME),
        (Bounds(states=100), Stop.STATES),
        (Bounds(memory_bytes=1), Stop.MEMORY),
        (Bounds(depth=3), Stop.DEPTH),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_search_that_is_cut_short_is_unknown(bounds: Bounds, stopped: Stop, workers: int) -> None:
    result = search(SCENARIOS["dance"], bounds=bounds, workers=workers)
    assert (result.verdict, result.stopped) == (Verdict.UNKNOWN, stopped)
    assert result.states < 1_000


def test_a_bound_that_is_not_hit_changes_nothing() -> None:
    bounds = Bounds(seconds=60, states=37, depth=21, memory_bytes=1 << 40)
    assert facts(search(SCENARIOS["dance-a"], bounds=bounds)) == facts(search(SCENARIOS["dance-a"]))


def test_depth_bound_still_finds_what_breaks_at_that_depth() -> None:
    off = frozenset({"B02-revoke-and-ack-r-01"})
    shortest = search(SCENARIOS["liar-A"], without=off).trace
    assert shortest is not None
    depth = len(shortest.moves)
    assert search(SCENARIOS["liar-A"], without=off, bounds=Bounds(depth=depth)).verdict is Verdict.VIOLATED
    assert search(SCENARIOS["liar-A"], without=off, bounds=Bounds(depth=depth - 1)).verdict is Verdict.UNKNOWN


def test_only_the_properties_asked_for_are_checked() -> None:
    off = frozenset({WATCH})
    first = search(SCENARIOS["C1-A"], without=off).trace
    paid = search(SCENARIOS["C1-A"], without=off, asked={"PenaltySafety"}).trace
    assert first is not None
    assert paid is not None
    assert (first.property, paid.property) == ("UnilateralExit", "PenaltySafety")


def test_a_survey_goes_on_behind_what_breaks_first() -> None:
    off = frozenset({"B02-commitment-signed-r-01", "B02-commitment-signed-r-03", "D02-commitment-signed-r-01"})
    found = survey(SCENARIOS["liar-A"], off, Bounds(states=5_000))
    assert found.complete
    assert {"RevokeAfterNew", "OneUnackedCommit"} <= found.broken
    assert not survey(SCENARIOS["liar-A"], off, Bounds(states=100)).complete


def test_progress_is_told_level_by_level() -> None:
    told: list[int] = []
    result = search(SCENARIOS["dance-a"], progress=lambda at: told.append(at.states))
    assert told == sorted(told)
    assert told[-1] == result.states


# --- a world of one counter, whose answers are known beforehand ---


@dataclass(frozen=True)
class Count:
    """A world: how far has been counted."""

    value: int


@dataclass(frozen=True)
class Counting:
    """Count up by one or two, to ten at most."""

    name: str = "counting"
    title: str = "counting"
    corrupt: tuple[bool, bool] = (False, False)


def counting(world: Count, _scenario: Counting, _steps: object) -> Iterator[tuple[Move, Count]]:
    for step in (1, 2):
        if world.value + step <= 10:
            yield Move(0, "add", str(step)), Count(world.value + step)


def counts(monkeypatch: pytest.MonkeyPatch, *properties: Property) -> None:
    """Let the counter be a family with these properties."""
    family = Family(
        name="counter", title="", kind=Counting, scenarios={"counting": Counting()}, large=frozenset(),
        initial=lambda _: Count(0), successors=counting, steps=NoSteps(), properties=properties, home=(), worlds="",
        shown=SimpleNamespace(),
    )  # fmt: skip
    monkeypatch.setattr("boltproofs.families.FAMILIES", (*FAMILIES, family))


@dataclass(frozen=True)
class NoSteps:
    """The counter is made of no further functions."""


ALWAYS = Property("Always", "It holds.", Form.WORLD, lambda world, _: True, felt=True)
BELOW_FIVE = Property("BelowFive", "", Form.WORLD, lambda world, _: world.value < 5, felt=True)
BY_ONE = Property("ByOne", "", Form.MOVE, lambda before, after, _: after.value - before.value < 2, felt=True)
AT_TEN = Property("AtTen", "", Form.END, lambda world, _: world.value == 10, felt=True)
NOT_TEN = Property("NotTen", "", Form.END, lambda world, _: world.value != 10, felt=True)
POSITIVE = Property("Positive", "", Form.WORLD, lambda world, _: world.value > 0, felt=True)


def test_everything_reachable_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    counts(monkeypatch, ALWAYS, AT_TEN)
    result = search(Counting())
    assert (result.verdict, result.states, result.transitions) == (Verdict.HOLDS, 11, 19)


@pytest.mark.parametrize(
    ("broken", "moves"), [(BELOW_FIVE, 3), (BY_ONE, 1), (NOT_TEN, 5), (POSITIVE, 0)], ids=lambda one: str(one)[:20]
)
def test_properties_of_each_form_break_in_the_fewest_moves(
    broken: Property, moves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts(monkeypatch, ALWAYS, broken)
    result = search(Counting())
    assert result.trace is not None
    assert (result.trace.property, len(result.trace.moves)) == (broken.name, moves)


def test_an_end_at_the_greatest_depth_allowed_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    counts(monkeypatch, NOT_TEN)
    assert search(Counting(), bounds=Bounds(depth=5)).verdict is Verdict.VIOLATED
    assert search(Counting(), bounds=Bounds(depth=4)).stopped is Stop.DEPTH


def test_a_world_of_no_family_and_a_property_of_another_are_refused() -> None:
    with pytest.raises(ValueError, match="no family has scenarios of type Counting"):
        search(Counting())
    with pytest.raises(ValueError, match="no properties of establishment: PenaltySafety"):
        search(SCENARIOS["open-honest"], asked={"PenaltySafety"})


def test_names_of_scenarios_are_unique_and_can_be_typed() -> None:
    names = [name for family in FAMILIES for name in family.scenarios]
    assert len(names) == len(set(names)) == len(SCENARIOS)
    assert all(name == SCENARIOS[name].name for name in names)
    assert all(re.fullmatch(r"[a-zA-Z0-9-]+", name) for name in names)
    assert all(family.large | family.deep <= family.scenarios.keys() for family in FAMILIES)


def test_a_search_needs_a_worker() -> None:
    with pytest.raises(ValueError, match="at least one worker"):
        search(SCENARIOS["dance-a"], workers=0)


def test_fingerprints_are_the_same_in_every_process() -> None:
    code = (
        "from boltproofs.explorer.digest import Digests; from boltproofs.scenarios import SCENARIOS;"
        "from boltspec.world import initial; print(Digests().fingerprint(initial(SCENARIOS['liar-A-of-two'])))"
    )
    here = Digests().fingerprint(initial(SCENARIOS["liar-A-of-two"]))
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    there = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert int(there.stdout) == here


def test_every_part_of_a_world_is_in_its_fingerprint() -> None:
    world = initial(replace(SCENARIOS["liar-A-of-two"], publishable=True))
    node = replace(world.nodes[0], remote_secrets=1)
    others = [
        world._replace(nodes=(node, world.nodes[1])),
        world._replace(nodes=(world.nodes[1], world.nodes[0])),
        world._replace(offered=(1, 0)),
        world._replace(offered=(0, 1)),
        world._replace(history=((), world.history[1])),
        world._replace(history=(world.history[1], world.history[0])),
        world._replace(connected=False),
        world._replace(abuses=world.abuses + 1),
        world._replace(crashes=1),
    ]
    digests = Digests()
    assert len({digests.fingerprint(one) for one in (world, *others)}) == 1 + len(others)


@pytest.mark.parametrize("pair", [((1, 23), (12, 3)), (("a", "b"), ("ab",)), ((), ((),)), (None, ("None",)), (1, "1")])
def test_different_values_are_packed_differently(pair: tuple[object, object]) -> None:
    assert packed(pair[0]) != packed(pair[1])


def test_collision_probability_grows_with_the_square_of_the_worlds() -> None:
    assert collision_probability(1) == 0
    assert collision_probability(2) == pytest.approx(2.0**-64)
    assert collision_probability(1_000_000) == pytest.approx(2.7e-8, rel=0.01)
