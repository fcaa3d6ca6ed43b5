"""A program that stores, and crashes or is failed by the kernel at a chosen point. Run by test_crashes.py.

Standard input: a JSON list of ``[folder, mode, point]``. For each one a child process opens the database in that
folder, stores ``UNITS`` units in groups and tells what left. When the observer of the database is called for the
``point``-th time, the ``mode`` strikes. A line of JSON comes out per child: what it told, and how it ended.

The kernel is made to help by a seccomp filter: from the point on, system calls that make things durable kill the
process in the act, or fail. So every write and every fsync is hit, not only the gaps between them.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import json
import os
import platform
import signal
import struct
import sys
from pathlib import Path

from boltnode.storage import channel_rows, event_rows
from boltnode.storage.channel_rows import ChannelRow
from boltnode.storage.database import Database
from boltnode.storage.errors import StorageError
from boltnode.storage.group_commit import GroupCommit
from boltnode.storage.latch import SigningLatch, SigningStopped
from boltnode.storage.unit_of_work import UnitOfWork

GROUPS = (1, 2, 3, 1, 4)
"""Units that are handed in together."""
CHANNEL_ID, PEER = b"c" * 32, b"p" * 33
STOPPED = 3
"""Exit status of a child whose storage failed."""

# --- system calls that fail or kill ---

CALLS = {
    "x86_64": {"write": 1, "pwrite": 18, "fsync": 74, "fdatasync": 75, "seccomp": 317, "arch": 0xC000003E},
    "aarch64": {"write": 64, "pwrite": 68, "fsync": 82, "fdatasync": 83, "seccomp": 277, "arch": 0xC00000B7},
}[platform.machine()]
KILL = 0x80000000
MODES = {
    "kill at a write": (("write", "pwrite"), KILL),
    "kill at an fsync": (("fsync", "fdatasync"), KILL),
    "disk full": (("write", "pwrite"), 0x00050000 | errno.ENOSPC),
    "read-only": (("write", "pwrite"), 0x00050000 | errno.EROFS),
    "failing fsync": (("fsync", "fdatasync"), 0x00050000 | errno.EIO),
}


def strike(mode: str) -> None:
    """Die at once, or let the kernel do its part from now on, in every thread."""
    if mode == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    names, action = MODES[mode]
    load, jump_equal, give = 0x20, 0x15, 0x06
    program = [struct.pack("HBBI", load, 0, 0, 0)]
    for index, name in enumerate(names):
        program.append(struct.pack("HBBI", jump_equal, len(names) - index, 0, CALLS[name]))
    program += [struct.pack("HBBI", give, 0, 0, 0x7FFF0000), struct.pack("HBBI", give, 0, 0, action)]
    code = ctypes.create_string_buffer(b"".join(program))
    filters = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for_good = libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    refused = libc.syscall(CALLS["seccomp"], 1, 1, filters)  # SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC
    if for_good or refused:
        os._exit(99)


# --- the work ---


class Points:
    """Counts the points, and strikes at one of them."""

    def __init__(self, mode: str, at: int) -> None:
        self.mode, self.at = mode, at
        self.seen = 0

    def __call__(self, point: str) -> None:
        self.seen += 1
        if self.seen == self.at:
            strike(self.mode)


def tell(line: str) -> None:
    """Say it without a system call that the filters look at."""
    os.writev(1, [line.encode() + b"\n"])


def unit(number: int) -> UnitOfWork:
    """The ``number``-th state of the channel, and a record of it; its effect is to tell."""
    work = UnitOfWork()
    channel_rows.save(work, ChannelRow(CHANNEL_ID, PEER, number, False, b"state %d" % number))
    event_rows.add(work, number, "step", CHANNEL_ID, f"step {number}")
    work.after(lambda: tell(f"left {number}"))
    return work


async def store(database: Database) -> None:
    """Hand in all units, group by group."""
    latch = SigningLatch()
    latch.on_close(lambda reason: tell(f"latch {reason}"))
    number = 0
    async with GroupCommit(database, latch) as commits:
        for size in GROUPS:
            waiting = [commits.submit(unit(number + index)) for index in range(1, size + 1)]
            number += size
            for outcome in await asyncio.gather(*waiting, return_exceptions=True):
                if isinstance(outcome, SigningStopped):
                    tell("stopped")
                elif outcome is not None:
                    tell(f"unexpected {outcome!r}")
    if latch.reason is not None:
        os._exit(STOPPED)


def child(folder: str, mode: str, at: int) -> None:
    """Open, store, and say how many points there were."""
    points = Points(mode, at)
    try:
        database = Database(Path(folder) / "node.sqlite3", points)
    except StorageError as error:
        tell(f"not opened {type(error).__name__}")
        os._exit(STOPPED)
    asyncio.run(store(database))
    tell(f"points {points.seen}")
    os._exit(0)


def main() -> None:
    """Run the children one after the other."""
    for folder, mode, at in json.load(sys.stdin):
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(write_end, 1)
            os.close(read_end)
            os.close(write_end)
            child(folder, mode, at)
        os.close(write_end)
        with os.fdopen(read_end) as pipe:
            told = pipe.read().splitlines()
        status = os.waitpid(pid, 0)[1]
        print(json.dumps({"told": told, "exit": os.waitstatus_to_exitcode(status)}))


if __name__ == "__main__":
    main()
