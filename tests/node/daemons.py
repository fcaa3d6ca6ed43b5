"""Processes of the ``boltnode`` command, for tests of several files. Loaded by conftest.py."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from boltnode.cli import parameters, take_apart
from boltnode.rpc_client import call

PATIENCE = 60


class Daemon:
    """A node as a process of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "boltnode.cli", "daemon", "--lightning-dir", str(folder), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.ready = ""

    @property
    def socket(self) -> Path:
        return self.folder / "regtest" / "lightning-rpc"

    def wait_until_ready(self) -> Daemon:
        assert self.process.stdout is not None
        self.ready = self.process.stdout.readline()
        assert self.ready.startswith("boltnode 0"), self.end()
        return self

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What the command line says."""
        return boltnode("--lightning-dir", str(self.folder), *words)

    def result(self, *words: str) -> Any:
        """The result of a command, as the command line would ask for it, without a process of its own."""
        line = take_apart(words)
        answer = call(self.socket, line.words[0], parameters(line.words[1:], line.flags))
        assert "error" not in answer, answer
        return answer["result"]

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """End it by a signal; exit status and what it wrote to standard error."""
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
        return self.wait()

    def wait(self) -> tuple[int, str]:
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors


def boltnode(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "boltnode.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
