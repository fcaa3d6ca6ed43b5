"""Bears nodes, each a process of its own, that kill themselves at a chosen point. Run by killable.py.

Everything is imported once; a node is a fork that runs what ``boltnode daemon`` runs. Standard input: a JSON object per
node: its folder, the arguments of the command, whether its engine has the simple close, and where it is to be killed:
at the so-many-th point, or at a point of a name. Standard output: its process id.

A point is just before and just after each durable write, each message to a peer and each transaction that is offered
to the chain. It counts while there is a file ``armed`` in the folder. There each point is a line of the file
``points``; the last one is the one at which the node was killed.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from boltchain.client.node import ChainClient
from boltnode import daemon
from boltnode.channels import configured
from boltnode.channels.engine import ChannelEngine
from boltnode.cli import take_apart
from boltnode.daemon import run_daemon
from boltnode.node import running_node
from boltnode.options import load_options
from boltnode.storage.database import Database
from boltnode.storage.errors import Conflict
from boltnode.storage.newest_states import NewestStates
from boltnode.storage.unit_of_work import UnitOfWork
from boltwire.codec import decode_message
from boltwire.transport import MessageStream

WRITES = {"staged": "before a write", "committed": "after a write"}
BROADCASTS = ("sendrawtransaction", "submitpackage")


class Killer:
    """Notes the points, and kills this process at one of them."""

    def __init__(self, folder: Path, at: int, on: str) -> None:
        self.armed, self.at, self.on = folder / "armed", at, on
        self.count = itertools.count(1)
        self.notes = os.open(folder / "points", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def reach(self, point: str) -> None:
        if not self.armed.exists():
            return
        os.write(self.notes, point.encode() + b"\n")
        if next(self.count) == self.at or point == self.on:
            os.kill(os.getpid(), signal.SIGKILL)

    def write(self, step: str) -> None:
        """As an observer of the storage."""
        if step in WRITES:
            self.reach(WRITES[step])


def instrument(killer: Killer) -> None:
    """Let the killer see what leaves: after a message, the kernel has it."""
    send: Callable[..., Any] = MessageStream.send

    async def watched_send(self: MessageStream, *messages: bytes) -> None:
        for message in messages:
            name = type(decode_message(message)).__name__
            killer.reach(f"before {name}")
            await send(self, message)
            killer.reach(f"after {name}")

    call: Callable[..., Any] = ChainClient.call

    async def watched_call(self: ChainClient, method: str, *parameters: object, idempotent: bool = True) -> Any:
        if method not in BROADCASTS:
            return await call(self, method, *parameters, idempotent=idempotent)
        killer.reach(f"before {method}")
        answer = await call(self, method, *parameters, idempotent=idempotent)
        killer.reach(f"after {method}")
        return answer

    note: Callable[..., None] = NewestStates.note

    def watched_note(self: NewestStates, *stored: object) -> None:
        killer.reach("before the newest states are noted")
        note(self, *stored)
        killer.reach("after the newest states are noted")

    put(NewestStates, "note", watched_note)
    put(MessageStream, "send", watched_send)
    put(ChainClient, "call", watched_call)
    put(daemon, "running_node", functools.partial(running_node, observe=killer.write))


def put(owner: object, name: str, value: object) -> None:
    """In place of what is there, for the rest of the process's life."""
    patch.object(owner, name, value).start()


def lose_writes(killer: Killer) -> None:
    """Let nothing become durable once the node is armed, as if the disk lied: the node itself cannot tell."""
    commit, stage = Database.commit, Database.stage

    def lying_commit(self: Database) -> None:
        if not killer.armed.exists():
            commit(self)

    def going_on(self: Database, works: list[UnitOfWork]) -> list[Conflict | None]:
        if self.connection.in_transaction:
            return [self._apply(work) for work in works]
        return stage(self, works)

    put(Database, "commit", lying_commit)
    put(Database, "stage", going_on)


def live(wanted: dict[str, Any]) -> None:
    """Be a node; does not return."""
    folder = Path(wanted["folder"])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, path in enumerate((Path("/dev/null"), folder / "said", folder / "log")):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | (os.O_APPEND if number == 2 else os.O_TRUNC)), number)
    killer = Killer(folder, wanted["at"], wanted["on"])
    instrument(killer)
    if wanted["loses_writes"]:
        lose_writes(killer)
    if not wanted["simple_close"]:
        put(configured, "ChannelEngine", functools.partial(ChannelEngine, simple_close=False))
    options = load_options(take_apart(["daemon", *wanted["arguments"]]).options)
    status = 1
    try:
        status = run_daemon(options, configured.engine_for(options))
    finally:
        sys.stdout.flush()
        os._exit(status)


def main() -> None:
    """Bear nodes until standard input ends; none outlives it."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    lives: list[int] = []
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            live(json.loads(line))
        print(pid, flush=True)
        lives = [life for life in lives if reached_by(life, 0)]
        with suppress(ProcessLookupError):  # it may have killed itself by now
            lives.append(os.pidfd_open(pid))
    for life in lives:
        reached_by(life, signal.SIGKILL)


def reached_by(life: int, number: int) -> bool:
    """Send a signal; whether the process is still there to get it."""
    try:
        signal.pidfd_send_signal(life, number)
    except ProcessLookupError:
        os.close(life)
        return False
    return True


if __name__ == "__main__":
    main()
