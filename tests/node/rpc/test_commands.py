"""Commands of every node: about itself, about invoices, about peers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from boltnode.keys import NodeKey
from boltnode.network import network_named
from boltnode.storage.latch import SigningLatch
from boltwire.bolt11 import SIGNET, Fallback, Invoice, RouteHop, decode, encode
from boltwire.scid import ShortChannelId
from boltwire.secp256k1 import PrivateKey

OnANode = Callable[..., None]
KEY = b"\5" * 32
HASH = hashlib.sha256(b"\1" * 32).digest()
ADDRESS = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
UNKNOWN = PrivateKey(b"\6" * 32).public_key.encoded.hex()
NOW = 1_700_000_000


def text(**changes: Any) -> str:
    """A payment request of somebody else."""
    values: dict[str, Any] = {
        "currency": network_named("regtest").currency,
        "timestamp": NOW,
        "payment_hash": HASH,
        "payment_secret": b"s" * 32,
        "description": "tea",
        "amount_msat": 5_000,
    }
    return encode(Invoice(**(values | changes)), KEY)


async def connected(running: Any, node_id: bytes) -> None:
    """Wait until the node knows of the connection."""
    async with asyncio.timeout(60):
        while running.services.switchboard.peer(node_id) is None:
            await asyncio.sleep(0.01)


# --- the node ---


def test_getinfo_of_a_new_node(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        info = await running.call("getinfo")
        assert info["id"] == running.services.key.node_id.hex()
        assert info["network"] == "regtest"
        assert info["lightning-dir"] == str(running.path.parent)
        assert info["binding"][0]["type"] == "ipv4"
        assert (info["num_peers"], info["num_active_channels"], info["blockheight"]) == (0, 0, 123)
        assert not [name for name in info if name.startswith("warning")]

    on_a_node(story)


def test_getinfo_counts_channels_and_warns(on_a_node: OnANode, facts: Callable[..., Any]) -> None:
    async def story(running: Any) -> None:
        states = ("CHANNELD_NORMAL", "CHANNELD_NORMAL", "CHANNELD_AWAITING_LOCKIN", "ONCHAIN")
        running.engine.shown = [facts(number, state=state) for number, state in enumerate(states)]
        running.engine.trouble = "the chain is being loaded"
        info = await running.call("getinfo")
        counts = [info[f"num_{name}"] for name in ("peers", "active_channels", "pending_channels", "inactive_channels")]
        assert counts == [1, 2, 1, 1]
        assert (info["blockheight"], info["warning_bitcoind_sync"]) == (123, "the chain is being loaded")

    on_a_node(story)


def test_node_keeps_its_id_over_restarts(on_a_node: OnANode) -> None:
    ids = []

    async def story(running: Any) -> None:
        ids.append((await running.call("getinfo"))["id"])

    on_a_node(story)
    on_a_node(story)
    assert ids[0] == ids[1]


def test_help_lists_what_there_is(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        rows = (await running.call("help"))["help"]
        assert {"pay", "getinfo"} <= {row["command"].split()[0] for row in rows}
        (row,) = (await running.call("help", "invoice"))["help"]
        assert row["command"].startswith("invoice amount_msat label description [expiry]")
        assert "label: label. Your own name for it" in row["verbose"]
        assert await running.fails("help", "nothing") == (-32601, "Unknown command nothing")

    on_a_node(story)


def test_stop_is_answered_and_stops(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        assert await running.call("stop") == {"result": "Shutdown complete"}
        assert running.services.stopping.is_set()

    on_a_node(story)


def test_engine_is_started_first_and_stopped_last(on_a_node: OnANode) -> None:
    engines = []

    async def story(running: Any) -> None:
        engines.append(running.engine)
        assert running.engine.calls == ["start"]

    on_a_node(story)
    assert engines[0].calls == ["start", "stop"]


# --- decode ---


@pytest.mark.parametrize("shown", [text(), text().upper(), "lightning:" + text(), f"  {text()}\n"])
def test_decode(on_a_node: OnANode, shown: str) -> None:
    async def story(running: Any) -> None:
        found = await running.call("decode", shown)
        assert (found["type"], found["valid"], found["currency"]) == ("bolt11 invoice", True, "bcrt")
        assert (found["amount_msat"], found["description"]) == (5_000, "tea")
        assert found["payment_hash"] == HASH.hex()
        assert found["payee"] == PrivateKey(KEY).public_key.encoded.hex()
        assert (found["created_at"], found["expiry"], found["min_final_cltv_expiry"]) == (NOW, 3600, 18)
        assert not {"fallbacks", "routes", "description_hash"} & set(found)

    on_a_node(story)


def test_decode_shows_all_that_there_is(on_a_node: OnANode) -> None:
    hop = RouteHop(PrivateKey(KEY).public_key.encoded, ShortChannelId.of(1, 2, 3), 4, 5, 6)
    fallback = Fallback.from_address(ADDRESS, network_named("regtest").currency)
    shown = text(fallbacks=(fallback,), routes=((hop,),), amount_msat=None, payment_metadata=b"m", expiry=60)

    async def story(running: Any) -> None:
        found = await running.call("decode", string=shown)
        assert found["fallbacks"][0]["addr"] == ADDRESS
        assert found["routes"][0][0]["short_channel_id"] == "1x2x3"
        assert found["payment_metadata"] == b"m".hex()
        assert "amount_msat" not in found

    on_a_node(story)


@pytest.mark.parametrize(
    ("shown", "message"),
    [
        ("hello", "string: should be a BOLT 11 payment request"),
        (text()[:-1] + "q", "string: Invalid bolt11: "),
        ("lnbc1", "string: Invalid bolt11: "),
    ],
)
def test_decode_says_what_is_wrong(on_a_node: OnANode, shown: str, message: str) -> None:
    async def story(running: Any) -> None:
        code, said = await running.fails("decode", shown)
        assert (code, said[: len(message)]) == (-32602, message)

    on_a_node(story)


# --- invoices ---


def test_invoice_and_listinvoices(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        made = await running.call("invoice", "10sat", "tea", "a cup of tea")
        assert (made["created_index"], made["expires_at"]) == (1, NOW + 604_800)
        invoice = decode(made["bolt11"])
        assert (invoice.amount_msat, invoice.final_cltv_expiry_delta) == (10_000, 24)
        assert invoice.payment_secret.hex() == made["payment_secret"]
        (row,) = (await running.call("listinvoices"))["invoices"]
        assert row == {
            "label": "tea",
            "bolt11": made["bolt11"],
            "amount_msat": 10_000,
            "payment_hash": made["payment_hash"],
            "status": "unpaid",
            "description": "a cup of tea",
            "expires_at": made["expires_at"],
            "created_index": 1,
        }

    on_a_node(story, now=NOW)


def test_invoice_with_everything(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        preimage = "07" * 32
        made = await running.call(
            "invoice",
            amount_msat="any",
            label=7,
            description="x" * 2000,
            expiry=60,
            fallbacks=[ADDRESS],
            preimage=preimage,
            cltv=40,
            deschashonly=True,
        )
        invoice = decode(made["bolt11"])
        assert invoice.payment_hash == hashlib.sha256(bytes.fromhex(preimage)).digest()
        assert invoice.describes("x" * 2000)
        assert invoice.fallbacks[0].address(invoice.currency) == ADDRESS
        assert (invoice.final_cltv_expiry_delta, invoice.expiry, invoice.amount_msat) == (40, 60, None)
        again = await running.fails("invoice", amount_msat=1, label="8", description="", preimage=preimage)
        assert again == (901, "preimage already used")

    on_a_node(story)


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"label": "tea"}, (900, "Duplicate label 'tea'")),
        ({"amount_msat": 0}, (-32602, "amount_msat: should be a positive millisatoshi amount or 'any'")),
        ({"description": "x" * 640}, (-32602, "description: should be at most 639 bytes, or deschashonly true")),
        (
            {"fallbacks": ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"]},
            (-32602, "fallbacks: should be addresses"),
        ),
        ({"preimage": "07"}, (-32602, "preimage: should be a 32 byte hex value")),
        (
            {"exposeprivatechannels": True},
            (-32602, "exposeprivatechannels: should be absent"),
        ),
    ],
)
def test_invoice_that_cannot_be(on_a_node: OnANode, params: dict[str, Any], error: tuple[int, str]) -> None:
    async def story(running: Any) -> None:
        await running.call("invoice", 1, "tea", "")
        code, message = await running.fails("invoice", **({"amount_msat": 1, "label": "x", "description": ""} | params))
        assert (code, message[: len(error[1])]) == error
        assert len((await running.call("listinvoices"))["invoices"]) == 1

    on_a_node(story)


def test_listinvoices_by_one_thing_at_a_time(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        made = [await running.call("invoice", 1, str(index), "") for index in range(3)]

        async def labels(**named: Any) -> list[str]:
            return [row["label"] for row in (await running.call("listinvoices", **named))["invoices"]]

        assert await labels(label="1") == ["1"]
        assert await labels(label=1) == ["1"]
        assert await labels(invstring=made[2]["bolt11"]) == ["2"]
        assert await labels(payment_hash=made[0]["payment_hash"]) == ["0"]
        assert await labels(index="created", start=2, limit=1) == ["1"]
        assert await labels(offer_id="00" * 32) == []
        assert (await running.fails("listinvoices", label="1", payment_hash="00" * 32))[0] == -32602

    on_a_node(story)


def test_node_that_may_not_sign_says_so(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        running.services.latch.close("the disk is full")
        code, message = await running.fails("invoice", 1, "tea", "")
        assert (code, "the disk is full" in message) == (-1, True)
        assert (await running.call("getinfo"))["warning_signing_stopped"] == "the disk is full"
        assert (await running.call("listinvoices"))["invoices"] == []

    on_a_node(story)


# --- peers ---


def test_connect_listpeers_disconnect(on_a_node: OnANode, start_node: Callable[..., Any]) -> None:
    async def story(alice: Any) -> None:
        async with start_node("bob") as bob:
            (at,) = (await bob.call("getinfo"))["binding"]
            bob_id, alice_id = (running.services.key.node_id.hex() for running in (bob, alice))
            made = await alice.call("connect", f"{bob_id}@127.0.0.1:{at['port']}")
            assert (made["id"], made["direction"]) == (bob_id, "out")
            assert made["address"] == {"type": "ipv4", "address": "127.0.0.1", "port": at["port"]}
            assert made["features"] == bob.services.switchboard.features.to_bytes().hex()
            assert (await alice.call("connect", bob_id))["id"] == bob_id, "connected already"
            (peer,) = (await alice.call("listpeers"))["peers"]
            assert (peer["id"], peer["connected"], peer["num_channels"]) == (bob_id, True, 0)
            await connected(bob, alice.services.key.node_id)
            (back,) = (await bob.call("listpeers", alice_id))["peers"]
            assert back["connected"]
            assert (await alice.call("listpeers", alice_id))["peers"] == []
            assert (await alice.call("getinfo"))["num_peers"] == 1
            assert await alice.call("disconnect", bob_id) == {}
            assert (await alice.call("listpeers"))["peers"] == []
            assert await alice.fails("disconnect", bob_id) == (-1, "Peer not connected")

    on_a_node(story)


def test_connect_finds_the_address_where_the_peer_was_last_and_a_restart_does_so_too(
    on_a_node: OnANode, start_node: Callable[..., Any]
) -> None:
    async def story() -> None:
        async with start_node("bob") as bob:
            (at,) = (await bob.call("getinfo"))["binding"]
            bob_id = bob.services.key.node_id
            async with start_node("alice") as alice:
                await alice.call("connect", bob_id.hex(), "127.0.0.1", at["port"])
            async with start_node("alice") as alice:
                await connected(alice, bob_id)
                await alice.call("disconnect", bob_id.hex())
            async with start_node("alice") as alice:
                assert alice.services.switchboard.peer(bob_id) is None
                error = await alice.fails("connect", bob_id.hex())
                assert error == (400, "Unable to connect, no address known for peer")

    asyncio.run(asyncio.wait_for(story(), 60))


def test_connect_that_fails_says_how(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        port = running.services.switchboard.listener.addresses[0][1]
        code, message = await running.fails("connect", UNKNOWN, "127.0.0.1", port)
        assert (code, message[:40]) == (401, f"All addresses failed: 127.0.0.1:{port}: t"[:40])
        assert await running.fails("connect", UNKNOWN) == (400, "Unable to connect, no address known for peer")
        assert (await running.fails("connect", f"{UNKNOWN}@h:1", "other"))[1].startswith("host: should be given once")
        assert (await running.fails("connect", "04" * 33))[1].startswith("id: should be a node id, or ID@HOST")
        own = running.services.key.node_id.hex()
        assert (await running.fails("connect", own, "127.0.0.1", port))[0] == 401

    on_a_node(story)


def test_peer_with_a_channel_is_not_disconnected_by_accident(
    on_a_node: OnANode, start_node: Callable[..., Any], facts: Callable[..., Any]
) -> None:
    async def story(alice: Any) -> None:
        async with start_node("bob") as bob:
            (at,) = (await bob.call("getinfo"))["binding"]
            bob_id = bob.services.key.node_id
            await alice.call("connect", bob_id.hex(), "127.0.0.1", at["port"])
            alice.engine.shown = [facts(1, peer_id=bob_id)]
            code, message = await alice.fails("disconnect", bob_id.hex())
            assert (code, message) == (-1, "Peer has (at least one) channel in state CHANNELD_NORMAL")
            assert (await alice.call("listpeers"))["peers"][0]["num_channels"] == 1
            await alice.call("disconnect", bob_id.hex(), True)
            await connected(alice, bob_id)

    on_a_node(story)


def test_invoice_is_signed_by_the_node(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        made = await running.call("invoice", 1, "tea", "")
        assert decode(made["bolt11"]).payee == running.services.key.node_id
        assert NodeKey(running.services.seed(), SigningLatch()).node_id == running.services.key.node_id

    on_a_node(story)


def test_signet_invoice_is_shown_though_it_cannot_be_paid_here(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        assert (await running.call("decode", text(currency=SIGNET)))["currency"] == "tbs"

    on_a_node(story)
