"""What each block means for the channels: noted with the node's position, then done.

The channels are looked after apart from each other. What goes wrong with one of them is told, and keeps the node from
no other one. A block that could not be looked at for a channel is looked at again with the next ones, also after a
restart: the record says from which height on. Where that itself cannot be noted, or a block cannot be taken back, the
node stops before the position is stored: it begins with that block again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from boltchain.block import BlockRef
from boltchain.client.follower import BlockConnected, BlockDisconnected, BlockEvent
from boltnode.channels.closing import ClosingDesk
from boltnode.channels.floor import Floor
from boltnode.channels.funding_watch import look_at_block, looked_back
from boltnode.channels.machine import ChannelMachine
from boltnode.channels.slot import Slot
from boltnode.channels.turns import Turns
from boltnode.storage.latch import SigningStopped
from boltnode.storage.unit_of_work import UnitOfWork

REREAD_AT_ONCE: Final = 100
"""Blocks that are looked at again for a channel with each new one: bounds what a channel that fails each time costs."""

_log = logging.getLogger(__name__)


class BlockDesk:
    """The channels of an engine, as blocks come and go."""

    def __init__(self, floor: Floor, turns: Turns, closing: ClosingDesk) -> None:
        """On the engine's floor, with those who store and publish what follows."""
        self._floor, self._turns, self._closing = floor, turns, closing
        self._due: dict[Slot, list[BlockConnected]] = {}

    # --- before a block is taken ---

    async def ahead(self, event: BlockEvent) -> None:
        """Read what a block makes necessary, and again what could not be looked at."""
        self._due = {}
        if not isinstance(event, BlockConnected):
            return
        for slot in self._floor.roster.all():
            self._due[slot] = []
            with _apart(slot):
                self._due[slot] = await self._read(slot.machine, event)

    async def _read(self, machine: ChannelMachine, event: BlockConnected) -> list[BlockConnected]:
        """The blocks that the channel can be told of now, in order."""
        height, first = event.position.height, machine.record.unseen_from
        missed = range(height, height) if first is None else range(first, min(height, first + REREAD_AT_ONCE))
        due = [await self._block(below) for below in missed]
        if missed.stop == height:
            due.append(event)
        for block in due:
            await self._floor.on_chain.recall((machine,), block)
        return due

    async def _block(self, height: int) -> BlockConnected:
        client = self._floor.chain.client
        block_hash = await client.block_hash(height)
        return BlockConnected(BlockRef(height, block_hash), await client.block(block_hash))

    # --- with the position ---

    def told(self, work: UnitOfWork, event: BlockEvent) -> None:
        """Note what a block means for the channels, in the unit of work that stores the position."""
        if isinstance(event, BlockDisconnected):
            self._floor.on_chain.disconnect(work, event.disconnected.height)
        for slot in self._floor.roster.all():
            if isinstance(event, BlockConnected):
                with _apart(slot):
                    self._look(slot, work, event)
            else:
                looked_back(slot.machine, event)
            if slot.machine.record.funding_height is not None:
                self._floor.give_back_quota(slot)
            if slot.machine.has_news:
                self._turns.joins(slot, work)

    def _look(self, slot: Slot, work: UnitOfWork, event: BlockConnected) -> None:
        machine, height, first = slot.machine, event.position.height, slot.machine.record.unseen_from
        unseen = height if first is None else min(first, height)
        try:
            for block in self._due.get(slot, [event]):  # a channel that has come since has nothing to be read
                look_at_block(machine, block)
                self._floor.on_chain.connect(work, machine, block)
                unseen = block.position.height + 1
        finally:
            unseen_from = unseen if unseen <= height else None
            if unseen_from != machine.record.unseen_from:
                machine.note(unseen_from=unseen_from)

    # --- after it ---

    async def after(self) -> None:
        """Do what follows from the chain for the channels."""
        self._rebroadcast()
        for slot in self._floor.roster.all():
            with _apart(slot):
                await self._defend(slot)
            self._floor.schedule(slot)

    async def _defend(self, slot: Slot) -> None:
        """Do what follows from the chain for a channel: first durably in the books, then on the chain."""
        if slot.ended or self._floor.services.latch.reason is not None:
            return
        work = UnitOfWork()
        try:
            self._decide(slot, work)
        finally:
            # Also what was noted before something went wrong: memory has it, and disk and memory must not part.
            if work.changes:
                await self._floor.services.commits.submit(work)
        if not slot.ended:
            await self._closing.publish(slot)

    def _decide(self, slot: Slot, work: UnitOfWork) -> None:
        if self._floor.on_chain.look(work, slot.machine, self._floor.chain.height):
            slot.ended = True
            slot.machine.note()
        self._turns.joins(slot, work)

    def _rebroadcast(self) -> None:
        """Send again what no block holds."""
        waiting = list(self._floor.chain.wallet.to_send())
        for slot in self._floor.roster.all():
            if slot.machine.record.spent_height is None:
                waiting += slot.machine.record.closing_transactions
        if waiting:
            self._floor.chain.broadcast(*waiting)


@contextmanager
def _apart(slot: Slot) -> Iterator[None]:
    """Tell of what goes wrong with a channel, and go on with the others; it is tried again with the next block."""
    try:
        yield
    except SigningStopped:
        raise  # no channel's fault
    except Exception:
        _log.exception("a channel is not looked after", extra={"channel": slot.machine.record.channel_id.hex()})
