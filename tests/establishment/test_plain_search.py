"""The plain search on a world of one counter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from boltproofs.plain_search import DEPTH, Goal, PlainBounds, PlainVerdict, plain_search, reachable, replayed


def counting(state: int) -> Iterator[tuple[str, int]]:
    """Count up by one or two, to ten at most."""
    for step in (1, 2):
        if state + step <= 10:
            yield f"add {step}", state + step


ALWAYS: Goal[int] = Goal("Always", lambda before, after: True)


def test_everything_reachable_is_seen() -> None:
    result = plain_search(0, counting, [ALWAYS])
    assert (result.verdict, result.states, result.transitions) == (PlainVerdict.HOLDS, 11, 19)
    assert sorted(reachable(0, counting)) == list(range(11))


def test_the_counterexample_is_shortest_and_can_be_replayed() -> None:
    result = plain_search(0, counting, [ALWAYS, Goal("BelowFive", lambda before, after: after < 5)])
    assert (result.verdict, result.property) == (PlainVerdict.VIOLATED, "BelowFive")
    assert len(result.trace) == 3
    assert replayed(0, counting, result.trace)[-1] >= 5


def test_a_goal_may_relate_the_states_of_a_move() -> None:
    result = plain_search(0, counting, [Goal("ByOne", lambda before, after: after - before < 2)])
    assert result.trace == ("add 2",)


def test_final_goals_are_asked_in_final_states_only() -> None:
    assert plain_search(0, counting, [Goal("AtTen", lambda _, after: after == 10, final=True)]).verdict == "holds"
    missed = plain_search(0, counting, [Goal("NotTen", lambda _, after: after != 10, final=True)])
    assert (missed.property, len(missed.trace)) == ("NotTen", 5)


def test_the_initial_state_is_judged_too() -> None:
    assert plain_search(0, counting, [Goal("Positive", lambda _, after: after > 0)]).trace == ()


@pytest.mark.parametrize(
    ("bounds", "stopped"),
    [(PlainBounds(states=3), "states"), (PlainBounds(seconds=-1.0), "time"), (PlainBounds(depth=2), DEPTH)],
)
def test_a_bound_that_is_hit_leaves_the_verdict_open(bounds: PlainBounds, stopped: str) -> None:
    result = plain_search(0, counting, [ALWAYS], bounds)
    assert (result.verdict, result.stopped) == (PlainVerdict.UNKNOWN, stopped)
    assert result.to_json()["verdict"] == "unknown"


def test_a_run_that_is_not_possible_is_refused() -> None:
    with pytest.raises(ValueError, match=r"labels\[1\]"):
        replayed(9, counting, ["add 1", "add 1"])
