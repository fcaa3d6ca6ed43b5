"""The node as a process: starting, asking, stopping, crashing; exit statuses, log, and what a restart knows."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boltchain.daemon import free_port
from boltchain.rpc import Rpc
from boltchain.server.process import ServerProcess

StartDaemon = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "node"


def test_asked_over_the_command_line(start_daemon: StartDaemon, folder: Path) -> None:
    daemon = start_daemon(folder, "--addr", "127.0.0.1:0", "--alias", "carol")
    info = daemon.result("getinfo")
    assert (info["alias"], info["network"]) == ("carol", "regtest")
    assert f"boltnode {info['id']} is ready: {daemon.socket}" in daemon.ready
    made = daemon.result("-k", "invoice", "amount_msat=1sat", "label=tea", "description=a cup of tea")
    assert daemon.result("decode", made["bolt11"])["description"] == "a cup of tea"
    assert daemon.result("listinvoices", "tea")["invoices"][0]["amount_msat"] == 1000
    raw = daemon.ask("-R", "listpeers")
    assert raw.stdout == '{"peers": []}\n'
    text = daemon.ask("help").stdout
    assert "invoice amount_msat label description" in text
    assert json.loads(daemon.ask("-J", "help", "getinfo").stdout)["help"][0]["command"] == "getinfo"
    assert daemon.result("stop") == {"result": "Shutdown complete"}
    assert daemon.wait()[0] == 0


def test_exit_statuses_of_the_command_line(
    start_daemon: StartDaemon, run_boltnode: Callable[..., Any], folder: Path
) -> None:
    nobody = run_boltnode("--lightning-dir", str(folder), "getinfo")
    assert (nobody.returncode, nobody.stdout) == (2, "")
    assert "is the node running?" in nobody.stderr
    daemon = start_daemon(folder)
    refused = daemon.ask("invoice", "0", "x", "y")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["code"] == -32602
    wrong_lines: tuple[tuple[str, ...], ...] = (
        (),
        ("--colour", "getinfo"),
        ("-k", "invoice", "x"),
        ("--network", "bitcoin", "getinfo"),
    )
    for words in wrong_lines:
        wrong = daemon.ask(*words)
        assert (wrong.returncode, wrong.stdout) == (3, ""), words
        assert wrong.stderr.startswith("boltnode: ")
    for option, expected in (("--version", "boltnode of boltspec "), ("--help", "--lightning-dir DIR")):
        shown = run_boltnode(option)
        assert shown.returncode == 0
        assert expected in shown.stdout


def test_main_network_is_refused_and_it_says_why(run_boltnode: Callable[..., Any], folder: Path) -> None:
    done = run_boltnode("daemon", "--lightning-dir", str(folder), "--network", "bitcoin")
    assert done.returncode == 3
    assert "runs on regtest and signet only, where coins are worth nothing" in done.stderr
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_it_in_order(start_daemon: StartDaemon, folder: Path, number: int) -> None:
    daemon = start_daemon(folder)
    daemon.result("invoice", "1", "tea", "")
    status, log = daemon.end(number)
    assert status == 0
    assert [json.loads(line)["says"] for line in log.splitlines()][-1] == "the node stops"
    assert not daemon.socket.exists()


def test_killed_node_knows_all_it_has_answered(start_daemon: StartDaemon, folder: Path) -> None:
    daemon = start_daemon(folder)
    node_id = daemon.result("getinfo")["id"]
    made = [daemon.result("invoice", "1", str(number), "")["bolt11"] for number in range(3)]
    assert daemon.end(signal.SIGKILL)[0] == -signal.SIGKILL
    assert daemon.socket.exists(), "it had no time to clean up"
    again = start_daemon(folder)
    assert again.result("getinfo")["id"] == node_id
    assert [row["bolt11"] for row in again.result("listinvoices")["invoices"]] == made


def test_second_node_in_the_same_folder_does_not_start(
    start_daemon: StartDaemon, run_boltnode: Callable[..., Any], folder: Path
) -> None:
    daemon = start_daemon(folder)
    second = run_boltnode("daemon", "--lightning-dir", str(folder))
    assert second.returncode == 1
    assert f"another process (id {daemon.process.pid}) runs a node in {folder}" in second.stderr
    daemon.result("getinfo")


@pytest.mark.parametrize("damage", ["noise", "future", "other network", "address in use", "folder is a file"])
def test_node_that_cannot_start_says_why(
    start_daemon: StartDaemon, run_boltnode: Callable[..., Any], folder: Path, damage: str
) -> None:
    database = folder / "regtest" / "node.sqlite3"
    options: list[str] = []
    held = socket.create_server(("127.0.0.1", 0))
    if damage == "folder is a file":
        folder.write_text("")
    else:
        database.parent.mkdir(parents=True)
    if damage == "noise":
        database.write_bytes(os.urandom(8192))
    elif damage == "future":
        connection = sqlite3.connect(database)
        connection.execute("PRAGMA user_version = 999")
        connection.execute(f"PRAGMA application_id = {0x626F6C74}")
        connection.close()
    elif damage == "other network":
        assert start_daemon(folder).end()[0] == 0
        (folder / "signet").mkdir()
        database.rename(folder / "signet" / "node.sqlite3")
        options = ["--network", "signet", "--bitcoin-rpcport", "1"]
    elif damage == "address in use":
        options = ["--addr", f"127.0.0.1:{held.getsockname()[1]}"]
    done = run_boltnode("daemon", "--lightning-dir", str(folder), *options)
    held.close()
    assert done.returncode == (3 if damage == "folder is a file" else 1)
    words = {
        "noise": "the file is not a database",
        "future": "the database has version 999, this program knows up to",
        "other network": "the node in this folder lives on regtest, not on signet",
        "address in use": "address already in use",
        "folder is a file": "Not a directory",
    }
    assert words[damage] in done.stderr
    assert "Traceback" not in done.stderr


def test_log_is_a_json_object_per_line_with_the_peer_and_without_secrets(
    start_daemon: StartDaemon, tmp_path: Path
) -> None:
    options = ("--addr", "127.0.0.1:0", "--log-level", "debug", "--log-file", "log")
    alice, bob = (start_daemon(tmp_path / name, *options) for name in ("alice", "bob"))
    (at,) = bob.result("getinfo")["binding"]
    bob_id = bob.result("getinfo")["id"]
    alice.result("connect", bob_id, "127.0.0.1", str(at["port"]))
    preimage = "5a" * 32
    made = alice.result("-k", "invoice", "amount_msat=1", "label=x", "description=y", f"preimage={preimage}")
    assert alice.ask("invoice", "1", "x", "y").returncode == 1
    alice.result("disconnect", bob_id)
    assert [daemon.end()[0] for daemon in (alice, bob)] == [0, 0]
    log = (tmp_path / "alice" / "regtest" / "log").read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    assert {"at", "level", "from", "says"} <= set.intersection(*(set(line) for line in lines))
    about_bob = [line["says"] for line in lines if line.get("peer") == bob_id]
    assert about_bob[0] == "connected"
    assert "disconnected" in about_bob
    connection = sqlite3.connect(tmp_path / "alice" / "regtest" / "node.sqlite3")
    (seed,) = connection.execute("SELECT seed FROM node").fetchone()
    connection.close()
    for secret in (seed, bytes.fromhex(preimage), bytes.fromhex(made["payment_secret"])):
        assert secret.hex() not in log
        assert repr(secret)[2:-1] not in log


def test_node_whose_disk_is_full_stops_signing_and_says_so(
    start_daemon: StartDaemon, folder: Path, limit_file_size: Callable[[int, int], None]
) -> None:
    """The kernel refuses to let the log of the database grow, as it does on a full disk."""
    daemon = start_daemon(folder)
    daemon.result("invoice", "1", "before", "")
    limit_file_size(daemon.process.pid, (folder / "regtest" / "node.sqlite3-wal").stat().st_size + 10_000)
    failed = None
    for number in range(200):
        done = daemon.ask("invoice", "1", f"label {number}", "x" * 600)
        if done.returncode:
            failed = json.loads(done.stdout)
            break
    assert failed is not None
    assert failed["code"] == -1
    assert "nothing is signed or sent until the node is restarted" in failed["message"]
    assert "warning_signing_stopped" in daemon.result("getinfo")
    stored = len(daemon.result("listinvoices")["invoices"])
    assert daemon.ask("invoice", "1", "after", "").returncode == 1
    status, log = daemon.end()
    assert status == 0
    assert any(json.loads(line)["says"] == "nothing is signed any more" for line in log.splitlines())
    again = start_daemon(folder)
    assert len(again.result("listinvoices")["invoices"]) == stored
    again.result("invoice", "1", "after", "")


def test_stop_does_not_wait_for_a_client_that_says_nothing(start_daemon: StartDaemon, folder: Path) -> None:
    daemon = start_daemon(folder)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(daemon.socket))
        silent.sendall(b'{"jsonrpc"')
        started = time.monotonic()
        daemon.result("stop")
        assert daemon.wait()[0] == 0
        assert time.monotonic() - started < 30


def served(daemon: Any) -> Rpc:
    """The chain that a node serves by itself, as a user finds it: by the log and the cookie."""
    lines = [json.loads(line) for line in (daemon.folder / "regtest" / "log").read_text().splitlines()]
    endpoint = next(line["endpoint"] for line in reversed(lines) if line["says"] == "the chain answers")
    return Rpc.from_cookie(int(endpoint.rpartition(":")[2]), daemon.folder / "regtest/chain/regtest/.cookie")


def wait(condition: Callable[[], bool]) -> None:
    """Until it is so; how long that takes decides nothing."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def wait_for_height(height: int, *daemons: Any) -> None:
    """Until the nodes have seen the block."""
    wait(lambda: all(daemon.result("getinfo")["blockheight"] >= height for daemon in daemons))


def test_chain_of_its_own_is_served_without_a_bitcoind_kept_and_ended_with_the_node(
    start_daemon: StartDaemon, folder: Path
) -> None:
    daemon = start_daemon(folder, "--log-file", "log")
    rpc = served(daemon)
    rpc.call("generatetoaddress", 3, daemon.result("newaddr", "bech32")["bech32"])
    best = rpc.call("getbestblockhash")
    wait_for_height(3, daemon)
    assert [coin["status"] for coin in daemon.result("listfunds")["outputs"]] == ["immature"] * 3
    assert daemon.end()[0] == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", rpc.port))
    rpc.close()
    again = start_daemon(folder, "--log-file", "log")
    rpc = served(again)
    assert rpc.call("getbestblockhash") == best
    rpc.close()
    assert again.result("getinfo")["blockheight"] == 3


def test_chain_of_its_own_ends_with_a_node_that_is_killed(start_daemon: StartDaemon, folder: Path) -> None:
    daemon = start_daemon(folder, "--log-file", "log")
    rpc = served(daemon)
    assert daemon.end(signal.SIGKILL)[0] == -signal.SIGKILL
    cookie = folder / "regtest/chain/regtest/.cookie"
    wait(lambda: not cookie.exists())  # the server removes it when it ends in order
    rpc.close()
    assert start_daemon(folder).end()[0] == 0


def test_other_node_joins_the_chain_that_is_served_at_a_given_port(start_daemon: StartDaemon, folder: Path) -> None:
    port = str(free_port())
    daemon = start_daemon(folder, "--serve-chain", port, "--log-file", "log")
    at = ("--bitcoin-rpcport", port, "--bitcoin-datadir", str(folder / "regtest/chain"))
    other = start_daemon(folder.parent / "other", *at)
    rpc = served(daemon)
    assert rpc.port == int(port)
    rpc.call("generatetoaddress", 3, other.result("newaddr", "bech32")["bech32"])
    rpc.close()
    wait_for_height(3, daemon, other)
    assert [coin["status"] for coin in other.result("listfunds")["outputs"]] == ["immature"] * 3
    assert not (folder.parent / "other" / "regtest" / "chain").exists()
    assert [node.end()[0] for node in (other, daemon)] == [0, 0]


def test_chain_that_cannot_be_served_is_said_and_nothing_runs(run_boltnode: Callable[..., Any], folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = run_boltnode("daemon", "--lightning-dir", str(folder), "--serve-chain", port)
    assert refused.returncode == 1
    assert "boltchain serve did not start" in refused.stderr
    assert "address already in use" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_chain_that_becomes_another_one_ends_the_node_and_it_says_why(
    start_daemon: StartDaemon, run_boltnode: Callable[..., Any], folder: Path, tmp_path: Path
) -> None:
    """The data of its chain are deleted. No process is left that looks as if it met deadlines."""
    place, port = tmp_path / "chain", free_port()
    options = ("--bitcoin-rpcport", str(port), "--bitcoin-datadir", str(place))
    with ServerProcess(place, port=port, durable=False) as server:
        rpc = server.connect()
        rpc.call("generatetodescriptor", 2, "raw(51)")
        rpc.close()
        daemon = start_daemon(folder, *options)
    shutil.rmtree(place)
    with ServerProcess(place, port=port, durable=False):
        status, errors = daemon.wait()
        assert status == 4
        again = run_boltnode("daemon", "--lightning-dir", str(folder), *options)
    assert again.returncode == 1
    for said in (errors.splitlines()[-1], again.stderr.splitlines()[-1]):
        assert said.startswith("boltnode: ")
        assert "it runs another chain, or its data were deleted" in said
    assert "Traceback" not in again.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--serve-chain", "1", "--bitcoin-rpcport", "2"), "serve-chain takes the place of bitcoin-rpcport"),
        (("--network", "signet"), "signet needs a bitcoind: bitcoin-rpcport says where"),
        (("--network", "signet", "--serve-chain", "1"), "signet needs a bitcoind"),
        (("--bitcoin-rpcport", "1", "--bitcoin-rpcuser", "x"), "bitcoin-rpcuser and bitcoin-rpcpassword belong"),
        (("--bitcoin-rpcuser", "x"), "bitcoin-rpcuser and bitcoin-rpcpassword belong"),
    ],
)
def test_options_about_the_chain_that_do_not_fit_together(
    run_boltnode: Callable[..., Any], folder: Path, options: tuple[str, ...], message: str
) -> None:
    refused = run_boltnode("daemon", "--lightning-dir", str(folder), *options)
    assert refused.returncode == 3
    assert message in refused.stderr
    assert not folder.exists()
