"""The explorer against a search that is too simple to be wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from boltproofs.explorer.digest import Digests, collision_probability, packed
from boltproofs.explorer.invariants import EVERY_PROPERTY, breaks, named
from boltproofs.explorer.reductions import Reduction
from boltproofs.explorer.search import Result, Verdict, search, survey
from boltproofs.explorer.shard import Bounds, Stop, Task
from boltproofs.explorer.team import Alone
from boltproofs.scenarios import SCENARIOS
from boltspec.enforcement import WATCH
from boltspec.rules import without
from boltspec.scenario import Scenario
from boltspec.units import Height
from boltspec.world import World, initial, successors

SCOPES = ["dance-a", "close-a", "thief-A-offers", "thief-B-takes", "careless-close", "careless-offers", "liar-fee"]
WEAKENED = [
    ("dance", "B02-commitment-signed-s-01"),
    ("careless-offers", "D02-removing-htlc-s-02"),
    ("liar-A", "B02-revoke-and-ack-r-01"),
    ("close-a", "B05-local-commit-local-offers-n-04"),
    ("thief-A-offers", "B05-revoked-commit-l-10"),
    ("thief-A-offers", WATCH),
    ("careless-close", "B02-revoke-and-ack-n-01"),
]


def every_world(scenario: Scenario) -> set[World]:
    """Breadth first, without reductions, memory or fingerprints."""
    seen = {initial(scenario)}
    newest = list(seen)
    while newest:
        found = {after for world in newest for _, after in successors(world, scenario)} - seen
        seen |= found
        newest = list(found)
    return seen


def fewest_moves_to_break(scenario: Scenario) -> tuple[int, set[str]]:
    """Return after how many moves a property breaks first, and which do then; the same simple way."""
    seen = {initial(scenario)}
    newest, moves = list(seen), 0
    while newest:
        moves += 1
        reached = [(before, move, after) for before in newest for move, after in successors(before, scenario)]
        broken = {name for step in reached for name in EVERY_PROPERTY.broken_by(*step, scenario)}
        if broken:
            return moves, broken
        newest = list({after for _, _, after in reached} - seen)
        seen.update(newest)
    raise AssertionError("nothing breaks")


def visited(scenario: Scenario) -> frozenset[int]:
    team = Alone(Task(scenario, frozenset(), EVERY_PROPERTY, Bounds()))
    assert not team.begin()
    while team.waiting():
        team.expand(None)
        assert not team.absorb()
    return team.shard.fingerprints()


@pytest.mark.parametrize("name", SCOPES)
def test_search_visits_exactly_the_worlds_that_stand_for_all(name: str) -> None:
    scenario, digests = SCENARIOS[name], Digests()
    reduction = Reduction(scenario)
    images = {reduction.of(world) for world in every_world(scenario)}
    fingerprints = visited(scenario)
    assert fingerprints == {digests.fingerprint(world) for world in images}
    assert len(fingerprints) == len(images), "two worlds have the same fingerprint"


@pytest.mark.parametrize("name", ["close-a", "thief-A-offers"])
def test_a_world_and_what_stands_for_it_can_make_the_same_moves(name: str) -> None:
    scenario = SCENARIOS[name]
    reduction = Reduction(scenario)
    for world in every_world(scenario):
        if world.ledger.closing is not None:
            ahead = {move: reduction.of(after) for move, after in successors(world, scenario)}
            assert ahead == dict(successors(reduction.of(world), scenario))
            assert EVERY_PROPERTY.of_world(reduction.of(world), scenario) == EVERY_PROPERTY.of_world(world, scenario)


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
    with without(trace.without):
        broken = [
            breaks(trace.property, worlds[: end + 1], trace.moves[:end], trace.scenario) for end in range(len(worlds))
        ]
    assert broken == [False] * len(trace.moves) + [True]


def facts(result: Result) -> tuple[object, ...]:
    return result.verdict, result.states, result.transitions, result.depth, result.trace and len(result.trace.moves)


@pytest.mark.parametrize("off", [frozenset[str](), frozenset({"B05-revoked-commit-l-10"})], ids=["holds", "violated"])
def test_several_processes_find_what_one_does(off: frozenset[str]) -> None:
    scenario = SCENARIOS["thief-A-offers"]
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
    first = search(SCENARIOS["thief-A-offers"], without=off).trace
    paid = search(SCENARIOS["thief-A-offers"], without=off, invariants=named({"PenaltySafety"})).trace
    assert first is not None
    assert paid is not None
    assert (first.property, paid.property) == ("EventuallyWithdrawn", "PenaltySafety")


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


def test_a_search_needs_a_worker() -> None:
    with pytest.raises(ValueError, match="at least one worker"):
        search(SCENARIOS["dance-a"], workers=0)


def test_fingerprints_are_the_same_in_every_process() -> None:
    code = (
        "from boltproofs.explorer.digest import Digests; from boltproofs.scenarios import SCENARIOS;"
        "from boltspec.world import initial; print(Digests().fingerprint(initial(SCENARIOS['thief-A'])))"
    )
    here = Digests().fingerprint(initial(SCENARIOS["thief-A"]))
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    there = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert int(there.stdout) == here


def test_every_part_of_a_world_is_in_its_fingerprint() -> None:
    world = initial(SCENARIOS["thief-A"])
    node = replace(world.nodes[0], remote_secrets=1)
    others = [
        replace(world, nodes=(node, world.nodes[1])),
        replace(world, nodes=(world.nodes[1], world.nodes[0])),
        replace(world, offered=(1, 0)),
        replace(world, offered=(0, 1)),
        replace(world, history=((), world.history[1])),
        replace(world, history=(world.history[1], world.history[0])),
        replace(world, connected=False),
        replace(world, abuses=world.abuses + 1),
        replace(world, ledger=replace(world.ledger, height=Height(1))),
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
