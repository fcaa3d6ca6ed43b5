"""Durable units of work per second, beside the rate at which the file system does an fsync.

On the file system of the temporary folder, which ``TMPDIR`` names. What counts is the ratio: one unit after the other
cannot be faster than the fsyncs, many at once share them.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from boltnode.state_codec import decode_state, encode_state
from boltnode.storage import channel_rows
from boltnode.storage.channel_rows import ChannelRow
from boltnode.storage.database import Database
from boltnode.storage.group_commit import GroupCommit
from boltnode.storage.latch import SigningLatch
from boltnode.storage.unit_of_work import UnitOfWork
from boltspec.channel import opened
from boltspec.htlc import LOCAL, Htlc, Stage
from boltspec.htlcs import Htlcs
from boltspec.params import MAINNET_LIMITS, Params
from boltspec.units import FeeratePerKw, Height, Msat, Sat

Bench = tuple[str, Callable[[], object], int, str, float | None]

_FSYNCS = 50
_UNITS = 400
_PAGE = bytes(4096)
_PEER = b"p" * 33
_FOLDER = tempfile.TemporaryDirectory(prefix="bench-storage-")
_HTLCS = Htlcs(
    tuple(Htlc(LOCAL, number, Msat(1000), number, Height(number), Stage.IRREVOCABLE) for number in range(50))
)
_PARAMS = Params(Sat(10_000_000), LOCAL, FeeratePerKw(253), True, MAINNET_LIMITS, MAINNET_LIMITS)
_CHANNEL = replace(opened(_PARAMS), htlcs=_HTLCS)
_STATE = encode_state(_CHANNEL)


def _file_system() -> str:
    """The type of the file system that the folder is on: of the mount point with the longest name in front of it."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    around = [(point, kind) for point, kind in mounts if Path(_FOLDER.name).is_relative_to(point)]
    return max(around, key=lambda entry: len(entry[0]), default=("", "unknown"))[1]


def _fsyncs() -> None:
    file = os.open(Path(_FOLDER.name) / "fsyncs", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for number in range(_FSYNCS):
            os.pwrite(file, _PAGE, 4096 * number)
            os.fdatasync(file)
    finally:
        os.close(file)


def _run(story: Callable[[GroupCommit], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory(dir=_FOLDER.name) as folder:
            database = Database(Path(folder) / "node.sqlite3")
            async with GroupCommit(database, SigningLatch()) as commits:
                await story(commits)

    asyncio.run(run())


def _in_flight(lanes: int) -> Callable[[], None]:
    """Channels in parallel, each of which waits for one state to be durable before it computes the next."""

    async def lane(commits: GroupCommit, number: int) -> None:
        for revision in range(1, _UNITS // lanes + 1):
            work = UnitOfWork()
            channel_rows.save(work, ChannelRow(number.to_bytes(32, "big"), _PEER, revision, False, _STATE))
            await commits.submit(work)

    async def story(commits: GroupCommit) -> None:
        await asyncio.gather(*(lane(commits, number) for number in range(lanes)))

    return lambda: _run(story)


BENCHES: list[Bench] = [
    (f"fdatasync of one page on {_file_system()}, for comparison", _fsyncs, _FSYNCS, "fsyncs", None),
    ("durable states of a channel with 50 HTLCs, one after the other", _in_flight(1), _UNITS, "units", None),
    ("durable states of 10 such channels at once", _in_flight(10), _UNITS, "units", None),
    ("durable states of 50 such channels at once", _in_flight(50), _UNITS, "units", 1_000),
    ("encode the state of a channel with 50 HTLCs", lambda: encode_state(_CHANNEL), 1, "states", None),
    ("decode the state of a channel with 50 HTLCs", lambda: decode_state(_STATE), 1, "states", None),
]
"""What is measured, how many units one call does, and what is wanted."""
