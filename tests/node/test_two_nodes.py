"""Two daemons on one chain: they open a channel, pay both ways, fail a payment, restart, close together.

The chain is the embedded one, served; and bitcoind, where there is one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boltchain.addresses import script_of
from boltchain.bitcoind import BitcoindChain

PATIENCE_SECONDS = 60
CAPACITY, PUSHED = 1_000_000, 100_000_000


@pytest.fixture(params=["relaying_served_chain", "relaying_bitcoind"])
def chain(request: pytest.FixtureRequest) -> BitcoindChain:
    """Each server in turn, with a mempool as on mainnet."""
    found: BitcoindChain = request.getfixturevalue(request.param)
    return found


class Story:
    """Alice and Bob."""

    def __init__(self, start: Callable[..., Any], folder: Path, chain: BitcoindChain) -> None:
        self.start, self.folder, self.chain = start, folder, chain
        self.alice, self.bob = self.begin("alice"), self.begin("bob")
        self.bob_id = self.bob.result("getinfo")["id"]
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
        self.chain.rpc.call("generatetoaddress", blocks, self.address)

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
        self.alice.result("-k", "fundchannel", f"id={self.bob_id}", f"amount={CAPACITY}", f"push_msat={PUSHED}")
        self.mine()
        for daemon in (self.alice, self.bob):
            self.await_state(daemon, "CHANNELD_NORMAL")

    def balances(self) -> tuple[int, int]:
        (ours,), (theirs,) = (node.result("listpeerchannels")["channels"] for node in (self.alice, self.bob))
        return ours["to_us_msat"], theirs["to_us_msat"]

    def pay(self, payer: Any, payee: Any, amount_msat: int, label: str) -> Any:
        invoice = payee.result("invoice", str(amount_msat), label, "for the test")
        return payer.result("pay", invoice["bolt11"])


@pytest.fixture
def story(start_daemon: Callable[..., Any], tmp_path: Path, chain: BitcoindChain) -> Story:
    return Story(start_daemon, tmp_path, chain)


def test_open_pay_both_ways_fail_restart_and_close(story: Story) -> None:
    story.open()
    total = CAPACITY * 1000
    assert story.balances() == (total - PUSHED, PUSHED)
    assert story.pay(story.alice, story.bob, 5_000_000, "tea")["status"] == "complete"
    assert story.pay(story.bob, story.alice, 2_000_001, "cake")["status"] == "complete"
    settled = (total - PUSHED - 2_999_999, PUSHED + 2_999_999)
    story.wait(lambda: story.balances() == settled)
    paid = story.bob.result("listinvoices", "tea")["invoices"][0]
    assert (paid["status"], paid["amount_received_msat"]) == ("paid", 5_000_000)

    again = story.bob.result("invoice", "7000", "unwanted", "")["bolt11"]
    story.bob.end()
    story.bob = story.begin("bob")
    story.connect()
    story.wait(lambda: story.alice.result("listpeerchannels")["channels"][0]["reestablished"])
    assert story.alice.result("pay", again)["status"] == "complete"
    story.wait(lambda: story.balances() == (settled[0] - 7_000, settled[1] + 7_000))

    closed = story.alice.result("close", story.bob_id)
    assert closed["type"] == "mutual"
    story.wait(lambda: bool(story.chain.rpc.call("getrawmempool")))
    story.mine()
    for daemon in (story.alice, story.bob):
        story.await_state(daemon, "FUNDING_SPEND_SEEN")
    (coin,) = story.bob.result("listfunds")["outputs"]
    assert settled[1] // 1000 - 2_500 <= coin["amount_msat"] // 1000 <= settled[1] // 1000 + 7


def test_payment_that_is_given_back_is_refunded(story: Story) -> None:
    story.open()
    before = story.balances()
    invoice = story.bob.result("invoice", "6000000", "hurried", "leaves 18 blocks")
    story.bob.end()
    story.bob = story.begin("bob", "--cltv-final", "100")  # more than the invoice asked for
    story.connect()
    failed = story.alice.ask("pay", invoice["bolt11"])
    assert failed.returncode == 1
    assert "incorrect_or_unknown_payment_details" in failed.stdout
    story.wait(lambda: story.alice.result("listpeerchannels")["channels"][0].get("htlcs") == [])
    assert story.balances() == before
    assert [row["status"] for row in story.alice.result("listpays")["pays"]] == ["failed"]
    assert story.pay(story.alice, story.bob, 5_000, "patient")["status"] == "complete"


def test_payment_waits_for_the_connection(story: Story) -> None:
    story.open()
    invoice = story.bob.result("invoice", "6000", "later", "")
    story.bob.end()
    assert story.alice.ask("pay", invoice["bolt11"], "null", "null", "null", "null", "0").returncode == 1
    story.bob = story.begin("bob")
    story.connect()
    assert story.alice.result("pay", invoice["bolt11"])["status"] == "complete"


def test_channel_is_closed_alone_when_the_peer_is_away(story: Story) -> None:
    story.open()
    story.bob.end()
    closed = story.alice.result("close", story.bob_id, "1")
    assert closed["type"] == "unilateral"
    story.wait(lambda: bool(story.chain.rpc.call("getrawmempool")))
    story.mine()
    story.await_state(story.alice, "FUNDING_SPEND_SEEN")


def test_withdrawal_pays_and_leaves_change(story: Story) -> None:
    story.chain.fund(script_of(story.address, "regtest"), 500_000)
    story.wait(lambda: bool(story.alice.result("listfunds")["outputs"]))
    target = story.bob.result("newaddr", "p2tr")["p2tr"]
    sent = story.alice.result("withdraw", target, "100000")
    assert sent["psbt"].startswith("cHNidP8")
    story.wait(lambda: sent["txid"] in story.chain.rpc.call("getrawmempool"))
    story.mine()
    story.wait(lambda: bool(story.bob.result("listfunds")["outputs"]))
    (coin,) = story.bob.result("listfunds")["outputs"]
    assert (coin["txid"], coin["amount_msat"]) == (sent["txid"], 100_000_000)
