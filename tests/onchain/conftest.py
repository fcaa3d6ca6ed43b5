"""A plain search of the chain world, and runs given as moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from boltspec import world as dance
from boltspec.chain.moves import Steps, successors
from boltspec.chain.properties.catalogue import PROPERTIES
from boltspec.chain.properties.property import ChainProperty
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.world import ChainWorld, initial
from boltspec.move import Move
from boltspec.world import World

Moves = tuple[tuple[Move, World], ...]


class Memory:
    """Moves of the dance, computed once for each of its states."""

    def __init__(self) -> None:
        self._moves: dict[int, tuple[World, Moves]] = {}
        self._kept: dict[World, World] = {}

    def steps(self) -> Steps:
        return Steps(self._talk)

    def _talk(self, world: World, scenario: ChainScenario, corrupt: tuple[bool, bool]) -> Moves:
        if id(world) not in self._moves:
            moves = dance.successors(world, scenario.talk(corrupt))
            self._moves[id(world)] = world, tuple((move, self._kept.setdefault(after, after)) for move, after in moves)
        return self._moves[id(world)][1]


@dataclass
class Found:
    """What a search has found."""

    broken: str | None
    run: tuple[str, ...]
    last: ChainWorld
    states: int


def reached(scenario: ChainScenario) -> Iterator[ChainWorld]:
    """Yield every world of a scenario once."""
    steps, first = Memory().steps(), initial(scenario)
    known, level = {first}, [first]
    while level:
        yield from level
        below = dict.fromkeys(after for world in level for _, after in successors(world, scenario, steps))
        level = [world for world in below if world not in known]
        known.update(level)


def search(
    scenario: ChainScenario, properties: Sequence[ChainProperty] = PROPERTIES, most: int = 200_000
) -> Found:
    """Search breadth first until a property breaks; AssertionError if there are more than ``most`` worlds."""
    steps, first = Memory().steps(), initial(scenario)
    parents: dict[ChainWorld, tuple[ChainWorld, Move] | None] = {first: None}
    level = [first]
    while level:
        below = []
        for world in level:
            for move, after in successors(world, scenario, steps):
                if after in parents:
                    continue
                parents[after] = world, move
                below.append(after)
                for entry in properties:
                    if not entry.holds(after, scenario):
                        return Found(entry.name, _labels(parents, after), after, len(parents))
        assert len(parents) <= most, "the scenario is larger than the test expects"
        level = below
    return Found(None, (), first, len(parents))


def _labels(parents: dict[ChainWorld, tuple[ChainWorld, Move] | None], world: ChainWorld) -> tuple[str, ...]:
    labels = []
    while (step := parents[world]) is not None:
        world, move = step
        labels.append(str(move))
    return tuple(reversed(labels))


def run(scenario: ChainScenario, *labels: str) -> ChainWorld:
    """Return the world after a run; ``mine`` may be repeated: ``mine 3``."""
    world = initial(scenario)
    for label in labels:
        name, times = (label[:10], int(label[11:])) if label.startswith("chain mine ") else (label, 1)
        for _ in range(times):
            world = next(after for move, after in successors(world, scenario) if str(move).rstrip() == name)
    return world


@pytest.fixture(name="search")
def _search() -> Callable[..., Found]:
    return search


@pytest.fixture(name="reached")
def _reached() -> Callable[[ChainScenario], Iterator[ChainWorld]]:
    return reached


@pytest.fixture(name="run")
def _run() -> Callable[..., ChainWorld]:
    return run
