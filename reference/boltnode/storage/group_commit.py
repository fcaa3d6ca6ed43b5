"""Durable first, then out: all units of work that wait share one fsync.

While one group is on its way to the disk (in a thread of its own, so that the event loop goes on), further units
queue up; they are the next group. So the number of fsyncs a second bounds how often a group is made durable, not how
many steps are. Effects go in the order in which the units were handed in, over all units: a message never overtakes
an earlier one.

If the storage fails, or a unit that is not tentative meets a conflict, the signing latch closes: the units of that
group and all later ones fail, and none of their effects takes place.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, Self, TypeVar

from boltnode.storage.database import Database
from boltnode.storage.errors import Conflict, StorageError, from_sqlite
from boltnode.storage.latch import SigningLatch, SigningStopped
from boltnode.storage.unit_of_work import UnitOfWork

T = TypeVar("T")

MAX_GROUP: Final = 1000
"""Units in one commit: bounds how long the first one waits for the last one."""

_log = logging.getLogger(__name__)


class _Waiting(NamedTuple):
    work: UnitOfWork
    durable: asyncio.Future[None]


class GroupCommit:
    """The only way to the database while the node runs; an async context manager."""

    def __init__(self, database: Database, latch: SigningLatch) -> None:
        """Over an open database, which it closes in the end."""
        self._database = database
        self._latch = latch
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._connection_free = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "commit")
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.commits = 0
        """Groups made durable so far."""

    def submit(self, work: UnitOfWork) -> asyncio.Future[None]:
        """Queue a unit; the future is done when it is durable and its effects have gone.

        It fails with :class:`Conflict` (a tentative unit only) or :class:`SigningStopped`. Nobody has to wait for it.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._latch.reason is not None or self._closing:
            future.set_exception(SigningStopped(self._latch.reason or "the node is stopping"))
        else:
            self._waiting.append(_Waiting(work, future))
            self._wake.set()
        shown = asyncio.shield(future)  # a caller that gives up waiting does not take the unit back
        shown.add_done_callback(_retrieve)
        return shown

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """What ``query`` makes of the database, with everything in it that was submitted before.

        Keep queries short: the event loop waits for them. :class:`StorageError` if the database fails.
        """
        await self.settled()
        async with self._connection_free:
            try:
                return query(self._database.connection)
            except sqlite3.Error as error:
                raise self._stopped(from_sqlite(error)) from error

    async def settled(self) -> None:
        """Wait until all units that were submitted so far are durable or have failed."""
        if self._waiting:
            await asyncio.wait([self._waiting[-1].durable])

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._commit_group()
            if self._closing:
                return

    async def _commit_group(self) -> None:
        """Make durable the units that wait now; they stay in the queue until then, so that readers wait for them."""
        async with self._connection_free:
            group = self._waiting[:MAX_GROUP]
            try:
                outcomes = await self._make_durable([entry.work for entry in group])
            except StorageError as error:
                self._fail_all(self._stopped(error))
                return
            except Exception as error:
                _log.exception("a unit of work could not be stored")
                self._fail_all(self._stopped(StorageError(f"a change could not be made: {error!r}")))
                return
        self.commits += 1
        for entry, conflict in zip(group, outcomes, strict=True):
            self._finish(entry, conflict)
        del self._waiting[: len(group)]

    async def _make_durable(self, works: list[UnitOfWork]) -> list[Conflict | None]:
        outcomes = self._database.stage(works)
        for work, conflict in zip(works, outcomes, strict=True):
            if conflict is not None and not work.tentative:
                raise StorageError(f"the stored state is not what this process took it for: {conflict}")
        await asyncio.get_running_loop().run_in_executor(self._thread, self._database.commit)
        return outcomes

    def _finish(self, entry: _Waiting, conflict: Conflict | None) -> None:
        if conflict is not None:
            _fail(entry.durable, conflict)
            return
        try:
            self._latch.require_open()
            entry.work.release()
        except Exception as error:
            # The state is durable and says that the effect is due, so that a restart makes up for it.
            _log.exception("an effect of a unit of work failed")
            _fail(entry.durable, error)
            return
        self._database.released()
        if not entry.durable.done():
            entry.durable.set_result(None)

    def _stopped(self, error: StorageError) -> SigningStopped:
        self._database.roll_back()
        self._latch.close(str(error))
        found = SigningStopped(self._latch.reason or str(error))
        found.__cause__ = error
        return found

    def _fail_all(self, error: SigningStopped) -> None:
        waiting, self._waiting = self._waiting, []
        for entry in waiting:
            _fail(entry.durable, error)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="group commit")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Make durable what waits, then close the file."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()
        self._database.close()


def _fail(future: asyncio.Future[None], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _retrieve(future: asyncio.Future[None]) -> None:
    """Take note of the outcome: not everybody who submits waits for it, and failures are logged where they arise."""
    if not future.cancelled():
        future.exception()
