"""Two nodes that fight over a channel on the chain (duel.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def duels(load_module: Callable[[str], Any]) -> Any:
    """The module duel.py."""
    return load_module("onchain/duel")


@pytest.fixture(params=[True, False], ids=["anchors", "static_remotekey"])
def duel(duels: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Two nodes whose channel is open; A has 600,000 sat of the million, B has 400,000."""
    made = duels.Duel(anchors=request.param)
    yield made
    made.chain.close()


@pytest.fixture
def anchored(duels: Any) -> Iterator[Any]:
    """The same with anchors only."""
    made = duels.Duel(anchors=True)
    yield made
    made.chain.close()


@pytest.fixture
def preimages(duels: Any) -> Callable[[int], bytes]:
    """``preimages(number)``: 32 bytes."""
    found: Callable[[int], bytes] = duels.preimage
    return found


@pytest.fixture
def new_duel(duels: Any) -> Callable[..., Any]:
    """``new_duel(anchors=…, chain=…, feerate=…)``."""
    found: Callable[..., Any] = duels.Duel
    return found
