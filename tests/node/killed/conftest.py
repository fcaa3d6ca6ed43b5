"""Real node processes that are killed at any point of theirs (killable.py), and their stories (chronicles.py)."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent


def _module(path: Path) -> ModuleType:
    """A module of the tests, which are no package that it could be imported from."""
    if path.stem not in sys.modules:
        description = importlib.util.spec_from_file_location(path.stem, path)
        assert description is not None
        assert description.loader is not None
        module = importlib.util.module_from_spec(description)
        sys.modules[path.stem] = module
        description.loader.exec_module(module)
    return sys.modules[path.stem]


@pytest.fixture(scope="session")
def killable() -> Any:
    """The module killable.py; it judges by what is in town.py."""
    _module(HERE.parent / "town" / "town.py")
    return _module(HERE / "killable.py")


@pytest.fixture(scope="session")
def chronicles(killable: Any) -> Any:
    """The module chronicles.py."""
    del killable
    return _module(HERE / "chronicles.py")


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
