"""Searching a scenario again without some rules, knowing what was found with every rule on.

Switching a rule off changes nothing where it decides nothing. A search with every rule on, if its properties hold,
therefore answers for most of the worlds that a search without a few rules meets: their moves, and that nothing breaks.
Only worlds in which one of the rules decides something, and those that were not met before, are looked at anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from boltproofs.explorer.digest import Digests
from boltproofs.explorer.exchange import Reached
from boltproofs.explorer.family import World
from boltproofs.explorer.memory import Memory, noting, remembering
from boltproofs.explorer.shard import Shard, Task, Violation
from boltproofs.explorer.watch import Names, Watch
from boltspec.move import Move
from boltspec.rules import note, noticing


class Seen(NamedTuple):
    """What was found in one world."""

    rules: frozenset[str]
    """Rules that decide something in its moves."""
    neighbours: list[Reached]


@dataclass(slots=True)
class Record:
    """What a search with every rule on has found."""

    worlds: dict[int, Seen] = field(default_factory=dict)
    memories: dict[str, Memory] = field(default_factory=dict)
    digests: Digests = field(default_factory=Digests)
    watch: Watch | None = None
    """Knows the nodes and steps for which the properties hold; ``None`` before the search."""
    watched: set[str] = field(default_factory=set)
    """Rules that a property asks: without one of them nothing here can be relied on."""

    def answers(self, task: Task) -> bool:
        """Say whether a search without these rules may rely on what is known."""
        return self.watch is not None and not task.extra and self.watched.isdisjoint(task.without)


class Recording(Shard):
    """Searches with every rule on, and writes down what it finds."""

    def __init__(self, task: Task, record: Record) -> None:
        super().__init__(task)
        assert not task.without
        assert task.asked is None
        assert not task.extra
        self._record = record
        self.digests = record.digests
        self._steps = noting(task.family.steps, self.digests, task.scenario, record.memories)
        record.watch = self._watch = _Noticed(task, self.digests, record.watched)

    def _neighbours(self, reached: Reached, violations: list[Violation]) -> list[Reached]:
        with noticing() as notes:
            neighbours = super()._neighbours(reached, violations)
        note(notes.deciding)
        self._record.worlds[reached.fingerprint] = Seen(frozenset(notes.deciding), neighbours)
        return neighbours


class Again(Shard):
    """Searches without some rules, and looks anew only where they matter."""

    def __init__(self, task: Task, record: Record) -> None:
        super().__init__(task)
        assert record.watch is not None
        assert record.answers(task)
        self._record = record
        self.digests = record.digests.copy()
        self._steps = remembering(task.family.steps, self.digests, task.scenario, record.memories)
        self._watch = Watch(task.family, task.scenario, task.properties, self.digests)
        self._watch.trust(record.watch)
        note(record.watched)

    def _neighbours(self, reached: Reached, violations: list[Violation]) -> list[Reached]:
        seen = self._record.worlds.get(reached.fingerprint)
        if seen is None or not seen.rules.isdisjoint(self._task.without):
            return super()._neighbours(reached, violations)
        note(seen.rules)
        return seen.neighbours

    def _broken_in(self, reached: Reached) -> Names:
        return () if reached.fingerprint in self._record.worlds else super()._broken_in(reached)


class _Noticed(Watch):
    """Asks for properties and notices which rules they ask in turn, apart from those that decide steps."""

    def __init__(self, task: Task, digests: Digests, rules: set[str]) -> None:
        super().__init__(task.family, task.scenario, task.properties, digests)
        self._rules = rules

    def of_move(self, before: World, move: Move, after: World) -> Names:
        with self._noticing():
            return super().of_move(before, move, after)

    def of_world(self, world: World) -> Names:
        with self._noticing():
            return super().of_world(world)

    def of_end(self, world: World) -> Names:
        with self._noticing():
            return super().of_end(world)

    def at_first(self, world: World) -> Names:
        with self._noticing():
            return super().at_first(world)

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        with noticing() as notes:
            yield
        self._rules |= notes.deciding
