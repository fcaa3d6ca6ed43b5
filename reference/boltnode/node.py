"""A node: its parts put together, started in order and stopped in the reverse one.

    folder lock > storage > keys, books > engine > connections > commands

While it starts, each part finds those that it needs running; while it stops, none of them is pulled away from under
another: first no command and no peer can ask for anything more, then the engine finishes, last the storage closes.
"""

import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager

from boltnode.clock import Clock, system_clock
from boltnode.engine import Engine
from boltnode.invoices import InvoiceBook
from boltnode.keys import SEED_SIZE, NodeKey
from boltnode.network import network_named
from boltnode.options import DATABASE_NAME, Options
from boltnode.payments import PaymentBook
from boltnode.peers.limits import PeerLimits, within_file_limit
from boltnode.peers.quota import Quota
from boltnode.peers.reconnector import Reconnector
from boltnode.peers.switchboard import Switchboard
from boltnode.rpc.context import RpcContext
from boltnode.rpc.server import RpcServer
from boltnode.rpc.table import WITH_ENGINE
from boltnode.services import Services, Stopping
from boltnode.storage import node_row, peer_rows
from boltnode.storage.database import Database, Observer, ignore
from boltnode.storage.errors import from_os
from boltnode.storage.folder_lock import FolderLock
from boltnode.storage.group_commit import GroupCommit
from boltnode.storage.latch import SigningLatch, SigningStopped
from boltnode.storage.node_row import NodeRow
from boltnode.storage.unit_of_work import UnitOfWork

_log = logging.getLogger(__name__)


@asynccontextmanager
async def running_node(
    options: Options,
    engine: AbstractContextManager[Engine],
    *,
    clock: Clock = system_clock,
    limits: PeerLimits | None = None,
    observe: Observer = ignore,
) -> AsyncIterator[Services]:
    """A node that runs until the context is left.

    The context of the engine is entered when the folder is locked, and left before that is given up. Raises a
    :class:`boltnode.storage.errors.StorageError` if the folder cannot be used, OSError if an address or the socket
    cannot be had. ``observe`` is told of every step of the storage, for tests that crash there.
    """
    async with AsyncExitStack() as stack:
        commits, latch, row = await _open_storage(stack, options, clock, observe)
        entered = stack.enter_context(engine)
        services = await _services(options, entered, clock, limits or _limits(options), (commits, latch, row))
        await entered.start(services)
        stack.push_async_callback(entered.stop)
        stack.push_async_callback(services.switchboard.close)
        stack.push_async_callback(services.reconnector.close)
        for address in options.addr:
            await services.switchboard.listener.listen(*address)
        for peer in await commits.read(peer_rows.load):
            if peer.host is not None and peer.port is not None:
                services.reconnector.keep(peer.node_id, peer.host, peer.port)
        await _serve(stack, services, entered)
        _log.info("the node runs", extra={"node_id": services.key.node_id.hex(), "network": options.network})
        yield services
        _log.info("the node stops")


async def _open_storage(
    stack: AsyncExitStack, options: Options, clock: Clock, observe: Observer
) -> tuple[GroupCommit, SigningLatch, NodeRow]:
    """The storage of the node, and who it is; a new folder becomes that of a new node."""
    try:
        options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise from_os(error, options.folder) from error
    stack.enter_context(FolderLock(options.folder))
    latch = SigningLatch()
    latch.on_close(lambda reason: _log.error("nothing is signed any more", extra={"reason": reason}))
    database = Database(options.folder / DATABASE_NAME, observe)
    commits = await stack.enter_async_context(GroupCommit(database, latch))
    row = await commits.read(lambda connection: node_row.load(connection, options.network))
    if row is None:
        row = NodeRow(options.network, secrets.token_bytes(SEED_SIZE), clock())
        work = UnitOfWork()
        node_row.create(work, row)
        await commits.submit(work)
    return commits, latch, row


def _limits(options: Options) -> PeerLimits:
    return within_file_limit(
        PeerLimits(max_inbound=options.max_inbound, max_pending_channels=options.max_pending_channels)
    )


async def _services(
    options: Options,
    engine: Engine,
    clock: Clock,
    limits: PeerLimits,
    storage: tuple[GroupCommit, SigningLatch, NodeRow],
) -> Services:
    commits, latch, row = storage
    network = network_named(options.network)
    key = NodeKey(row.seed, latch)
    invoices, payments = InvoiceBook(commits, key, network, clock), PaymentBook(commits, clock)
    await invoices.load()
    await payments.load()
    latch.on_close(lambda reason: payments.give_up(SigningStopped(reason)))
    switchboard = Switchboard(key.static_key, (network.chain_hash,), engine.features, limits, engine)
    return Services(
        options=options,
        network=network,
        clock=clock,
        latch=latch,
        commits=commits,
        seed=lambda: row.seed,
        key=key,
        invoices=invoices,
        payments=payments,
        switchboard=switchboard,
        reconnector=Reconnector(switchboard, limits),
        limits=limits,
        pending_channels=Quota(limits.max_pending_channels, limits.max_pending_channels_per_peer),
        stopping=Stopping(),
    )


async def _serve(stack: AsyncExitStack, services: Services, engine: Engine) -> None:
    server = RpcServer(WITH_ENGINE, RpcContext(services, engine, WITH_ENGINE))
    await server.start(services.options.rpc_path)
    stack.push_async_callback(server.close)
