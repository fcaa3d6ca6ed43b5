"""Searches that are interrupted and resumed: what has been seen, and the newest worlds, in a file.

A file is written between two levels, beside the old one and then in its place: at any time there is a whole one.
It belongs to one search: to the sources as they are, a scenario, the rules that are off and the properties that are
asked for. How many processes share the search is not part of it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from boltproofs.citations import fingerprint
from boltproofs.explorer.digest import digest
from boltproofs.explorer.shard import Snapshot, Task

MAGIC = b"boltspec-search-1\n"
"""First line of a file."""
CHECKSUM_BYTES = 16
LENGTH_BYTES = 8
LEAST_SECONDS = 10.0
"""Between two writings at least so much time passes."""
COST = 20
"""... and so many times what the last one took."""


class SavedError(ValueError):
    """A file that cannot be used; the text says why and what to do."""


class WrongSearch(SavedError):
    """The file belongs to another search: of another scenario, or of the sources as they were."""


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far a search has come, beside what its shards know."""

    transitions: int
    depth: int
    seconds: float


def key_of(task: Task) -> str:
    """Return the digest of everything that a search's result depends on."""
    asked = None if task.asked is None else sorted(task.asked)
    extra = [one.name for one in task.extra]
    facts = (fingerprint(), task.family.name, digest(task.scenario).hex(), sorted(task.without), asked, extra)
    return blake2b(repr(facts).encode(), digest_size=CHECKSUM_BYTES).hexdigest()


class Saved:
    """The file of a search."""

    def __init__(self, path: Path, every_seconds: float = LEAST_SECONDS) -> None:
        self.path = path
        self._every = every_seconds
        self._wait = every_seconds
        self._last = time.monotonic()

    def is_due(self) -> bool:
        """Say whether it is time to write again."""
        return time.monotonic() - self._last >= self._wait

    def write(self, task: Task, progressed: Progressed, snapshots: Iterable[Snapshot]) -> None:
        """Replace the file."""
        started = time.monotonic()
        parts = [part for snapshot in snapshots for part in snapshot]
        header = {
            "key": key_of(task),
            "scenario": task.scenario.name,
            "transitions": progressed.transitions,
            "depth": progressed.depth,
            "seconds": progressed.seconds,
            "parts": [len(part) for part in parts],
        }
        text = json.dumps(header).encode()
        body = b"".join([MAGIC, len(text).to_bytes(LENGTH_BYTES, "big"), text, *parts])
        _replace(self.path, body + blake2b(body, digest_size=CHECKSUM_BYTES).digest())
        self._last = time.monotonic()
        self._wait = max(self._every, COST * (self._last - started) if self._every else 0.0)

    def read(self, task: Task) -> tuple[Progressed, list[Snapshot]] | None:
        """Return what was written last; ``None`` if there is no file, :class:`SavedError` if it cannot be used."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        body, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
        if not body.startswith(MAGIC) or blake2b(body, digest_size=CHECKSUM_BYTES).digest() != checksum:
            raise SavedError(f"{self.path} is damaged: it cannot be resumed from; remove it to begin anew")
        end = len(MAGIC) + LENGTH_BYTES
        length = int.from_bytes(body[len(MAGIC) : end], "big")
        header = json.loads(body[end : end + length])
        if header["key"] != key_of(task):
            raise WrongSearch(
                f"{self.path} was written by another search (of {header['scenario']}; other sources, rules or"
                " properties): remove it to begin anew"
            )
        parts, at = [], end + length
        for size in header["parts"]:
            parts.append(body[at : at + size])
            at += size
        snapshots = [Snapshot(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]
        return Progressed(header["transitions"], header["depth"], header["seconds"]), snapshots

    def remove(self) -> None:
        """Remove the file of a search that has ended."""
        self.path.unlink(missing_ok=True)


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
