"""Both chains, and coins to spend on them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from boltchain.interface import Chain
from boltchain.spending import SigningKey

_secrets = count(1)


@pytest.fixture(params=["embedded_chain", "bitcoind"])
def chain(request: pytest.FixtureRequest) -> Iterator[Chain]:
    """Each implementation of the interface in turn, with an empty mempool."""
    chain: Chain = request.getfixturevalue(request.param)
    chain.mine()
    yield chain
    chain.mine()


@pytest.fixture
def key() -> SigningKey:
    """A key that no other test uses."""
    return SigningKey(next(_secrets).to_bytes(32, "big"))
