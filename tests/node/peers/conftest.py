"""Switchboards on the loopback interface, whose handlers write down what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from boltnode.peers.connection import PeerConnection
from boltnode.peers.limits import PeerLimits
from boltnode.peers.switchboard import Switchboard
from boltwire.chains import chain_hash
from boltwire.codec import decode_message, encode_message
from boltwire.features import FeatureBits
from boltwire.messages import Message
from boltwire.peer_init import init
from boltwire.secp256k1 import PrivateKey
from boltwire.transport import MessageStream, connect

LOOPBACK = "127.0.0.1"
REGTEST = chain_hash("regtest")
FEATURES = FeatureBits.of(required=("option_static_remotekey",), optional=("option_anchors",))
PATIENCE = 30.0
"""Seconds until a test gives up: nothing is decided by them."""


class Recorder:
    """A handler that remembers, and answers where a test wants it."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bytes]] = []
        self.messages: list[Message] = []
        self.wanted: set[bytes] = set()
        self.partners: set[bytes] = set()
        self.answer: Callable[[PeerConnection, Message], None] | None = None
        self._changed = asyncio.Event()

    def connected(self, peer: PeerConnection) -> None:
        self.told.append(("connected", peer.node_id))
        self._changed.set()

    async def received(self, peer: PeerConnection, message: Message) -> None:
        self.messages.append(message)
        self._changed.set()
        if self.answer is not None:
            self.answer(peer, message)

    def disconnected(self, node_id: bytes) -> None:
        self.told.append(("disconnected", node_id))
        self._changed.set()

    def is_partner(self, node_id: bytes) -> bool:
        return node_id in self.partners

    def wants(self, node_id: bytes) -> bool:
        return node_id in self.wanted

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the handler has been told enough."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


class PeerNode:
    """A switchboard that listens, its key and its recorder."""

    def __init__(self, secret: int, **limits: Any) -> None:
        self.key = PrivateKey(secret.to_bytes(32, "big"))
        self.node_id = self.key.public_key.encoded
        self.recorder = Recorder()
        self.limits = replace(PeerLimits(), **limits)
        self.switchboard = Switchboard(self.key, (REGTEST,), FEATURES, self.limits, self.recorder)
        self.port = 0

    async def meet(self, other: PeerNode) -> PeerConnection:
        """Connect to the other node, and wait until both know."""
        peer = await self.switchboard.connect(other.node_id, LOOPBACK, other.port)
        await other.recorder.until(lambda: other.switchboard.peer(self.node_id) is not None)
        return peer

    async def raw(self, secret: int, *, introduced: bool = True) -> MessageStream:
        """A connection to this node in the hands of the test."""
        key = PrivateKey(secret.to_bytes(32, "big"))
        stream = await connect(LOOPBACK, self.port, key, self.node_id)
        if introduced:
            await stream.send(encode_message(init(FEATURES, (REGTEST,))))
            assert await stream.receive() is not None
            await self.recorder.until(lambda: self.switchboard.peer(key.public_key.encoded) is not None)
        return stream


@asynccontextmanager
async def peer_node(secret: int, **limits: Any) -> AsyncIterator[PeerNode]:
    node = PeerNode(secret, **limits)
    node.port = await node.switchboard.listener.listen(LOOPBACK, 0)
    try:
        yield node
    finally:
        await node.switchboard.close()


async def last_words(stream: MessageStream) -> list[Message]:
    """What the node still says until it closes the connection."""
    found: list[Message] = []
    async with asyncio.timeout(PATIENCE):
        try:
            while (data := await stream.receive()) is not None:
                found.append(decode_message(data))  # type: ignore[arg-type]  # the node sends known messages only
        except ConnectionError:
            pass
    await stream.close()
    return found


@pytest.fixture
def new_node() -> Callable[..., Any]:
    """``async with new_node(secret, **limits) as node``."""
    return peer_node


@pytest.fixture
def read_last_words() -> Callable[[MessageStream], Awaitable[list[Message]]]:
    """``await read_last_words(stream)``: what the node still says until it closes the connection."""
    return last_words
