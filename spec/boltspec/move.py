"""Moves: the steps of a world, named so that a run is a list of them.

Every world (update dance, establishment, cooperative close, chain) has a function ``successors`` that yields its
moves, each with the world that it leads to. In one state all moves are different, so a move says which successor is
meant.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from boltspec.scenario import NAMES

T = TypeVar("T")


class Move(NamedTuple):
    """One step of a world."""

    party: int
    """Seat of the party that moves; ``CHAIN`` for what is nobody's doing: an empty block, a lost connection."""
    action: str
    """One word, a verb: ``send`` and ``deliver`` for messages; the world says what else there is."""
    detail: str
    """What exactly; unique among the moves of a state."""

    def __str__(self) -> str:
        who = "chain" if self.party == CHAIN else NAMES[self.party]
        return f"{who} {self.action} {self.detail}".rstrip()


CHAIN = -1
"""The seat of moves that are nobody's."""


def with_entry(pair: tuple[T, T], party: int, value: T) -> tuple[T, T]:
    """Return what both parties have, one entry each, with one party's entry changed."""
    return (value, pair[1]) if party == 0 else (pair[0], value)
