"""The socket as clients of Core Lightning see it: answers, errors, and connections that make no sense."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boltnode.rpc.command import Command, Result
from boltnode.rpc.framing import MAX_REQUEST_BYTES
from boltnode.rpc.server import MAX_CONNECTIONS, RpcServer

OnANode = Callable[..., None]


def request(**changes: object) -> bytes:
    """A request for ``getinfo``, with members changed, or taken away by None."""
    members = {"jsonrpc": "2.0", "id": "x#1", "method": "getinfo", "params": {}} | changes
    return json.dumps({name: value for name, value in members.items() if value is not None}).encode()


def test_answer_has_the_requests_id(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        for id_ in ("x#1", "", 7, -1, True):
            (answer,) = await running.raw(request(id=id_))
            assert answer["id"] == id_
            assert answer["jsonrpc"] == "2.0"
            assert answer["result"]["network"] == "regtest"
            assert set(answer) == {"jsonrpc", "id", "result"}

    on_a_node(story)


def test_requests_that_come_at_once_are_answered_in_order(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        answers = await running.raw(b"".join(request(id=number) for number in range(20)))
        assert [answer["id"] for answer in answers] == list(range(20))

    on_a_node(story)


def test_request_in_pieces(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        whole = request()
        (answer,) = await running.raw(*(whole[at : at + 5] for at in range(0, len(whole), 5)))
        assert "result" in answer

    on_a_node(story)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[]", "Expected {} for json command"),
        (b"x", "Expected {} for json command"),
        (b'{"x":}', "Invalid token in json input"),
        (request(id=None), "No id"),
        (request(id=[1]), "Expected string/primitive for id"),
        (request(jsonrpc=None), 'jsonrpc: "2.0" must be specified in the request'),
        (request(jsonrpc="1.0"), 'jsonrpc: "2.0" must be specified in the request'),
        (b'{"x":"' + b"y" * MAX_REQUEST_BYTES, "a request of more than 1048576 bytes"),
    ],
)
def test_nonsense_gets_one_error_and_ends_the_connection(on_a_node: OnANode, data: bytes, message: str) -> None:
    async def story(running: Any) -> None:
        first, error = await running.raw(request(), data, request(), until_closed=True)
        assert "result" in first
        assert (error["id"], error["error"]["code"]) == (None, -32600)
        assert message in error["error"]["message"]
        await running.call("getinfo")

    on_a_node(story)


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        (request(method=None), -32600, "No method"),
        (request(method=7), -32600, "Expected string for method"),
        (request(params=None), -32600, "No params"),
        (request(params="x"), -32600, "Expected array or object for params"),
        (request(method="nothing"), -32601, "Unknown command 'nothing'"),
        (request(params={"x": 1}), -32602, "unknown parameter: x; usage: getinfo"),
        (request(filter="x"), -32600, "filter: should be true, an object, or an array of one element"),
    ],
)
def test_wrong_request_gets_an_error_and_the_connection_goes_on(
    on_a_node: OnANode, data: bytes, code: int, message: str
) -> None:
    async def story(running: Any) -> None:
        error, after = await running.raw(data, request(id=2))
        assert error["error"] == {"code": code, "message": message}
        assert error["id"] == "x#1"
        assert after["result"]["network"] == "regtest"

    on_a_node(story)


def test_filter(on_a_node: OnANode) -> None:
    async def story(running: Any) -> None:
        (answer,) = await running.raw(request(filter={"network": True, "binding": [{"port": True}]}))
        assert answer["result"] == {"network": "regtest", "binding": [{"port": answer["result"]["binding"][0]["port"]}]}

    on_a_node(story)


def test_socket_is_for_its_owner_only_and_goes_with_the_node(on_a_node: OnANode) -> None:
    paths: list[Path] = []

    async def story(running: Any) -> None:
        paths.append(running.path)
        assert stat.S_IMODE(running.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(running.path.parent.stat().st_mode) == 0o700

    on_a_node(story)
    assert not paths[0].exists()


def test_socket_that_a_crash_left_behind_is_replaced(on_a_node: OnANode) -> None:
    async def leave(running: Any) -> None:
        running.path.with_name("left").hardlink_to(running.path)

    async def story(running: Any) -> None:
        await running.call("getinfo")

    async def put_back(running: Any) -> None:
        left.append(running.path)

    left: list[Path] = []
    on_a_node(leave)
    on_a_node(put_back)
    left[0].with_name("left").rename(left[0])
    assert left[0].is_socket()
    on_a_node(story)


def test_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")

    async def story() -> None:
        with pytest.raises(OSError, match="in use"):
            await RpcServer({}, None).start(path)

    asyncio.run(story())
    assert path.read_text() == "data"


# --- with commands of the test's own ---


class Stage:
    """A server with one command."""

    def __init__(self, path: Path, run: Callable[..., Any]) -> None:
        self.path = path
        self.server = RpcServer({"go": Command("go", "test", "Go.", run)}, self)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_unix_connection(self.path)
        writer.write(request(method="go"))
        return reader, writer

    async def answer(self, reader: asyncio.StreamReader) -> Any:
        data = await asyncio.wait_for(reader.readuntil(b"\n\n"), 30)
        return json.loads(data)


def on_stage(tmp_path: Path, run: Callable[..., Any], story: Callable[[Stage], Any]) -> None:
    async def told() -> None:
        stage = Stage(tmp_path / "rpc", run)
        await stage.server.start(stage.path)
        try:
            await story(stage)
        finally:
            await stage.server.close()

    asyncio.run(told())


def test_commands_of_different_connections_run_at_once(tmp_path: Path) -> None:
    met = asyncio.Barrier(3)

    async def run(_: Stage) -> Result:
        await met.wait()
        return {}

    async def story(stage: Stage) -> None:
        connections = [await stage.connect() for _ in range(3)]
        for reader, writer in connections:
            assert (await stage.answer(reader))["result"] == {}
            writer.close()

    on_stage(tmp_path, run, story)


def test_client_that_goes_away_does_not_stop_its_command(tmp_path: Path) -> None:
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run(_: Stage) -> Result:
        begun.set()
        await go_on.wait()
        done.set()
        return {}

    async def story(stage: Stage) -> None:
        _, writer = await stage.connect()
        await begun.wait()
        writer.transport.abort()
        await asyncio.sleep(0.05)
        go_on.set()
        await asyncio.wait_for(done.wait(), 30)

    on_stage(tmp_path, run, story)


def test_command_that_fails_unexpectedly_is_answered_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run(_: Stage) -> Result:
        raise ZeroDivisionError("secret detail")

    async def story(stage: Stage) -> None:
        reader, writer = await stage.connect()
        error = (await stage.answer(reader))["error"]
        assert error == {"code": -1, "message": "internal error: ZeroDivisionError; see the log"}
        writer.close()

    on_stage(tmp_path, run, story)
    assert "secret detail" in caplog.text


def test_server_that_stops_answers_what_runs(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def run(_: Stage) -> Result:
        begun.set()
        await asyncio.Event().wait()
        return {}

    async def story(stage: Stage) -> None:
        reader, writer = await stage.connect()
        await begun.wait()
        stage.server.answer_seconds = 0.05
        await stage.server.close()
        assert (await stage.answer(reader))["error"] == {"code": -5, "message": "the node is stopping"}
        writer.close()

    on_stage(tmp_path, run, story)


def test_too_many_connections_are_closed_and_others_served(tmp_path: Path) -> None:
    async def run(_: Stage) -> Result:
        return {}

    async def story(stage: Stage) -> None:
        held = [await asyncio.open_unix_connection(stage.path) for _ in range(MAX_CONNECTIONS)]
        reader, writer = await asyncio.open_unix_connection(stage.path)
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()
        held[0][1].write(request(method="go"))
        assert (await stage.answer(held[0][0]))["result"] == {}
        held[1][1].close()
        await asyncio.sleep(0.05)
        reader, writer = await stage.connect()
        assert (await stage.answer(reader))["result"] == {}
        for _, other in (*held, (reader, writer)):
            other.close()

    on_stage(tmp_path, run, story)


def test_client_that_does_not_read_does_not_keep_the_node_from_stopping(tmp_path: Path) -> None:
    async def run(_: Stage) -> Result:
        return {"long": "x" * 10_000_000}

    async def story(stage: Stage) -> None:
        _, writer = await stage.connect()
        await asyncio.sleep(0.05)
        stage.server.answer_seconds = 0.05
        await asyncio.wait_for(stage.server.close(), 30)
        writer.transport.abort()

    on_stage(tmp_path, run, story)
