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


def paying(story: Any, bolt11: str) -> subprocess.Popen[str]:
    """Alice pays, and waits for what becomes of it."""
    words = [sys.executable, "-m", "boltnode.cli", "--lightning-dir", str(story.alice.folder), "pay", bolt11]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def has_htlc(story: Any, channel: int) -> bool:
    return bool(story.alice.result("listpeerchannels")["channels"][channel]["htlcs"])


def expires_on_the_way(story: Any, bolt11: str) -> str:
    """Alice pays Bob, who does not answer, until the HTLC has come back; what she is told."""
    story.bob.process.send_signal(signal.SIGSTOP)
    with paying(story, bolt11) as process:
        story.wait(lambda: has_htlc(story, 0))
        mine_until(story, story.alice, lambda: process.poll() is not None, limit=40)
        assert process.returncode == 1
        assert process.stdout is not None
        told = process.stdout.read()
    story.bob.process.send_signal(signal.SIGKILL)
    return told


def test_payment_is_refunded_when_its_htlc_expires_on_the_way(story: Any) -> None:
    story.open()
    invoice = story.bob.result("invoice", "6000000", "never answered", "")
    assert "came back on the chain" in expires_on_the_way(story, invoice["bolt11"])
    assert [row["status"] for row in story.alice.result("listpays")["pays"]] == ["failed"]


def second_attempt(story: Any, label: str) -> str:
    """An invoice whose first payment has expired on the way, and a second channel to pay it over; its string."""
    story.open()
    invoice = story.bob.result("invoice", "6000000", label, "")
    expires_on_the_way(story, invoice["bolt11"])
    story.bob = story.begin("bob")
    story.connect()
    story.alice.result("-k", "fundchannel", f"id={story.bob_id}", "amount=500000")
    mine_until(story, story.alice, lambda: is_normal(story.alice, 1) and is_normal(story.bob, 1))
    return str(invoice["bolt11"])


def is_normal(daemon: Any, channel: int) -> bool:
    channels = daemon.result("listpeerchannels")["channels"]
    return len(channels) > channel and channels[channel]["state"] == "CHANNELD_NORMAL"


def statuses(story: Any) -> list[str]:
    return [row["status"] for row in story.alice.result("listpays")["pays"]]


def test_second_attempt_is_not_failed_by_what_has_become_of_the_first(story: Any) -> None:
    """The first channel is watched for another hundred blocks, and its HTLC has the same payment hash."""
    bolt11 = second_attempt(story, "answered late")
    story.bob.process.send_signal(signal.SIGSTOP)
    with paying(story, bolt11) as process:
        story.wait(lambda: has_htlc(story, 1))
        blocks = iter(range(1))  # the payee refuses an HTLC that has lost more time on its way
        mine_until(story, story.alice, lambda: next(blocks, None) is None)
        assert statuses(story) == ["failed", "pending"]
        story.bob.process.send_signal(signal.SIGCONT)
    assert process.returncode == 0
    assert statuses(story) == ["failed", "complete"]


def test_second_attempt_that_was_not_offered_is_failed_after_a_restart(story: Any) -> None:
    """The HTLC of the first one is none of it."""
    bolt11 = second_attempt(story, "asked for twice")
    story.bob.process.send_signal(signal.SIGKILL)
    story.wait(lambda: not story.alice.result("listpeers")["peers"][0]["connected"])
    with paying(story, bolt11):
        story.wait(lambda: statuses(story) == ["failed", "pending"])
        story.alice.process.send_signal(signal.SIGKILL)
    story.alice = story.begin("alice")
    assert statuses(story) == ["failed", "failed"]


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
