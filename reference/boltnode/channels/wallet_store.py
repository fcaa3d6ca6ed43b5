"""The wallet's rows in the node's file.

The wallet hands over each change before anybody relies on it. The rows go into a unit of work: the one that is being
made, together with what else belongs to the step, or one of their own. Units become durable in order, so that whatever
is sent later, from a later unit, finds them on disk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from boltnode.storage import wallet_rows
from boltnode.storage.group_commit import GroupCommit
from boltnode.storage.latch import SigningLatch
from boltnode.storage.unit_of_work import UnitOfWork

KIND: Final = "wallet"
"""Of the rows in the table."""


class NodeWalletStore:
    """A :class:`boltchain.wallet.store.WalletStore` over the node's storage."""

    def __init__(self, commits: GroupCommit, latch: SigningLatch, rows: Mapping[bytes, bytes]) -> None:
        """``rows`` is what the table holds at the start."""
        self._commits = commits
        self._latch = latch
        self._rows = rows
        self._work: UnitOfWork | None = None

    def load(self) -> Mapping[str, str]:
        """All rows, as they were at the start."""
        return {key.decode(): value.decode() for key, value in self._rows.items()}

    @contextmanager
    def within(self, work: UnitOfWork) -> Iterator[None]:
        """Let changes be part of a unit of work."""
        before, self._work = self._work, work
        try:
            yield
        finally:
            self._work = before

    def save(self, changes: Mapping[str, str | None]) -> None:
        """Set and remove rows; raises once nothing may be relied on any more."""
        self._latch.require_open()
        work = self._work or UnitOfWork()
        for key, value in changes.items():
            if value is None:
                work.change("DELETE FROM wallet_records WHERE kind = ? AND key = ?", KIND, key.encode())
            else:
                wallet_rows.save(work, KIND, key.encode(), value.encode())
        if work is not self._work:
            self._commits.submit(work)
