"""All chains, and coins to spend on them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from boltchain.bitcoind import BitcoindChain
from boltchain.client.connection import Endpoint
from boltchain.interface import Chain
from boltchain.spending import SigningKey

_secrets = count(1)


@pytest.fixture(params=["embedded_chain", "served_chain", "bitcoind"])
def chain(request: pytest.FixtureRequest) -> Iterator[Chain]:
    """Each implementation of the interface in turn, with an empty mempool."""
    chain: Chain = request.getfixturevalue(request.param)
    chain.mine()
    yield chain
    chain.mine()


@pytest.fixture(params=["served_chain", "bitcoind"])
def remote(request: pytest.FixtureRequest) -> Iterator[BitcoindChain]:
    """Each server in turn, as the chain that a test acts on behind the client's back; with an empty mempool."""
    chain: BitcoindChain = request.getfixturevalue(request.param)
    chain.mine()
    yield chain
    chain.mine()


@pytest.fixture
def endpoint(remote: BitcoindChain) -> Endpoint:
    """Where the server of `remote` listens."""
    return Endpoint(remote.rpc.port, credentials=remote.rpc.credentials)


@pytest.fixture
def key() -> SigningKey:
    """A key that no other test uses."""
    return SigningKey(next(_secrets).to_bytes(32, "big"))
