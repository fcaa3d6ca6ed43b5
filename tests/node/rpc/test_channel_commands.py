"""Commands about channels, wallet and payments, against an engine that pretends: checks, translation, books."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from boltnode.engine import CloseChannel, FundChannel, Withdraw
from boltnode.network import network_named
from boltnode.rpc.errors import Code
from boltnode.rpc.kinds import Outpoint
from boltnode.storage.latch import SigningStopped
from boltwire.bolt11 import SIGNET, Invoice, encode
from boltwire.secp256k1 import PrivateKey

OnANode = Callable[..., None]
KEY = b"\5" * 32
PAYEE = PrivateKey(KEY).public_key.encoded
PREIMAGE = b"\1" * 32
HASH = hashlib.sha256(PREIMAGE).digest()
NOW = 1_700_000_000
ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
SCRIPT = bytes.fromhex("0014751e76e8199196d454941c45d1b3a323f1433bd6")
MAINNET = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"


def text(**changes: Any) -> str:
    values: dict[str, Any] = {
        "currency": network_named("regtest").currency,
        "timestamp": NOW,
        "payment_hash": HASH,
        "payment_secret": b"s" * 32,
        "description": "tea",
        "amount_msat": 5_000_000,
    }
    return encode(Invoice(**(values | changes)), KEY)


def with_peer(on_a_node: OnANode, start_node: Callable[..., Any], story: Callable[..., Awaitable[None]]) -> None:
    """Run a story with a node that is connected to another one."""

    async def told(alice: Any) -> None:
        async with start_node("bob") as bob:
            (at,) = (await bob.call("getinfo"))["binding"]
            await alice.call("connect", bob.services.key.node_id.hex(), "127.0.0.1", at["port"])
            await story(alice, bob.services.key.node_id)

    on_a_node(told)


# --- channels ---


def test_fundchannel_with_the_defaults(on_a_node: OnANode, start_node: Callable[..., Any]) -> None:
    async def story(alice: Any, bob_id: bytes) -> None:
        made = await alice.call("fundchannel", bob_id.hex(), 100_000)
        assert alice.engine.asked == [
            FundChannel(
                node_id=bob_id,
                amount_sat=100_000,
                push_msat=0,
                announce=True,
                feerate=None,
                minconf=1,
                utxos=(),
                close_to=None,
                mindepth=None,
            )
        ]
        assert made == {
            "tx": "0200",
            "txid": "03" * 32,
            "outnum": 1,
            "channel_id": "04" * 32,
            "channel_type": {"bits": [12, 22], "names": ["option_static_remotekey/even", "option_anchors/even"]},
            "mindepth": 3,
        }

    with_peer(on_a_node, start_node, story)


def test_fundchannel_with_everything(on_a_node: OnANode, start_node: Callable[..., Any]) -> None:
    async def story(alice: Any, bob_id: bytes) -> None:
        made = await alice.call(
            "fundchannel",
            id=bob_id.hex(),
            amount="all",
            feerate="1000perkw",
            announce=False,
            minconf=0,
            push_msat="5sat",
            close_to=ADDRESS,
            utxos=["ab" * 32 + ":7"],
            mindepth=0,
        )
        assert made["close_to"] == SCRIPT.hex()
        (asked,) = alice.engine.asked
        assert (asked.amount_sat, asked.feerate, asked.announce, asked.minconf) == (None, 1000, False, 0)
        assert (asked.push_msat, asked.close_to, asked.mindepth) == (5_000, SCRIPT, 0)
        assert asked.utxos == (Outpoint(b"\xab" * 32, 7),)

    with_peer(on_a_node, start_node, story)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "00"}, "id: should be a node id: invalid token '00'"),
        ({"amount": 0}, "amount: should be a positive satoshi amount or 'all'"),
        ({"amount": "1msat"}, "amount: should be a positive satoshi amount or 'all'"),
        ({"push_msat": 100_000_001}, "push_msat: should be at most the amount of the channel"),
        ({"close_to": MAINNET}, f"close_to: should be an address on regtest: invalid token '{MAINNET}'"),
        ({"feerate": "quick"}, "feerate: should be a feerate: one of urgent"),
        ({"utxos": ["x"]}, "utxos: should be an array of at most 100 values that are each a txid:outnum"),
        ({"reserve": 1}, "reserve: should be absent"),
        ({"announce": "perhaps"}, "announce: should be 'true' or 'false'"),
    ],
)
def test_fundchannel_names_the_bad_parameter(
    on_a_node: OnANode, start_node: Callable[..., Any], changes: dict[str, Any], message: str
) -> None:
    async def story(alice: Any, bob_id: bytes) -> None:
        code, said = await alice.fails("fundchannel", **({"id": bob_id.hex(), "amount": 100_000} | changes))
        assert (code, said[: len(message)]) == (-32602, message)
        assert alice.engine.asked == []

    with_peer(on_a_node, start_node, story)


def test_fundchannel_with_a_stranger(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        error = await running.fails("fundchannel", PAYEE.hex(), 100_000)
        assert error == (306, "Unknown peer: connect to it first")

    on_a_node(story)


@pytest.mark.parametrize("code", [Code.FUND_CANNOT_AFFORD, Code.FUND_OUTPUT_IS_DUST, Code.UNSPECIFIED])
def test_refusal_of_the_engine_is_the_commands_error(
    on_a_node: OnANode, start_node: Callable[..., Any], code: Code
) -> None:
    async def story(alice: Any, bob_id: bytes) -> None:
        alice.engine.refuse(code, "no")
        for call in (("fundchannel", bob_id.hex(), 1), ("withdraw", ADDRESS, 1), ("newaddr",), ("listfunds",)):
            assert await alice.fails(*call) == (code, "no")

    with_peer(on_a_node, start_node, story)


def test_listpeerchannels_shows_all_and_finds_one(on_a_node: OnANode, facts: Callable[..., Any]) -> None:
    async def story(running: Any) -> None:
        running.engine.shown = [facts(1), facts(2, peer_id=PAYEE, state="ONCHAIN", closed_by_us=False)]
        first, second = (await running.call("listpeerchannels"))["channels"]
        assert (first["state"], first["peer_connected"], first["opener"]) == ("CHANNELD_NORMAL", False, "local")
        assert (first["to_us_msat"], first["total_msat"]) == (600_000_000, 1_000_000_000)
        assert first["feerate"] == {"perkw": 253, "perkb": 1012}
        assert first["alias"] == {"local": "1x2x3"}
        assert first["htlcs"] == [
            {
                "direction": "in",
                "id": 3,
                "amount_msat": 5_000,
                "expiry": 700,
                "payment_hash": (b"h" * 32).hex(),
                "local_trimmed": True,
                "status": "SENT",
            }
        ]
        assert "closer" not in first
        assert "reestablished" not in first
        assert (second["closer"], second["short_channel_id"]) == ("remote", "102x1x0")
        for named in (
            {"id": PAYEE.hex()},
            {"channel_id": "02" * 32},
            {"short_channel_id": "102x1x0"},
            {"short_channel_id": "2x2x3"},
        ):
            assert (await running.call("listpeerchannels", **named))["channels"] == [second]
        assert (await running.call("listpeerchannels", short_channel_id="1x1x1"))["channels"] == []
        assert (await running.fails("listpeerchannels", id=PAYEE.hex(), channel_id="02" * 32))[0] == -32602

    on_a_node(story)


@pytest.mark.parametrize("name", ["01" * 32, ("01" * 32).upper(), "101x1x0", "1x2x3"])
def test_close_finds_the_channel_by_any_of_its_names(on_a_node: OnANode, facts: Callable[..., Any], name: str) -> None:
    async def story(running: Any) -> None:
        running.engine.shown = [facts(1), facts(2)]
        closed = await running.call("close", name, 10, ADDRESS)
        assert closed == {"type": "mutual", "tx": "0200", "txid": "03" * 32, "txs": ["0200"], "txids": ["03" * 32]}
        assert running.engine.asked == [
            CloseChannel(channel_id=b"\1" * 32, unilateral_timeout_seconds=10, destination=SCRIPT)
        ]

    on_a_node(story)


def test_close_by_peer_if_that_is_clear(on_a_node: OnANode, facts: Callable[..., Any], peer_id: bytes) -> None:
    async def story(running: Any) -> None:
        running.engine.shown = [facts(1)]
        await running.call("close", peer_id.hex())
        assert running.engine.asked == [
            CloseChannel(channel_id=b"\1" * 32, unilateral_timeout_seconds=172_800, destination=None)
        ]
        running.engine.shown = [facts(1), facts(2)]
        assert (await running.fails("close", peer_id.hex()))[1].startswith("Peer has multiple channels")
        assert await running.fails("close", "9x9x9") == (-1, "id: no channel or peer is named 9x9x9")
        error = await running.fails("close", id="1x2x3", feerange=["1perkw", "2perkw"])
        assert error[1].startswith("feerange: should be absent")

    on_a_node(story)


# --- the wallet ---


@pytest.mark.parametrize(("kind", "names"), [(None, {"p2tr"}), ("bech32", {"bech32"}), ("all", {"bech32", "p2tr"})])
def test_newaddr(on_a_node: OnANode, kind: str | None, names: set[str]) -> None:
    async def story(running: Any) -> None:
        found = await running.call("newaddr", *([kind] if kind else []))
        assert set(found) == names
        assert all(address.startswith("bcrt1") for address in found.values())
        assert (await running.fails("newaddr", "p2sh"))[1].startswith("addresstype: should be one of bech32, p2tr, all")

    on_a_node(story)


def test_listfunds(on_a_node: OnANode, facts: Callable[..., Any]) -> None:
    async def story(running: Any) -> None:
        running.engine.shown = [facts(1), facts(2, funding_txid=None, funding_outnum=None)]
        found = await running.call("listfunds", True)
        assert running.engine.asked == [("coins", True)]
        (output,), (channel,) = found["outputs"], found["channels"]
        assert (output["txid"], output["output"], output["amount_msat"]) == ("01" * 32, 2, 5_000)
        assert (output["status"], output["reserved"], output["blockheight"]) == ("confirmed", False, 9)
        assert (channel["our_amount_msat"], channel["amount_msat"]) == (600_000_000, 1_000_000_000)
        assert channel["funding_txid"] == "f1" * 32

    on_a_node(story)


def test_withdraw(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        assert await running.call("withdraw", ADDRESS, "all") == {"tx": "0200", "txid": "03" * 32, "psbt": "cHNidP8="}
        await running.call("withdraw", destination=ADDRESS, satoshi="2sat", feerate="slow", minconf=6)
        assert running.engine.asked == [
            Withdraw(script=SCRIPT, amount_sat=None, feerate=None, minconf=1, utxos=()),
            Withdraw(script=SCRIPT, amount_sat=2, feerate="slow", minconf=6, utxos=()),
        ]
        assert (await running.fails("withdraw", MAINNET, 1))[1].startswith("destination: should be an address on reg")

    on_a_node(story)


# --- payments ---


def on_a_paying_node(on_a_node: OnANode, story: Callable[[Any], Awaitable[None]]) -> None:
    async def told(running: Any) -> None:
        running.engine.preimages[HASH] = PREIMAGE
        await story(running)

    on_a_node(told, now=NOW)


def test_pay_answers_with_the_proof(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        paid = await running.call("pay", text())
        assert paid == {
            "destination": PAYEE.hex(),
            "payment_hash": HASH.hex(),
            "created_at": NOW,
            "completed_at": NOW,
            "parts": 1,
            "amount_msat": 5_000_000,
            "amount_sent_msat": 5_000_003,
            "payment_preimage": PREIMAGE.hex(),
            "status": "complete",
        }
        ((payment, max_fee_msat, retry_seconds),) = running.engine.asked
        assert (payment.status, payment.amount_msat, payment.label) == ("pending", 5_000_000, None)
        assert (max_fee_msat, retry_seconds) == (25_000, 60)

    on_a_paying_node(on_a_node, story)


def test_pay_by_name_with_limits(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        await running.call("pay", bolt11=text(), label="rent", maxfee="7sat", retry_for=5)
        ((payment, max_fee_msat, retry_seconds),) = running.engine.asked
        assert (payment.label, max_fee_msat, retry_seconds) == ("rent", 7_000, 5)
        (row,) = (await running.call("listpays"))["pays"]
        assert (row["label"], row["status"], row["preimage"]) == ("rent", "complete", PREIMAGE.hex())
        assert (row["bolt11"], row["created_index"]) == (text(), 1)

    on_a_paying_node(on_a_node, story)


@pytest.mark.parametrize(
    ("amount_msat", "limits", "fee_msat"),
    [
        (5_000_000, {}, 25_000),
        (10_000, {}, 5_000),
        (10_000, {"exemptfee": 0}, 50),
        (5_000_000, {"maxfeepercent": 1}, 50_000),
        (5_000_000, {"maxfeepercent": "0.1"}, 5_000),
        (5_000_000, {"maxfee": 0}, 0),
    ],
)
def test_most_fee(on_a_node: OnANode, amount_msat: int, limits: dict[str, Any], fee_msat: int) -> None:
    async def story(running: Any) -> None:
        await running.call("pay", bolt11=text(amount_msat=amount_msat), **limits)
        assert running.engine.asked[0][1] == fee_msat

    on_a_paying_node(on_a_node, story)


def test_pay_that_fails_says_so_and_may_be_tried_again(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        running.engine.outcome = "fail"
        error = await running.fails("pay", text())
        assert error == (203, "Payment failed: incorrect_or_unknown_payment_details")
        running.engine.outcome = "complete"
        assert (await running.call("pay", text()))["status"] == "complete"
        rows = (await running.call("listpays", payment_hash=HASH.hex()))["pays"]
        assert [row["status"] for row in rows] == ["failed", "complete"]
        assert rows[0]["failure"] == "incorrect_or_unknown_payment_details"
        assert (await running.call("listpays", status="failed"))["pays"] == rows[:1]

    on_a_paying_node(on_a_node, story)


def test_pay_whose_outcome_is_unknown_says_so_and_is_not_tried_again(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        running.engine.outcome = "doubt"
        for _ in range(2):
            code, message = await running.fails("pay", text())
            assert code == 200
            assert "outcome of this payment is unknown: ask the payee" in message
        assert len(running.engine.asked) == 1
        (row,) = (await running.call("listpays", status="pending"))["pays"]
        assert row["warning_outcome_unknown"] in message
        assert "failure" not in row

    on_a_paying_node(on_a_node, story)


def test_pay_that_the_engine_refuses_is_recorded_as_failed(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        running.engine.refuse(Code.PAY_ROUTE_NOT_FOUND, "no channel with enough")
        assert await running.fails("pay", text()) == (205, "no channel with enough")
        (row,) = (await running.call("listpays"))["pays"]
        assert (row["status"], row["failure"]) == ("failed", "no channel with enough")
        assert running.services.payments.pending == ()

    on_a_paying_node(on_a_node, story)


def test_paying_twice_pays_once(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        running.engine.payments_wait.clear()
        calls = [asyncio.create_task(running.call("pay", text())) for _ in range(3)]
        while not running.engine.asked:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert not any(call.done() for call in calls)
        assert (await running.call("listpays", status="pending"))["pays"][0]["payment_hash"] == HASH.hex()
        running.engine.payments_wait.set()
        results = await asyncio.gather(*calls)
        assert results[0] == results[1] == results[2]
        assert await running.call("pay", text()) == results[0]
        assert len(running.engine.asked) == 1

    on_a_paying_node(on_a_node, story)


def test_paying_the_same_hash_with_another_amount(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        await running.call("pay", text())
        code, message = await running.fails("pay", text(amount_msat=6_000_000))
        assert code == 201
        assert message.startswith("Payment complete with another amount or node: 5000000msat to ")

    on_a_paying_node(on_a_node, story)


@pytest.mark.parametrize(
    ("invoice", "params", "error"),
    [
        ({}, {"amount_msat": 4_999_999}, (-32602, "amount_msat: should be absent: the payment request says 5000000")),
        ({"amount_msat": None}, {}, (-32602, "amount_msat: required, for the payment request names no amount")),
        ({"amount_msat": None}, {"amount_msat": 0}, (-32602, "amount_msat: should be a positive millisatoshi amount")),
        ({"currency": SIGNET}, {}, (-32602, "bolt11: not for regtest: lntbs")),
        ({"timestamp": NOW - 3601}, {}, (207, "Invoice expired")),
        (
            {"description": None, "description_hash": hashlib.sha256(b"tea").digest()},
            {"description": "coffee"},
            (-32602, "description: should be what the payment request holds the hash of"),
        ),
        ({}, {"partial_msat": 1}, (-32602, "partial_msat: should be absent: this node does not support it")),
        ({}, {"maxfeepercent": 101}, (-32602, "maxfeepercent: should be a number from 0 to 100")),
    ],
)
def test_pay_that_cannot_be(
    on_a_node: OnANode, invoice: dict[str, Any], params: dict[str, Any], error: tuple[int, str]
) -> None:
    async def story(running: Any) -> None:
        code, message = await running.fails("pay", bolt11=text(**invoice), **params)
        assert (code, message[: len(error[1])]) == error
        assert (await running.call("listpays"))["pays"] == []
        assert running.engine.asked == []

    on_a_paying_node(on_a_node, story)


@pytest.mark.parametrize(
    ("invoice", "params", "amount_msat"),
    [
        ({}, {"amount_msat": 5_000_000}, 5_000_000),
        ({"amount_msat": None}, {"amount_msat": "7sat"}, 7_000),
        ({"timestamp": NOW - 3600}, {}, 5_000_000),
        (
            {"description": None, "description_hash": hashlib.sha256(b"tea").digest()},
            {"description": "tea"},
            5_000_000,
        ),
    ],
)
def test_pay_that_just_can_be(
    on_a_node: OnANode, invoice: dict[str, Any], params: dict[str, Any], amount_msat: int
) -> None:
    async def story(running: Any) -> None:
        assert (await running.call("pay", bolt11=text(**invoice), **params))["amount_msat"] == amount_msat

    on_a_paying_node(on_a_node, story)


def test_own_payment_request_is_not_paid(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        made = await running.call("invoice", 1, "tea", "")
        assert (await running.fails("pay", made["bolt11"]))[0] == 205

    on_a_paying_node(on_a_node, story)


@pytest.mark.parametrize("shown", ["hello", text()[:-1], ""])
def test_pay_of_what_is_no_payment_request(on_a_node: OnANode, shown: str) -> None:
    async def story(running: Any) -> None:
        code, message = await running.fails("pay", shown)
        assert code == -32602
        assert message.startswith("bolt11: Invalid bolt11: ")

    on_a_paying_node(on_a_node, story)


def test_pay_does_not_wait_for_ever_when_the_storage_fails(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        running.engine.payments_wait.clear()
        call = asyncio.create_task(running.fails("pay", text()))
        while not running.engine.asked:
            await asyncio.sleep(0.01)
        running.services.latch.close("the disk is full")
        code, message = await asyncio.wait_for(call, 30)
        assert (code, "the disk is full" in message) == (-1, True)
        with pytest.raises(SigningStopped):
            running.services.key.sign(HASH)

    on_a_paying_node(on_a_node, story)


def test_percent_is_exact() -> None:
    assert int(5_000_000 * Decimal("0.1") / 100) == 5_000
