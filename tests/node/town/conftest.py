"""Two whole engines that can be killed at any point (town.py), and what they live through: stories, moves.

The specification's world that accompanies them is made of facts.py, mirror.py, agreement.py, money.py, lockstep.py and
forgery.py, in this order; moves.py is what may happen.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _module(name: str) -> ModuleType:
    """The module beside this file: tests are no package that it could be imported from."""
    if name not in sys.modules:
        description = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        assert description is not None
        assert description.loader is not None
        module = importlib.util.module_from_spec(description)
        sys.modules[name] = module
        description.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def towns() -> Any:
    """The module town.py."""
    return _module("town")


@pytest.fixture(scope="session")
def stories(towns: Any) -> Any:
    """The module stories.py."""
    return _module("stories")


@pytest.fixture(scope="session")
def moves(stories: Any) -> Any:
    """The module moves.py, and what it is made of."""
    assert stories is not None, "those before it are there"
    found = [_module(name) for name in ("facts", "mirror", "agreement", "money", "forgery", "lockstep", "moves")]
    return found[-1]


@pytest.fixture(scope="session")
def town_chain(towns: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A chain for all towns of the session: each brings its own coins."""
    chain = towns.Chain(tmp_path_factory.mktemp("chain"))
    yield chain
    chain.close()


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
