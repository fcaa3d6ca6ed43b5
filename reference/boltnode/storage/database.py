"""The file of a node: one connection, write-ahead log, every commit on disk before it returns.

``synchronous = FULL`` makes SQLite call fsync on the log at every commit, and the caller waits for it. Several units
of work can share one commit; each is in a savepoint of its own, so that one that meets a conflict leaves the others.

The connection stays with one thread at a time: that of the caller, but for :meth:`Database.commit`, which may run in
another thread while nobody else touches the database.
"""

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from boltnode.storage.errors import Conflict, Corrupt, StorageError, from_os, from_sqlite
from boltnode.storage.schema import migrate
from boltnode.storage.unit_of_work import UnitOfWork, apply

Observer = Callable[[str], None]
"""Told of each point at which a crash would matter.

``migrating``, ``migrated``; ``begun``, ``applied`` (per unit), ``staged``, ``committed``, ``released`` (per unit).
"""

_PRAGMAS: Final = (
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
)


def ignore(_: str) -> None:
    """Observe nothing."""


class Database:
    """An open file with the newest schema."""

    def __init__(self, path: Path, observe: Observer = ignore) -> None:
        """Open, check and migrate; create the file if there is none. Raises a :class:`StorageError` that says why not.

        ``observe`` is called at the points at which a crash would matter; tests use it to crash there.
        """
        self._observe = observe
        self._path = path
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # seed inside: for the owner only
        except OSError as error:
            raise from_os(error, path) from error
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        try:
            self._prepare()
        except sqlite3.Error as error:
            self.connection.close()
            raise from_sqlite(error) from error
        except StorageError:
            self.connection.close()
            raise

    def _prepare(self) -> None:
        for pragma in _PRAGMAS:
            self.connection.execute(pragma)
        if faults := self.connection.execute("PRAGMA quick_check(1)").fetchall():
            self._require_intact(faults[0][0])
        migrate(self.connection, observe=self._observe)
        self.connection.execute("BEGIN IMMEDIATE")  # shows now, not at the first payment, whether it can be written
        self.connection.execute(f"PRAGMA user_version = {self._user_version()}")
        self.connection.execute("COMMIT")
        _sync_folder(self._path.parent)

    def _user_version(self) -> int:
        found: int = self.connection.execute("PRAGMA user_version").fetchone()[0]
        return found

    def _require_intact(self, found: str) -> None:
        if found != "ok":
            raise Corrupt(f"the database {self._path} is damaged: {found}")

    def stage(self, works: Sequence[UnitOfWork]) -> list[Conflict | None]:
        """Open a transaction and make the changes of all units in it; per unit its conflict, if it met one.

        :class:`StorageError` if the database fails; the transaction is then rolled back.
        """
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            self._observe("begun")
            outcomes = [self._apply(work) for work in works]
            self._observe("staged")
        except sqlite3.Error as error:
            self.roll_back()
            raise from_sqlite(error) from error
        return outcomes

    def _apply(self, work: UnitOfWork) -> Conflict | None:
        try:
            apply(self.connection, work)
        except Conflict as conflict:
            return conflict
        self._observe("applied")
        return None

    def commit(self) -> None:
        """Make durable what is staged: returns after the fsync. :class:`StorageError` if it is not certain to be."""
        try:
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.roll_back()
            raise from_sqlite(error) from error
        self._observe("committed")

    def roll_back(self) -> None:
        """Undo what is staged, if anything is."""
        with suppress(sqlite3.Error):  # SQLite may have rolled back itself; the error at hand is the one to tell of
            self.connection.execute("ROLLBACK")

    def released(self) -> None:
        """Note that the effects of a unit have gone."""
        self._observe("released")

    def close(self) -> None:
        """Close the file."""
        try:
            self.connection.close()
        except sqlite3.Error as error:
            raise from_sqlite(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _sync_folder(folder: Path) -> None:
    """Make the names of the files in ``folder`` durable, not only what is in the files."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    except OSError as error:
        raise from_os(error, folder) from error
    finally:
        os.close(file)
