"""The wallet's rows in the node's file: each change of the wallet joins the unit of work that it belongs to."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from boltnode.storage import wallet_rows
from boltnode.storage.group_commit import GroupCommit
from boltnode.storage.unit_of_work import UnitOfWork

KIND: Final = "wallet"
"""Of its records in the storage."""


class NoUnit(RuntimeError):
    """The wallet was changed outside of any unit of work: nothing would make that durable."""


class WalletRows:
    """A :class:`boltchain.wallet.store.WalletStore` of the node.

    What the wallet signs within :meth:`into` may leave once that unit is durable.
    """

    def __init__(self, rows: Mapping[str, str]) -> None:
        """With what was stored before."""
        self._rows = dict(rows)
        self._work: UnitOfWork | None = None

    @classmethod
    async def stored(cls, commits: GroupCommit) -> "WalletRows":
        """With what the node's file has."""
        found = await commits.read(lambda connection: wallet_rows.load(connection, KIND))
        return cls({key.decode(): value.decode() for key, value in found.items()})

    @contextmanager
    def into(self, work: UnitOfWork) -> Iterator[UnitOfWork]:
        """Let all changes of the wallet join a unit of work."""
        before, self._work = self._work, work
        try:
            yield work
        finally:
            self._work = before

    def load(self) -> Mapping[str, str]:
        """All rows, with those changes that are on their way."""
        return dict(self._rows)

    def save(self, changes: Mapping[str, str | None]) -> None:
        """Let the changes join the unit at hand; :class:`NoUnit` if there is none."""
        if self._work is None:
            raise NoUnit("the wallet is changed within a unit of work only")
        for key, value in changes.items():
            if value is not None:
                wallet_rows.save(self._work, KIND, key.encode(), value.encode())
                self._rows[key] = value
            elif self._rows.pop(key, None) is not None:
                wallet_rows.delete(self._work, KIND, key.encode())
