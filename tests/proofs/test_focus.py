"""One HTLC among any number: what the search leaves out makes no difference, and it finds what is wrong."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from boltproofs import focus
from boltproofs.explorer.search import Verdict, search
from boltproofs.explorer.shard import Bounds
from boltproofs.focus import FOCUS, FocusScenario, begun, least_numbers, moves, moves_alike, shifted, stands_for
from boltspec.commitment import View, commitment
from boltspec.messages import CommitmentSigned
from boltspec.world import World

FIRST, EARLY = FOCUS["focus-A"], FOCUS["focus-A-early"]


def walk(scenario: FocusScenario, seed: int, steps: int) -> list[World]:
    """Return the worlds of a random walk, with few losses."""
    choice, reduced, worlds = random.Random(seed), stands_for(scenario), [begun(scenario)]
    for _ in range(steps):
        found = list(moves(worlds[-1], scenario))
        weights = [1 if move.action in ("disconnect", "crash") else 30 for move, _ in found]
        ((_, after),) = choice.choices(found, weights)
        worlds.append(reduced(after))
    return worlds


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("by", [1, 7, 1 << 40])
def test_greater_numbers_make_no_difference(seed: int, by: int) -> None:
    worlds = walk(EARLY, seed, 60)
    assert any(max(least_numbers(world)) >= focus.KEPT for world in worlds)
    assert all(moves_alike(world, EARLY, by) for world in worlds)


def test_the_first_numbers_do_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(focus, "KEPT", 0)
    assert not all(moves_alike(world, EARLY, 1) for seed in range(5) for world in walk(EARLY, seed, 60))


@pytest.mark.parametrize("seed", range(3))
def test_shifting_there_and_back_changes_nothing(seed: int) -> None:
    for world in walk(FIRST, seed, 60):
        assert shifted(shifted(world, 5, 11), -5, -11) == world
        assert shifted(world, 0, 0) == world
        assert shifted(world, 5, 11) != world
        assert least_numbers(shifted(world, 5, 11)) == tuple(
            least + by for least, by in zip(least_numbers(world), (5, 11), strict=True)
        )


def test_numbers_stay_small_however_long_it_goes_on() -> None:
    for world in walk(FIRST, 1, 500):
        newest = max(node.local_commitment_number for node in world.nodes)
        assert newest <= focus.KEPT + 3


def test_there_is_always_something_to_sign() -> None:
    world = begun(FIRST)
    sent = [after for move, after in moves(world, FIRST) if str(move).startswith("A send commitment_signed")]
    assert len(sent) == 1
    (message,) = sent[0].wires[0]
    assert isinstance(message, CommitmentSigned)
    assert commitment(world.nodes[0], View.REMOTE_LATEST).htlcs == ()


@pytest.mark.parametrize(
    ("rule", "broken"), [("B02-retransmission-n-02", "NeverRejected"), ("B02-retransmission-n-12", "SameView")]
)
def test_without_a_rule_of_retransmission_the_nodes_disagree(rule: str, broken: str) -> None:
    found = search(FIRST, without=frozenset({rule}), bounds=Bounds(states=20_000))
    assert (found.verdict, found.trace is not None and found.trace.property) == (Verdict.VIOLATED, broken)


def test_without_losses_every_world_is_visited_and_nothing_breaks() -> None:
    found = search(replace(FIRST, disconnections=0, crashes=0))
    assert found.verdict is Verdict.HOLDS
    assert found.states > 300


def test_each_party_may_offer() -> None:
    assert {scenario.wishes[0].party for scenario in FOCUS.values()} == {0, 1}
