"""One step of the node: what becomes durable, and what may happen once it is."""

import sqlite3
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from boltnode.storage.errors import Conflict

Value: TypeAlias = int | str | bytes | None
"""What a column holds."""

Effect: TypeAlias = Callable[[], None]
"""What may be done once the unit is durable: hand bytes to a connection, broadcast a transaction, answer a caller."""

SAVEPOINT: Final = "unit"


class Change(NamedTuple):
    """One statement of a unit."""

    statement: str
    values: tuple[Value, ...]
    rows: int | None
    """How many rows it must touch; None if any number will do."""


class UnitOfWork:
    """Collects the changes and the outbox of one step. All changes are stored or none; effects wait for that."""

    def __init__(self, *, tentative: bool = False) -> None:
        """``tentative``: the unit may meet a :class:`Conflict`, and its author can live with that.

        A conflict in any other unit means that memory and disk have parted, and stops the node.
        """
        self.tentative = tentative
        self._changes: list[Change] = []
        self._effects: list[Effect] = []

    def change(self, statement: str, *values: Value, rows: int | None = None) -> None:
        """Add a statement; with ``rows``, touching another number of rows is a conflict."""
        self._changes.append(Change(statement, values, rows))

    def after(self, effect: Effect) -> None:
        """Add something that may be done once everything in the unit is durable; in the order of the calls."""
        self._effects.append(effect)

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes so far, in order."""
        return tuple(self._changes)

    def release(self) -> None:
        """Let the effects go, once. One that fails keeps back no other; in the end its error is raised."""
        effects, self._effects = self._effects, []
        failures = []
        for effect in effects:
            try:
                effect()
            except Exception as error:
                failures.append(error)
        if failures:
            raise failures[0] if len(failures) == 1 else ExceptionGroup("effects have failed", failures)


def apply(connection: sqlite3.Connection, work: UnitOfWork) -> None:
    """Make the changes inside the open transaction; on :class:`Conflict` nothing of the unit is left in it."""
    connection.execute(f"SAVEPOINT {SAVEPOINT}")
    try:
        for change in work.changes:
            _make(connection, change)
    except (sqlite3.IntegrityError, Conflict) as error:
        connection.execute(f"ROLLBACK TO {SAVEPOINT}")
        connection.execute(f"RELEASE {SAVEPOINT}")
        if isinstance(error, Conflict):
            raise
        raise Conflict(str(error)) from error
    connection.execute(f"RELEASE {SAVEPOINT}")


def _make(connection: sqlite3.Connection, change: Change) -> None:
    touched = connection.execute(change.statement, change.values).rowcount
    if change.rows is not None and touched != change.rows:
        raise Conflict(f"{touched} rows instead of {change.rows}: {' '.join(change.statement.split())}")
