"""All peers of the node: at most one connection per node id, and limits on how many.

Which of two connections to a peer is kept :mod:`boltspec.connection.single` says.
"""

import asyncio
import logging
from collections.abc import Sequence

from boltnode.peers.connection import Direction, PeerConnection, PeerGone
from boltnode.peers.handler import PeerHandler
from boltnode.peers.limits import PeerLimits
from boltnode.peers.listener import Listener
from boltnode.peers.turnstile import Turnstiles
from boltspec.connection.single import Made, keeps_older
from boltspec.htlc import LOCAL, REMOTE
from boltwire.errors import TransportError
from boltwire.features import FeatureBits
from boltwire.peer_init import init
from boltwire.secp256k1 import PrivateKey
from boltwire.transport import MessageStream, connect

_log = logging.getLogger(__name__)


class ConnectFailed(Exception):
    """There is no connection; the text says why."""


class DisconnectedDuringConnect(ConnectFailed):
    """The peer was reached and hung up."""


class Switchboard:
    """Peers by node id."""

    def __init__(
        self,
        key: PrivateKey,
        chain_hashes: Sequence[bytes],
        features: FeatureBits,
        limits: PeerLimits,
        handler: PeerHandler,
    ) -> None:
        """``features`` is what our ``init`` offers, and what a peer may require."""
        self._key = key
        self._chain_hashes = tuple(chain_hashes)
        self.features = features
        self._limits = limits
        self._handler = handler
        self._turnstiles = Turnstiles(limits)
        self._peers: dict[bytes, PeerConnection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.listener = Listener(key, limits, self._admit)

    @property
    def node_id(self) -> bytes:
        """Ours."""
        return self._key.public_key.encoded

    @property
    def peers(self) -> tuple[PeerConnection, ...]:
        """All that are connected."""
        return tuple(self._peers.values())

    def peer(self, node_id: bytes) -> PeerConnection | None:
        """The connection to a peer, if there is one."""
        return self._peers.get(node_id)

    def send(self, node_id: bytes, *messages: bytes) -> None:
        """Queue messages for a peer. If it is not connected they are lost, as they would be with the connection."""
        if (peer := self._peers.get(node_id)) is not None:
            peer.send(*messages)

    async def connect(self, node_id: bytes, host: str, port: int) -> PeerConnection:
        """The connection to a peer: the one there is, or a new one. :class:`ConnectFailed`."""
        if (peer := self._peers.get(node_id)) is not None:
            return peer
        if node_id == self.node_id:
            raise ConnectFailed("that is this node itself")
        try:
            stream = await connect(host, port, self._key, node_id, self._limits.handshake_seconds)
        except (TransportError, OSError, ValueError) as error:
            raise ConnectFailed(f"{host}:{port}: {str(error) or type(error).__name__}") from error
        peer = PeerConnection(stream, Direction.OUT, (host, port), self._limits, self._turnstiles)
        try:
            await self._introduce(peer)
            self._adopt(peer)
        except PeerGone as error:
            await peer.finish()
            if (kept := self._peers.get(node_id)) is not None:
                return kept
            raise DisconnectedDuringConnect(f"{host}:{port}: {error}") from error
        except asyncio.CancelledError:
            await peer.finish()
            raise
        return peer

    async def _introduce(self, peer: PeerConnection) -> None:
        await peer.introduce(init(self.features, self._chain_hashes), self._chain_hashes, tuple(self.features.names()))

    async def _admit(self, stream: MessageStream, address: tuple[str, int]) -> None:
        """Take in a peer that came to us, or turn it away."""
        peer = PeerConnection(stream, Direction.IN, address, self._limits, self._turnstiles)
        try:
            self._require_room(peer)
            await self._introduce(peer)
            self._require_room(peer)
            self._adopt(peer)
        except PeerGone as error:
            peer.log.debug("turned away", extra={"reason": str(error)})
            await peer.finish()
        except asyncio.CancelledError:
            await peer.finish()
            raise

    def _require_room(self, peer: PeerConnection) -> None:
        if peer.node_id in self._peers or self._handler.wants(peer.node_id):
            return
        inbound = sum(entry.direction is Direction.IN for entry in self._peers.values())
        if inbound >= self._limits.max_inbound:
            raise PeerGone(f"there are {inbound} inbound peers already")

    def _adopt(self, peer: PeerConnection) -> None:
        """Make it *the* connection to the peer, or raise :class:`PeerGone` if another one is to be kept."""
        if peer.node_id == self.node_id:
            raise PeerGone("that is this node itself")
        old = self._peers.get(peer.node_id)
        if old is not None:
            if self._keeps(old, peer):
                raise PeerGone("there are two simultaneous connections, and the other one is kept")
            old.close("replaced by a newer connection")
            self._forget(old)
        self._peers[peer.node_id] = peer
        peer.log.info(
            "connected", extra={"direction": str(peer.direction), "address": f"{peer.address[0]}:{peer.address[1]}"}
        )
        self._handler.connected(peer)
        task = asyncio.create_task(self._run(peer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _keeps(self, old: PeerConnection, new: PeerConnection) -> bool:
        lesser = int.from_bytes(self.node_id) < int.from_bytes(new.node_id)
        tie_break_ms = int(self._limits.tie_break_seconds * 1000)
        return keeps_older(_made(old), _made(new), local_is_lesser=lesser, tie_break_ms=tie_break_ms)

    async def _run(self, peer: PeerConnection) -> None:
        reason = await peer.run(self._handler)
        peer.log.info("disconnected", extra={"reason": reason})
        self._forget(peer)

    def _forget(self, peer: PeerConnection) -> None:
        """Tell that the peer is gone, once."""
        if self._peers.get(peer.node_id) is peer:
            del self._peers[peer.node_id]
            self._handler.disconnected(peer.node_id)

    async def close(self) -> None:
        """End all connections, and take no new ones."""
        await self.listener.close()
        for peer in self.peers:
            peer.close("the node stops")
        if self._tasks:
            await asyncio.wait(self._tasks)


def _made(peer: PeerConnection) -> Made:
    return Made(LOCAL if peer.direction is Direction.OUT else REMOTE, int(peer.since * 1000))
