"""Two whole engines in one thread, on a real chain, with real files, and a clock that jumps. Loaded by conftest.py.

Nothing here waits: when nobody has anything to do, the event loop's clock jumps to the next timer. So a story takes the
same steps each time, and one that would wait for ever says so.

Each node counts its points: the steps of its storage, each message that it hands to the wire, each transaction that it
offers to the chain. At a chosen point it dies as by ``kill -9``: from that instant on nothing that it does reaches a
disk, a wire or the chain, and a node that is started later finds the files as they were.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import shutil
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from judging import (  # type: ignore[import-not-found]
    records_in,
    require_agreed,
    require_lawful,
    require_remembered,
)
from jumping import InPlace, JumpingLoop, Stuck, fixed_chance  # type: ignore[import-not-found]
from wires import Directory, Eye, Peer, Wire  # type: ignore[import-not-found]

from boltchain.block import build_block, build_coinbase, subsidy_sat
from boltchain.client.connection import ChainUnavailable, Endpoint
from boltchain.client.fees import FeeEstimator, FeePolicy
from boltchain.client.node import ChainClient
from boltchain.faucet import FAUCET_SCRIPT, PREMINED_BLOCKS, Faucet
from boltchain.rpc import RpcError as ChainError
from boltchain.server.methods import call
from boltchain.server.node import RegtestNode
from boltchain.server.parameters import Failure
from boltnode.channels.engine import ChannelEngine
from boltnode.channels.machine import ChannelMachine
from boltnode.node import _services
from boltnode.options import DATABASE_NAME, Options
from boltnode.peers.limits import PeerLimits
from boltnode.rpc.context import RpcContext
from boltnode.rpc.table import WITH_ENGINE
from boltnode.storage import node_row
from boltnode.storage.database import Database
from boltnode.storage.group_commit import GroupCommit
from boltnode.storage.latch import SigningLatch
from boltnode.storage.node_row import NodeRow
from boltnode.storage.unit_of_work import UnitOfWork
from boltspec.channel import Channel, Link
from boltspec.lifetime.state import End

NOW = 1_700_000_000
CAPACITY_SAT, PUSHED_SAT, PURSE_SAT = 1_000_000, 400_000, 3_000_000
PATIENCE_SECONDS = 150
"""For one thing that is waited for, by the clock that jumps."""
STORY_SECONDS = 1_000
"""For a whole story with all that is asked of nodes in it, by the same clock."""
POLL_SECONDS = 0.01
BURIAL_SECONDS = 0.5
"""How long a dead node stays away."""

Story = Callable[["Town"], Awaitable[None]]


class Died(Exception):
    """The node that was asked is dead."""


# --- the chain ---


class Chain:
    """A served chain without its server: the same node, asked directly."""

    def __init__(self, folder: Path) -> None:
        self.node = RegtestNode(folder, durable=False)
        for _ in range(PREMINED_BLOCKS):
            self.node.generate(FAUCET_SCRIPT)
        self._faucet = Faucet(lambda: self.node.chain.books.coins_of(FAUCET_SCRIPT))

    def fund(self, script: bytes, amount_sat: int) -> None:
        payment = self._faucet.payment(script, amount_sat, self.node.chain.height + 1)
        self.node.generate_block([payment], FAUCET_SCRIPT)

    @property
    def height(self) -> int:
        return self.node.chain.height

    def mine(self) -> int:
        """Mine what waits; the fees in the block, in satoshi."""
        coinbase = self.node.generate(FAUCET_SCRIPT).transactions[0]
        return sum(output.amount_sat for output in coinbase.outputs) - subsidy_sat(self.height)

    def branch(self, root: int, blocks: int) -> None:
        """Mine so many empty blocks upon an earlier one."""
        node = self.node
        previous = node.chain.books.hash_at(root)
        time = node.clock()
        assert previous is not None
        for height in range(root + 1, root + blocks + 1):
            coinbase = build_coinbase(height, next(node._unique), (subsidy_sat(height), FAUCET_SCRIPT), [])
            time = max(time, node.chain.books.median_time_past(root) + 1) + 1
            block = build_block(previous, time, [coinbase])
            node.submit_block(block)
            previous = block.hash
        self._faucet.forget()

    def close(self) -> None:
        self.node.close()


class DirectClient(ChainClient):
    """What a node of the town has of the chain."""

    def __init__(self, node: TownNode) -> None:
        super().__init__(Endpoint(1, credentials="no:body"))
        self._node = node

    async def call(self, method: str, *parameters: object, idempotent: bool = True) -> Any:
        await asyncio.sleep(0)
        sends = method in ("sendrawtransaction", "submitpackage")
        if sends:
            self._node.point(f"before {method}")
        if self._node.dead:
            raise ChainUnavailable("the dead see no chain")
        try:
            answer = await call(self._node.town.chain.node, method, parameters)
        except Failure as failure:
            raise ChainError(method, failure.code, failure.message) from failure
        if sends:
            self._node.point(f"after {method}")
        return answer

    async def estimate_feerate_per_kw(self, target_blocks: int) -> int | None:
        return self._node.town.feerate_per_kw


# --- nodes ---


class TownNode:
    """A running node, or a dead one."""

    def __init__(self, town: Town, seat: int, folder: Path) -> None:
        self.town, self.seat, self.folder = town, seat, folder
        self.dead = False
        self.died: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.peer_or_none: Peer | None = None
        self.strangers: dict[bytes, Any] = {}
        """Others than the one at the other end of the wire, who are connected."""
        self.heir: Path | None = None
        """The folder as it was when the node died."""
        self.options = Options(lightning_dir=folder, network="regtest", **town.options)
        self.engine = ChannelEngine(Endpoint(1, credentials="no:body"), simple_close=town.simple_close)

    @property
    def peer(self) -> Peer:
        assert self.peer_or_none is not None
        return self.peer_or_none

    async def start(self) -> None:
        self.options.folder.mkdir(parents=True, exist_ok=True)
        self.latch = SigningLatch()
        database = Database(self.options.folder / DATABASE_NAME, self.point)
        database.connection.execute("PRAGMA synchronous = OFF")  # what dies here is the process, not the machine
        self.commits = GroupCommit(database, self.latch)
        self.commits._thread = InPlace()
        self.database = database
        await self.commits.__aenter__()
        row = await self.commits.read(lambda connection: node_row.load(connection, "regtest"))
        if row is None:
            row = NodeRow("regtest", hashlib.sha256(b"seed %d %d" % (self.seat, self.town.number)).digest(), NOW)
            work = UnitOfWork()
            node_row.create(work, row)
            await self.commits.submit(work)
        storage = self.commits, self.latch, row
        services = await _services(self.options, self.engine, lambda: NOW, self.town.limits, storage)
        self.services = replace(services, switchboard=Directory(self))
        self.node_id = self.services.key.node_id
        client = DirectClient(self)
        self.engine._chain.client = client
        self.engine._chain._estimator = FeeEstimator(client, FeePolicy())
        await self.engine.start(self.services)

    def point(self, what: str) -> None:
        """A point at which a crash matters."""
        if not self.dead and self.town.reaches(self.seat, what):
            self.die()

    def die(self) -> None:
        """Be gone, at once, with what is on disk."""
        self.dead = True
        self.heir = self.folder.with_name(f"{self.folder.name.partition('-')[0]}-{next(self.town.births)}")
        shutil.copytree(self.folder, self.heir)
        self.town.eye.died(self.seat)
        if not self.died.done():
            self.died.set_result(None)
        self.town.spawn(self.town.succeed(self))

    def bury(self) -> None:
        """Free what the process would have held."""
        for task in (*self.engine._chain._tasks, self.commits._task):
            if task is not None:
                task.cancel()
        with suppress(Exception):
            self.database.connection.close()

    async def ask(self, method: str, **parameters: object) -> Any:
        """The result of a command. :class:`Died` if the node does before it answers."""
        if self.dead:
            raise Died
        command = WITH_ENGINE[method]
        context = RpcContext(self.services, self.engine, WITH_ENGINE)
        task = asyncio.ensure_future(command.run(context, **command.arguments(parameters)))
        self.town.tasks.add(task)
        both: list[asyncio.Future[Any]] = [task, self.died]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if self.dead:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise Died
        return task.result()

    @property
    def machines(self) -> list[ChannelMachine]:
        return [slot.machine for slot in self.engine._roster.all()]

    def machine(self, channel_id: bytes) -> ChannelMachine | None:
        return next((entry for entry in self.machines if entry.record.channel_id == channel_id), None)

    def channel(self, channel_id: bytes) -> Channel:
        machine = self.machine(channel_id)
        assert machine is not None
        assert machine.channel is not None
        return machine.channel

    @property
    def is_busy(self) -> bool:
        slots = list(self.engine._roster.all())
        return any(slot.storing or slot.scheduled or slot.dirty for slot in slots) or bool(self.commits._waiting)

    def coins_sat(self) -> int:
        """Confirmed and unspent in the wallet."""
        coins = self.engine._chain.wallet.coins
        return sum(coin.amount_sat for coin in coins if coin.spent_by is None and coin.height is not None)


# --- the town ---


class Town:
    """Alice, Bob, their wire and their chain."""

    numbers = itertools.count()

    def __init__(
        self, chain: Chain, folder: Path, *, simple_close: bool = True, options: dict[str, Any] | None = None,
        limits: PeerLimits | None = None,
    ) -> None:  # fmt: skip
        self.chain, self.folder, self.simple_close = chain, folder, simple_close
        self.limits = limits or PeerLimits()
        self.options = options or {}
        """Of both nodes, beside those that they have anyway."""
        self.number = next(Town.numbers)
        self.feerate_per_kw = 1_000
        self.births = itertools.count(1)
        self.tasks: set[asyncio.Future[Any]] = set()
        self.failures: list[BaseException] = []
        self.nodes: list[TownNode] = []
        self.wire: Wire | None = None
        self.channel_id: bytes | None = None
        self.points: list[tuple[int, str]] = []
        """All points so far, while they are counted."""
        self.armed = False
        self.kill_at: frozenset[int] = frozenset()
        self.delivers_last_words = True
        """What a dying node has handed to the wire arrives."""
        self.alter: Callable[[int, bytes], bytes | None] = lambda _, message: message
        """What arrives of a message that the node in a seat sent; None if the connection ends instead."""
        self.faults: list[Exception] = []
        """What living engines raised when they were handed a message."""
        self.hung_up: list[str] = []
        """Why nodes have ended connections."""
        self.deaths = 0
        self.fees_sat = 0
        """Paid in the blocks that were mined."""
        self.eye = Eye()
        self.is_gated = False
        """Messages arrive one by one, as the story wants it (:meth:`Wire.deliver`)."""
        self.is_apart = False
        """The nodes do not meet by themselves."""

    # --- crashing ---

    def reaches(self, seat: int, what: str) -> bool:
        """A node has come to a point: whether it is its last one."""
        if not self.armed:
            return False
        self.points.append((seat, what))
        return len(self.points) in self.kill_at

    async def succeed(self, dead: TownNode) -> None:
        """Let the dead be gone, and after a while begin a new life in its folder."""
        self.deaths += 1
        wire = self.wire
        if wire is not None and not wire.is_cut:
            if self.delivers_last_words:
                for _ in range(1_000):
                    if not wire.queues[dead.seat]:
                        break
                    if self.is_gated:
                        await wire.deliver(dead.seat)
                    await asyncio.sleep(POLL_SECONDS if self.is_gated else 0)
            wire.cut()
        await asyncio.sleep(BURIAL_SECONDS)
        dead.bury()
        assert dead.heir is not None
        self.judge_durable(dead.seat, dead.heir)
        await self.begin(dead.seat, dead.heir)

    async def begin(self, seat: int, folder: Path) -> None:
        """Start a node in a folder; one that dies while it starts is followed by another one."""
        node = TownNode(self, seat, folder)
        starting = asyncio.ensure_future(node.start())
        await asyncio.wait([starting, node.died], return_when=asyncio.FIRST_COMPLETED)
        if node.dead:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return  # its own death has begun another life
        starting.result()
        if len(self.nodes) > seat:
            self.nodes[seat] = node
        else:
            self.nodes.append(node)
        self.connect()

    # --- the connection ---

    def connect(self) -> None:
        """Let the nodes meet, if both live and have not met."""
        if self.is_apart or len(self.nodes) < 2 or any(node.dead for node in self.nodes):
            return
        if self.wire is not None and not self.wire.is_cut:
            return
        self.wire = Wire(self)
        alice, bob = self.nodes
        alice.peer_or_none, bob.peer_or_none = Peer(self.wire, alice, bob), Peer(self.wire, bob, alice)
        for node in self.nodes:
            node.engine.connected(node.peer)

    # --- the story's tools ---

    @property
    def alice(self) -> TownNode:
        return self.nodes[0]

    @property
    def bob(self) -> TownNode:
        return self.nodes[1]

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Future[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures.append(error)

    async def until(self, what: str, condition: Callable[[], object]) -> None:
        """Wait, by the clock that jumps; :class:`Stuck` if it does not come."""
        end = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while not (all(not node.dead for node in self.nodes) and condition()):
            if self.failures:
                raise self.failures[0]
            if asyncio.get_running_loop().time() > end:
                raise Stuck(f"waited in vain until {what}: {self.picture()}")
            await asyncio.sleep(POLL_SECONDS)
        if self.failures:
            raise self.failures[0]

    def picture(self) -> object:
        return [
            [(str(machine.life.end), machine.record.failure, machine.channel) for machine in node.machines]
            for node in self.nodes
        ]

    def is_quiet(self) -> bool:
        return self.wire is not None and self.wire.is_empty and not any(node.is_busy for node in self.nodes)

    async def quiet(self) -> None:
        """Until both live, are connected, and nothing is under way; then both states are judged."""
        calm = 0
        while calm < 3:
            await self.until("all is quiet", self.is_quiet)
            await asyncio.sleep(POLL_SECONDS)
            connected = self.wire is not None and not self.wire.is_cut
            calm = calm + 1 if connected and not any(node.dead for node in self.nodes) and self.is_quiet() else 0
        self.judge()

    async def mine(self, blocks: int = 1) -> None:
        """Mine, and wait until both nodes have seen it."""
        for _ in range(blocks):
            self.fees_sat += self.chain.mine()
        await self.until("both have seen the block", self._is_seen)
        await self.quiet()

    async def mine_apart(self, blocks: int) -> None:
        """Mine, and wait each time until both nodes, which need not be connected, have done what follows."""
        for _ in range(blocks):
            self.fees_sat += self.chain.mine()
            await self.until("both have seen the block", self._is_seen)
            await asyncio.sleep(1)

    def _is_seen(self) -> bool:
        return all(node.engine.block_height() == self.chain.height for node in self.nodes)

    # --- judging ---

    def judge(self) -> None:
        """Both states satisfy the specification; when they have nothing to say to each other, they agree."""
        for node in self.nodes:
            for machine in node.machines:
                require_lawful(machine.record)
                # A channel that its opener has never stored cannot be on the chain: only its fundee knows of it.
                is_shared = all(other.machine(machine.record.channel_id) is not None for other in self.nodes)
                assert not is_shared or machine.life.end is not End.FAILED, machine.record.failure
        if self.channel_id is None or any(node.machine(self.channel_id) is None for node in self.nodes):
            return
        channels = self.alice.channel(self.channel_id), self.bob.channel(self.channel_id)
        self.require_bound(*channels)
        if self.wire is None or self.wire.is_cut or any(channel.link is not Link.UP for channel in channels):
            return
        if self.wire.is_empty:
            require_agreed(*channels)

    def judge_durable(self, seat: int, folder: Path) -> None:
        """What a dead node has left is lawful, and holds all that binds it to its peer."""
        for record in records_in(folder):
            require_lawful(record)
            other = self.nodes[1 - seat] if len(self.nodes) == 2 else None
            peers = None if other is None or other.dead else other.machine(record.channel_id)
            if peers is not None and peers.channel is not None and record.life.channel is not None:
                require_remembered(record.life.channel, peers.channel)

    def require_bound(self, first: Channel, second: Channel) -> None:
        require_remembered(first, second)
        require_remembered(second, first)


def run(town: Town, story: Story) -> None:
    """Tell a story of two new nodes, to its end."""

    async def told() -> None:
        try:
            for seat, name in enumerate(("alice", "bob")):
                await town.begin(seat, town.folder / name)
            async with asyncio.timeout(STORY_SECONDS):
                await story(town)
        except TimeoutError as error:
            raise Stuck(f"the story does not end: {town.picture()}") from error
        finally:
            for node in town.nodes:
                node.dead = True
                node.bury()
            for task in tuple(town.tasks):
                task.cancel()
            await asyncio.gather(*town.tasks, return_exceptions=True)

    with fixed_chance(7), asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(told())
