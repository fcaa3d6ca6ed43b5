"""Two node processes over TCP, one of which is killed by SIGKILL at a point of its own: the story goes on to its end.

The points of a story are counted in a run without a kill: just before and just after each durable write, each message
to the peer and each transaction that is offered to the chain. How many there are differs a little from run to run,
since these are real processes; a point is one that the run comes to. A sample is killed here, every point with
``KILL_POINTS=all``, and so many of each story and seat with ``KILL_POINTS=<number>``.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from typing import Any

import pytest

SAMPLE = os.environ.get("KILL_POINTS", "2")
pytestmark = [pytest.mark.timeout(0)] if SAMPLE == "all" else []
NewPair = Callable[..., Any]
BOTH, ALICE = (0, 1), (0,)
STORIES = {
    "opening": BOTH, "paying": BOTH, "fee": BOTH, "closing": BOTH,
    "defending_own": ALICE, "defending_against_peer": ALICE, "punishing": ALICE,
}  # fmt: skip
"""And who is killed in it."""
RARE = 12
"""Of the points of a kind that are more than that (blocks that go by), so many are candidates."""


def told(new_killable_pair: NewPair, chronicles: Any, story: str, **options: Any) -> Any:
    """The nodes after the story."""
    pair = new_killable_pair(**options)
    chronicles.STORIES[story](pair)
    pair.close()
    return pair


def sample(points: list[str], seed: str) -> list[int]:
    """Numbers of points: each kind of them is as likely as any other."""
    if SAMPLE == "all":
        return list(range(1, len(points) + 1))
    chance = random.Random(seed)
    kinds: dict[str, list[int]] = {}
    for number, what in enumerate(points, 1):
        kinds.setdefault(what, []).append(number)
    candidates = [
        number for of_kind in kinds.values() for number in chance.sample(of_kind, min(RARE, len(of_kind)))
    ]  # fmt: skip
    return sorted(chance.sample(candidates, min(int(SAMPLE), len(candidates))))


@pytest.mark.parametrize(
    ("story", "simple_close"),
    [*((story, True) for story in STORIES), ("closing", False)],
    ids=[*STORIES, "closing by negotiation"],
)
def test_process_killed_at_points_of(
    story: str, simple_close: bool, new_killable_pair: NewPair, chronicles: Any
) -> None:
    whole = told(new_killable_pair, chronicles, story, simple_close=simple_close)
    assert whole.deaths == 0
    for seat in STORIES[story]:
        points, killed = whole.nodes[seat].points(), 0
        sampled = sample(points, f"{story} {simple_close} {seat}")
        for at in sampled:
            what = points[at - 1]
            # A run that does not come to so many points is told once more: killed at the first one of the kind.
            for kill in (chronicles.Kill(seat, at), chronicles.Kill(seat, on=what)):
                try:
                    pair = told(new_killable_pair, chronicles, story, simple_close=simple_close, kill=kill)
                except Exception as error:
                    raise AssertionError(f"{kill}, {what}: {error!r}") from error
                reached = pair.nodes[seat].points()
                assert pair.deaths == 1 or (what not in reached if kill.on else at > len(reached))
                killed += pair.deaths
                shutil.rmtree(pair.folder)
                if pair.deaths:
                    break
        assert 2 * killed >= len(sampled), "most runs did not come to the point at which they were to be killed"


@pytest.mark.parametrize("point", ["after CommitmentSigned", "after RevokeAndAck"])
@pytest.mark.parametrize("seat", BOTH, ids=["alice", "bob"])
def test_write_that_is_lost_with_the_process_is_noticed(
    seat: int, point: str, new_killable_pair: NewPair, chronicles: Any
) -> None:
    """The check can fail: the disk lies to the node, whose peer then has what it does not know of."""
    kill = chronicles.Kill(seat, on=point, loses_writes=True)
    with pytest.raises(AssertionError, match=r"was forgotten|has failed"):
        told(new_killable_pair, chronicles, "paying", kill=kill)
