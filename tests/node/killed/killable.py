"""Two real node processes that can be killed at any point of theirs, and a chain of their own. Loaded by conftest.py.

Whoever is asked for something while a node dies waits until it is born again; what it was asked for itself is lost, and
has to be asked for again, as a user would.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import judging  # type: ignore[import-not-found]

from boltchain.bitcoind import BitcoindChain
from boltnode.rpc_client import NoAnswer, call
from boltspec.channel import Link
from boltspec.lifetime.state import End

PROGRAM = Path(__file__).with_name("nursery.py")
PATIENCE_SECONDS = 120
"""Until a test gives up: nothing is decided by it."""
POLL_SECONDS = 0.005


class Died(Exception):
    """The node that was asked has died."""


class RpcFailed(Exception):
    """The node answers with an error."""


class Nursery:
    """The process that nodes are forks of."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def bear(self, **wanted: object) -> int:
        """A new process; its id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(wanted), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=PATIENCE_SECONDS)


@dataclass(frozen=True)
class Kill:
    """Who is killed, and where: at a point by its number, or by its name."""

    seat: int
    at: int = 0
    on: str = ""
    loses_writes: bool = False
    """What it wrote while it was armed is lost with it."""


NO_KILL = Kill(0)


class Node:
    """A folder, and the process that lives in it, if one does."""

    def __init__(self, pair: Pair, seat: int, folder: Path) -> None:
        self.pair, self.seat, self.folder = pair, seat, folder
        self.folder.mkdir(parents=True)
        self.pid = 0
        self._life = -1

    def begin(self, *options: str, kill: Kill = NO_KILL) -> Node:
        """Start it, and wait until it is ready, or dead."""
        self.bear(*options, kill=kill)
        self.pair.wait(f"{self.folder.name} is ready", lambda: self.is_ready or not self.is_alive)
        return self

    def bear(self, *options: str, kill: Kill = NO_KILL) -> None:
        """Start it."""
        user, _, password = self.pair.chain.rpc.credentials.partition(":")
        arguments = [
            "--lightning-dir", str(self.folder), "--addr", "127.0.0.1:0", "--force-feerate", str(self.pair.feerate),
            "--bitcoin-rpcport", str(self.pair.chain.rpc.port), "--bitcoin-rpcuser", user,
            "--bitcoin-rpcpassword", password, "--log-level", "info", *options,
        ]  # fmt: skip
        (self.folder / "said").write_text("")
        wanted = {"folder": str(self.folder), "arguments": arguments, "simple_close": self.pair.simple_close}
        self.pid = self.pair.nursery.bear(**wanted, at=kill.at, on=kill.on, loses_writes=kill.loses_writes)
        with suppress(ProcessLookupError):  # it may have killed itself by now
            self._life = os.pidfd_open(self.pid)

    @property
    def is_ready(self) -> bool:
        return "is ready" in (self.folder / "said").read_text()

    @property
    def is_alive(self) -> bool:
        if self._life < 0:
            return False
        try:
            signal.pidfd_send_signal(self._life, 0)
        except ProcessLookupError:
            os.close(self._life)
            self._life = -1
            return False
        return True

    def send_signal(self, number: int) -> None:
        if self._life >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._life, number)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it, and wait until it is gone; one that was killed before it could be ended lives again first."""
        self.pair.heal()
        self.send_signal(number)
        self.pair.wait(f"{self.folder.name} is gone", lambda: not self.is_alive)

    @contextmanager
    def stopped(self) -> Any:
        """It does nothing meanwhile."""
        self.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.send_signal(signal.SIGCONT)

    def copy(self) -> Path:
        """What is on its disk now, for looking at."""
        kept = self.pair.folder / "copy" / self.folder.name
        shutil.rmtree(kept, ignore_errors=True)
        (kept / "regtest").mkdir(parents=True)
        for path in (self.folder / "regtest").glob(f"{judging.DATABASE_NAME}*"):
            shutil.copy(path, kept / "regtest")
        return kept

    def records(self) -> list[Any]:
        """The channels on its disk."""
        found: list[Any] = judging.records_in(self.copy())
        return found

    def points(self) -> list[str]:
        """The points that it has reached while it was armed, of all its lives."""
        path = self.folder / "points"
        return path.read_text().splitlines() if path.exists() else []

    def ask(self, method: str, **parameters: object) -> Any:
        """The result of a command; meanwhile the dead are born again. :class:`Died` if it is this one."""
        if not self.is_alive:
            self.pair.heal()
            raise Died
        found: list[Any] = []

        def work() -> None:
            try:
                found.append(call(self.folder / "regtest" / "lightning-rpc", method, parameters))
            except NoAnswer as error:
                found.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        end = time.monotonic() + PATIENCE_SECONDS
        while thread.is_alive():
            thread.join(POLL_SECONDS)
            self.pair.heal()
            assert time.monotonic() < end, f"no answer: {method}: {self.pair.picture()}"
        if isinstance(found[0], NoAnswer):
            self.pair.heal()
            raise Died
        if "error" in found[0]:
            raise RpcFailed(found[0]["error"]["message"])
        return found[0]["result"]


@dataclass
class Pair:
    """Alice, Bob and their chain."""

    nursery: Nursery
    chain: BitcoindChain
    folder: Path
    simple_close: bool = True
    kill: Kill = NO_KILL
    """The one that the story is told for."""
    feerate: int = 1_000
    nodes: list[Node] = field(default_factory=list)
    deaths: int = 0
    away: set[int] = field(default_factory=set)
    """Seats whose node is not born again when it dies."""
    ids: list[str] = field(default_factory=list)
    may_fail: bool = False
    """The channel is to end on the chain."""
    has_cheat: bool = False
    """Bob has gone back to an old state: nothing binds it to Alice's."""

    def begin(self) -> Pair:
        """Start both, on a chain on which nothing waits."""
        self.chain.mine()
        self.nodes = [Node(self, seat, self.folder / name) for seat, name in enumerate(("alice", "bob"))]
        for node in self.nodes:
            node.begin(kill=self.kill_of(node))
        self.ids = [self.nodes[seat].ask("getinfo")["id"] for seat in (0, 1)]
        return self

    @property
    def alice(self) -> Node:
        return self.nodes[0]

    @property
    def bob(self) -> Node:
        return self.nodes[1]

    def kill_of(self, node: Node) -> Kill:
        """What is left of the kill for a node that begins now."""
        if self.deaths or self.kill.seat != node.seat:
            return NO_KILL
        return replace(self.kill, at=max(0, self.kill.at - len(node.points())))

    def start(self, node: Node, method: str, **parameters: object) -> threading.Thread:
        """Ask, and do not wait for the answer; the thread ends when it is there."""

        def work() -> None:
            with suppress(NoAnswer):
                call(node.folder / "regtest" / "lightning-rpc", method, parameters)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    def arm(self, armed: bool) -> None:
        for node in self.nodes:
            path = node.folder / "armed"
            path.touch() if armed else path.unlink(missing_ok=True)

    def heal(self) -> None:
        """Judge what the dead have left, and let them live again."""
        for node in self.nodes:
            if node.seat not in self.away and not node.is_alive:
                self.deaths += 1
                self.judge_dead(node)
                node.begin()
                self.meet()

    def meet(self) -> None:
        """Let the nodes connect, if both are there."""
        if len(self.ids) < 2 or self.away or not all(node.is_alive for node in self.nodes):
            return
        with suppress(Died, RpcFailed):
            at = self.bob.ask("getinfo")["binding"][0]
            self.alice.ask("connect", id=self.ids[1], host=at["address"], port=at["port"])

    def wait(self, what: str, condition: Callable[[], object]) -> None:
        """Until it is so; how long that takes decides nothing."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < end, f"waited in vain until {what}: {self.picture()}"
            time.sleep(POLL_SECONDS)

    def tries(self, what: str) -> Iterator[None]:
        """Again and again, but not for ever."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            yield
            self.heal()
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"tried in vain: {what}: {self.picture()}")

    def picture(self) -> object:
        with suppress(Exception):
            return [
                [(str(record.life.end), record.failure, record.life.channel) for record in node.records()]
                for node in self.nodes
            ]
        return "no picture"

    def close(self) -> None:
        for node in self.nodes:
            node.send_signal(signal.SIGKILL)

    # --- judging ---

    def judge_dead(self, dead: Node) -> None:
        """What a dead node has left is lawful, and holds all that binds it to its peer, and the other way round."""
        other = self.nodes[1 - dead.seat]
        with other.stopped():
            left, peers = dead.records(), {record.channel_id: record for record in other.records()}
        for record in left:
            judging.require_lawful(record)
            if not self.has_cheat:
                require_bound(record, peers.get(record.channel_id))

    def judge_both(self) -> bool:
        """Both states are lawful and bound; whether they are at rest and agree."""
        with self.alice.stopped(), self.bob.stopped():
            ours, theirs = ({record.channel_id: record for record in node.records()} for node in self.nodes)
        for record in (*ours.values(), *theirs.values()):
            judging.require_lawful(record)
            # A channel that its opener has never stored cannot be on the chain: only its fundee knows of it.
            is_shared = record.channel_id in ours and record.channel_id in theirs
            assert self.may_fail or not is_shared or record.life.end is not End.FAILED, f"has failed: {record.failure}"
        at_rest = set(ours) <= set(theirs)
        for channel_id in set(ours) & set(theirs):
            first, second = ours[channel_id], theirs[channel_id]
            require_bound(first, second)
            at_rest = at_rest and is_at_rest(first) and is_at_rest(second)
            if at_rest and first.life.end is End.NONE:
                judging.require_agreed(first.life.channel, second.life.channel)
        return at_rest

    def settle(self) -> None:
        """Until both are at rest and agree."""
        for _ in self.tries("to rest"):
            if self.judge_both():
                return
            time.sleep(10 * POLL_SECONDS)


def is_at_rest(record: Any) -> bool:
    channel = record.life.channel
    if record.life.end is not End.NONE:
        return True
    acknowledged = channel is not None and channel.remote_commitment_number == channel.remote_revocations
    return acknowledged and channel.link is Link.UP and not channel.htlcs.items


def require_bound(record: Any, peers: Any) -> None:
    """Each knows of every signature and every secret that the other has from it, unless one of them saw the end."""
    if peers is None or record.life.channel is None or peers.life.channel is None:
        return
    judging.require_remembered(record.life.channel, peers.life.channel)
    judging.require_remembered(peers.life.channel, record.life.channel)
