"""When the fundee forgets a channel whose funding transaction does not come."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boltspec.establishment.forgetting import FORGET_BLOCKS, is_forgotten, may_be_forgotten
from boltspec.establishment.state import ACCEPTER, OPENER, Establishment, Node
from boltspec.units import Blocks

WAITING = Establishment(Node(), role=ACCEPTER)


@pytest.mark.parametrize(("waited", "forgets"), [(0, False), (2015, False), (2016, True)])
def test_fundee_forgets_it_after_2016_blocks(waited: int, forgets: bool) -> None:
    """B02-channel-ready-e-02."""
    assert is_forgotten(WAITING, Blocks(waited)) is forgets


@pytest.mark.parametrize("state", [replace(WAITING, role=OPENER), replace(WAITING, ready_sent=True)])
def test_funder_and_who_was_ready_once_never_forget(state: Establishment) -> None:
    assert may_be_forgotten(WAITING)
    assert not may_be_forgotten(state)
    assert not is_forgotten(state, FORGET_BLOCKS + FORGET_BLOCKS)
