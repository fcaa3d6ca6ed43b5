"""The node's view of the chain: a client, a follower from the block that was stored last, a wallet, and feerates."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from boltchain.block import BlockRef
from boltchain.client.connection import ChainUnavailable, Endpoint
from boltchain.client.fees import FeeEstimator, FeePolicy
from boltchain.client.follower import Absence, BlockConnected, BlockEvent, BlockFollower, ChainMismatch
from boltchain.client.node import ChainClient
from boltchain.interface import TransactionRejected
from boltchain.rpc import RpcError
from boltchain.wallet.coins import Status
from boltchain.wallet.wallet import Wallet
from boltnode.channels.wallet_store import KIND, NodeWalletStore
from boltnode.keys import derive
from boltnode.services import Services
from boltnode.storage import chain_rows, wallet_rows
from boltnode.storage.unit_of_work import UnitOfWork

TARGETS: Final = {"urgent": 2, "normal": 6, "slow": 12, "minimum": 100}
"""Names of feerates, as blocks until confirmation."""

_log = logging.getLogger(__name__)

Told = Callable[[UnitOfWork, BlockEvent], None]
"""Notes what a block changes, in the unit of work that also stores the position."""
Ahead = Callable[[BlockEvent], Awaitable[None]]
"""Reads what is needed to note that, before anything of it is noted."""


class ChainWatch:
    """The chain behind an endpoint, followed by one task."""

    def __init__(self, endpoint: Endpoint, *, feerate_per_kw: int | None = None) -> None:
        """``feerate_per_kw`` takes the place of all estimates (for regtest)."""
        self.client = ChainClient(endpoint)
        self._estimator = FeeEstimator(self.client, FeePolicy(forced_per_kw=feerate_per_kw))
        self.feerates: dict[int, int] = {}
        """Estimates by target, renewed with each block."""
        self.trouble: str | None = None
        """Why the chain cannot be followed at the moment."""
        self._tasks: set[asyncio.Future[None]] = set()

    async def start(self, services: Services) -> None:
        """Load the wallet and take up the chain. :class:`ChainUnavailable`, also if it is of another network."""
        self._services = services
        commits, network = services.commits, services.network.name
        with _unavailable():
            info = await self.client.chain_info()
        if info.network != network:
            raise ChainUnavailable(f"the chain at {self.client.endpoint} is {info.network}, not {network}")
        _log.info("the chain answers", extra={"endpoint": str(self.client.endpoint), "height": info.best.height})
        blocks = await commits.read(chain_rows.load)
        rows = await commits.read(lambda connection: wallet_rows.load(connection, KIND))
        self.store = NodeWalletStore(commits, services.latch, rows)
        *history, position = [BlockRef(*known) for known in blocks.items()] or [info.best]
        self.wallet = Wallet(derive(services.seed(), "wallet"), network, self.store, birthday=position)
        self._follower = BlockFollower(self.client, position, history, on_absence=self._absent)
        if not blocks:
            work = UnitOfWork()
            chain_rows.connect_block(work, position.height, position.hash)
            await commits.submit(work)
        for entry in self.wallet.transactions:
            if entry.status is Status.PREPARED:  # of a channel or a payment that never came to be
                self.wallet.abandon(entry.txid)
        await self._estimate()

    def _absent(self, error: Absence | None) -> None:
        self.trouble = None if error is None else str(error)
        if error is None:
            _log.info("the chain is followed again")
        else:
            _log.warning("the chain cannot be followed at the moment", extra={"reason": str(error)})

    @property
    def height(self) -> int:
        """Of the block that everything here has seen."""
        return self._follower.position.height

    async def catch_up(self, ahead: Ahead, told: Told) -> None:
        """Go to the node's best block. :class:`ChainUnavailable`, also if it is of another chain."""
        with _unavailable():
            async for event in self._follower.catch_up():
                await ahead(event)
                self._take(event, told)

    def follow(self, ahead: Ahead, told: Told, after: Callable[[], Awaitable[None]]) -> None:
        """Go on from here in a task of its own; ``after`` is awaited behind each block.

        If that ends, the node stops: without the chain it would miss each deadline, and go on with payments.
        """
        self._begin(self._follow(ahead, told, after), self._lost)

    async def _follow(self, ahead: Ahead, told: Told, after: Callable[[], Awaitable[None]]) -> None:
        async for event in self._follower.events():
            await ahead(event)
            self._take(event, told)
            await self._estimate()
            await after()

    def _take(self, event: BlockEvent, told: Told) -> None:
        work = UnitOfWork()
        with self.store.within(work):
            if isinstance(event, BlockConnected):
                self.wallet.connect(event.position, event.block)
            else:
                self.wallet.disconnect(event.position, event.disconnected)
            chain_rows.connect_block(work, event.position.height, event.position.hash)
            told(work, event)
        self._services.commits.submit(work)

    async def _estimate(self) -> None:
        for target in TARGETS.values():
            self.feerates[target] = await self._estimator.feerate_per_kw(target)

    def feerate(self, wanted: str | int | None) -> int:
        """Satoshi per 1000 weight units for a name, a number or, for None, the usual."""
        if isinstance(wanted, int):
            return max(wanted, self._estimator.policy.floor_per_kw)
        return self.feerates[TARGETS[wanted or "normal"]]

    def feerate_within(self, blocks: int) -> int:
        """Satoshi per 1000 weight units for confirmation within so many blocks: the estimate for no more than these."""
        reached = [target for target in self.feerates if target <= blocks]
        return self.feerates[max(reached, default=min(self.feerates))]

    def broadcast(self, *transactions: bytes) -> None:
        """Offer transactions to the network, one after the other, and write down what it does not take."""
        self.spawn(self._broadcast(transactions))

    async def _broadcast(self, transactions: tuple[bytes, ...]) -> None:
        for raw in transactions:
            await self.send(raw)

    async def send(self, raw: bytes) -> str | None:
        """Offer a transaction to the network; why it was not taken, None if it was."""
        try:
            await self.client.send(raw)
        except TransactionRejected as error:
            _log.info("a transaction was not taken", extra={"reason": str(error)})
            return str(error)
        except (ChainUnavailable, RpcError) as error:
            _log.warning("a transaction was not sent", extra={"reason": str(error)})
            return str(error)
        return None

    def nudge(self) -> None:
        """Look for blocks at once."""
        self._follower.nudge()

    def spawn(self, work: Awaitable[None]) -> None:
        """Run an errand on the chain in a task of its own, which ends with this object; errors are told."""
        self._begin(work, _failed)

    def _begin(self, work: Awaitable[None], failed: Callable[[BaseException], None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(done, failed))

    def _ended(self, task: asyncio.Future[None], failed: Callable[[BaseException], None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            failed(error)

    def _lost(self, error: BaseException) -> None:
        self.trouble = f"the chain is not followed any more: {str(error) or repr(error)}"
        _log.error("the chain is not followed any more", exc_info=error)
        if self._services.latch.reason is None:  # else the node is at a standstill already, and stays to say why
            self._services.stopping.give_up(self.trouble)

    async def stop(self) -> None:
        """Follow no longer."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.client.close()


@contextmanager
def _unavailable() -> Iterator[None]:
    """A chain that answers with an error, or that is another one, is as good as none for a node that starts."""
    try:
        yield
    except (RpcError, ChainMismatch) as error:
        raise ChainUnavailable(str(error)) from error


def _failed(error: BaseException) -> None:
    _log.error("an errand on the chain has failed", exc_info=error)
