"""Two nodes over a real socket (loopback)."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from boltwire.errors import TransportError
from boltwire.secp256k1 import PrivateKey
from boltwire.transport import Listener, MessageStream, accept, connect, serve

ALICE, BOB, CAROL = (PrivateKey(bytes((index,)) * 32) for index in (1, 2, 3))
LOCALHOST = "127.0.0.1"


@contextlib.asynccontextmanager
async def echoing_bob() -> AsyncIterator[tuple[int, list[bytes]]]:
    """Bob sends back what he gets; yields his port and the node ids that came by."""
    seen: list[bytes] = []

    async def echo(stream: MessageStream) -> None:
        seen.append(stream.remote_node_id)
        while (message := await stream.receive()) is not None:
            await stream.send(message)

    async with await serve(LOCALHOST, 0, BOB, echo) as listener:
        yield listener.port, seen


def test_messages_come_back_in_order() -> None:
    async def scenario() -> None:
        async with echoing_bob() as (port, seen):
            stream = await connect(LOCALHOST, port, ALICE, BOB.public_key.encoded)
            sent = [bytes((index % 256,)) * (index * 131 % 3000) for index in range(600)] + [bytes(65535)]
            sender = asyncio.create_task(send_all(stream, sent))
            assert [await stream.receive() for _ in sent] == sent
            await sender
            await stream.close()
            assert seen == [ALICE.public_key.encoded]
            assert stream.remote_node_id == BOB.public_key.encoded

    asyncio.run(scenario())


async def send_all(stream: MessageStream, messages: list[bytes]) -> None:
    for at in range(0, len(messages), 7):
        await stream.send(*messages[at : at + 7])


def test_half_a_message_is_waited_for_and_not_taken() -> None:
    async def scenario() -> None:
        async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            stream = await accept(reader, writer, BOB)
            frames = stream._encryptor.encrypt_all((b"one", b"two"))
            writer.write(frames[:-1])
            await go_on.wait()
            writer.write(frames[-1:])
            await stream.close()

        go_on = asyncio.Event()
        async with await asyncio.start_server(speak, LOCALHOST, 0) as server:
            stream = await connect(LOCALHOST, server.sockets[0].getsockname()[1], ALICE, BOB.public_key.encoded)
            assert stream.take() is None
            assert await stream.wait()
            assert (stream.take(), stream.take()) == (b"one", None)
            go_on.set()
            assert await stream.wait()
            assert await stream.wait(), "what has arrived is not taken yet"
            assert (stream.take(), stream.take()) == (b"two", None)
            assert not await stream.wait()
            await stream.close()

    asyncio.run(scenario())


def test_small_messages_are_not_held_back() -> None:
    async def scenario() -> None:
        options: list[int] = []

        async def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            stream = await accept(reader, writer, BOB)
            options.append(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            await stream.close()

        server = await asyncio.start_server(look, LOCALHOST, 0)
        async with server:
            stream = await connect(LOCALHOST, server.sockets[0].getsockname()[1], ALICE, BOB.public_key.encoded)
            assert await stream.receive() is None
            options.append(stream._writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            await stream.close()
        assert all(options)
        assert len(options) == 2

    asyncio.run(scenario())


def test_wrong_node_id_gets_no_answer() -> None:
    """B08-act-one-q-02"""

    async def scenario() -> None:
        async with echoing_bob() as (port, seen):
            with pytest.raises(TransportError, match="closed the connection after 0 bytes of an act"):
                await connect(LOCALHOST, port, ALICE, CAROL.public_key.encoded)
            assert seen == []

    asyncio.run(scenario())


def test_silent_peer_is_given_up() -> None:
    async def scenario() -> None:
        closed = asyncio.Event()

        async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert len(await reader.read()) == 50
            writer.close()
            await writer.wait_closed()
            closed.set()

        server = await asyncio.start_server(nothing, LOCALHOST, 0)
        async with server:
            with pytest.raises(TransportError, match=r"longer than 0.05 s"):
                await connect(
                    LOCALHOST, server.sockets[0].getsockname()[1], ALICE, BOB.public_key.encoded, timeout=0.05
                )
            await closed.wait()

    asyncio.run(scenario())


def test_garbage_after_the_handshake_and_a_cut_frame() -> None:
    async def scenario(garbage: bytes, reason: str) -> None:
        async def misbehave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            stream = await accept(reader, writer, BOB)
            stream._writer.write(garbage)
            await stream.close()

        server = await asyncio.start_server(misbehave, LOCALHOST, 0)
        async with server:
            stream = await connect(LOCALHOST, server.sockets[0].getsockname()[1], ALICE, BOB.public_key.encoded)
            with pytest.raises(TransportError, match=reason):
                await stream.receive()
            await stream.close()

    asyncio.run(scenario(bytes(40), "does not authenticate"))
    asyncio.run(scenario(bytes(3), "ends inside a frame"))


def test_garbage_instead_of_a_handshake_does_not_disturb_the_server() -> None:
    async def scenario() -> None:
        async with echoing_bob() as (port, seen):
            reader, writer = await asyncio.open_connection(LOCALHOST, port)
            writer.write(bytes(50))
            assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
            stream = await connect(LOCALHOST, port, ALICE, BOB.public_key.encoded)
            await stream.send(b"still there")
            assert await stream.receive() == b"still there"
            await stream.close()
            assert len(seen) == 1

    asyncio.run(scenario())


def test_node_id_off_the_curve_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="not a node id"):
        asyncio.run(connect(LOCALHOST, 1, ALICE, b"\x02" + b"\xff" * 32))


def test_closing_a_listener_ends_its_connections() -> None:
    async def scenario() -> None:
        ended = asyncio.Event()

        async def wait(stream: MessageStream) -> None:
            try:
                await stream.receive()
            finally:
                ended.set()

        async with await serve(LOCALHOST, 0, BOB, wait) as listener:
            stream = await connect(LOCALHOST, listener.port, ALICE, BOB.public_key.encoded)
            await asyncio.sleep(0.05)
        assert ended.is_set()
        assert await stream.receive() is None
        await stream.close()

    asyncio.run(scenario())


def test_listener_has_a_port_once_it_listens() -> None:
    async def nothing(stream: MessageStream) -> None:
        raise AssertionError("nobody connects")

    with pytest.raises(RuntimeError, match="not started"):
        _ = Listener(BOB, nothing).port
