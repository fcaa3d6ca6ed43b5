"""A private `bitcoind` on regtest: its own data directory, free ports, no peers; gone when closed."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from boltchain.rpc import LOOPBACK, Rpc, RpcError

_START_SECONDS = 60
_START_ATTEMPTS = 5
_STOP_SECONDS = 60
_POLL_SECONDS = 0.02

_WARMING_UP = -28
"""RPC error code of a node that is still starting."""

SETTINGS = (
    "-regtest",
    "-server",
    "-listen=0",
    "-connect=0",
    "-dnsseed=0",
    "-disablewallet",
    "-checkblockindex=0",  # a full check of the index at every block and
    "-checkmempool=0",  # of the mempool at every transaction: slow, and not what we test
    "-printtoconsole=0",
    # The mempool's policy is made as permissive as it can be: the tests are about consensus.
    "-acceptnonstdtxn=1",
    "-minrelaytxfee=0",
    "-blockmintxfee=0",
    "-dustrelayfee=0",
    "-incrementalrelayfee=0.00001",
    "-persistmempool=0",
    "-rpcworkqueue=64",
)
"""Command line of every private node, besides directories and ports."""

AS_ON_MAINNET = (
    "-acceptnonstdtxn=0",
    "-minrelaytxfee=0.00001",
    "-blockmintxfee=0.00001",
    "-dustrelayfee=0.00003",
    "-incrementalrelayfee=0.00001",
)
"""Further settings that take back the permissiveness: a mempool as nodes on mainnet had it for years."""


def free_port() -> int:
    """A port of the loopback interface that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


class BitcoindProcess:
    """A running node; a context manager that stops it and removes its directory."""

    def __init__(self, program: Path, extra_settings: tuple[str, ...] = ()) -> None:
        """Start `program` and wait until it answers. RuntimeError with the end of its log if it does not start."""
        self.directory = Path(tempfile.mkdtemp(prefix="boltchain-bitcoind-"))
        self._errors = (self.directory / "stderr").open("w+")
        # Somebody else may take the port between our look and the node's start: then another one is tried.
        for attempts_left in reversed(range(_START_ATTEMPTS)):
            try:
                self._start(program, extra_settings)
                return
            except RuntimeError:
                if not attempts_left:
                    self.close()
                    raise
            except BaseException:
                self.close()
                raise

    def _start(self, program: Path, extra_settings: tuple[str, ...]) -> None:
        self.rpc_port = free_port()
        own = (f"-datadir={self.directory}", f"-rpcport={self.rpc_port}", f"-rpcbind={LOOPBACK}")
        command = [str(program), *SETTINGS, *own, f"-rpcallowip={LOOPBACK}", *extra_settings]
        self._process = subprocess.Popen(command, stdout=self._errors, stderr=self._errors)  # noqa: S603
        self.rpc = self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def cookie(self) -> Path:
        """The file with the credentials that the node made up at its start."""
        return self.directory / "regtest" / ".cookie"

    def connect(self) -> Rpc:
        """A further connection to the node."""
        return Rpc.from_cookie(self.rpc_port, self.cookie)

    def _connect(self) -> Rpc:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with contextlib.suppress(OSError):  # no cookie yet, nobody listens yet, or somebody else does
                rpc = self.connect()
                if _answers(rpc):
                    return rpc
                rpc.close()
            time.sleep(_POLL_SECONDS)
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        msg = f"bitcoind did not start (exit status {self._process.poll()}): {self._errors.read()[-2000:]}"
        raise RuntimeError(msg)

    def close(self) -> None:
        """Stop the node, by force if it does not obey, and remove its directory. Closing twice is harmless."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if hasattr(self, "rpc"):
            self.rpc.close()
        self._errors.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def _answers(rpc: Rpc) -> bool:
    """Whether the node has finished starting."""
    try:
        rpc.call("getblockcount")
    except RpcError as error:
        if error.code == _WARMING_UP:
            return False
        raise
    return True
