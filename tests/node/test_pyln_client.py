"""The client library of Core Lightning works unchanged.

It pulls packages that would overwrite ours (a fork of coincurve under the same import name), so it lives in an
environment of its own under ``.cache``, made on the first run. Where no package index can be reached the test is left
out, loudly, as those that need a bitcoind are; ``tests/node/rpc`` speaks the protocol itself and always runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from boltchain.addresses import script_of
from boltchain.bitcoind import BitcoindChain

PACKAGE = "pyln-client==26.6.9"
CACHE = Path(__file__).parents[2] / ".cache" / PACKAGE
STORY = Path(__file__).with_name("pyln_story.py")
CHANNEL_STORY = Path(__file__).with_name("pyln_channel_story.py")


@pytest.fixture(scope="session")
def pyln_python() -> Path:
    """A Python that has the client."""
    python = CACHE / "bin" / "python"
    if not (CACHE / "ready").exists():
        venv.create(CACHE, with_pip=True, clear=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and os.environ.get("CI"):
            pytest.fail(f"no {PACKAGE}: {done.stderr}")
        if done.returncode:
            pytest.skip(f"no {PACKAGE}: {done.stderr[-300:]}")
        (CACHE / "ready").touch()
    return python


def test_script_for_pyln_client_runs_unchanged(
    start_daemon: Callable[..., Any], pyln_python: Path, tmp_path: Path
) -> None:
    alice, bob = (start_daemon(tmp_path / name, "--addr", "127.0.0.1:0") for name in ("alice", "bob"))
    done = subprocess.run(
        [pyln_python, STORY, alice.socket, bob.socket], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "connected": True,
        "peers": [True],
        "peer": True,
        "nobody": None,
        "amount": 5_000,
        "labels": ["tea", "open"],
        "one": 1,
        "duplicate": 900,
        "bad amount": -32602,
        "unknown command": -32601,
        "unknown parameter": -32602,
        "not written here": -32601,
        "filtered": {"network": "regtest"},
        "any method": "unpaid",
        "help": "stop",
        "left": [],
        "stopped": [{"result": "Shutdown complete"}] * 2,
    }
    assert [daemon.wait()[0] for daemon in (alice, bob)] == [0, 0]


def test_script_opens_a_channel_makes_100_payments_and_closes(
    start_daemon: Callable[..., Any], pyln_python: Path, tmp_path: Path, relaying_served_chain: BitcoindChain
) -> None:
    rpc = relaying_served_chain.rpc
    user, _, password = rpc.credentials.partition(":")
    at = ("--bitcoin-rpcport", str(rpc.port), "--bitcoin-rpcuser", user, "--bitcoin-rpcpassword", password)
    options = ("--addr", "127.0.0.1:0", "--force-feerate", "1000", *at)
    alice, bob = (start_daemon(tmp_path / name, *options) for name in ("alice", "bob"))
    address = alice.result("newaddr", "bech32")["bech32"]
    relaying_served_chain.fund(script_of(address, "regtest"), 2_000_000)
    command = [pyln_python, CHANNEL_STORY, alice.socket, bob.socket, str(rpc.port), rpc.credentials, address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "txid": 64,
        "statuses": ["complete"],
        "payments": 100,
        "paid": 100,
        "received_msat": sum(2_000_000 + number for number in range(100)),
        "closed": "mutual",
    }


def test_client_is_not_in_our_own_environment() -> None:
    done = subprocess.run([sys.executable, "-c", "import pyln.client"], capture_output=True, check=False)
    assert done.returncode != 0
