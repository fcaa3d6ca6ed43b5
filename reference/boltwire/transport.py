"""BOLT 8 over TCP: a stream of Lightning messages, as bytes, between two authenticated nodes (asyncio).

The handshake and the frames are sans I/O (:mod:`boltwire.noise`, :mod:`boltwire.frames`); here are the socket, its
options, and who waits for what. Nagle's algorithm is off: it would hold small messages back for tens of milliseconds.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from boltwire.errors import TransportError
from boltwire.frames import FrameDecryptor, FrameEncryptor
from boltwire.noise import ACT_ONE_SIZE, ACT_THREE_SIZE, ACT_TWO_SIZE, Initiator, Responder, SessionKeys
from boltwire.secp256k1 import CurveError, PrivateKey, PublicKey

HANDSHAKE_TIMEOUT: Final = 10.0
"""Seconds until a handshake that gets no further is given up."""

_READ_SIZE: Final = 1 << 16


class MessageStream:
    """An established connection; :meth:`send` and :meth:`receive` may be used from two tasks at once."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, keys: SessionKeys) -> None:
        """Over a connection whose handshake gave ``keys``; see :func:`connect` and :func:`accept`."""
        self._reader = reader
        self._writer = writer
        self._encryptor = FrameEncryptor(keys.send_key, keys.chaining_key)
        self._decryptor = FrameDecryptor(keys.receive_key, keys.chaining_key)
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
        while not self._received:
            data = await self._reader.read(_READ_SIZE)
            if not data:
                self._decryptor.require_frame_boundary()
                return None
            self._received.extend(self._decryptor.feed(data))
        return self._received.popleft()

    async def close(self) -> None:
        """Close the connection, without an answer to what arrives from now on."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return  # the peer was faster: closed is closed


async def connect(
    host: str, port: int, static: PrivateKey, remote_node_id: bytes, timeout: float = HANDSHAKE_TIMEOUT
) -> MessageStream:
    """Connect to a node and prove to each other who we are.

    Raises :class:`TransportError` if the handshake fails or takes longer than ``timeout`` seconds, OSError if there is
    no connection at all.
    """
    try:
        responder = PublicKey(remote_node_id)
    except CurveError as error:
        raise ValueError(f"not a node id: {remote_node_id.hex()}") from error
    reader, writer = await asyncio.open_connection(host, port)
    return await _established(reader, writer, _initiate(reader, writer, static, responder), timeout)


async def accept(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, static: PrivateKey, timeout: float = HANDSHAKE_TIMEOUT
) -> MessageStream:
    """The responder's side on an accepted connection; errors as for :func:`connect`."""
    return await _established(reader, writer, _respond(reader, writer, static), timeout)


async def serve(
    host: str, port: int, static: PrivateKey, handler: Callable[[MessageStream], Awaitable[None]]
) -> asyncio.Server:
    """Listen, and call ``handler`` with each peer that completes the handshake; the stream is closed when it returns.

    A connection whose handshake fails is closed in silence.
    """

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            stream = await accept(reader, writer, static)
        except (TransportError, ConnectionError):
            return
        try:
            await handler(stream)
        finally:
            await stream.close()

    return await asyncio.start_server(on_connection, host, port)


async def _established(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handshake: Awaitable[SessionKeys], timeout: float
) -> MessageStream:
    """The stream after ``handshake``; a failed or slow one closes the connection without a further byte."""
    _set_no_delay(writer)
    try:
        keys = await asyncio.wait_for(handshake, timeout)
    except asyncio.IncompleteReadError as error:
        writer.close()
        raise TransportError(f"the peer closed the connection after {len(error.partial)} bytes of an act") from error
    except TimeoutError as error:
        writer.close()
        raise TransportError(f"the handshake took longer than {timeout} s") from error
    except BaseException:
        writer.close()
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


def _set_no_delay(writer: asyncio.StreamWriter) -> None:
    """Send small messages at once; sockets other than TCP have no such option."""
    found: socket.socket | None = writer.get_extra_info("socket")
    if found is not None and found.family in (socket.AF_INET, socket.AF_INET6):
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
