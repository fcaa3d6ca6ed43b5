"""The shards of a search: one in this process, or several in processes of their own."""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Protocol, Self

from boltproofs.explorer.exchange import Parcels, unpack
from boltproofs.explorer.shard import Level, Shard, Snapshot, Task, Violation


class Team(Protocol):
    """What a search asks of its shards."""

    def begin(self) -> list[Violation]:
        """Start from the initial world."""

    def expand(self, seconds: float | None, ends_only: bool = False) -> list[Level]:
        """Expand the newest worlds of all shards, for at most that long."""

    def absorb(self) -> list[Violation]:
        """Bring every world that was found to the shard that owns it."""

    def states(self) -> int:
        """Return how many worlds were seen."""

    def waiting(self) -> int:
        """Return how many worlds are to be expanded next."""

    def parent(self, fingerprint: int) -> int:
        """Return from which world one was reached first."""

    def snapshots(self) -> list[Snapshot]:
        """Return what all shards know, between two levels."""

    def restore(self, snapshots: list[Snapshot]) -> None:
        """Take up an interrupted search, which may have had another number of shards."""


class Alone:
    """A single shard in this process."""

    def __init__(self, task: Task, shard: Shard | None = None) -> None:
        self.task = task
        self.shard = shard or Shard(task)

    def begin(self) -> list[Violation]:
        """Start from the initial world."""
        return list(self.shard.begin())

    def expand(self, seconds: float | None, ends_only: bool = False) -> list[Level]:
        """Expand the newest worlds."""
        return [self.shard.expand(_deadline(seconds), ends_only)]

    def absorb(self) -> list[Violation]:
        """Keep what was found."""
        return list(self.shard.absorb(self.shard.found(0)))

    def states(self) -> int:
        """Return how many worlds were seen."""
        return self.shard.states

    def waiting(self) -> int:
        """Return how many worlds are to be expanded next."""
        return self.shard.waiting

    def parent(self, fingerprint: int) -> int:
        """Return from which world one was reached first."""
        return self.shard.parent(fingerprint)

    def snapshots(self) -> list[Snapshot]:
        """Return what is known, between two levels."""
        return [self.shard.snapshot()]

    def restore(self, snapshots: list[Snapshot]) -> None:
        """Take up an interrupted search."""
        self.shard.restore(snapshots)


class Member:
    """A shard in a process of its own: answers one request after the other."""

    def __init__(self, task: Task, index: int) -> None:
        self._shard = Shard(task, index)
        self._parcels = [Parcels(self._shard.digests) for _ in range(task.shards)]
        self._index = index

    def begin(self) -> tuple[tuple[Violation, ...], int, int]:
        """Start, if the initial world is ours."""
        return self._counted(self._shard.begin())

    def expand(self, seconds: float | None, ends_only: bool) -> tuple[Level, list[bytes]]:
        """Expand the newest worlds; return the report and a parcel for every shard."""
        level = self._shard.expand(_deadline(seconds), ends_only)
        others = enumerate(self._parcels)
        return level, [b"" if to == self._index else one.pack(self._shard.found(to)) for to, one in others]

    def absorb(self, parcels: list[bytes]) -> tuple[tuple[Violation, ...], int, int]:
        """Keep what we found ourselves and what the others found for us."""
        violations = list(self._shard.absorb(self._shard.found(self._index)))
        for parcel in filter(None, parcels):
            violations.extend(self._shard.absorb(unpack(parcel, self._shard.digests)))
        return self._counted(tuple(violations))

    def parent(self, fingerprint: int) -> int:
        """Return from which world one of ours was reached first."""
        return self._shard.parent(fingerprint)

    def snapshot(self) -> Snapshot:
        """Return what this shard knows, between two levels."""
        return self._shard.snapshot()

    def restore(self, snapshots: list[Snapshot]) -> tuple[tuple[Violation, ...], int, int]:
        """Take up what is ours of an interrupted search."""
        self._shard.restore(snapshots)
        return self._counted(())

    def _counted(self, violations: tuple[Violation, ...]) -> tuple[tuple[Violation, ...], int, int]:
        return violations, self._shard.states, self._shard.waiting


def _serve(connection: Connection, task: Task, index: int) -> None:
    """Answer requests until the other end closes the connection."""
    gc.disable()  # as in a search in one process: see collector_off
    member = Member(task, index)
    requests: dict[str, Callable[..., object]] = {
        "begin": member.begin,
        "expand": member.expand,
        "absorb": member.absorb,
        "parent": member.parent,
        "snapshot": member.snapshot,
        "restore": member.restore,
    }
    while True:
        try:
            name, arguments = connection.recv()
        except (EOFError, KeyboardInterrupt):
            return
        connection.send(requests[name](*arguments))


class Processes(AbstractContextManager["Processes"]):
    """Several shards, each in a process of its own."""

    def __init__(self, task: Task) -> None:
        context = multiprocessing.get_context("spawn")
        pairs = [context.Pipe() for _ in range(task.shards)]
        self._connections = [ours for ours, _ in pairs]
        self._processes = [
            context.Process(target=_serve, args=(theirs, task, index), daemon=True)
            for index, (_, theirs) in enumerate(pairs)
        ]
        for process, (_, theirs) in zip(self._processes, pairs, strict=True):
            process.start()
            theirs.close()
        self._parcels: list[list[bytes]] = []
        self._states = self._waiting = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            if error is not None:
                process.terminate()
            process.join()

    def begin(self) -> list[Violation]:
        """Start from the initial world."""
        return self._count(self._ask_all("begin", [()] * len(self._connections)))

    def expand(self, seconds: float | None, ends_only: bool = False) -> list[Level]:
        """Expand the newest worlds of all shards, for at most that long."""
        answers = self._ask_all("expand", [(seconds, ends_only)] * len(self._connections))
        self._parcels = [[answer[1][to] for answer in answers] for to in range(len(answers))]
        return [answer[0] for answer in answers]

    def absorb(self) -> list[Violation]:
        """Bring every world that was found to the shard that owns it."""
        return self._count(self._ask_all("absorb", [(parcels,) for parcels in self._parcels]))

    def states(self) -> int:
        """Return how many worlds were seen."""
        return self._states

    def waiting(self) -> int:
        """Return how many worlds are to be expanded next."""
        return self._waiting

    def parent(self, fingerprint: int) -> int:
        """Return from which world one was reached first."""
        connection = self._connections[fingerprint % len(self._connections)]
        connection.send(("parent", (fingerprint,)))
        parent: int = connection.recv()
        return parent

    def snapshots(self) -> list[Snapshot]:
        """Return what all shards know, between two levels."""
        return self._ask_all("snapshot", [()] * len(self._connections))

    def restore(self, snapshots: list[Snapshot]) -> None:
        """Take up an interrupted search, which may have had another number of shards."""
        self._count(self._ask_all("restore", [(snapshots,)] * len(self._connections)))

    def _count(self, answers: list[tuple[tuple[Violation, ...], int, int]]) -> list[Violation]:
        self._states = sum(answer[1] for answer in answers)
        self._waiting = sum(answer[2] for answer in answers)
        return [violation for answer in answers for violation in answer[0]]

    def _ask_all(self, name: str, arguments: list[tuple[object, ...]]) -> list[Any]:
        """Send every shard its request, then collect the answers: they work at the same time."""
        for connection, own in zip(self._connections, arguments, strict=True):
            connection.send((name, own))
        return [connection.recv() for connection in self._connections]


def _deadline(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds
