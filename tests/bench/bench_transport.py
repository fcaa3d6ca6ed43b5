"""BOLT 8: handshakes and frames of 1,450 bytes per second (one core), each direction by itself."""

import asyncio
from collections.abc import Callable

from boltwire.frames import FrameDecryptor, FrameEncryptor
from boltwire.noise import Initiator, Responder
from boltwire.secp256k1 import PrivateKey
from boltwire.transport import MessageStream, connect, serve

Bench = tuple[str, Callable[[], object], int, str, float | None]

_KEY, _CHAINING_KEY = b"k" * 32, b"c" * 32
_MESSAGE = bytes(1450)
_BATCH = 40
_FRAMES = 1000
_ECHOES = 500
_ALICE, _BOB = PrivateKey(b"\1" * 32), PrivateKey(b"\2" * 32)

_encryptor = FrameEncryptor(_KEY, _CHAINING_KEY)
_recorder = FrameEncryptor(_KEY, _CHAINING_KEY)
_frames = [_recorder.encrypt(_MESSAGE) for _ in range(_FRAMES)]
_stream = b"".join(_frames)
_READS = [_stream[at : at + 65536] for at in range(0, len(_stream), 65536)]


def _decrypt(pieces: list[bytes]) -> None:
    decryptor = FrameDecryptor(_KEY, _CHAINING_KEY)
    for piece in pieces:
        decryptor.feed(piece)


def _handshake() -> None:
    initiator, responder = Initiator(_ALICE, _BOB.public_key), Responder(_BOB)
    act_three, _ = initiator.act_three(responder.act_two(initiator.act_one()))
    responder.finish(act_three)


async def _sink(stream: MessageStream) -> None:
    while (message := await stream.receive()) is not None:
        if not message:
            await stream.send(b"")


async def _send_over_loopback() -> None:
    async with await serve("127.0.0.1", 0, _BOB, _sink) as server:
        stream = await connect("127.0.0.1", server.port, _ALICE, _BOB.public_key.encoded)
        for _ in range(_FRAMES // _BATCH):
            await stream.send(*(_MESSAGE,) * _BATCH)
        await stream.send(b"")
        await stream.receive()
        await stream.close()


async def _ping_pong() -> None:
    async with await serve("127.0.0.1", 0, _BOB, _sink) as server:
        stream = await connect("127.0.0.1", server.port, _ALICE, _BOB.public_key.encoded)
        for _ in range(_ECHOES):
            await stream.send(b"")
            await stream.receive()
        await stream.close()


BENCHES: list[Bench] = [
    ("encrypt frames one by one", lambda: _encryptor.encrypt(_MESSAGE), 1, "frames", 150_000),
    ("encrypt frames in batches of 40", lambda: _encryptor.encrypt_all([_MESSAGE] * _BATCH), _BATCH, "frames", 150_000),
    ("decrypt frames one by one", lambda: _decrypt(_frames), _FRAMES, "frames", 150_000),
    ("decrypt frames from reads of 64 KiB", lambda: _decrypt(_READS), _FRAMES, "frames", 150_000),
    ("handshake, both sides", _handshake, 1, "handshakes", None),
    (
        "send over loopback, both ends in one process",
        lambda: asyncio.run(_send_over_loopback()),
        _FRAMES,
        "frames",
        None,
    ),
    ("round trips over loopback, both ends in one process", lambda: asyncio.run(_ping_pong()), _ECHOES, "trips", None),
]
