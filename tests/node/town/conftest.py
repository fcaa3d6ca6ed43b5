"""Two whole engines that can be killed at any point, and what they live through: stories, moves.

The engines are town.py, with jumping.py, wires.py and judging.py. The specification's world that accompanies them is
made of facts.py, mirror.py, agreement.py, money.py, lockstep.py and forgery.py, in this order; moves.py is what may
happen.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def moves(load_module: Callable[[str], Any], stories: Any) -> Any:
    """The module moves.py, and what it is made of."""
    assert stories is not None, "those before it are there"
    names = ("facts", "mirror", "agreement", "money", "forgery", "lockstep", "moves")
    return [load_module(f"town/{name}") for name in names][-1]


@pytest.fixture
def new_town(towns: Any, town_chain: Any, tmp_path: Path) -> Callable[..., Any]:
    """``new_town(name, simple_close=…)``: Alice and Bob, in folders of their own."""

    def make(name: str, **options: Any) -> Any:
        return towns.Town(town_chain, tmp_path / name, **options)

    return make


@pytest.fixture
def stages(new_town: Callable[..., Any], moves: Any) -> Callable[..., Any]:
    """``stages(simple_close=…)``: a new town on a stage, and its moves."""
    count = iter(range(1_000_000))
    return lambda **options: moves.Stage(new_town(f"town {next(count)}", **options))
