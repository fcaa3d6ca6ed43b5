"""BOLT 8 over TCP: a stream of Lightning messages, as bytes, between two authenticated nodes (asyncio).

The handshake and the frames are sans I/O (:mod:`boltwire.noise`, :mod:`boltwire.frames`); here are the socket, its
options, and who waits for what. Nagle's algorithm is off: it would hold small messages back for tens of milliseconds.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, Self, TypeAlias

from boltwire.errors import TransportError
from boltwire.frames import FrameDecryptor, FrameEncryptor
from boltwire.noise import ACT_ONE_SIZE, ACT_THREE_SIZE, ACT_TWO_SIZE, Initiator, Responder, SessionKeys
from boltwire.secp256k1 import CurveError, PrivateKey, PublicKey

HANDSHAKE_TIMEOUT: Final = 10.0
"""Seconds until a handshake that gets no further is given up."""

_READ_SIZE: Final = 1 << 16

Handler: TypeAlias = Callable[["MessageStream"], Awaitable[None]]
"""What a listener calls with each peer."""


class MessageStream:
    """An established connection; :meth:`send` and :meth:`receive` may be used from two tasks at once."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keys: SessionKeys) -> None:
        """Over a connection whose handshake gave ``keys``; see :func:`connect` and :func:`accept`."""
        self._reader = reader
        self._writer = writer
        self._encryptor = FrameEncryptor(keys.send_key, keys.chaining_key)
        self._decryptor = FrameDecryptor(keys.receive_key, keys.chaining_key)
        self._arrived = b""
        self._received: deque[bytes] = deque()
        self.remote_node_id = keys.remote_static
        """33 bytes, authenticated."""

    async def send(self, *messages: bytes) -> None:
        """Send messages in order, in one write; returns when the socket's buffer has room again."""
        self._writer.write(self._encryptor.encrypt_all(messages))
        await self._writer.drain()

    async def receive(self) -> bytes | None:
        """The next message, or None when the peer has closed the connection between two messages.

        Raises :class:`TransportError` for a frame that cannot be decrypted or is cut off. The connection is then over.
        """
        while (message := self.take()) is None:
            if not await self.wait():
                return None
        return message

    async def wait(self) -> bool:
        """Wait until there is something for :meth:`take` to look at; False and errors as for :meth:`receive`."""
        if not (self._received or self._arrived):
            self._decryptor.require_intact()
            self._arrived = await self._reader.read(_READ_SIZE)
            if not self._arrived:
                self._decryptor.require_frame_boundary()
                return False
        return True

    def take(self) -> bytes | None:
        """The next message, if all of it has arrived. Here is where the work is done; errors as for :meth:`receive`."""
        if not self._received and self._arrived:
            data, self._arrived = self._arrived, b""
            self._received.extend(self._decryptor.feed(data))
        return self._received.popleft() if self._received else None

    async def close(self) -> None:
        """Close the connection, without an answer to what arrives from now on."""
        await _close(self._writer)

    def abort(self) -> None:
        """Close the connection at once; what the peer has not taken yet is dropped."""
        self._writer.transport.abort()


async def connect(
    host: str, port: int, static: PrivateKey, remote_node_id: bytes, timeout: float = HANDSHAKE_TIMEOUT
) -> MessageStream:
    """Connect to a node and prove to each other who we are.

    Raises :class:`TransportError` if the handshake fails or takes longer than ``timeout`` seconds, OSError (of which
    TimeoutError is one) if there is no connection within as many.
    """
    try:
        responder = PublicKey(remote_node_id)
    except CurveError as error:
        raise ValueError(f"not a node id: {remote_node_id.hex()}") from error
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(host, port)
    return await _established(reader, writer, _initiate(reader, writer, static, responder), timeout)


async def accept(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, static: PrivateKey, timeout: float = HANDSHAKE_TIMEOUT
) -> MessageStream:
    """The responder's side on an accepted connection; errors as for :func:`connect`."""
    return await _established(reader, writer, _respond(reader, writer, static), timeout)


class Listener:
    """A listening socket and the connections that came in by it; an async context manager that closes both."""

    def __init__(self, static: PrivateKey, handler: Handler) -> None:
        """Not listening yet; see :func:`serve`."""
        self._static = static
        self._handler = handler
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen; port 0 takes any free one."""
        self._server = await asyncio.start_server(self._on_connection, host, port)

    @property
    def port(self) -> int:
        """The TCP port that it listens on; RuntimeError before :meth:`start`."""
        if self._server is None:
            raise RuntimeError("the listener was not started")
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def close(self) -> None:
        """Stop listening, cancel the handlers and wait for them."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._run(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            stream = await accept(reader, writer, self._static)
        except (TransportError, ConnectionError):
            return  # accept has closed the connection, and silence is the answer
        try:
            await self._handler(stream)
        finally:
            await stream.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def serve(host: str, port: int, static: PrivateKey, handler: Handler) -> Listener:
    """Listen, and call ``handler`` with each peer that completes the handshake; the stream is closed when it returns.

    A connection whose handshake fails is closed in silence. An exception of ``handler`` goes to the event loop's
    exception handler, as for any task.
    """
    listener = Listener(static, handler)
    await listener.start(host, port)
    return listener


async def _established(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handshake: Awaitable[SessionKeys], timeout: float
) -> MessageStream:
    """The stream after ``handshake``; a failed or slow one closes the connection without a further byte."""
    _set_no_delay(writer)
    try:
        async with asyncio.timeout(timeout):
            keys = await handshake
    except asyncio.IncompleteReadError as error:
        await _close(writer)
        raise TransportError(f"the peer closed the connection after {len(error.partial)} bytes of an act") from error
    except TimeoutError as error:
        await _close(writer)
        raise TransportError(f"the handshake took longer than {timeout} s") from error
    except BaseException:
        await _close(writer)
        raise
    return MessageStream(reader, writer, keys)


async def _initiate(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, static: PrivateKey, responder: PublicKey
) -> SessionKeys:
    machine = Initiator(static, responder)
    writer.write(machine.act_one())
    act_three, keys = machine.act_three(await reader.readexactly(ACT_TWO_SIZE))
    writer.write(act_three)
    await writer.drain()
    return keys


async def _respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, static: PrivateKey) -> SessionKeys:
    machine = Responder(static)
    writer.write(machine.act_two(await reader.readexactly(ACT_ONE_SIZE)))
    return machine.finish(await reader.readexactly(ACT_THREE_SIZE))


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        await writer.wait_closed()
    except ConnectionError:
        return  # the peer was faster: closed is closed


def _set_no_delay(writer: asyncio.StreamWriter) -> None:
    """Send small messages at once; sockets other than TCP have no such option."""
    found: socket.socket | None = writer.get_extra_info("socket")
    if found is not None and found.family in (socket.AF_INET, socket.AF_INET6):
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
