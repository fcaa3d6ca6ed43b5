"""What can be wrong with the storage, in words for the person who runs the node."""

import errno
import sqlite3
from typing import Final


class StorageError(Exception):
    """The storage cannot be used, or not any more. The text says why and, where possible, what helps."""


class StorageBusy(StorageError):
    """Another process uses the folder or the file."""


class DiskFull(StorageError):
    """No room, or a quota is used up."""


class ReadOnly(StorageError):
    """The file or its folder cannot be written."""


class Corrupt(StorageError):
    """The file is damaged, or was never a database of this node."""


class WrongSchema(StorageError):
    """The file was written by a newer program, or for another network."""


class Conflict(Exception):
    """A unit of work found the stored state other than it assumed; nothing of it was stored.

    Not a failure of the storage: the label is taken, the payment was made already.
    """


_KINDS: Final[dict[int, tuple[type[StorageError], str]]] = {
    sqlite3.SQLITE_FULL: (DiskFull, "the disk is full"),
    sqlite3.SQLITE_READONLY: (ReadOnly, "the database cannot be written"),
    sqlite3.SQLITE_CANTOPEN: (ReadOnly, "the database cannot be opened for writing"),
    sqlite3.SQLITE_PERM: (ReadOnly, "the database cannot be opened for writing"),
    sqlite3.SQLITE_CORRUPT: (Corrupt, "the database is damaged; restore no old copy of it, for old states lose money"),
    sqlite3.SQLITE_NOTADB: (Corrupt, "the file is not a database"),
    sqlite3.SQLITE_BUSY: (StorageBusy, "another process uses the database"),
    sqlite3.SQLITE_LOCKED: (StorageBusy, "another process uses the database"),
    sqlite3.SQLITE_IOERR: (StorageError, "reading or writing the disk failed"),
}
"""By SQLite's primary result code."""


def from_sqlite(error: sqlite3.Error) -> StorageError:
    """The same error in our words; the cause stays attached."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    kind, words = _KINDS.get(code & 0xFF, (StorageError, "the database failed"))
    found = kind(f"{words} ({error}, {getattr(error, 'sqlite_errorname', 'no code')})")
    found.__cause__ = error
    return found


def from_os(error: OSError, path: object) -> StorageError:
    """A failure to open or lock a file, in our words."""
    kinds: dict[int | None, type[StorageError]] = {
        errno.ENOSPC: DiskFull,
        errno.EDQUOT: DiskFull,
        errno.EROFS: ReadOnly,
        errno.EACCES: ReadOnly,
        errno.EPERM: ReadOnly,
    }
    found = kinds.get(error.errno, StorageError)(f"{path}: {error.strerror or error}")
    found.__cause__ = error
    return found
