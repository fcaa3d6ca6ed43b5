"""A node's best chain as a stream of blocks without gaps, through reorganisations, restarts and absence of the node.

The follower knows one block, its position, and only ever moves by one block: up to the one that the node's best chain
has above it, or down to its parent when it is no longer part of that chain. So whatever the node's chain does between
two questions, each block that is connected builds on the one before, each that is disconnected is the last one that was
connected, and none is left out.

Whoever uses it stores the position that an event leads to together with what the event changed, in one write; after a
crash the stream goes on from there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

from boltchain.block import Block, BlockRef
from boltchain.client.connection import ChainUnavailable
from boltchain.client.node import ChainClient
from boltchain.rpc import RpcError
from boltchain.transaction import display

POLL_MS = 50
"""Milliseconds: how often a node whose chain does not change is asked for its best block."""

MAX_RETRY_MS = 5_000
"""Milliseconds: the longest pause before an absent node is asked again; pauses double from the poll interval."""

_REMEMBERED = 2016
"""Blocks kept in mind, for a node that forgot the branch it has left."""


Absence = ChainUnavailable | RpcError
"""Why there is no next block to be had: the node does not answer, lets nobody in, or answers with an error."""


class ChainMismatch(Exception):
    """The node's chain has nothing to do with the position: another network, or the node's data were deleted."""


@dataclass(frozen=True, slots=True)
class BlockConnected:
    """The best chain has this block on top of the previous position."""

    position: BlockRef
    """The block itself: the position to store."""
    block: Block


@dataclass(frozen=True, slots=True)
class BlockDisconnected:
    """The block of the previous position is no longer part of the best chain."""

    position: BlockRef
    """Its parent: the position to store."""
    disconnected: BlockRef
    """The block that was taken back."""


BlockEvent = BlockConnected | BlockDisconnected


class BlockFollower:
    """Follows the chain of `client` from the block at `position`, which is taken as known already.

    `history` holds the blocks below the position, lowest first, as far as they are known: for a node that forgot the
    branch it has left. ValueError unless it leads up to the position.

    `on_absence` is called with the reason each time that there is a new one why the chain cannot be followed, and with
    None when it can be again.
    """

    def __init__(
        self,
        client: ChainClient,
        position: BlockRef,
        history: Iterable[BlockRef] = (),
        *,
        poll_ms: int = POLL_MS,
        on_absence: Callable[[Absence | None], None] | None = None,
    ) -> None:
        self.position = position
        """The block that the stream has reached: that of the last event that was taken."""
        self._client = client
        self._poll_ms = poll_ms
        self._on_absence = on_absence or (lambda _error: None)
        self._absence = ""
        self._history: deque[BlockRef] = deque(history, maxlen=_REMEMBERED)
        if any(ref.height != position.height - below for below, ref in enumerate(reversed(self._history), 1)):
            msg = f"the blocks below do not lead up to {position}: {list(self._history)}"
            raise ValueError(msg)
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Ask the node at once instead of after the poll interval."""
        self._nudged.set()

    async def events(self) -> AsyncIterator[BlockEvent]:
        """All events from the position on, for ever. A node that is absent, in whatever way, is awaited.

        :class:`ChainMismatch` if the node knows nothing of the position and none of the blocks before it.
        """
        pause = self._poll_ms
        while True:
            try:
                event = await self._next_event()
            except (ChainUnavailable, RpcError) as failure:
                self._note_absence(failure)
                await self._rest(pause)
                pause = min(2 * pause, MAX_RETRY_MS)
                continue
            self._note_absence(None)
            pause = self._poll_ms
            if event is None:
                await self._rest(self._poll_ms)
                continue
            self._advance(event)
            yield event

    def _note_absence(self, failure: Absence | None) -> None:
        reason = "" if failure is None else str(failure)
        if reason != self._absence:
            self._absence = reason
            self._on_absence(failure)

    async def catch_up(self) -> AsyncIterator[BlockEvent]:
        """The events up to the node's best block, then an end. Errors as of :meth:`events`, and :data:`Absence`."""
        while (event := await self._next_event()) is not None:
            self._advance(event)
            yield event

    def _advance(self, event: BlockEvent) -> None:
        if isinstance(event, BlockConnected):
            self._history.append(self.position)
        elif self._history:
            self._history.pop()
        self.position = event.position

    async def _rest(self, ms: int) -> None:
        try:
            async with asyncio.timeout(ms / 1000):
                await self._nudged.wait()
        except TimeoutError:
            pass
        self._nudged.clear()

    async def _next_event(self) -> BlockEvent | None:
        """One step towards the node's best block; None if the position is that block."""
        if await self._client.best_hash() == self.position.hash:
            return None
        try:
            header = await self._client.header(self.position.hash)
        except LookupError:
            return await self._step_back_by_memory()
        if header.ref.height != self.position.height:
            msg = f"the position says {self.position}, but the node has this block at height {header.ref.height}"
            raise ChainMismatch(msg)
        if not header.active:
            return await self._step_back(header.previous)
        if header.next is None:
            return None  # it became the tip between the two questions
        try:
            block = await self._client.block(header.next)
        except LookupError:
            return None  # the node left this branch and forgot it: look again
        return BlockConnected(BlockRef(self.position.height + 1, header.next), block)

    async def _step_back(self, previous: bytes | None) -> BlockDisconnected:
        if previous is None:
            msg = f"the node's chain has another genesis block than {self.position}"
            raise ChainMismatch(msg)
        await self._require_caught_up()
        return BlockDisconnected(BlockRef(self.position.height - 1, previous), self.position)

    async def _step_back_by_memory(self) -> BlockDisconnected:
        await self._require_caught_up()
        if not await self._has_common_block():
            msg = (
                f"the node at {self._client.endpoint} does not know block {display(self.position.hash)} at height "
                f"{self.position.height}, and none of the {len(self._history)} below it: it runs another chain, or its "
                "data were deleted. Point to the node that was used before, or let this one get its chain again; keep "
                "the data that are here."
            )
            raise ChainMismatch(msg)
        return BlockDisconnected(self._history[-1], self.position)

    async def _has_common_block(self) -> bool:
        """Whether the node knows any block below the position. Then it knows the lowest: none lacks its parent."""
        try:
            return bool(self._history) and bool(await self._client.header(self._history[0].hash))
        except LookupError:
            return False

    async def _require_caught_up(self) -> None:
        """:class:`ChainUnavailable` if the node has the position before it: it has left no branch, it is too early."""
        info = await self._client.chain_info()
        if info.catching_up and info.best.height < self.position.height:
            msg = (
                f"the node at {self._client.endpoint} is at height {info.best.height} and catches up with its chain; "
                f"height {self.position.height} is needed"
            )
            raise ChainUnavailable(msg)
