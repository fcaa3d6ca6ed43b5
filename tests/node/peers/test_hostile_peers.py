"""Hostile peers: whatever they do, they are parted with or slowed down, and an honest peer is served meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import random
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from boltnode.peers.limits import PeerLimits
from boltnode.peers.listener import BACKLOG
from boltnode.peers.reconnector import Reconnector
from boltwire.codec import encode_message
from boltwire.features import FeatureBits
from boltwire.keepalive import ping
from boltwire.messages import Init, Message, Warning  # noqa: A004  # BOLT 1's name
from boltwire.noise import Initiator
from boltwire.secp256k1 import PrivateKey, PublicKey

NewNode = Callable[..., Any]
LOOPBACK = "127.0.0.1"
HELLO = encode_message(Warning(channel_id=bytes(32), data=b"hello"))
PATIENCE = 60
CONNECTIONS = 2000
"""Held open by an attacker at a time, and replaced when the node closes them."""
BIG = bytes(60_000)


@asynccontextmanager
async def honest_pair(new_node: NewNode, **limits: Any) -> AsyncIterator[tuple[Any, Any]]:
    """A node under attack and a peer that is connected to it, and which must be served before and after."""
    async with new_node(1, **limits) as node, new_node(2) as honest:
        await honest.meet(node)
        await echo(node, honest)
        yield node, honest
        await echo(node, honest)


async def echo(node: Any, honest: Any) -> None:
    """The honest peer says something, and the node says something back."""
    heard, answered = count(node), count(honest)
    honest.switchboard.send(node.node_id, HELLO)
    await node.recorder.until(lambda: count(node) > heard)
    node.switchboard.send(honest.node_id, HELLO)
    await honest.recorder.until(lambda: count(honest) > answered)


def count(node: Any) -> int:
    return sum(isinstance(message, Warning) for message in node.recorder.messages)


async def until_closed(reader: asyncio.StreamReader) -> int:
    """How many bytes still came before the other side closed the connection."""
    found = 0
    async with asyncio.timeout(PATIENCE):
        try:
            while data := await reader.read(65536):
                found += len(data)
        except ConnectionError:
            pass
    return found


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def act_one(node_id: bytes) -> bytes:
    return Initiator(PrivateKey(b"\7" * 32), PublicKey(node_id)).act_one()


# --- before they have proved who they are ---


@pytest.mark.parametrize(
    "say",
    [
        lambda _: os.urandom(50),
        lambda _: b"\1" + bytes(49),
        lambda _: b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(40),
        lambda node_id: act_one(node_id)[:-1] + b"\0",
        lambda node_id: act_one(node_id) + os.urandom(66),
    ],
    ids=["noise", "other version", "http", "bad tag", "bad third act"],
)
def test_garbage_in_place_of_a_handshake(new_node: NewNode, say: Callable[[bytes], bytes]) -> None:
    async def story() -> None:
        async with honest_pair(new_node) as (node, _):
            reader, writer = await asyncio.open_connection(LOOPBACK, node.port)
            writer.write(say(node.node_id))
            assert await until_closed(reader) in (0, 50)
            writer.close()
            assert len(node.recorder.told) == 1

    asyncio.run(story())


@pytest.mark.parametrize("says", [0, 49, 50])
def test_handshake_that_stops_half_way_is_given_up(new_node: NewNode, says: int) -> None:
    async def story() -> None:
        async with honest_pair(new_node, handshake_seconds=0.05) as (node, _):
            reader, writer = await asyncio.open_connection(LOOPBACK, node.port)
            writer.write(act_one(node.node_id)[:says])
            assert await until_closed(reader) in (0, 50)
            writer.close()
            assert node.switchboard.listener.handshakes == 0

    asyncio.run(story())


def test_handshake_that_drips_is_given_up_at_the_same_time_as_a_silent_one(new_node: NewNode) -> None:
    async def story() -> None:
        async with honest_pair(new_node, handshake_seconds=0.1) as (node, _):
            reader, writer = await asyncio.open_connection(LOOPBACK, node.port)
            closed = asyncio.create_task(until_closed(reader))
            dripped = 0
            while not closed.done() and dripped < 49:
                writer.write(act_one(node.node_id)[dripped : dripped + 1])
                dripped += 1
                await asyncio.sleep(0.02)
            await closed
            assert dripped < 49, "each byte gave it more time"
            writer.close()

    asyncio.run(story())


def test_handshake_without_init_is_given_up(new_node: NewNode) -> None:
    async def story() -> None:
        async with honest_pair(new_node, init_seconds=0.05) as (node, _):
            stream = await node.raw(7, introduced=False)
            assert await stream.receive() is not None, "the node's own init"
            assert await stream.receive() is None
            await stream.close()
            assert node.switchboard.listener.handshakes == 0

    asyncio.run(story())


@pytest.mark.parametrize("first", [HELLO, encode_message(ping(1)), b"\0", b"", b"\x00\x10\x00"])
def test_anything_but_init_as_the_first_message(new_node: NewNode, read_last_words: Any, first: bytes) -> None:
    async def story() -> None:
        async with honest_pair(new_node) as (node, _):
            stream = await node.raw(7, introduced=False)
            await stream.send(first)
            init, warning = await read_last_words(stream)
            assert isinstance(init, Init)
            assert isinstance(warning, Warning)
            assert len(node.recorder.told) == 1

    asyncio.run(story())


def test_thousands_of_connections_leave_room_for_honest_peers(new_node: NewNode) -> None:
    async def story() -> None:
        async with (
            honest_pair(new_node, max_handshakes=50) as (node, honest),
            new_node(3) as newcomer,
            contextlib.AsyncExitStack() as stack,
        ):
            files = open_files()
            attacker = await asyncio.create_subprocess_exec(
                sys.executable,
                Path(__file__).with_name("flood.py"),
                str(node.port),
                str(CONNECTIONS),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            assert attacker.stdin is not None
            assert attacker.stdout is not None
            stack.push_async_callback(attacker.wait)
            stack.callback(attacker.stdin.close)
            async with asyncio.timeout(PATIENCE):
                assert await attacker.stdout.readline() == b"open\n"
            assert node.switchboard.listener.handshakes <= 50
            assert open_files() <= files + 50 + 3 * BACKLOG + 20
            assert node.switchboard.listener.pushed_out >= CONNECTIONS - 400
            for _ in range(20):
                await echo(node, honest)
            limits = PeerLimits(reconnect_seconds=0.01, reconnect_most_seconds=0.1)
            reconnector = Reconnector(newcomer.switchboard, limits, random.Random(1))
            reconnector.keep(node.node_id, LOOPBACK, node.port)
            await newcomer.recorder.until(lambda: bool(newcomer.switchboard.peers))
            await reconnector.close()

    asyncio.run(story())


def test_full_node_turns_strangers_away_and_keeps_room_for_its_own(new_node: NewNode) -> None:
    async def story() -> None:
        async with new_node(1, max_inbound=3) as node:
            held = [await node.raw(secret) for secret in (10, 11, 12)]
            stranger = await node.raw(13, introduced=False)
            assert await stranger.receive() is None
            again = await node.raw(12)
            await node.recorder.until(lambda: len(node.recorder.told) == 5)
            node.recorder.wanted.add(PrivateKey((14).to_bytes(32, "big")).public_key.encoded)
            wanted = await node.raw(14)
            await node.recorder.until(lambda: len(node.switchboard.peers) == 4)
            for stream in (*held, stranger, again, wanted):
                await stream.close()

    asyncio.run(story())


# --- afterwards ---


@pytest.mark.parametrize(
    "message",
    [b"", b"\0", b"\0\x12\0", b"\0\x12\0\1\0\5xx", b"\xee\xee", b"\0\x80" + bytes(31), encode_message(ping(1)) + b"\0"],
    ids=["empty", "no type", "short", "length beyond the end", "unknown even type", "half an update", "bad extension"],
)
def test_malformed_message(new_node: NewNode, read_last_words: Any, message: bytes) -> None:
    async def story() -> None:
        async with honest_pair(new_node) as (node, _):
            stream = await node.raw(7)
            await stream.send(message)
            (warning,) = await read_last_words(stream)
            assert isinstance(warning, Warning)
            await node.recorder.until(lambda: len(node.switchboard.peers) == 1)

    asyncio.run(story())


def test_second_init(new_node: NewNode, read_last_words: Any) -> None:
    async def story() -> None:
        async with honest_pair(new_node) as (node, _):
            stream = await node.raw(7)
            await stream.send(encode_message(Init(globalfeatures=b"", features=FeatureBits().to_bytes())))
            (warning,) = await read_last_words(stream)
            assert warning.data == b"init a second time"

    asyncio.run(story())


def test_frame_that_does_not_authenticate(new_node: NewNode) -> None:
    async def story() -> None:
        async with honest_pair(new_node) as (node, _):
            stream = await node.raw(7)
            stream._writer.write(bytes(18))
            assert await stream.receive() is None
            await stream.close()
            await node.recorder.until(lambda: len(node.switchboard.peers) == 1)

    asyncio.run(story())


def test_frame_that_never_ends_does_not_count_as_a_sign_of_life(new_node: NewNode) -> None:
    async def story() -> None:
        async with honest_pair(new_node, ping_seconds=0.1, pong_seconds=0.2) as (node, _):
            stream = await node.raw(7)
            whole = stream._encryptor.encrypt(bytes(65_535))
            dripped = 0
            while len(node.switchboard.peers) == 2 and dripped < len(whole):
                stream._writer.write(whole[dripped : dripped + 100])
                dripped += 100
                await asyncio.sleep(0.01)
            assert dripped < len(whole)
            stream.abort()

    asyncio.run(story())


def test_peer_that_never_answers_a_ping(new_node: NewNode) -> None:
    async def story() -> None:
        async with honest_pair(new_node, ping_seconds=0.05, pong_seconds=0.1) as (node, _):
            stream = await node.raw(7)
            assert await stream.receive() == encode_message(ping(1))
            assert await stream.receive() is None
            await stream.close()

    asyncio.run(story())


def test_peer_that_floods_is_read_no_faster_than_its_rate(new_node: NewNode) -> None:
    rate, burst_seconds = 200, 1

    async def story() -> None:
        limits = {"messages_per_second": rate, "burst_seconds": burst_seconds}
        async with honest_pair(new_node, **limits) as (node, honest):
            stream = await node.raw(7)
            started = asyncio.get_running_loop().time()
            flooding = asyncio.create_task(flood(stream))
            before = len(node.recorder.messages)
            for _ in range(50):
                await echo(node, honest)
            elapsed = asyncio.get_running_loop().time() - started
            from_flooder = len(node.recorder.messages) - before - 50
            assert from_flooder <= rate * (burst_seconds + elapsed) + 1
            assert not flooding.done(), "it had to wait"
            flooding.cancel()
            stream.abort()

    async def flood(stream: Any) -> None:
        while True:
            await stream.send(*(HELLO,) * 100)

    asyncio.run(story())


STRANGERS, EACH = 20, 2_000
"""Who flood, and with how many messages, all of which have arrived before the first one is read."""


def test_partner_is_served_before_a_flood_of_strangers_is_through(new_node: NewNode) -> None:
    async def story() -> None:
        async with new_node(1) as node, new_node(2) as honest:
            await honest.meet(node)
            node.recorder.partners.add(honest.node_id)
            held = [await node.raw(secret) for secret in range(10, 10 + STRANGERS)]
            for stream in held:
                stream._writer.write(stream._encryptor.encrypt_all((HELLO,) * EACH))
            before = len(node.recorder.messages)
            for _ in range(5):
                await echo(node, honest)
            assert before < len(node.recorder.messages) < before + STRANGERS * EACH
            for stream in held:
                stream.abort()

    asyncio.run(story())


def test_peer_that_sends_large_messages_is_read_no_faster_than_its_rate(new_node: NewNode) -> None:
    async def story() -> None:
        limits = {"bytes_per_second": 100_000, "burst_seconds": 1}
        async with honest_pair(new_node, **limits) as (node, _):
            stream = await node.raw(7)
            started = asyncio.get_running_loop().time()
            large = encode_message(Warning(channel_id=bytes(32), data=BIG))
            before = len(node.recorder.messages)
            await stream.send(*(large,) * 4)
            await node.recorder.until(lambda: len(node.recorder.messages) == before + 4)
            elapsed = asyncio.get_running_loop().time() - started
            assert 3 * len(large) <= 100_000 * (1 + elapsed)
            await stream.close()

    asyncio.run(story())


def test_peer_that_does_not_read_what_it_is_sent(new_node: NewNode) -> None:
    async def story() -> None:
        async with honest_pair(new_node, send_queue_bytes=1_000_000) as (node, _):
            stream = await node.raw(7)
            stalled = next(peer for peer in node.switchboard.peers if peer.node_id != node.recorder.told[0][1])
            large = encode_message(Warning(channel_id=bytes(32), data=BIG))
            sent = 0
            while not stalled._over.done() and sent < 10_000:
                node.switchboard.send(stalled.node_id, large)
                sent += 1
                await asyncio.sleep(0)
            assert sent < 10_000
            assert stalled._over.result().startswith("too slow")
            await asyncio.wait_for(stalled.ended.wait(), PATIENCE)
            stream.abort()

    asyncio.run(story())


def test_peer_that_takes_nothing_for_too_long(new_node: NewNode) -> None:
    async def story() -> None:
        async with honest_pair(new_node, stall_seconds=0.1, send_queue_bytes=1 << 30) as (node, _):
            stream = await node.raw(7)
            stalled = next(peer for peer in node.switchboard.peers if peer.node_id != node.recorder.told[0][1])
            node.switchboard.send(stalled.node_id, *(encode_message(Warning(channel_id=bytes(32), data=BIG)),) * 300)
            await asyncio.wait_for(stalled.ended.wait(), PATIENCE)
            assert stalled._over.result() == "took nothing for 0.1 s"
            stream.abort()

    asyncio.run(story())


def test_peer_that_asks_for_more_pongs_than_it_reads(new_node: NewNode) -> None:
    async def story() -> None:
        async with honest_pair(new_node, send_queue_bytes=500_000) as (node, _):
            stream = await node.raw(7)
            asking = encode_message(ping(65_531))
            asked = 0
            with contextlib.suppress(ConnectionError):
                while asked < 100_000:
                    await stream.send(*(asking,) * 10)
                    await asyncio.sleep(0)
                    asked += 10
            assert asked < 100_000
            stream.abort()
            await node.recorder.until(lambda: len(node.switchboard.peers) == 1)

    asyncio.run(story())


def test_memory_stays_flat_while_strangers_come_and_go(new_node: NewNode) -> None:
    async def visit(node: Any, secret: int) -> None:
        stream = await node.raw(secret)
        await stream.send(HELLO)
        await stream.close()

    async def story() -> None:
        async with honest_pair(new_node) as (node, _):
            sizes = []
            for round_ in range(4):
                for secret in range(100):
                    await visit(node, 1000 * (round_ + 1) + secret)
                await node.recorder.until(lambda: len(node.switchboard.peers) == 1)
                node.recorder.messages.clear()
                node.recorder.told.clear()
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
                node.recorder.told.append(("connected", b""))
            assert sizes[-1] - sizes[1] < 100_000, sizes

    logging.disable()  # pytest keeps every line
    tracemalloc.start()
    try:
        asyncio.run(story())
    finally:
        tracemalloc.stop()
        logging.disable(logging.NOTSET)


def test_engine_that_fails_on_a_message_loses_that_peer_and_no_other(
    new_node: NewNode, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object, message: Message) -> None:
        if isinstance(message, Warning) and message.data == b"fail":
            raise LookupError("what was that?")

    async def story() -> None:
        async with honest_pair(new_node) as (node, _):
            node.recorder.answer = fail
            stream = await node.raw(7)
            await stream.send(encode_message(Warning(channel_id=bytes(32), data=b"fail")))
            assert await stream.receive() is None
            await stream.close()
            await node.recorder.until(lambda: len(node.switchboard.peers) == 1)

    asyncio.run(story())
    assert "a message could not be handled" in caplog.text


def test_peer_that_talks_much_does_not_fill_the_log(new_node: NewNode, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with honest_pair(new_node) as (node, _):
            stream = await node.raw(7)
            before = count(node)
            await stream.send(*(encode_message(Warning(channel_id=bytes(32), data=BIG)),) * 50)
            await node.recorder.until(lambda: count(node) == before + 50)
            await stream.close()

    asyncio.run(story())
    said = [line for line in caplog.messages if "the peer says: \\x00" in line]
    assert 1 <= len(said) <= 10
    assert max(map(len, said)) <= 500
