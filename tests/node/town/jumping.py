"""An event loop whose clock jumps, commits without threads, and chance that is the same each time: for town.py."""

from __future__ import annotations

import asyncio
import random
import secrets
import selectors
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

MOST_TURNS = 100_000
"""How often the event loop turns at most while its clock stands still."""


class Stuck(Exception):
    """What the story waits for does not come."""


class JumpingSelector(selectors.DefaultSelector):
    """Does not wait: moves the clock."""

    now = 0.0
    turns = 0
    """Since the clock was moved."""

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise Stuck("nothing can ever happen any more")
        self.turns = 0 if timeout > 0 else self.turns + 1
        if self.turns > MOST_TURNS:
            self.turns = 0  # what is cleared away has its turns, too
            raise Stuck("everybody is busy, and no time passes")
        self.now += timeout
        return []


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop by whose clock nobody waits."""

    def __init__(self) -> None:
        self.jumping = JumpingSelector()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now


class InPlace(Executor):
    """Commits on the caller's thread, so that the order of all things is the same each time."""

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(function(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


@contextmanager
def fixed_chance(seed: int) -> Iterator[None]:
    """Random bytes that are the same each time."""
    chance = random.Random(seed)
    with patch.object(secrets, "token_bytes", lambda size=32: chance.randbytes(size)):
        yield
