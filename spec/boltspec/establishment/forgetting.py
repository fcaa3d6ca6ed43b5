"""When the fundee forgets a channel whose funding transaction does not come (BOLT 2, The ``channel_ready`` Message)."""

from __future__ import annotations

from boltspec.establishment.state import ACCEPTER, Establishment
from boltspec.units import Blocks

FORGET_BLOCKS = Blocks(2016)
"""So many without the funding transaction are enough (B02-channel-ready-e-02)."""


def may_be_forgotten(state: Establishment) -> bool:
    """Say whether nothing of ours is at stake in a channel without its funding transaction: it is the peer's.

    What was ready once is not forgotten, be it that a reorganisation has taken its funding transaction away.
    """
    return state.role is ACCEPTER and not state.ready_sent


def is_forgotten(state: Establishment, waited: Blocks) -> bool:
    """Say whether a channel is forgotten whose funding transaction is in none of so many blocks."""
    return may_be_forgotten(state) and waited >= FORGET_BLOCKS
