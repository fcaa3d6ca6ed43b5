"""One process per node folder: two nodes with one key would sign each other's revoked states."""

import fcntl
import os
from pathlib import Path
from typing import Final, Self

from boltnode.storage.errors import StorageBusy, from_os

LOCK_NAME: Final = "lock"
"""File in the folder that is locked; its content, the process id, is for people."""


class FolderLock:
    """Held from construction to :meth:`release`; the kernel releases it when the process dies, however it dies."""

    def __init__(self, folder: Path) -> None:
        """Lock an existing folder; :class:`StorageBusy` if another process holds it, at once."""
        path = folder / LOCK_NAME
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise from_os(error, path) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 20).decode(errors="replace").strip()
            os.close(self._file)
            raise StorageBusy(f"another process (id {holder or 'unknown'}) runs a node in {folder}") from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let others have the folder; twice is harmless."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
