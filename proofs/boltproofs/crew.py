"""Processes that share a list of work so that each keeps to one part of it.

Neighbours in a list need the same preparation, which a process remembers. So each process has a stretch of its own,
from its beginning on; one that is done takes from the end of the longest stretch that is left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from threading import Lock
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")
U = TypeVar("U")


class Crew:
    """Some processes."""

    def __init__(self, workers: int) -> None:
        context = get_context("spawn")
        self._pools = [ProcessPoolExecutor(1, mp_context=context) for _ in range(workers)]
        self._submitted = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in self._pools:
            pool.shutdown(cancel_futures=error is not None)

    def submit(self, function: Callable[..., T], *arguments: Any) -> Future[T]:
        """Have something done by any of them, in turn."""
        self._submitted += 1
        return self._pools[self._submitted % len(self._pools)].submit(function, *arguments)

    def map(self, function: Callable[[T], U], values: Iterable[T], /) -> list[U]:
        """Return what the function makes of each value, in their order."""
        todo = list(values)
        stretches, lock = _stretches(len(todo), len(self._pools)), Lock()
        results: dict[int, U] = {}

        def work(worker: int) -> None:
            while (index := _take(stretches, worker, lock)) is not None:
                results[index] = self._pools[worker].submit(function, todo[index]).result()

        with ThreadPoolExecutor(len(self._pools)) as threads:
            list(threads.map(work, range(len(self._pools))))
        return [results[index] for index in range(len(todo))]


def _stretches(count: int, workers: int) -> list[deque[int]]:
    edges = [count * worker // workers for worker in range(workers + 1)]
    return [deque(range(first, end)) for first, end in pairwise(edges)]


def _take(stretches: list[deque[int]], worker: int, lock: Lock) -> int | None:
    with lock:
        if stretches[worker]:
            return stretches[worker].popleft()
        longest = max(stretches, key=len)
        return longest.pop() if longest else None
