"""A `boltchain serve` of one's own: started as a child process, stopped when closed."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from boltchain.client.connection import Endpoint
from boltchain.rpc import Rpc
from boltchain.server.command import READY

_STOP_SECONDS = 60
_LOG_TAIL = 2000


class ServerProcess:
    """A running server for the chain in `datadir`; a context manager that stops it. The chain stays on disk.

    Its log goes to `serve.log` in the data directory. The child leaves with its parent: when the parent dies, however
    that happens, the child sees the end of its standard input and stops.
    """

    def __init__(self, datadir: Path, *, port: int = 0, permissive: bool = False, durable: bool = True) -> None:
        """Start and wait until calls are answered. RuntimeError with the end of its log if it does not start."""
        datadir.mkdir(parents=True, exist_ok=True)
        self.log = datadir / "serve.log"
        """What the server writes to standard error."""
        command = [sys.executable, "-m", "boltchain.server.command", "serve", "--datadir", str(datadir)]
        command += ["--port", str(port), "--until-stdin-closes"]
        command += ["--permissive"] * permissive + ["--no-fsync"] * (not durable)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
            )
        settings = self._await_ready()
        self.endpoint = Endpoint(settings["port"], cookie=Path(settings["cookie"]))
        """Where it listens."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def connect(self) -> Rpc:
        """A connection that blocks, for tests."""
        assert self.endpoint.cookie is not None
        return Rpc.from_cookie(self.endpoint.port, self.endpoint.cookie)

    def kill(self) -> None:
        """End the child at once, as a power cut would (SIGKILL)."""
        self._process.kill()
        self._reap()

    def close(self) -> int:
        """Stop the child (SIGTERM), by force if it does not obey; its exit status. Closing twice is harmless."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._reap()

    def _reap(self) -> int:
        status = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        return status

    def _await_ready(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            text = line.decode()
            if text.startswith(READY):
                settings: dict[str, Any] = json.loads(text.removeprefix(READY))
                return settings
        status = self._reap()
        msg = f"boltchain serve did not start (exit status {status}): {self.log.read_text()[-_LOG_TAIL:].strip()}"
        raise RuntimeError(msg)
