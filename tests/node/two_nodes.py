"""Two daemons on one chain, for tests of several files. Loaded by conftest.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from boltchain.addresses import script_of
from boltchain.bitcoind import BitcoindChain

PATIENCE_SECONDS = 60
CAPACITY, PUSHED = 1_000_000, 100_000_000


class Story:
    """Alice and Bob."""

    def __init__(self, start: Callable[..., Any], folder: Path, chain: BitcoindChain) -> None:
        self.start, self.folder, self.chain = start, folder, chain
        self.alice, self.bob = self.begin("alice"), self.begin("bob")
        self.alice_id, self.bob_id = (daemon.result("getinfo")["id"] for daemon in (self.alice, self.bob))
        self.address = self.alice.result("newaddr", "bech32")["bech32"]

    def begin(self, name: str, *options: str) -> Any:
        user, _, password = self.chain.rpc.credentials.partition(":")
        at = (
            "--bitcoin-rpcport",
            str(self.chain.rpc.port),
            "--bitcoin-rpcuser",
            user,
            "--bitcoin-rpcpassword",
            password,
        )
        return self.start(self.folder / name, "--addr", "127.0.0.1:0", "--force-feerate", "1000", *at, *options)

    def mine(self, blocks: int = 1) -> None:
        self.chain.mine(blocks)

    def connect(self) -> None:
        at = self.bob.result("getinfo")["binding"][0]
        self.alice.result("connect", self.bob_id, at["address"], str(at["port"]))

    def await_state(self, daemon: Any, state: str) -> None:
        self.wait(lambda: daemon.result("listpeerchannels")["channels"][0]["state"] == state)

    def wait(self, condition: Callable[[], bool]) -> None:
        """Until it is so; how long that takes decides nothing."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < end, [self.alice.result("listpeerchannels"), self.bob.result("listpeerchannels")]
            time.sleep(0.02)

    def open(self) -> None:
        self.chain.fund(script_of(self.address, "regtest"), 2 * CAPACITY)
        self.wait(lambda: bool(self.alice.result("listfunds")["outputs"]))
        self.connect()
        wanted = (f"id={self.bob_id}", f"amount={CAPACITY}", f"push_msat={PUSHED}")
        funded = self.alice.result("-k", "fundchannel", *wanted)
        self.wait(lambda: funded["txid"] in self.chain.rpc.call("getrawmempool"))
        self.mine()
        for daemon in (self.alice, self.bob):
            self.await_state(daemon, "CHANNELD_NORMAL")

    def balances(self) -> tuple[int, int]:
        (ours,), (theirs,) = (node.result("listpeerchannels")["channels"] for node in (self.alice, self.bob))
        return ours["to_us_msat"], theirs["to_us_msat"]

    def pay(self, payer: Any, payee: Any, amount_msat: int, label: str) -> Any:
        invoice = payee.result("invoice", str(amount_msat), label, "for the test")
        return payer.result("pay", invoice["bolt11"])
