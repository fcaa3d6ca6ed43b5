"""Staying connected: one attempt after the other, with pauses that grow and are not the same for everybody."""

import asyncio
import logging
import random
from collections.abc import Iterator

from boltnode.peers.limits import PeerLimits
from boltnode.peers.switchboard import ConnectFailed, Switchboard

_log = logging.getLogger(__name__)


def pauses(limits: PeerLimits, rng: random.Random) -> Iterator[float]:
    """Seconds between attempts: doubling up to the longest, each shortened at random by up to a half."""
    pause = limits.reconnect_seconds
    while True:
        yield pause * rng.uniform(0.5, 1.0)
        pause = min(2 * pause, limits.reconnect_most_seconds)


class Reconnector:
    """A task per peer that is to stay connected."""

    def __init__(self, switchboard: Switchboard, limits: PeerLimits, rng: random.Random | None = None) -> None:
        """Keeps nobody yet."""
        self._switchboard = switchboard
        self._limits = limits
        self._rng = rng or random.Random()  # noqa: S311  # spreads load, keeps no secret
        self._tasks: dict[bytes, asyncio.Task[None]] = {}

    def keep(self, node_id: bytes, host: str, port: int) -> None:
        """Stay connected to a peer, from now on at this address."""
        self.let_go(node_id)
        self._tasks[node_id] = asyncio.create_task(self._stay(node_id, host, port))

    def let_go(self, node_id: bytes) -> None:
        """Connect to the peer no more; a connection that there is stays."""
        if (task := self._tasks.pop(node_id, None)) is not None:
            task.cancel()

    async def close(self) -> None:
        """Keep nobody any more."""
        tasks = list(self._tasks.values())
        for node_id in list(self._tasks):
            self.let_go(node_id)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _stay(self, node_id: bytes, host: str, port: int) -> None:
        waits = pauses(self._limits, self._rng)
        while True:
            try:
                peer = await self._switchboard.connect(node_id, host, port)
            except ConnectFailed as error:
                _log.debug("not connected", extra={"peer": node_id.hex(), "reason": str(error)})
            else:
                await peer.ended.wait()
                if asyncio.get_running_loop().time() - peer.since > self._limits.reconnect_seconds:
                    waits = pauses(self._limits, self._rng)
            await asyncio.sleep(next(waits))
