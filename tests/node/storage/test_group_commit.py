"""Group commit: one fsync for all that wait, effects in order and only afterwards, failures that stop the node."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from boltnode.storage import event_rows, peer_rows
from boltnode.storage.database import Database
from boltnode.storage.errors import Conflict
from boltnode.storage.group_commit import GroupCommit
from boltnode.storage.latch import SigningLatch, SigningStopped
from boltnode.storage.peer_rows import PeerRow
from boltnode.storage.unit_of_work import UnitOfWork

A, B = b"a" * 33, b"b" * 33


class Bench:
    """A running group commit, and a record of what left."""

    def __init__(self, path: Path) -> None:
        self.points: list[str] = []
        self.latch = SigningLatch()
        self.database = Database(path, self.points.append)
        self.commits = GroupCommit(self.database, self.latch)
        self.left: list[str] = []

    def unit(self, name: str, *, tentative: bool = False) -> UnitOfWork:
        work = UnitOfWork(tentative=tentative)
        event_rows.add(work, 1, name, None, "")
        work.after(lambda: self.left.append(name))
        return work

    async def names(self) -> list[str]:
        return [event.kind for event in await self.commits.read(event_rows.load)]


@asynccontextmanager
async def bench(path: Path) -> AsyncIterator[Bench]:
    found = Bench(path)
    async with found.commits:
        yield found


def on_a_bench(path: Path, story: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        async with bench(path) as found:
            await story(found)

    asyncio.run(run())


def test_units_that_wait_share_one_commit_and_leave_in_order(path: Path) -> None:
    async def story(on: Bench) -> None:
        names = [str(index) for index in range(50)]
        await asyncio.gather(*(on.commits.submit(on.unit(name)) for name in names))
        assert on.left == names
        assert on.commits.commits == 1
        assert on.points.count("committed") == 1
        assert on.points.index("committed") < on.points.index("released")
        assert await on.names() == names

    on_a_bench(path, story)


def test_units_that_come_during_a_commit_are_the_next_group(path: Path) -> None:
    async def story(on: Bench) -> None:
        first = on.commits.submit(on.unit("first"))
        while "staged" not in on.points:
            await asyncio.sleep(0)
        await asyncio.gather(first, *(on.commits.submit(on.unit(str(index))) for index in range(20)))
        assert on.commits.commits == 2
        assert on.left == ["first", *map(str, range(20))]

    on_a_bench(path, story)


def test_effect_that_submits_a_further_unit(path: Path) -> None:
    async def story(on: Bench) -> None:
        done = asyncio.get_running_loop().create_future()
        work = on.unit("cause")
        work.after(lambda: on.commits.submit(on.unit("consequence")).add_done_callback(done.set_result))
        on.commits.submit(work)
        await done
        assert on.left == ["cause", "consequence"]

    on_a_bench(path, story)


def test_conflict_of_a_tentative_unit_leaves_the_others_alone(path: Path) -> None:
    async def story(on: Bench) -> None:
        wrong = on.unit("wrong", tentative=True)
        wrong.change("INSERT INTO events (id, at, kind, detail) VALUES (1, 1, '', '')")
        outcomes = await asyncio.gather(
            on.commits.submit(on.unit("before")),
            on.commits.submit(wrong),
            on.commits.submit(on.unit("after")),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [type(None), Conflict, type(None)]
        assert on.left == ["before", "after"]
        assert await on.names() == ["before", "after"]
        on.latch.require_open()

    on_a_bench(path, story)


def test_conflict_of_any_other_unit_stops_the_node(path: Path) -> None:
    async def story(on: Bench) -> None:
        await on.commits.submit(on.unit("before"))
        wrong = on.unit("wrong")
        peer_rows.save(wrong, PeerRow(A, None, None))
        wrong.change("UPDATE peers SET port = 1 WHERE node_id = ?", B, rows=1)
        outcomes = await asyncio.gather(
            on.commits.submit(on.unit("same group")), on.commits.submit(wrong), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [SigningStopped, SigningStopped]
        with pytest.raises(SigningStopped, match="not what this process took it for: 0 rows instead of 1"):
            on.latch.require_open()
        with pytest.raises(SigningStopped):
            await on.commits.submit(on.unit("later"))
        assert on.left == ["before"]
        assert await on.names() == ["before"]

    on_a_bench(path, story)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
def test_value_that_no_column_can_hold_stops_the_node(path: Path, value: int) -> None:
    async def story(on: Bench) -> None:
        work = on.unit("wrong")
        work.change("INSERT INTO chain_blocks VALUES (?, ?)", value, bytes(32))
        with pytest.raises(SigningStopped, match="could not be made: OverflowError"):
            await on.commits.submit(work)
        assert on.left == []
        assert await on.names() == []

    on_a_bench(path, story)


def test_reader_sees_what_was_submitted_before(path: Path) -> None:
    async def story(on: Bench) -> None:
        for index in range(5):
            on.commits.submit(on.unit(str(index)))
            assert len(await on.names()) == index + 1

    on_a_bench(path, story)


def test_reader_that_finds_the_file_damaged_stops_the_node(path: Path) -> None:
    def query(connection: sqlite3.Connection) -> None:
        connection.execute("SELECT * FROM nowhere")

    async def story(on: Bench) -> None:
        with pytest.raises(SigningStopped, match="no such table"):
            await on.commits.read(query)
        assert on.latch.reason is not None

    on_a_bench(path, story)


def test_caller_that_gives_up_does_not_take_the_unit_back(path: Path) -> None:
    async def story(on: Bench) -> None:
        waiting = on.commits.submit(on.unit("kept"))
        waiting.cancel()
        assert await on.names() == ["kept"]
        assert on.left == ["kept"]

    on_a_bench(path, story)


def test_effect_that_fails_is_told_to_its_caller_and_others_go_on(path: Path) -> None:
    async def story(on: Bench) -> None:
        broken = on.unit("broken")
        broken.after(lambda: on.left.remove("never there"))
        outcomes = await asyncio.gather(
            on.commits.submit(broken), on.commits.submit(on.unit("next")), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [ValueError, type(None)]
        assert on.left == ["broken", "next"]

    on_a_bench(path, story)


@pytest.mark.parametrize("failing", [1, 2])
def test_effect_that_fails_keeps_back_no_other_of_its_unit(path: Path, failing: int) -> None:
    async def story(on: Bench) -> None:
        broken = UnitOfWork()
        for _ in range(failing):
            broken.after(lambda: on.left.remove("never there"))
        broken.after(lambda: on.left.append("behind it"))
        (outcome,) = await asyncio.gather(on.commits.submit(broken), return_exceptions=True)
        assert type(outcome) is (ValueError if failing == 1 else ExceptionGroup)
        assert on.left == ["behind it"]

    on_a_bench(path, story)


def test_closed_latch_holds_back_what_was_committed_already(path: Path) -> None:
    async def story(on: Bench) -> None:
        first = on.unit("first")
        first.after(lambda: on.latch.close("for a reason of its own"))
        outcomes = await asyncio.gather(
            on.commits.submit(first), on.commits.submit(on.unit("second")), return_exceptions=True
        )
        assert outcomes[0] is None
        assert isinstance(outcomes[1], SigningStopped)
        assert on.left == ["first"]

    on_a_bench(path, story)


def test_what_waits_when_the_node_stops_becomes_durable(path: Path) -> None:
    left: list[str] = []

    async def story(on: Bench) -> None:
        on.left = left
        for name in ("one", "two"):
            on.commits.submit(on.unit(name))

    on_a_bench(path, story)
    assert left == ["one", "two"]
    with Database(path) as again:
        assert [event.kind for event in event_rows.load(again.connection)] == ["one", "two"]


def test_latch_keeps_its_first_reason_and_tells_everybody_once() -> None:
    latch = SigningLatch()
    told: list[str] = []
    latch.on_close(told.append)
    latch.require_open()
    latch.close("first")
    latch.close("second")
    assert (latch.reason, told) == ("first", ["first"])
    with pytest.raises(SigningStopped, match="until the node is restarted: first"):
        latch.require_open()
