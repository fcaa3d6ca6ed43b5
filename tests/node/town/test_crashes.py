"""Two nodes, one of which is killed at a point of its storage, its wire or its chain: the story goes on to its end.

In every story the points are counted in a run without a crash. Then the story is told again once for each point (here:
for each so-many-th one; with ``CRASH_POINTS=all`` for each) and ends with the same sums: the states of the channel are
lawful and agree, each payment has ended once and alike for both, and after the close every satoshi is on the chain.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from boltspec.lifetime import owed

ALL = os.environ.get("CRASH_POINTS") == "all"
pytestmark = [pytest.mark.timeout(0)] if ALL else []
SAMPLE = 14
"""Points of each story, way to close and fate of the last words; all of them with ``CRASH_POINTS=all``."""
LEAST = {"opening": 70, "paying": 280, "fee": 80, "closing": 50}
"""How many points a story has at least; what is not stated exactly may change with the engine's turns."""


def count(new_town: Callable[..., Any], towns: Any, stories: Any, story: str, **options: Any) -> list[tuple[int, str]]:
    whole = new_town("whole", **options)
    towns.run(whole, getattr(stories, story))
    assert whole.deaths == 0
    found: list[tuple[int, str]] = whole.points
    return found


def sample(points: int, seed: str) -> list[int]:
    if ALL or seed == "opening True True":  # that story is short, and money leaves in the midst of it
        return list(range(1, points + 1))
    return sorted(random.Random(seed).sample(range(1, points + 1), SAMPLE))


@pytest.mark.parametrize("last_words", [True, False], ids=["last words arrive", "last words are lost"])
@pytest.mark.parametrize("simple_close", [True, False], ids=["simple close", "legacy close"])
@pytest.mark.parametrize("story", LEAST)
def test_killed_at_points_of(  # noqa: PLR0917  # fixtures
    story: str, simple_close: bool, last_words: bool, new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    points = count(new_town, towns, stories, story, simple_close=simple_close)
    assert len(points) >= LEAST[story]
    for at in sample(len(points), f"{story} {simple_close} {last_words}"):
        town = new_town(f"at {at}", simple_close=simple_close)
        town.kill_at, town.delivers_last_words = frozenset({at}), last_words
        try:
            towns.run(town, getattr(stories, story))
        except Exception as error:
            raise AssertionError(f"killed at point {at}, {points[at - 1]}: {error!r}") from error
        assert town.deaths == 1
        assert town.faults == town.hung_up == []
        shutil.rmtree(town.folder)


@pytest.mark.parametrize("distance", [7, 23, 61])
@pytest.mark.parametrize("story", LEAST)
def test_killed_again_and_again(
    story: str, distance: int, new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """Also while starting, catching up and resuming."""
    town = new_town("again")
    town.kill_at = frozenset(range(distance, 2_000, distance)[:12])
    towns.run(town, getattr(stories, story))
    assert town.deaths >= min(12, 50 // distance)
    assert town.faults == town.hung_up == []


@pytest.mark.parametrize("what", ["send CommitmentSigned", "send RevokeAndAck"])
@pytest.mark.parametrize("seat", [0, 1], ids=["alice", "bob"])
def test_node_that_sends_nothing_again_is_noticed(
    seat: int, what: str, new_town: Callable[..., Any], towns: Any, stories: Any
) -> None:
    """The check can fail: what a killed node has stored and never handed to the wire is then lost for good."""
    points = count(new_town, towns, stories, "paying")
    town = new_town("resends nothing")
    town.kill_at = frozenset({points.index((seat, what)) + 1})
    with patch.object(owed, "retransmission", lambda _: ()), pytest.raises(towns.Stuck, match="the story does not end"):
        towns.run(town, stories.paying)
    assert town.deaths == 1


def test_points_are_of_every_kind(new_town: Callable[..., Any], towns: Any, stories: Any) -> None:
    """Each node dies at each kind of step: storage, every message that the stories have, transactions."""
    found = set()
    for simple_close in (True, False):
        for story in LEAST:
            name = f"{story} {simple_close}"
            found |= set(count(lambda _, name=name, **given: new_town(name, **given), towns, stories, story,
                               simple_close=simple_close))  # fmt: skip
    said = {what.removeprefix("send ") for _, what in found if what.startswith("send ")}
    assert said == {
        "OpenChannel", "AcceptChannel", "FundingCreated", "FundingSigned", "ChannelReady", "UpdateAddHtlc",
        "UpdateFulfillHtlc", "UpdateFailHtlc", "UpdateFee", "CommitmentSigned", "RevokeAndAck", "Shutdown",
        "ClosingSigned", "ClosingComplete", "ClosingSig",
    }  # fmt: skip
    for seat in (0, 1):
        kinds = {what for owner, what in found if owner == seat}
        assert {"begun", "applied", "staged", "committed", "released", "before sendrawtransaction",
                "after sendrawtransaction"} <= kinds  # fmt: skip
