"""The file: how it is opened, what is refused, what a cut in the power leaves of it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from boltnode.storage import event_rows
from boltnode.storage.database import Database
from boltnode.storage.errors import Corrupt, DiskFull, ReadOnly, StorageBusy, StorageError, WrongSchema
from boltnode.storage.folder_lock import FolderLock
from boltnode.storage.schema import APPLICATION_ID, MIGRATIONS, VERSION, migrate
from boltnode.storage.unit_of_work import UnitOfWork


def event(number: int) -> UnitOfWork:
    work = UnitOfWork()
    event_rows.add(work, number, "step", None, "x" * 100)
    return work


def store(database: Database, *numbers: int) -> None:
    assert database.stage([event(number) for number in numbers]) == [None] * len(numbers)
    database.commit()


def stored(path: Path) -> list[int]:
    with Database(path) as database:
        return [row.at for row in event_rows.load(database.connection)]


def setting(database: Database, name: str) -> object:
    return database.connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_settings_that_durability_rests_on(database: Database) -> None:
    assert setting(database, "synchronous") == 2
    assert setting(database, "journal_mode") == "wal"
    assert setting(database, "locking_mode") == "exclusive"
    assert setting(database, "foreign_keys") == 1


def test_file_is_for_its_owner_only(database: Database, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


def test_every_table_is_strict(database: Database) -> None:
    rows = database.connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    strict = {name: bool(flag) for name, flag in rows if not name.startswith("sqlite_")}
    assert len(strict) == 12
    assert all(strict.values()), strict


@pytest.mark.parametrize("version", range(VERSION + 1))
def test_file_of_every_earlier_version_is_brought_up_to_date_with_its_rows(path: Path, version: int) -> None:
    old = sqlite3.connect(path, isolation_level=None)
    migrate(old, version)
    if version >= 1:
        old.execute("INSERT INTO node VALUES (1, 'regtest', ?, 7)", (b"s" * 32,))
        old.execute("INSERT INTO channels VALUES (?, ?, 3, 0, ?)", (b"c" * 32, b"p" * 33, b"state"))
    if version >= 2:
        old.execute("INSERT INTO preimages VALUES (?, ?)", (b"h" * 32, b"r" * 32))
    if version >= 3:
        old.execute("INSERT INTO events (at, kind, detail) VALUES (5, 'old', '')")
    assert old.execute("PRAGMA user_version").fetchone() == (version,)
    old.close()
    with Database(path) as database:
        assert setting(database, "user_version") == VERSION
        assert setting(database, "application_id") == APPLICATION_ID
        tables = ("node", "channels", "preimages", "events")
        counts = [database.connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables]
        assert counts == [version >= 1, version >= 1, version >= 2, version >= 3]
        store(database, 9)


def test_migrated_file_has_the_same_tables_as_a_new_one(tmp_path: Path) -> None:
    def tables(path: Path) -> list[object]:
        with Database(path) as database:
            return database.connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()

    new, old = tmp_path / "new", tmp_path / "old"
    for version in range(1, VERSION + 1):
        connection = sqlite3.connect(old, isolation_level=None)
        migrate(connection, version)
        connection.close()
    assert tables(old) == tables(new)


def test_migration_that_fails_half_way_leaves_the_earlier_version(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Database(path) as database:
        store(database, 1)
    broken = (*MIGRATIONS, "CREATE TABLE extra (x INTEGER) STRICT; INSERT INTO nowhere VALUES (1)")
    monkeypatch.setattr("boltnode.storage.schema.MIGRATIONS", broken)
    monkeypatch.setattr("boltnode.storage.schema.VERSION", len(broken))
    monkeypatch.setattr(migrate, "__defaults__", (len(broken), str))
    with pytest.raises(StorageError, match="no such table: nowhere"):
        Database(path)
    monkeypatch.undo()
    with Database(path) as database:
        assert setting(database, "user_version") == VERSION
        assert not database.connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'extra'").fetchall()
    assert stored(path) == [1]


def test_file_from_the_future_is_refused(path: Path) -> None:
    Database(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(WrongSchema, match=f"version {VERSION + 1}, this program knows up to {VERSION}"):
        Database(path)


def test_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(Corrupt, match="not one of this program"):
        Database(path)
    assert sqlite3.connect(path).execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


def test_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    content = b"no database at all. " * 400
    path.write_bytes(content)
    with pytest.raises(Corrupt, match="the file is not a database"):
        Database(path)
    assert path.read_bytes() == content


def test_damaged_page_is_found_when_the_file_is_opened(path: Path) -> None:
    with Database(path) as database:
        for number in range(200):
            store(database, number)
    content = bytearray(path.read_bytes())
    for at in range(4096, len(content), 4096):
        content[at : at + 64] = os.urandom(64)
    path.write_bytes(content)
    with pytest.raises(Corrupt, match="damaged"):
        Database(path)


def test_second_opener_is_refused(database: Database, path: Path) -> None:
    with pytest.raises(StorageBusy, match="another process uses the database"):
        Database(path)


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        Database(tmp_path / "nowhere" / "node.sqlite3")


def test_folder_that_nobody_can_write() -> None:
    with pytest.raises(ReadOnly, match=r"/sys/node\.sqlite3"):
        Database(Path("/sys/node.sqlite3"))


def test_full_disk_in_the_middle_of_a_unit(database: Database, path: Path) -> None:
    store(database, 1)
    pages = setting(database, "page_count")
    database.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DiskFull, match="the disk is full"):
        database.stage([event(number) for number in range(2, 500)])
    database.close()
    assert stored(path) == [1]


@pytest.mark.parametrize("damage", ["nothing", "cut", "zeros", "noise"])
def test_power_cut_after_a_commit_keeps_all_that_was_committed(path: Path, tmp_path: Path, damage: str) -> None:
    """What the disk holds of the log behind the last commit is arbitrary: it was not waited for."""
    log = path.with_name(path.name + "-wal")
    with Database(path) as database:
        store(database, 1, 2)
        store(database, 3)
        size = log.stat().st_size
        database.stage([event(number) for number in range(4, 400)])
        database.connection.execute("PRAGMA cache_spill = ON")
        database.commit()
        after = tmp_path / "after"
        after.mkdir()
        for file in (path, log):
            shutil.copy(file, after / file.name)
    tail = (after / log.name).read_bytes()[size:]
    assert tail
    made = {
        "nothing": b"",
        "cut": tail[: len(tail) // 2],
        "zeros": bytes(len(tail)),
        "noise": os.urandom(len(tail)),
    }[damage]
    (after / log.name).write_bytes((after / log.name).read_bytes()[:size] + made)
    assert stored(after / path.name) == [1, 2, 3]


def test_lock_keeps_a_second_node_out_until_the_first_is_gone(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from boltnode.storage.folder_lock import FolderLock;"
    program += "lock = FolderLock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StorageBusy, match=rf"another process \(id {other.pid}\) runs a node"):
            FolderLock(tmp_path)
        other.kill()
    with FolderLock(tmp_path) as lock, pytest.raises(StorageBusy, match=f"id {os.getpid()}"):
        FolderLock(tmp_path)
    lock.release()
    FolderLock(tmp_path).release()
