"""Honest peers: connecting, talking, simultaneous connections, staying connected."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from boltnode.peers.connection import Direction
from boltnode.peers.reconnector import Reconnector
from boltnode.peers.switchboard import ConnectFailed, DisconnectedDuringConnect
from boltwire.chains import chain_hash
from boltwire.codec import decode_message, encode_message
from boltwire.features import FeatureBits
from boltwire.keepalive import ping
from boltwire.messages import (
    Init,
    Pong,
    StartBatch,
    Stfu,
    UnknownMessage,
    Warning,  # noqa: A004  # BOLT 1's name
)
from boltwire.secp256k1 import PrivateKey
from boltwire.transport import MessageStream, connect, serve

NewNode = Callable[..., Any]
LOOPBACK = "127.0.0.1"
REGTEST = (chain_hash("regtest"),)
HELLO = encode_message(Warning(channel_id=bytes(32), data=b"hello"))


def hello(features: FeatureBits, chains: tuple[bytes, ...] | None = REGTEST) -> bytes:
    """An ``init`` as a peer might send it."""
    return encode_message(Init(globalfeatures=b"", features=features.to_bytes(), networks=chains))


def test_peers_connect_and_hear_each_other(new_node: NewNode) -> None:
    async def story() -> None:
        async with new_node(1) as alice, new_node(2) as bob:
            peer = await alice.meet(bob)
            assert (peer.direction, peer.address) == (Direction.OUT, (LOOPBACK, bob.port))
            assert bob.switchboard.peer(alice.node_id).direction is Direction.IN
            assert peer.features == alice.switchboard.features
            alice.switchboard.send(bob.node_id, HELLO, HELLO)
            bob.switchboard.send(alice.node_id, HELLO)
            await bob.recorder.until(lambda: len(bob.recorder.messages) == 2)
            await alice.recorder.until(lambda: len(alice.recorder.messages) == 1)
            assert alice.recorder.messages[0] == decode_message(HELLO)
            peer.close("enough")
            await bob.recorder.until(lambda: bob.switchboard.peers == ())
            assert alice.recorder.told == [("connected", bob.node_id), ("disconnected", bob.node_id)]
            assert bob.recorder.told == [("connected", alice.node_id), ("disconnected", alice.node_id)]

    asyncio.run(story())


def test_messages_keep_their_order(new_node: NewNode) -> None:
    async def story() -> None:
        async with new_node(1) as alice, new_node(2) as bob:
            await alice.meet(bob)
            sent = [Warning(channel_id=bytes(32), data=b"%d" % number) for number in range(3000)]
            for message in sent:
                alice.switchboard.send(bob.node_id, encode_message(message))
            await bob.recorder.until(lambda: len(bob.recorder.messages) == len(sent))
            assert bob.recorder.messages == sent

    asyncio.run(story())


def test_connecting_to_a_connected_peer_gives_the_same_connection(new_node: NewNode) -> None:
    async def story() -> None:
        async with new_node(1) as alice, new_node(2) as bob:
            peer = await alice.meet(bob)
            assert await alice.switchboard.connect(bob.node_id, LOOPBACK, bob.port) is peer
            back = await bob.switchboard.connect(alice.node_id, LOOPBACK, alice.port)
            assert back is bob.switchboard.peer(alice.node_id)

    asyncio.run(story())


def test_what_is_sent_to_a_peer_that_is_not_there_is_lost(new_node: NewNode) -> None:
    async def story() -> None:
        async with new_node(1) as alice, new_node(2) as bob:
            alice.switchboard.send(bob.node_id, HELLO)
            await alice.meet(bob)
            alice.switchboard.send(bob.node_id, HELLO)
            await bob.recorder.until(lambda: bool(bob.recorder.messages))
            assert len(bob.recorder.messages) == 1

    asyncio.run(story())


@pytest.mark.parametrize("rounds", range(5))
def test_simultaneous_connections_end_in_one_that_both_keep(new_node: NewNode, rounds: int) -> None:
    async def story() -> None:
        async with new_node(10 + rounds) as alice, new_node(20 + rounds) as bob:
            await asyncio.gather(
                alice.switchboard.connect(bob.node_id, LOOPBACK, bob.port),
                bob.switchboard.connect(alice.node_id, LOOPBACK, alice.port),
                return_exceptions=True,
            )
            for _ in range(20):  # a connection that one of them has not heard of yet
                alice.switchboard.send(bob.node_id, HELLO)
                bob.switchboard.send(alice.node_id, HELLO)
                await asyncio.sleep(0.01)
            for node, other in ((alice, bob), (bob, alice)):
                await node.recorder.until(lambda node=node: bool(node.recorder.messages))
                assert len(node.switchboard.peers) == 1
                told = [what for what, _ in node.recorder.told]
                assert told == ["connected", "disconnected"] * (len(told) // 2) + ["connected"]
                assert other.node_id == node.switchboard.peers[0].node_id
            directions = {alice.switchboard.peers[0].direction, bob.switchboard.peers[0].direction}
            assert directions == {Direction.IN, Direction.OUT}, "they kept different connections"

    asyncio.run(story())


@pytest.mark.parametrize("lesser_came_first", [True, False])
def test_of_two_simultaneous_connections_that_of_the_lesser_node_is_kept(
    new_node: NewNode, lesser_came_first: bool
) -> None:
    async def story() -> None:
        async with new_node(1) as one, new_node(2) as two:
            lesser, greater = sorted((one, two), key=lambda node: node.node_id)
            first, second = (lesser, greater) if lesser_came_first else (greater, lesser)
            await first.meet(second)
            stream = await connect(LOOPBACK, first.port, second.key, first.node_id)
            await stream.send(hello(first.switchboard.features))
            assert await stream.receive() is not None
            if lesser_came_first:
                assert await stream.receive() is None
                assert first.switchboard.peers[0].direction is Direction.OUT
            else:
                await first.recorder.until(lambda: len(first.recorder.told) == 3)
                assert first.switchboard.peers[0].direction is Direction.IN
            await stream.close()

    asyncio.run(story())


@pytest.mark.parametrize(("seconds", "keeps"), [(9.9, True), (10.1, False)])
def test_connections_are_simultaneous_for_as_many_seconds_as_the_limits_say(
    new_node: NewNode, seconds: float, keeps: bool
) -> None:
    async def story() -> None:
        async with new_node(1, tie_break_seconds=10.0) as node:
            other = PrivateKey(b"\7" * 32).public_key.encoded
            ours = (Direction.OUT, Direction.IN) if node.node_id < other else (Direction.IN, Direction.OUT)
            old, new = (
                SimpleNamespace(node_id=other, direction=direction, since=since)
                for direction, since in zip(ours, (100.0, 100.0 + seconds), strict=True)
            )
            assert node.switchboard._keeps(old, new) is keeps

    asyncio.run(story())


def test_later_connection_replaces_one_that_the_peer_has_lost(new_node: NewNode) -> None:
    async def story() -> None:
        async with new_node(1) as node:
            lost = await node.raw(7)
            old = node.switchboard.peers[0]
            stream = await node.raw(7)
            await node.recorder.until(lambda: len(node.recorder.told) == 3)
            assert [what for what, _ in node.recorder.told] == ["connected", "disconnected", "connected"]
            await old.ended.wait()
            assert await lost.receive() is None
            await stream.send(HELLO)
            await node.recorder.until(lambda: bool(node.recorder.messages))
            await lost.close()
            await stream.close()

    asyncio.run(story())


def test_later_connection_in_the_other_direction_replaces_an_old_one_too(new_node: NewNode) -> None:
    async def story() -> None:
        async with new_node(1, tie_break_seconds=0.0) as alice, new_node(2, tie_break_seconds=0.0) as bob:
            for first, second in ((alice, bob), (bob, alice)):
                await first.meet(second)
                stream = await first.raw(int.from_bytes(second.key.secret, "big"))
                await first.recorder.until(lambda first=first: first.switchboard.peers[0].direction is Direction.IN)
                await stream.close()
                await first.recorder.until(lambda first=first: first.switchboard.peers == ())
                await second.recorder.until(lambda second=second: second.switchboard.peers == ())

    asyncio.run(story())


def test_nobody_at_the_address(new_node: NewNode) -> None:
    async def story() -> None:
        async with new_node(1) as alice, new_node(2) as bob:
            port, node_id = bob.port, bob.node_id
        async with new_node(1) as alice:
            with pytest.raises(ConnectFailed, match=f"127.0.0.1:{port}: "):
                await alice.switchboard.connect(node_id, LOOPBACK, port)

    asyncio.run(story())


def test_somebody_else_at_the_address(new_node: NewNode) -> None:
    async def story() -> None:
        async with new_node(1) as alice, new_node(2) as bob:
            other = PrivateKey(b"\3" * 32).public_key.encoded
            with pytest.raises(ConnectFailed, match="closed the connection"):
                await alice.switchboard.connect(other, LOOPBACK, bob.port)
            assert bob.recorder.told == []

    asyncio.run(story())


def test_node_does_not_connect_to_itself(new_node: NewNode) -> None:
    async def story() -> None:
        async with new_node(1) as alice:
            with pytest.raises(ConnectFailed, match="this node itself"):
                await alice.switchboard.connect(alice.node_id, LOOPBACK, alice.port)
            stream = await alice.raw(1, introduced=False)
            await stream.send(hello(FeatureBits()))
            await stream.receive()
            assert await stream.receive() is None
            assert alice.recorder.told == []
            await stream.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("features", "chains", "words"),
    [
        (FeatureBits((100,)), None, "requires features that are not supported: bits [100]"),
        (FeatureBits.of(required=("option_quiesce",)), REGTEST, "not supported: bits [34]"),
        (FeatureBits((51,)), None, "sets option_zeroconf without option_scid_alias"),
        (FeatureBits(), (bytes(32),), "init.networks: no common chain"),
    ],
)
def test_peer_that_does_not_fit_is_told_why_and_parted_with(
    new_node: NewNode, read_last_words: Any, features: FeatureBits, chains: tuple[bytes, ...] | None, words: str
) -> None:
    async def story() -> None:
        async with new_node(1) as node:
            stream = await node.raw(7, introduced=False)
            await stream.send(hello(features, chains))
            _, warning = await read_last_words(stream)
            assert words in warning.data.decode()
            assert node.recorder.told == []

    asyncio.run(story())


def test_features_that_are_only_offered_do_no_harm(new_node: NewNode) -> None:
    async def story() -> None:
        async with new_node(1) as node:
            stream = await node.raw(7, introduced=False)
            unknown = FeatureBits((101, 35))
            await stream.send(hello(unknown, None))
            await node.recorder.until(lambda: bool(node.recorder.told))
            assert node.switchboard.peers[0].features == unknown
            await stream.close()

    asyncio.run(story())


def test_peer_that_hangs_up_during_init(new_node: NewNode) -> None:
    key = PrivateKey(b"\7" * 32)

    async def hang_up(stream: MessageStream) -> None:
        assert stream.remote_node_id

    async def story() -> None:
        async with new_node(1) as node, await serve(LOOPBACK, 0, key, hang_up) as server:
            with pytest.raises(DisconnectedDuringConnect, match=r"before its init|reset by peer"):
                await node.switchboard.connect(key.public_key.encoded, LOOPBACK, server.port)
            assert node.recorder.told == []

    asyncio.run(story())


@pytest.mark.parametrize("size", [0, 1, 65_531])
def test_ping_is_answered_with_as_many_bytes(new_node: NewNode, size: int) -> None:
    async def story() -> None:
        async with new_node(1) as node:
            stream = await node.raw(7)
            await stream.send(encode_message(ping(size)))
            assert decode_message(await stream.receive()) == Pong(ignored=bytes(size))
            await stream.close()
            assert node.recorder.messages == []

    asyncio.run(story())


def test_silent_peer_is_pinged_and_stays_if_it_answers(new_node: NewNode) -> None:
    async def story() -> None:
        async with new_node(1, ping_seconds=0.02, pong_seconds=20) as alice, new_node(2) as bob:
            peer = await alice.meet(bob)
            await asyncio.wait_for(peer._pong.wait(), 30)
            assert not peer.ended.is_set()

    asyncio.run(story())


def test_unknown_odd_message_is_ignored(new_node: NewNode) -> None:
    async def story() -> None:
        async with new_node(1) as node:
            stream = await node.raw(7)
            await stream.send(encode_message(UnknownMessage(60_001, b"?")), HELLO)
            await node.recorder.until(lambda: bool(node.recorder.messages))
            assert node.recorder.messages == [decode_message(HELLO)]
            await stream.close()

    asyncio.run(story())


@pytest.mark.parametrize("number", [0, 1], ids=["odd", "even"])
def test_message_of_a_feature_that_is_not_offered_is_an_unknown_one(
    new_node: NewNode, read_last_words: Any, number: int
) -> None:
    """B01-message-format-r-01, B01-message-format-r-02: an odd one is ignored, an even one ends the connection."""
    other = (StartBatch(channel_id=bytes(32), batch_size=2), Stfu(channel_id=bytes(32), initiator=True))[number]

    async def story() -> None:
        async with new_node(1) as node:
            stream = await node.raw(7)
            await stream.send(encode_message(other), HELLO)
            if number == 0:
                await node.recorder.until(lambda: bool(node.recorder.messages))
                assert node.recorder.messages == [decode_message(HELLO)]
                await stream.close()
                return
            *_, warning = await read_last_words(stream)
            assert warning.data == b"a message of a type that has to be known"
            assert node.recorder.messages == []

    asyncio.run(story())


def test_node_that_stops_says_good_bye_to_everybody(new_node: NewNode) -> None:
    async def story() -> None:
        async with new_node(1) as node:
            streams = [await node.raw(secret) for secret in (7, 8, 9)]
            await node.recorder.until(lambda: len(node.switchboard.peers) == 3)
            await node.switchboard.close()
            for stream in streams:
                assert await stream.receive() is None
                await stream.close()
            assert node.switchboard.peers == ()

    asyncio.run(story())


def test_kept_peer_is_connected_again_when_it_comes_back(new_node: NewNode) -> None:
    async def story() -> None:
        async with new_node(1) as alice:
            reconnector = Reconnector(
                alice.switchboard,
                type(alice.limits)(reconnect_seconds=0.01, reconnect_most_seconds=0.02),
                random.Random(1),
            )
            async with new_node(2) as bob:
                port = bob.port
                reconnector.keep(bob.node_id, LOOPBACK, port)
                await alice.recorder.until(lambda: alice.switchboard.peer(bob.node_id) is not None)
            await alice.recorder.until(lambda: alice.switchboard.peers == ())
            async with new_node(2) as bob:
                await bob.switchboard.listener.listen(LOOPBACK, port)
                await alice.recorder.until(lambda: alice.switchboard.peer(bob.node_id) is not None)
                reconnector.let_go(bob.node_id)
                alice.switchboard.peer(bob.node_id).close("enough")
                await alice.recorder.until(lambda: alice.switchboard.peers == ())
                await asyncio.sleep(0.1)
                assert alice.switchboard.peers == (), "it was let go"
            await reconnector.close()

    asyncio.run(story())


def test_nothing_is_handed_on_of_a_connection_that_was_closed(new_node: NewNode) -> None:
    """Found by killed processes: a peer that connects twice had its channel failed by what came last over the first."""

    async def story() -> None:
        async with new_node(1) as node:
            node.recorder.answer = lambda peer, _: peer.close("replaced by a newer connection")
            stream = await node.raw(7)
            await stream.send(HELLO, HELLO)  # in one write: both are there when the first is handed on
            await node.recorder.until(lambda: not node.switchboard.peers)
            assert len(node.recorder.messages) == 1
            node.recorder.answer = None
            again = await node.raw(7)
            await again.send(HELLO, HELLO)
            await node.recorder.until(lambda: len(node.recorder.messages) == 3)
            await stream.close()
            await again.close()

    asyncio.run(story())
