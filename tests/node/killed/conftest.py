"""Real node processes that are killed at any point of theirs (killable.py), and their stories (chronicles.py)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def killable(load_module: Callable[[str], Any], towns: Any) -> Any:
    """The module killable.py; it judges by what is in judging.py."""
    del towns
    return load_module("killed/killable")


@pytest.fixture(scope="session")
def chronicles(load_module: Callable[[str], Any], killable: Any) -> Any:
    """The module chronicles.py."""
    del killable
    return load_module("killed/chronicles")


@pytest.fixture(scope="session")
def nursery(killable: Any) -> Iterator[Any]:
    """Nodes are forks of it."""
    found = killable.Nursery()
    yield found
    found.close()


@pytest.fixture
def new_killable_pair(
    killable: Any, nursery: Any, relaying_served_chain: Any, tmp_path: Path
) -> Iterator[Callable[..., Any]]:
    """``new_killable_pair(kill=…, simple_close=…)``: Alice and Bob, running; gone with the test."""
    made: list[Any] = []
    numbers = itertools.count()

    def make(**options: Any) -> Any:
        made.append(killable.Pair(nursery, relaying_served_chain, tmp_path / str(next(numbers)), **options))
        return made[-1].begin()

    yield make
    for pair in made:
        pair.close()
