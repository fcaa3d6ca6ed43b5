"""A chain for many replays, and traces found by searching the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from boltproofs.replay import KernelPool
from boltproofs.trace import Trace
from boltspec.move import Move
from boltspec.outputs import Kind
from boltspec.rules import without
from boltspec.scenario import Scenario
from boltspec.world import World, initial, successors

MOST_WORLDS = 200_000
"""Where a search gives up: every goal of these tests lies far below."""


@pytest.fixture(scope="session")
def kernel() -> Iterator[KernelPool]:
    """An embedded chain that is replaced by a new one before it gets slow."""
    with KernelPool() as pool:
        yield pool


@pytest.fixture(scope="session")
def find_trace() -> Callable[..., Trace]:
    """``find_trace(scenario, goal, off=rules)``: the shortest trace to a world that fulfils the goal."""
    return _find


@pytest.fixture(scope="session")
def find_payment() -> Callable[..., Trace]:
    """``find_payment(scenario, kind, by_revocation, off=rules)``: the shortest trace to such a payment."""

    def find(scenario: Scenario, kind: Kind, by_revocation: bool, off: frozenset[str] = frozenset()) -> Trace:
        def goal(world: World) -> bool:
            return any(paid.kind is kind and paid.by_revocation is by_revocation for paid in world.ledger.paid)

        return _find(scenario, goal, off)

    return find


def _find(scenario: Scenario, goal: Callable[[World], bool], off: frozenset[str] = frozenset()) -> Trace:
    start = initial(scenario)
    parents: dict[World, tuple[World, Move] | None] = {start: None}
    layer = [start]
    with without(off):
        while layer and len(parents) < MOST_WORLDS:
            layer = list(_next_layer(layer, scenario, parents))
            for world in layer:
                if goal(world):
                    return Trace(scenario, off, _moves_to(world, parents))
    pytest.fail(f"no such world among {len(parents)} of {scenario.name}")


def _next_layer(
    layer: list[World], scenario: Scenario, parents: dict[World, tuple[World, Move] | None]
) -> Iterator[World]:
    for world in layer:
        for move, after in successors(world, scenario):
            if after not in parents:
                parents[after] = (world, move)
                yield after


def _moves_to(world: World, parents: dict[World, tuple[World, Move] | None]) -> tuple[Move, ...]:
    moves = []
    while (step := parents[world]) is not None:
        world, move = step
        moves.append(move)
    return tuple(reversed(moves))
