"""Runs of a scenario to be replayed: every maximal one in the order of the moves, or a random sample.

A run is maximal when no move is left. A sample is drawn move by move; how much rather the parties talk than go on
chain is drawn anew for each run, so that channels are closed early and late.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from random import Random
from typing import Any

from boltproofs.explorer.family import Steps, World
from boltproofs.families import family_of
from boltproofs.families.dance import DANCE
from boltproofs.trace import Trace
from boltspec import world as dance
from boltspec.chain.moves import Steps as ChainSteps
from boltspec.chain.scenario import ChainScenario
from boltspec.move import Move

MOST_MOVES = 400
"""No run of a scenario is longer: there are only so many blocks and messages in each."""
EAGERNESS = (1, 8, 64, 512)
"""How many times likelier than another move a message is, drawn for each run."""
TALKING = frozenset({"send", "deliver"})


@dataclass(frozen=True, slots=True)
class Run:
    """A trace with the worlds that it leads through."""

    trace: Trace
    worlds: tuple[World, ...]
    """The initial one first."""

    @property
    def digest(self) -> bytes:
        """16 bytes that tell runs apart."""
        trace = self.trace
        return blake2b(repr((trace.scenario.name, trace.moves)).encode(), digest_size=16).digest()


def every(scenario: Any) -> Iterator[Run]:
    """Yield all maximal runs, depth first, each once."""
    family, steps = family_of(scenario), remembering(scenario)
    first = family.initial(scenario)
    moves: list[Move] = []
    worlds: list[World] = [first]
    open_ = [family.successors(first, scenario, steps)]
    deepest = 0
    while open_:
        taken = next(open_[-1], None)
        if taken is not None:
            moves.append(taken[0])
            worlds.append(taken[1])
            open_.append(family.successors(taken[1], scenario, steps))
            deepest = len(moves)
            continue
        if len(moves) == deepest:
            yield Run(Trace(scenario, frozenset(), tuple(moves)), tuple(worlds))
        open_.pop()
        if moves:
            moves.pop()
            worlds.pop()


def drawn(scenario: Any, random: Random) -> Run:
    """Draw a maximal run."""
    family, steps = family_of(scenario), remembering(scenario)
    worlds, moves = [family.initial(scenario)], []
    eagerness = random.choice(EAGERNESS)
    while choices := list(family.successors(worlds[-1], scenario, steps)):
        weights = [eagerness if move.action in TALKING else 1 for move, _ in choices]
        move, after = random.choices(choices, weights)[0]
        moves.append(move)
        worlds.append(after)
        if len(moves) > MOST_MOVES:
            raise ValueError(f"a run of {scenario.name} does not end")
    return Run(Trace(scenario, frozenset(), tuple(moves)), tuple(worlds))


@cache
def remembering(scenario: Any) -> Steps:
    """Return the functions of the scenario's transition relation; those of the dance below the chain with a memory."""
    if not isinstance(scenario, ChainScenario):
        return DANCE.steps

    @cache
    def talk(world: dance.World, _scenario: ChainScenario, corrupt: tuple[bool, bool]) -> Any:
        return tuple(dance.successors(world, scenario.talk(corrupt)))

    return ChainSteps(talk)
