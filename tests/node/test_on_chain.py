"""Two daemons whose channel ends on the chain: a peer is away, an HTLC expires, an old state is published."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from typing import Any


def balance_sat(daemon: Any) -> int:
    """What its wallet has in blocks."""
    coins = daemon.result("listfunds")["outputs"]
    return sum(int(coin["amount_msat"]) for coin in coins if coin["status"] == "confirmed") // 1000


def mine_until(story: Any, daemon: Any, condition: Any, limit: int = 40, step: int = 1) -> None:
    """Blocks, one after the other; the daemon has seen each before the next."""
    for _ in range(limit):
        if condition():
            return
        story.mine(step)
        height = story.chain.height()
        story.wait(lambda height=height: daemon.result("getinfo")["blockheight"] == height)
    raise AssertionError(f"not within {limit} blocks")


def test_balance_comes_back_after_the_delay_when_the_peer_is_away(story: Any) -> None:
    story.open()
    before = balance_sat(story.alice)
    story.bob.end()
    assert story.alice.result("close", story.bob_id, "1")["type"] == "unilateral"
    mine_until(story, story.alice, lambda: balance_sat(story.alice) > before + 800_000, step=12)
    # 900,000 sat less the commitment's fee and anchors, the child's, and the sweep's
    assert before + 890_000 < balance_sat(story.alice) < before + 900_000


def test_payment_is_refunded_when_its_htlc_expires_on_the_way(story: Any) -> None:
    story.open()
    invoice = story.bob.result("invoice", "6000000", "never answered", "")
    story.bob.process.send_signal(signal.SIGSTOP)
    words = [sys.executable, "-m", "boltnode.cli", "--lightning-dir", str(story.alice.folder), "pay", invoice["bolt11"]]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as paying:
        story.wait(lambda: bool(story.alice.result("listpeerchannels")["channels"][0]["htlcs"]))
        mine_until(story, story.alice, lambda: paying.poll() is not None, limit=40)
        assert paying.returncode == 1
        assert paying.stdout is not None
        assert "came back on the chain" in paying.stdout.read()
    assert [row["status"] for row in story.alice.result("listpays")["pays"]] == ["failed"]
    story.bob.process.send_signal(signal.SIGKILL)


def test_old_state_that_a_restored_copy_publishes_is_punished(story: Any) -> None:
    """Bob's folder is replaced by an older copy, in which more of the money is his; his node closes with that."""
    story.open()
    story.pay(story.alice, story.bob, 300_000_000, "rich")
    story.bob.end()
    copy = story.folder / "copy"
    shutil.copytree(story.folder / "bob", copy)
    story.bob = story.begin("bob")
    story.connect()
    story.wait(lambda: story.alice.result("listpeerchannels")["channels"][0]["reestablished"])
    story.pay(story.bob, story.alice, 350_000_000, "poor")
    story.bob.end()
    before = balance_sat(story.alice)
    story.alice.end()
    shutil.rmtree(story.folder / "bob")
    shutil.copytree(copy, story.folder / "bob")
    story.bob = story.begin("bob")
    assert story.bob.result("close", story.alice_id, "1")["type"] == "unilateral"
    story.wait(lambda: bool(story.chain.rpc.call("getrawmempool")))
    story.mine()
    story.bob.end()
    story.alice = story.begin("alice")
    mine_until(story, story.alice, lambda: balance_sat(story.alice) > before, limit=10)
    mine_until(story, story.alice, lambda: balance_sat(story.alice) > before + 980_000, limit=10)
    _, told = story.alice.end()
    assert "revoked commitment" in told
