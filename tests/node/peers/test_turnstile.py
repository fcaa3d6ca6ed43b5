"""Turnstiles: peers take turns and a share of the time, by a clock that only moves when somebody works or waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from boltnode.peers.turnstile import BURST_SECONDS, Turnstile

SHARE, TURN_SECONDS, COST_SECONDS = 0.2, 0.002, 0.0007
"""A message takes a third of a turn, and a bit more."""
MOST_OF_A_TURN = 3
"""Messages."""
LONG_SECONDS = 20.0


@pytest.fixture(scope="module")
def jumping(load_module: Callable[[str], Any]) -> Any:
    """The module jumping.py of the town."""
    return load_module("town/jumping")


class Work:
    """Handles messages of any number of peers, and counts them."""

    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.turnstile = Turnstile(SHARE, TURN_SECONDS, loop.time)
        self.handled: Counter[int] = Counter()

    def handle(self, peer: int) -> None:
        self.loop.jumping.now += COST_SECONDS
        self.handled[peer] += 1

    async def one_turn(self, peer: int, messages: int = 1_000_000) -> None:
        async with self.turnstile.turn() as turn:
            for _ in range(messages):
                self.handle(peer)
                if turn.is_over:
                    break

    async def flood(self, peer: int) -> None:
        while True:
            await self.one_turn(peer)

    def let_flood(self, peers: int) -> list[asyncio.Task[None]]:
        return [asyncio.ensure_future(self.flood(peer)) for peer in range(peers)]


@pytest.fixture
def at_work(jumping: Any) -> Callable[[Callable[[Work], Coroutine[Any, Any, None]]], None]:
    """``at_work(story)``."""

    def told(story: Callable[[Work], Coroutine[Any, Any, None]]) -> None:
        with asyncio.Runner(loop_factory=jumping.JumpingLoop) as runner:
            runner.run(story(Work(runner.get_loop())))

    return told


@pytest.mark.parametrize("peers", [1, 8, 200])
def test_however_many_flood_they_take_one_share_in_equal_parts(at_work: Any, peers: int) -> None:
    async def story(work: Work) -> None:
        tasks = work.let_flood(peers)
        await asyncio.sleep(LONG_SECONDS)
        spent, most = work.handled.total() * COST_SECONDS, SHARE * (LONG_SECONDS + BURST_SECONDS)
        assert 0.9 * most < spent < most + TURN_SECONDS + COST_SECONDS
        assert max(work.handled.values()) - min(work.handled[peer] for peer in range(peers)) <= MOST_OF_A_TURN
        for task in tasks:
            task.cancel()

    at_work(story)


def test_everything_else_goes_on_between_two_turns(at_work: Any) -> None:
    async def story(work: Work) -> None:
        tasks, most = work.let_flood(40), 0
        for _ in range(2_000):
            before = work.handled.total()
            await asyncio.sleep(0)
            most = max(most, work.handled.total() - before)
        assert 0 < most <= 2 * MOST_OF_A_TURN
        for task in tasks:
            task.cancel()

    at_work(story)


def test_newcomer_waits_for_one_turn_of_each_of_the_others(at_work: Any) -> None:
    async def story(work: Work) -> None:
        tasks = work.let_flood(20)
        await asyncio.sleep(LONG_SECONDS)
        before = work.handled.total()
        await work.one_turn(99, messages=1)
        assert work.handled.total() - before <= 21 * MOST_OF_A_TURN
        for task in tasks:
            task.cancel()

    at_work(story)


def test_who_says_little_never_waits(at_work: Any) -> None:
    async def story(work: Work) -> None:
        for number in range(100):
            begun = work.loop.time()
            await work.one_turn(0, messages=1)
            assert work.loop.time() - begun == pytest.approx(COST_SECONDS), number
            await asyncio.sleep(2 * COST_SECONDS / SHARE)

    at_work(story)


def test_nobody_gets_out_of_it_by_hanging_up(at_work: Any) -> None:
    """Each peer hangs up as soon as one message of its was handled, and another one comes."""

    async def story(work: Work) -> None:
        begun = work.loop.time()
        for peer in range(10_000):
            task = asyncio.ensure_future(work.flood(peer))
            while not work.handled[peer]:
                await asyncio.sleep(COST_SECONDS)
            task.cancel()
        elapsed = work.loop.time() - begun
        assert work.handled.total() * COST_SECONDS < SHARE * (elapsed + BURST_SECONDS) + 2 * COST_SECONDS

    at_work(story)


def test_turn_that_fails_counts_and_lets_the_next_one_pass(at_work: Any) -> None:
    async def malformed(work: Work, peer: int) -> None:
        async with work.turnstile.turn():
            work.handle(peer)
            raise ValueError("malformed")

    async def story(work: Work) -> None:
        for peer in range(1_000):
            with pytest.raises(ValueError, match="malformed"):
                await malformed(work, peer)
        assert work.handled.total() * COST_SECONDS < SHARE * (work.loop.time() + BURST_SECONDS) + COST_SECONDS

    at_work(story)
