"""Two nodes that fight over a channel on the chain (duel.py)."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _duels() -> ModuleType:
    """The module beside this file: tests are no package that it could be imported from."""
    if "duel" in sys.modules:
        return sys.modules["duel"]
    description = importlib.util.spec_from_file_location("duel", Path(__file__).with_name("duel.py"))
    assert description is not None
    assert description.loader is not None
    module = importlib.util.module_from_spec(description)
    sys.modules["duel"] = module
    description.loader.exec_module(module)
    return module


@pytest.fixture(params=[True, False], ids=["anchors", "static_remotekey"])
def duel(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Two nodes whose channel is open; A has 600,000 sat of the million, B has 400,000."""
    made = _duels().Duel(anchors=request.param)
    yield made
    made.chain.close()


@pytest.fixture
def anchored() -> Iterator[Any]:
    """The same with anchors only."""
    made = _duels().Duel(anchors=True)
    yield made
    made.chain.close()


@pytest.fixture
def preimages() -> Callable[[int], bytes]:
    """``preimages(number)``: 32 bytes."""
    found: Callable[[int], bytes] = _duels().preimage
    return found


@pytest.fixture
def new_duel() -> Callable[..., Any]:
    """``new_duel(anchors=…, chain=…, feerate=…)``."""
    found: Callable[..., Any] = _duels().Duel
    return found
