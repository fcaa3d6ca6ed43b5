"""Inbound connections until they have proved who they are and said what they can do.

They cost file descriptors and a little arithmetic, and anybody can make them. So there is a fixed number of them; when
they are all taken, the oldest one has to go. A flood can then slow an honest peer down only if it fills all places
within the milliseconds of an honest handshake, and has to keep doing that.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from boltnode.peers.limits import PeerLimits
from boltwire.errors import TransportError
from boltwire.secp256k1 import PrivateKey
from boltwire.transport import MessageStream, accept

BACKLOG: Final = 32
"""Connections that the operating system holds for us.

The event loop takes so many at a time. While one batch is taken, the one before may just be pushing out a third: three
batches of file descriptors, for which :data:`boltnode.peers.limits.RESERVED_FILES` has room.
"""

_log = logging.getLogger(__name__)

Admit = Callable[[MessageStream, tuple[str, int]], Awaitable[None]]
"""What becomes of a peer that has proved who it is."""


class Listener:
    """Listens on any number of addresses."""

    def __init__(self, key: PrivateKey, limits: PeerLimits, admit: Admit) -> None:
        """Not listening yet."""
        self._key = key
        self._limits = limits
        self._admit = admit
        self._servers: list[asyncio.Server] = []
        self._handshakes: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.pushed_out = 0
        """How many had to make room for others."""

    async def listen(self, host: str, port: int) -> int:
        """Listen on an address as well; port 0 takes any free one. The port. OSError if it cannot be had."""
        server = await asyncio.start_server(self._on_connection, host, port, backlog=BACKLOG)
        self._servers.append(server)
        found: int = server.sockets[0].getsockname()[1]
        return found

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Host and port of each listening socket."""
        return tuple(entry.getsockname()[:2] for server in self._servers for entry in server.sockets)

    @property
    def handshakes(self) -> int:
        """How many connections are not through yet."""
        return len(self._handshakes)

    async def close(self) -> None:
        """Stop listening and turn away who is not through yet."""
        for server in self._servers:
            server.close()
        for task, writer in list(self._handshakes.items()):
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._handshakes, return_exceptions=True)

    def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._handshakes) >= self._limits.max_handshakes:
            self._push_out()
        task = asyncio.ensure_future(self._shake_hands(reader, writer))
        self._handshakes[task] = writer
        task.add_done_callback(lambda done: self._handshakes.pop(done, None))

    def _push_out(self) -> None:
        """Turn away the oldest connection that is not through; dicts keep the order."""
        task, writer = next(iter(self._handshakes.items()))
        del self._handshakes[task]
        writer.transport.abort()
        task.cancel()
        self.pushed_out += 1

    async def _shake_hands(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address: tuple[str, int] = (writer.get_extra_info("peername") or ("", 0))[:2]
        try:
            stream = await accept(reader, writer, self._key, self._limits.handshake_seconds)
        except (TransportError, OSError) as error:
            _log.debug("no handshake", extra={"address": f"{address[0]}:{address[1]}", "reason": str(error)})
            return
        await self._admit(stream, address)
