"""Long listings in pieces, so that nobody waits for the whole of one."""

import sqlite3
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias, TypeVar

from boltnode.storage.group_commit import GroupCommit

PAGE: Final = 1000
"""Rows that are read at a time."""


class Indexed(Protocol):
    """A row with a place in the order of creation."""

    @property
    def created_index(self) -> int:
        """Counts from 1."""


Row = TypeVar("Row", bound=Indexed)
Query: TypeAlias = Callable[[sqlite3.Connection], list[Row]]


async def paged(
    commits: GroupCommit, page: Callable[[int, int], Query[Row]], start: int, limit: int | None
) -> list[Row]:
    """All rows from index ``start`` on, at most ``limit``; ``page(first, count)`` is the query for some of them."""
    found: list[Row] = []
    while limit is None or len(found) < limit:
        count = PAGE if limit is None else min(PAGE, limit - len(found))
        rows = await commits.read(page(start, count))
        found += rows
        if len(rows) < count:
            break
        start = rows[-1].created_index + 1
    return found
