"""An engine (town.py) under attack by a peer that knows the protocol (mallory.py)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def mallory(load_module: Callable[[str], Any], towns: Any) -> Any:
    """The module mallory.py."""
    del towns
    return load_module("hostile/mallory")


@pytest.fixture
def attack(towns: Any, town_chain: Any, tmp_path: Path) -> Callable[..., None]:
    """``attack(story, **options)``: tell a story of Alice and Bob, who listens to strangers; options as of a town."""
    numbers = itertools.count()

    def told(story: Any, **options: Any) -> None:
        towns.run(towns.Town(town_chain, tmp_path / str(next(numbers)), **options), story)

    return told
