"""Chains that tests of several folders share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from boltchain.bitcoind import BitcoindChain
from boltchain.daemon import AS_ON_MAINNET
from boltchain.embedded import EmbeddedChain
from boltchain.provision import HOW_TO_PROVIDE, find_bitcoind
from boltchain.server.process import ServerProcess

NO_BITCOIND = "no bitcoind"

# Machines are shared: how long an example takes never decides a test.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture(scope="module")
def embedded_chain() -> Iterator[EmbeddedChain]:
    """A chain on the embedded consensus library, shared by the tests of a module: each must bring its own coins."""
    with EmbeddedChain() as chain:
        yield chain


@pytest.fixture(scope="session")
def served_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BitcoindChain]:
    """A chain on `boltchain serve`, started once per test process: each test must bring its own coins.

    It is spoken to by the very code that speaks to bitcoind.
    """
    datadir = tmp_path_factory.mktemp("served")
    with ServerProcess(datadir, permissive=True, durable=False) as server, BitcoindChain(server.connect()) as chain:
        yield chain


@pytest.fixture(scope="session")
def relaying_served_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BitcoindChain]:
    """A chain on `boltchain serve` whose mempool takes what nodes on mainnet relay, and no more."""
    datadir = tmp_path_factory.mktemp("relaying")
    with ServerProcess(datadir, durable=False) as server, BitcoindChain(server.connect()) as chain:
        yield chain


@pytest.fixture(scope="session")
def relaying_bitcoind() -> Iterator[BitcoindChain]:
    """A chain on a private bitcoind whose mempool takes what nodes on mainnet relay, and no more."""
    with BitcoindChain.start(bitcoind_program(), AS_ON_MAINNET) as chain:
        yield chain


@pytest.fixture(scope="session")
def bitcoind() -> Iterator[BitcoindChain]:
    """A chain on a private bitcoind, started once per test process: each test must bring its own coins."""
    with BitcoindChain.start(bitcoind_program()) as chain:
        yield chain


def bitcoind_program() -> Path:
    """The program; without one the test is left out, loudly."""
    program = find_bitcoind()
    if program is None and os.environ.get("CI"):
        pytest.fail(f"{NO_BITCOIND}: {HOW_TO_PROVIDE}")
    if program is None:
        pytest.skip(f"{NO_BITCOIND}: {HOW_TO_PROVIDE}")
    return program


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly that tests were left out for want of a bitcoind."""
    skipped = terminalreporter.stats.get("skipped", [])
    left_out = [report for report in skipped if NO_BITCOIND in str(report.longrepr)]
    if left_out:
        terminalreporter.section("REGTEST TESTS DID NOT RUN", red=True, bold=True)
        terminalreporter.line(f"{len(left_out)} tests need a bitcoind and this machine has none.")
        terminalreporter.line(f"To provide one, {HOW_TO_PROVIDE}")
