"""An engine (town.py) under attack by a peer that knows the protocol (mallory.py)."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

NODE_TESTS = Path(__file__).parents[1]


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
def towns() -> Any:
    """The module town.py."""
    return _module(NODE_TESTS / "town" / "town.py")


@pytest.fixture(scope="session")
def stories(towns: Any) -> Any:
    """The module stories.py."""
    del towns
    return _module(NODE_TESTS / "town" / "stories.py")


@pytest.fixture(scope="session")
def mallory(towns: Any) -> Any:
    """The module mallory.py."""
    del towns
    return _module(Path(__file__).with_name("mallory.py"))


@pytest.fixture(scope="session")
def attacked_chain(towns: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A chain for all towns of the session: each brings its own coins."""
    chain = towns.Chain(tmp_path_factory.mktemp("chain"))
    yield chain
    chain.close()


@pytest.fixture
def attack(towns: Any, attacked_chain: Any, tmp_path: Path) -> Callable[..., None]:
    """``attack(story, **options)``: tell a story of Alice and Bob, who listens to strangers; options as of a town."""
    numbers = itertools.count()

    def told(story: Any, **options: Any) -> None:
        towns.run(towns.Town(attacked_chain, tmp_path / str(next(numbers)), **options), story)

    return told
