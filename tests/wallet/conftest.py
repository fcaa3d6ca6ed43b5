"""Wallets on chains, each told of every block of its chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from boltchain.block import Block, BlockRef
from boltchain.interface import Chain
from boltchain.serialization import double_sha256
from boltchain.transaction import Txid, parse_transaction
from boltchain.wallet.keys import KeyKind
from boltchain.wallet.reserve import Reserve
from boltchain.wallet.store import MemoryStore
from boltchain.wallet.wallet import Prepared, Wallet

_seeds = count(1)


class Teller:
    """A wallet on a chain. Blocks are named by the hash of what they hold, so that any kind of chain will do."""

    def __init__(self, chain: Chain, *, reserve: Reserve | None = None, kind: KeyKind = KeyKind.P2TR) -> None:
        self.chain = chain
        self.store = MemoryStore()
        self.seed = next(_seeds).to_bytes(32, "big")
        self.reserve = reserve or Reserve()
        self.kind = kind
        self.told = [self._ref(chain.height())]
        self.wallet = self._open(self.told[0])

    def _open(self, birthday: BlockRef | None = None) -> Wallet:
        return Wallet(self.seed, "regtest", self.store, birthday=birthday, reserve=self.reserve, change_kind=self.kind)

    def _ref(self, height: int) -> BlockRef:
        return BlockRef(height, double_sha256(b"".join(self.chain.block(height))))

    def restart(self) -> None:
        """Forget everything but what is stored."""
        self.wallet = self._open()

    def catch_up(self) -> None:
        """Tell the wallet of the blocks that left, then of those that came."""
        while self.told[-1].height > self.chain.height() or self._ref(self.told[-1].height) != self.told[-1]:
            left = self.told.pop()
            self.wallet.disconnect(self.told[-1], left)
        for height in range(self.told[-1].height + 1, self.chain.height() + 1):
            ref, previous = self._ref(height), self.told[-1].hash
            transactions = tuple(parse_transaction(raw) for raw in self.chain.block(height))
            self.wallet.connect(ref, Block(ref.hash, previous, 0, transactions, b""))
            self.told.append(ref)

    def deposit(self, *amounts_sat: int, kind: KeyKind | None = None) -> None:
        """Pay to new addresses of the wallet, each confirmed in a block of its own."""
        for amount_sat in amounts_sat:
            self.chain.fund(self.wallet.new_script(kind or self.kind), amount_sat)
        self.catch_up()

    def mine(self, blocks: int = 1) -> None:
        """Blocks of what waits."""
        self.chain.mine(blocks)
        self.catch_up()

    def reorganise(self, depth: int) -> None:
        """Replace the last blocks by empty ones."""
        self.chain.reorganise(depth)
        self.catch_up()

    def send(self, prepared: Prepared) -> Txid:
        """Store and submit."""
        return self.chain.submit(self.wallet.send(prepared.txid))


@pytest.fixture(params=["embedded_chain", "served_chain", "bitcoind"])
def chain(request: pytest.FixtureRequest) -> Iterator[Chain]:
    """Each kind of chain in turn, with an empty mempool."""
    chain: Chain = request.getfixturevalue(request.param)
    chain.mine()
    yield chain
    chain.mine()


@pytest.fixture
def teller(chain: Chain) -> Callable[..., Teller]:
    """Makes wallets on the chain."""
    return lambda **settings: Teller(chain, **settings)
