"""Two daemons on one chain: they open a channel, pay both ways, fail a payment, restart, close together.

The chain is the embedded one, served; and bitcoind, where there is one.
"""

from __future__ import annotations

from typing import Any

from boltchain.addresses import script_of

CAPACITY, PUSHED = 1_000_000, 100_000_000


def test_open_pay_both_ways_fail_restart_and_close(story: Any) -> None:
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


def test_payment_that_is_given_back_is_refunded(story: Any) -> None:
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


def test_payment_waits_for_the_connection(story: Any) -> None:
    story.open()
    invoice = story.bob.result("invoice", "6000", "later", "")
    story.bob.end()
    assert story.alice.ask("pay", invoice["bolt11"], "null", "null", "null", "null", "0").returncode == 1
    story.bob = story.begin("bob")
    story.connect()
    assert story.alice.result("pay", invoice["bolt11"])["status"] == "complete"


def test_channel_is_closed_alone_when_the_peer_is_away(story: Any) -> None:
    story.open()
    story.bob.end()
    closed = story.alice.result("close", story.bob_id, "1")
    assert closed["type"] == "unilateral"
    story.wait(lambda: bool(story.chain.rpc.call("getrawmempool")))
    story.mine()
    story.await_state(story.alice, "FUNDING_SPEND_SEEN")


def test_withdrawal_pays_and_leaves_change(story: Any) -> None:
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
