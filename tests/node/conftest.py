"""Parts of a node that are running, for tests that write their own story."""

from __future__ import annotations

import asyncio
import importlib.util
import resource
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from boltnode.invoices import InvoiceBook
from boltnode.keys import NodeKey
from boltnode.network import network_named
from boltnode.payments import PaymentBook
from boltnode.storage.database import Database
from boltnode.storage.group_commit import GroupCommit
from boltnode.storage.latch import SigningLatch

SEED = bytes(range(32))


class Books:
    """Storage and bookkeeping of a node, with a clock that stands still until it is moved."""

    def __init__(self, path: Path) -> None:
        self.now = 1_700_000_000
        self.latch = SigningLatch()
        self.commits = GroupCommit(Database(path), self.latch)
        self.key = NodeKey(SEED, self.latch)
        self.network = network_named("regtest")
        self.invoices = InvoiceBook(self.commits, self.key, self.network, lambda: self.now)
        self.payments = PaymentBook(self.commits, lambda: self.now)

    async def load(self) -> None:
        await self.invoices.load()
        await self.payments.load()


Story = Callable[[Books], Awaitable[None]]


@pytest.fixture
def with_books(tmp_path: Path) -> Callable[[Story], None]:
    """Run a story with open books; run again, it is a restart on the same file."""

    def run(story: Story) -> None:
        async def told() -> None:
            books = Books(tmp_path / "node.sqlite3")
            async with books.commits:
                await books.load()
                await story(books)

        asyncio.run(told())

    return run


@pytest.fixture(scope="session")
def new_books() -> type[Books]:
    """``new_books(path)``: books on a file, not running yet."""
    return Books


def _module(path: str) -> Any:
    """A module of this folder, once in each process: tests are no package that it could be imported from."""
    name = Path(path).name
    if name not in sys.modules:
        description = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{path}.py")
        assert description is not None
        assert description.loader is not None
        module = importlib.util.module_from_spec(description)
        sys.modules[name] = module
        description.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="session")
def load_module() -> Callable[[str], Any]:
    """``load_module("town/town")``: a module of the node's tests that is no test itself."""
    return _module


@pytest.fixture(scope="session")
def towns() -> Any:
    """The module town.py: two whole engines. It is made of those before it."""
    return [_module(f"town/{name}") for name in ("jumping", "judging", "wires", "town")][-1]


@pytest.fixture(scope="session")
def stories(towns: Any) -> Any:
    """The module stories.py: what they live through."""
    del towns
    return _module("town/stories")


@pytest.fixture(scope="session")
def town_chain(towns: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A chain for all towns of the session: each brings its own coins."""
    chain = towns.Chain(tmp_path_factory.mktemp("chain"))
    yield chain
    chain.close()


@pytest.fixture
def start_daemon() -> Iterator[Callable[..., Any]]:
    """``start_daemon(folder, *options)``: a node in a process of its own, ready; ended with the test."""
    started: list[Any] = []
    module = _module("daemons")

    def start(folder: Path, *options: str) -> Any:
        started.append(module.Daemon(folder, *options))
        return started[-1].wait_until_ready()

    yield start
    for daemon in started:
        daemon.end()


@pytest.fixture
def run_boltnode() -> Callable[..., Any]:
    """``run_boltnode(*words)``: the command line, to its end."""
    found: Callable[..., Any] = _module("daemons").boltnode
    return found


@pytest.fixture(scope="session")
def idle_engine() -> Callable[[], Any]:
    """``idle_engine()``: one without channels, as ``running_node`` takes it."""
    found: Callable[[], Any] = _module("idle_engine").idle_engine
    return found


@pytest.fixture
def limit_file_size() -> Callable[[int, int], None]:
    """``limit_file_size(pid, bytes)``: no file of that process may grow beyond."""

    def limit(pid: int, size: int) -> None:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    return limit


@pytest.fixture(params=["relaying_served_chain", "relaying_bitcoind"])
def chain(request: pytest.FixtureRequest) -> Any:
    """Each server in turn, with a mempool as on mainnet."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def story(start_daemon: Callable[..., Any], tmp_path: Path, chain: Any) -> Any:
    """Alice and Bob, each a process of its own (two_nodes.py)."""
    return _module("two_nodes").Story(start_daemon, tmp_path, chain)
