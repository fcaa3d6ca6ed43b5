"""One peer: messages in and out after the handshake, with a bound on everything that the peer could make grow.

Three tasks: one reads, decodes and hands on, no faster than the peer's rate, and when it is the peer's turn
(:mod:`boltnode.peers.turnstile`); one writes what is queued, as much as there is in one go; one pings when the peer is
silent. Whichever ends first ends the connection.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any, Final

from boltnode.log_context import LogContext
from boltnode.peers.handler import PeerHandler
from boltnode.peers.limits import PeerLimits
from boltnode.peers.talk import Talk
from boltnode.peers.token_bucket import TokenBucket
from boltnode.peers.turnstile import Turn, Turnstiles
from boltwire.channel_id import ALL_CHANNELS
from boltwire.codec import decode_message, encode_message
from boltwire.diagnostics import text_of
from boltwire.errors import MessageError, TransportError
from boltwire.features import FeatureBits
from boltwire.keepalive import ping
from boltwire.messages import Error, Init, Message, Ping, Pong, UnknownMessage, Warning  # noqa: A004  # BOLT 1's name
from boltwire.transport import MessageStream

PONG_BYTES: Final = 1
"""What we ask for in a ping: little, but an answer."""

WORDS_PER_SECOND: Final = 0.1
"""Warnings and errors of a peer that are logged."""
WORDS_BURST: Final = 5
"""How many of them at once."""
MAX_WORDS: Final = 400
"""Characters of each that are logged."""

_log = logging.getLogger("boltnode.peer")


class Direction(StrEnum):
    """Who connected, in Core Lightning's words."""

    IN = "in"
    OUT = "out"


class PeerGone(Exception):
    """The connection is over; the text says why."""


class PeerConnection:
    """An authenticated peer."""

    def __init__(
        self,
        stream: MessageStream,
        direction: Direction,
        address: tuple[str, int],
        limits: PeerLimits,
        turnstiles: Turnstiles,
    ) -> None:
        """Over a stream whose handshake is done; :meth:`introduce` comes next, then :meth:`run`."""
        self.node_id = stream.remote_node_id
        self.direction = direction
        self.address = address
        """Host and port at the other end."""
        self.features = FeatureBits()
        """What the peer offers; known once :meth:`introduce` returns."""
        self.log = LogContext(_log, {"peer": self.node_id.hex()})
        self._stream = stream
        self._limits = limits
        self._turnstiles = turnstiles
        now = asyncio.get_running_loop().time
        self._now = now
        self.since = now()
        """When it began, by the event loop's clock."""
        self._heard = now()
        self._bytes = TokenBucket(limits.bytes_per_second, limits.bytes_per_second * limits.burst_seconds, now)
        self._messages = TokenBucket(limits.messages_per_second, limits.messages_per_second * limits.burst_seconds, now)
        self._level_of_words = TokenBucket(WORDS_PER_SECOND, WORDS_BURST, now)
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._something_to_send = asyncio.Event()
        self._pong = asyncio.Event()
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()
        """Set when nothing of the connection is left."""

    def __repr__(self) -> str:
        return f"PeerConnection({self.node_id.hex()}, {self.direction})"

    # --- out ---

    def send(self, *messages: bytes) -> None:
        """Queue messages, in order. A peer that does not take what is queued loses the connection."""
        if self._over.done():
            return
        self._queue.extend(messages)
        self._queued_bytes += sum(map(len, messages))
        self._something_to_send.set()
        limits = self._limits
        if self._queued_bytes > limits.send_queue_bytes or len(self._queue) > limits.send_queue_messages:
            self.close(f"too slow: {len(self._queue)} messages of {self._queued_bytes} bytes wait to be sent")

    def close(self, reason: str) -> None:
        """End the connection; only the first reason counts."""
        if not self._over.done():
            self._over.set_result(reason)

    async def _write(self) -> None:
        while True:
            await self._something_to_send.wait()
            self._something_to_send.clear()
            if self._queue:
                await self._write_queue()

    async def _write_queue(self) -> None:
        batch, self._queue, self._queued_bytes = list(self._queue), deque(), 0
        try:
            async with asyncio.timeout(self._limits.stall_seconds):
                await self._stream.send(*batch)
        except TimeoutError:
            raise PeerGone(f"took nothing for {self._limits.stall_seconds} s") from None

    # --- the beginning ---

    async def introduce(self, init: Init, chain_hashes: Sequence[bytes], supported: Iterable[str]) -> None:
        """Exchange ``init``; :class:`PeerGone` if the peer does not, in time, or is not for us.

        B01-init-s-02, B01-init-r-01: it is the first message in each direction.
        """
        try:
            self._talk = Talk(init, chain_hashes, supported)
            async with asyncio.timeout(self._limits.init_seconds):
                await self._stream.send(encode_message(init))
                data = await self._stream.receive()
            if data is None:
                raise PeerGone("closed the connection before its init")
            self._talk.hear(decode_message(data))
            self.features = self._talk.features
        except TimeoutError:
            raise PeerGone(f"no init within {self._limits.init_seconds} s") from None
        except MessageError as error:
            await self._part_with(str(error))
            raise PeerGone(str(error)) from error
        except (TransportError, ConnectionError) as error:
            raise PeerGone(str(error)) from error

    async def _part_with(self, reason: str) -> None:
        """Tell the peer what was wrong, if it listens."""
        warning = Warning(channel_id=ALL_CHANNELS, data=reason.encode("ascii", "replace"))
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(self._limits.close_seconds):
                await self._stream.send(encode_message(warning))

    # --- in ---

    async def run(self, handler: PeerHandler) -> str:
        """Read and write until one of the two ends it; why it ended. The stream is closed then."""
        parts = (self._read(handler), self._write(), self._keep_alive())
        tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(part) for part in parts]
        try:
            await asyncio.wait([*tasks, self._over], return_when=asyncio.FIRST_COMPLETED)
            self._find_reason(tasks)
        finally:
            self.close("the node stops")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.finish()
        return self._over.result()

    def _find_reason(self, tasks: list[asyncio.Future[Any]]) -> None:
        for task in tasks:
            error = task.exception() if task.done() else None
            if isinstance(error, PeerGone | TransportError | ConnectionError):
                self.close(str(error) or type(error).__name__)
            elif error is not None:
                self.log.error("a message could not be handled", exc_info=error)
                self.close("internal error")

    async def finish(self) -> None:
        """Close the stream, and do not wait for long for a peer that does not read what it was sent last."""
        self._queue.clear()
        try:
            async with asyncio.timeout(self._limits.close_seconds):
                await self._stream.close()
        except OSError:  # TimeoutError is one
            self._stream.abort()
        self.ended.set()

    async def _read(self, handler: PeerHandler) -> None:
        turnstiles = self._turnstiles
        while await self._stream.wait():
            turnstile = turnstiles.partners if handler.is_partner(self.node_id) else turnstiles.strangers
            try:
                async with turnstile.turn() as turn:
                    pause = await self._read_for_a_turn(turn, handler)
            except MessageError as error:
                await self._part_with(str(error))
                raise PeerGone(f"malformed message: {error}") from error
            if pause:
                await asyncio.sleep(pause)
        raise PeerGone("the peer closed the connection")

    async def _read_for_a_turn(self, turn: Turn, handler: PeerHandler) -> float:
        """Handle what has arrived, as far as the turn goes; the seconds to wait before more is read."""
        while (data := self._stream.take()) is not None:
            if self._over.done():
                raise PeerGone("closed")  # what it still says belongs to no connection: another may be there by now
            self._heard = self._now()
            await self._handle(decode_message(data), handler)
            pause = max(self._bytes.take(len(data)), self._messages.take(1))
            if pause or turn.is_over:
                return pause
        return 0.0

    async def _handle(self, message: Message | UnknownMessage, handler: PeerHandler) -> None:
        if not isinstance(message, UnknownMessage) and not self._talk.knows(message):
            message = UnknownMessage(message.layout.type, b"")
        match message:
            case Init() | Ping() | Pong() | UnknownMessage():
                if answers := self._talk.hear(message):
                    self.send(*map(encode_message, answers))
                if not self._talk.waits_for_pong:
                    self._pong.set()
            case Warning() | Error():
                self._write_down(text_of(message))
                await handler.received(self, message)
            case _:
                await handler.received(self, message)

    def _write_down(self, words: str) -> None:
        """Log what the peer says, as far as it does not talk the disk full."""
        if self._level_of_words.take(1) < 1 / WORDS_PER_SECOND:
            self.log.warning("the peer says: %s", words[:MAX_WORDS])

    async def _keep_alive(self) -> None:
        limits = self._limits
        while True:
            silence = self._now() - self._heard
            if silence < limits.ping_seconds:
                await asyncio.sleep(limits.ping_seconds - silence)
                continue
            self._pong.clear()
            question = ping(PONG_BYTES)
            self._talk.pinged(question)
            self.send(encode_message(question))
            try:
                async with asyncio.timeout(limits.pong_seconds):
                    await self._pong.wait()
            except TimeoutError:
                raise PeerGone(f"no pong within {limits.pong_seconds} s") from None
