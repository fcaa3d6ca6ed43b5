"""The served chain and the wallet: transactions and blocks per second in one process, and calls over loopback."""

import asyncio
import atexit
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from boltchain.block import BlockRef, parse_block
from boltchain.client.node import ChainClient
from boltchain.faucet import FAUCET_SCRIPT
from boltchain.server.node import RegtestNode
from boltchain.server.process import ServerProcess
from boltchain.spending import Draft, SigningKey
from boltchain.transaction import Input, OutPoint, Output, Transaction, parse_transaction
from boltchain.wallet.keys import KeyKind
from boltchain.wallet.store import MemoryStore
from boltchain.wallet.wallet import Wallet

Bench = tuple[str, Callable[[], object], int, str, float | None]

_CALLS = 200
_TRANSACTIONS = 200
_OP_TRUE = b"\x51"
_KEY = SigningKey(b"\x01" * 32)
_COIN_SAT, _FEE_SAT = 10_000, 1_000


class _Chain:
    """A served chain in a temporary directory; made when it is first asked for."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="boltchain-bench-")
        self.node = RegtestNode(Path(self._directory.name), durable=False)
        self._premined = count(1)
        for _ in range(120):
            self.node.generate(FAUCET_SCRIPT)

    def fan_out(self) -> list[Transaction]:
        """Signed payments of as many confirmed coins."""
        entry = self.node.chain.entry(self.node.chain.books.hash_at(next(self._premined)) or b"")
        assert entry is not None
        reward = parse_block(self.node.chain.raw_block(entry)).transactions[0]
        coins = tuple(Output(_COIN_SAT, _KEY.script_pubkey) for _ in range(_TRANSACTIONS))
        draft = Draft((Input(OutPoint(reward.txid, 0), 0xFFFFFFFF),), coins)
        funding = parse_transaction(draft.with_witnesses([[_OP_TRUE]]))
        self.node.generate_block([funding], FAUCET_SCRIPT)
        return [_payment(OutPoint(funding.txid, vout)) for vout in range(_TRANSACTIONS)]


def _payment(coin: OutPoint) -> Transaction:
    draft = Draft((Input(coin, 0xFFFFFFFD),), (Output(_COIN_SAT - _FEE_SAT, _KEY.script_pubkey),))
    return parse_transaction(draft.with_witnesses([_KEY.witness(draft, 0, _COIN_SAT)]))


_chains: Iterator[_Chain] = iter(_Chain, None)
_state: dict[str, _Chain] = {}


def _chain() -> _Chain:
    if "chain" not in _state or _state["chain"].node.chain.height > 220:
        if (old := _state.pop("chain", None)) is not None:
            old.node.close()
        _state["chain"] = next(_chains)
    return _state["chain"]


def _payments() -> None:
    """Fund, accept and mine: all that happens to a payment on its way into a block."""
    chain = _chain()
    for transaction in chain.fan_out():
        chain.node.accept(transaction)
    chain.node.generate(FAUCET_SCRIPT)
    assert not len(chain.node.pool)


def _blocks() -> None:
    chain = _chain()
    for _ in range(20):
        chain.node.generate(FAUCET_SCRIPT)


def _calls_over_loopback() -> None:
    async def talk(server: ServerProcess) -> None:
        async with ChainClient(server.endpoint) as client:
            for _ in range(_CALLS):
                await client.best_hash()

    if "server" not in _servers:
        _servers["server"] = ServerProcess(Path(tempfile.mkdtemp(prefix="boltchain-bench-")), durable=False)
        atexit.register(_servers["server"].close)
    asyncio.run(talk(_servers["server"]))


_servers: dict[str, ServerProcess] = {}


def _wallet(kind: KeyKind) -> Callable[[], None]:
    chain = _chain()
    height = chain.node.chain.height
    wallet = Wallet(b"\x02" * 32, "regtest", MemoryStore(), birthday=BlockRef(height, chain.node.chain.tip))
    reward = chain.node.generate(wallet.new_script(kind))
    wallet.connect(BlockRef(height + 1, reward.hash), reward)
    for number in range(100):
        block = chain.node.generate(FAUCET_SCRIPT)
        wallet.connect(BlockRef(height + 2 + number, block.hash), block)

    def pay() -> None:
        wallet.abandon(wallet.prepare([Output(50_000, _KEY.script_pubkey)], 1_000).txid)

    return pay


def _lazily(make: Callable[[], Callable[[], None]]) -> Callable[[], None]:
    made: list[Callable[[], None]] = []

    def call() -> None:
        if not made:
            made.append(make())
        made[0]()

    return call


BENCHES: list[Bench] = [
    ("served chain, empty blocks at heights from 120 to 220", _blocks, 20, "blocks", 500),
    ("served chain, payments signed, accepted and mined", _payments, _TRANSACTIONS, "transactions", 500),
    ("chain client, one call after the other over loopback", _calls_over_loopback, _CALLS, "calls", None),
    ("wallet, payment chosen, signed and abandoned, p2tr", _lazily(lambda: _wallet(KeyKind.P2TR)), 1, "payments", None),
    ("wallet, the same with p2wpkh", _lazily(lambda: _wallet(KeyKind.P2WPKH)), 1, "payments", None),
]
