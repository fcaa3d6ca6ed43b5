"""`boltchain serve` as a program: its command line, its files, its end; crashes; and clients that misbehave."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from boltchain.rpc import RpcError
from boltchain.server.blocklog import BlockLog, DamagedLog, RecordKind
from boltchain.server.command import main
from boltchain.server.http import MAX_BODY_BYTES, MAX_CONNECTIONS
from boltchain.server.node import RegtestNode
from boltchain.server.process import ServerProcess

MINE_TO = "raw(51)"
OTHER_FILES = 50
"""More files than the server has open besides connections."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "boltchain.server.command", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--network", "main"], "only regtest can be served"),
        (["--network", "signet"], "knows no peers"),
        (["--host", "0.0.0.0"], "decides what the chain is"),
        (["--host", "192.0.2.7"], "only 127.0.0.1 can be served"),
        (["--port", "70000"], "between 0 and 65535"),
    ],
)
def test_what_cannot_be_served_is_refused_with_the_reason(
    arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *arguments, "--print-config"]) == 2
    assert why in capsys.readouterr().err


def test_print_config_shows_the_settings_and_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--datadir", str(tmp_path / "new"), "--port", "7", "--print-config"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["network"], shown["host"], shown["port"]) == ("regtest", "127.0.0.1", 7)
    assert shown["cookie"] == str(tmp_path / "new" / "regtest" / ".cookie")
    assert not (tmp_path / "new").exists()


def test_second_server_for_the_same_directory_is_refused(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, durable=False):
        second = run("--datadir", str(tmp_path), "--port", "0")
    assert second.returncode == 1
    assert "another process serves the chain" in second.stderr


def test_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("--datadir", str(tmp_path), "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "address already in use" in done.stderr.lower()


def test_damaged_chain_is_not_served(tmp_path: Path) -> None:
    (tmp_path / "regtest").mkdir()
    (tmp_path / "regtest" / "blocks.log").write_bytes(b"something else, and long enough to be read")
    with pytest.raises(RuntimeError, match="is not a block log"):
        ServerProcess(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly_and_the_cookie_goes(tmp_path: Path, number: signal.Signals) -> None:
    server = ServerProcess(tmp_path, durable=False)
    cookie = server.endpoint.cookie
    assert cookie is not None
    assert stat.S_IMODE(cookie.stat().st_mode) == 0o600
    os.kill(server.pid, number)
    assert server.close() == 0
    assert not cookie.exists()


def test_stop_method_ends_it(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, durable=False)
    with contextlib.closing(server.connect()) as rpc:
        assert "stopping" in rpc.call("stop")
    server._process.wait(20)
    assert server.close() == 0


def test_server_leaves_with_the_process_that_started_it(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, durable=False)
    assert server._process.stdin is not None
    server._process.stdin.close()
    assert server._process.wait(20) == 0
    server.close()


def test_chain_and_declarations_survive_a_restart(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        rpc = server.connect()
        hashes = rpc.call("generatetodescriptor", 10, MINE_TO)
        rpc.call("invalidateblock", hashes[7])
        rpc.call("generatetodescriptor", 1, MINE_TO)
        best = rpc.call("getbestblockhash")
        rpc.close()
    with ServerProcess(tmp_path) as server:
        rpc = server.connect()
        assert rpc.call("getbestblockhash") == best
        assert rpc.call("getblockcount") == 8
        rpc.call("reconsiderblock", hashes[7])
        assert rpc.call("getbestblockhash") == hashes[-1]
        rpc.close()


# --- crashes ----------------------------------------------------------------------------------------------------------


def test_killed_server_comes_back_with_a_consistent_chain(tmp_path: Path) -> None:
    """SIGKILL at random moments of mining and reorganising: every answered block is there, and the chain works on."""
    chance = random.Random(7)
    promised: list[str] = []
    for _ in range(8):
        server = ServerProcess(tmp_path, durable=False)
        try:
            rpc = server.connect()
            reached = rpc.call("getblockcount")
            for number, block_hash in enumerate(promised):
                assert rpc.call("getblockheader", block_hash)["height"] == number + 1
            chain = [rpc.call("getblockhash", number) for number in range(reached + 1)]
            for below, above in pairwise(chain):
                assert rpc.call("getblockheader", above)["previousblockhash"] == below
            assert chain[1 : len(promised) + 1] == promised
            unspent = rpc.call("scantxoutset", "start", [MINE_TO])["unspents"]
            assert sorted(coin["height"] for coin in unspent) == list(range(1, reached + 1))
            promised = chain[1:]
            killer = threading.Timer(chance.uniform(0.01, 0.15), server.kill)
            killer.start()
            with contextlib.suppress(ConnectionError, RpcError):
                while True:
                    promised += rpc.call("generatetodescriptor", 1, MINE_TO)
            killer.join()
            rpc.close()
        finally:
            server.close()
    assert len(promised) > 20


@pytest.mark.parametrize("cut", [1, 5, 40, 150])
def test_half_written_block_is_cut_off_and_the_rest_stands(tmp_path: Path, cut: int) -> None:
    node = RegtestNode(tmp_path, durable=False)
    hashes = [node.generate(b"\x51").hash for _ in range(5)]
    node.close()
    log = tmp_path / "blocks.log"
    log.write_bytes(log.read_bytes()[:-cut])
    node = RegtestNode(tmp_path, durable=False)
    assert node.chain.height == 4, "the library's own files know five blocks, the log decides"
    assert node.chain.tip == hashes[3]
    node.generate(b"\x51")
    node.close()
    node = RegtestNode(tmp_path, durable=False)
    assert node.chain.height == 5
    node.close()


def test_damage_in_the_middle_of_the_log_is_an_error(tmp_path: Path) -> None:
    log = BlockLog(tmp_path / "log", durable=False)
    log.append(RecordKind.INVALIDATED, bytes(32))
    log.append(RecordKind.RECONSIDERED, bytes(32))
    log.close()
    raw = bytearray((tmp_path / "log").read_bytes())
    raw[40] ^= 1
    (tmp_path / "log").write_bytes(raw)
    damaged = BlockLog(tmp_path / "log", durable=False)
    with pytest.raises(DamagedLog, match="checksum"):
        list(damaged.records())
    damaged.close()


def test_damaged_files_of_the_library_are_made_anew(tmp_path: Path) -> None:
    node = RegtestNode(tmp_path, durable=False)
    for _ in range(5):
        node.generate(b"\x51")
    tip = node.chain.tip
    node.close()
    for path in (tmp_path / "kernel").rglob("CURRENT"):
        path.write_bytes(b"nonsense\n")
    node = RegtestNode(tmp_path, durable=False)
    assert node.chain.tip == tip
    node.close()


# --- clients that misbehave -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("hostile"), durable=False) as server:
        yield server


def height(server: ServerProcess) -> int:
    with contextlib.closing(server.connect()) as rpc:
        answer: int = rpc.call("getblockcount")
        return answer


def authorization(server: ServerProcess) -> bytes:
    assert server.endpoint.cookie is not None
    return b"Authorization: Basic " + base64.b64encode(server.endpoint.cookie.read_bytes()) + b"\r\n"


def exchange(server: ServerProcess, sent: bytes) -> bytes:
    """What the server says to these bytes before it closes the connection, or falls silent for a moment."""
    with socket.create_connection(("127.0.0.1", server.endpoint.port), timeout=20) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(65536):
                received += piece
        return received


def post(server: ServerProcess, body: bytes) -> bytes:
    head = b"POST / HTTP/1.1\r\nConnection: close\r\n" + authorization(server)
    return exchange(server, head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 500, b"Parse error"),
        (b"\xff\xfe", 500, b"Parse error"),
        (b"[" * 100_000, 500, b"Parse error"),
        (b"[]", 400, b"a batch holds"),
        (b'"getblockcount"', 400, b"a request is an object"),
        (b'{"method": 7}', 400, b"a request is an object"),
        (b'{"method": "getblockcount", "params": 7}', 400, b"params must be"),
        (b'{"method": "getblockcount", "id": {}}', 400, b"id must be"),
        (b'{"method": "nosuchmethod"}', 404, b"-32601"),
        (b'{"method": "getblockhash", "params": []}', 500, b"usage: getblockhash height"),
        (b'{"method": "getblockhash", "params": [1e9]}', 500, b"must be an integer"),
        (b'{"method": "getblockhash", "params": [true]}', 500, b"must be an integer"),
        (b'{"method": "getblockhash", "params": {"height": 99999999999}}', 500, b"must be between"),
        (b'{"method": "sendrawtransaction", "params": ["zz"]}', 500, b"TX decode failed"),
        (b'{"method": "sendrawtransaction", "params": [{}]}', 500, b"must be a string"),
        (b'{"method": "generatetoaddress", "params": [1, "nowhere"]}', 500, b"Invalid address"),
        (b'{"method": "generatetoaddress", "params": [1000000000, "x"]}', 500, b"must be between"),
        (b'{"method": "submitblock", "params": ["00"]}', 500, b"Block decode failed"),
        (b'{"method": "testmempoolaccept", "params": [[]]}', 500, b"between 1 and 25"),
        (b'{"method": "gettxout", "params": ["00", 0]}', 500, b"64 hexadecimal digits"),
        (b'{"jsonrpc": "2.0", "method": "nosuchmethod", "id": 1}', 200, b'"jsonrpc":"2.0"'),
    ],
)
def test_malformed_requests_are_answered_and_change_nothing(
    server: ServerProcess, body: bytes, status: int, said: bytes
) -> None:
    received = post(server, body)
    assert received.startswith(b"HTTP/1.1 %d " % status), received[:200]
    assert said in received
    assert height(server) == 0


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 401),
        (b"POST / HTTP/1.1\r\nAuthorization: Basic Zm9v\r\nContent-Length: 2\r\n\r\n{}", 401),
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
    ],
)
def test_requests_that_are_not_for_it_are_turned_away(server: ServerProcess, sent: bytes, status: int) -> None:
    assert exchange(server, sent).startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("length", [b"-1", b"two", b"", b"9" * 30])
def test_lengths_that_are_none_are_turned_away(server: ServerProcess, length: bytes) -> None:
    head = b"POST / HTTP/1.1\r\n" + authorization(server) + b"Content-Length: " + length + b"\r\n\r\n"
    assert exchange(server, head).startswith(b"HTTP/1.1 400 ")


def test_oversized_body_is_turned_away_before_it_is_read(server: ServerProcess) -> None:
    head = b"POST / HTTP/1.1\r\n" + authorization(server)
    received = exchange(server, head + b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1))
    assert received.startswith(b"HTTP/1.1 413 ")


def test_slow_and_silent_clients_do_not_keep_others_waiting(server: ServerProcess) -> None:
    head = b"POST / HTTP/1.1\r\n" + authorization(server) + b"Content-Length: 1000\r\n\r\n{"
    address = "127.0.0.1", server.endpoint.port
    slow = [socket.create_connection(address) for _ in range(100)]
    try:
        for number, connection in enumerate(slow):
            connection.sendall(head[: number % len(head)])
        rpc = server.connect()
        for _ in range(50):
            assert rpc.call("getblockcount") == 0
        rpc.close()
    finally:
        for connection in slow:
            connection.close()


def test_flood_of_connections_is_bounded_and_passes(server: ServerProcess) -> None:
    address = "127.0.0.1", server.endpoint.port
    flood = [socket.create_connection(address) for _ in range(400)]
    try:
        deadline = time.monotonic() + 20
        while len(list(Path(f"/proc/{server.pid}/fd").iterdir())) > MAX_CONNECTIONS + OTHER_FILES:
            assert time.monotonic() < deadline, "connections beyond the limit stay open"
            time.sleep(0.05)
    finally:
        for connection in flood:
            connection.close()
    deadline = time.monotonic() + 20
    while True:
        try:
            assert height(server) == 0
            return
        except ConnectionError:
            assert time.monotonic() < deadline
