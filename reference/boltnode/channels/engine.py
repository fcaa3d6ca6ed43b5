"""The engine: channels between connections, storage and chain.

Everything that happens to a channel ends in a *turn*: the machine answers what it owes, its record goes into a unit of
work together with what the books have to know, and the messages leave when the unit is durable. While a channel's unit
is on its way to the disk, further messages are taken and the next turn waits; so one write carries as many steps as
came in meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence

from boltchain.client.connection import Endpoint
from boltnode.channels import policy
from boltnode.channels.addressing import answer, named
from boltnode.channels.block_desk import BlockDesk
from boltnode.channels.chain_watch import ChainWatch
from boltnode.channels.closing import ClosingDesk
from boltnode.channels.fee_reserve import FeeReserve
from boltnode.channels.floor import Floor, Roster
from boltnode.channels.listing import channel_facts
from boltnode.channels.machine import ChannelMachine
from boltnode.channels.on_chain import OnChain
from boltnode.channels.opening import Opening
from boltnode.channels.opening_facts import negotiated_names
from boltnode.channels.paying import Paying
from boltnode.channels.record import ChannelRecord
from boltnode.channels.slot import NO_ROW, Slot
from boltnode.channels.turns import Turns
from boltnode.channels.wallet_desk import WalletDesk
from boltnode.engine import (
    ChannelFacts,
    CloseChannel,
    ClosedChannel,
    CoinFacts,
    FundChannel,
    FundedChannel,
    Withdraw,
    Withdrawal,
)
from boltnode.payments import PaymentRecord
from boltnode.peers.connection import PeerConnection
from boltnode.services import Services
from boltnode.state_codec import decode_state
from boltnode.storage import channel_rows
from boltnode.storage.errors import StorageError
from boltnode.storage.newest_states import NewestStates
from boltnode.storage.unit_of_work import UnitOfWork
from boltspec.connection.addressing import addressed
from boltwire import messages as wire
from boltwire.bolt11 import Invoice
from boltwire.channel_id import ALL_CHANNELS
from boltwire.codec import encode_message
from boltwire.features import FeatureBits

_log = logging.getLogger(__name__)


class ChannelEngine:
    """The node's :class:`boltnode.engine.Engine`."""

    def __init__(self, endpoint: Endpoint, *, feerate_per_kw: int | None = None, simple_close: bool = True) -> None:
        """``feerate_per_kw`` is used in place of estimates; without ``simple_close`` fees are negotiated."""
        self._chain = ChainWatch(endpoint, feerate_per_kw=feerate_per_kw)
        gone = () if simple_close else FeatureBits.of(optional=("option_simple_close",))
        self._features = FeatureBits(policy.FEATURES - frozenset(gone))

    @property
    def features(self) -> FeatureBits:
        """What the node offers."""
        return self._features

    # --- beginning and end ---

    async def start(self, services: Services) -> None:
        """Take up the channels that are stored."""
        self._services = services
        self._roster = Roster(services.seed(), services.key.static_key)
        self._newest = NewestStates(services.options.folder)
        self._newest.require_all(await services.commits.read(channel_rows.names))
        await self._chain.start(services)
        for row in await services.commits.read(channel_rows.load):
            record: ChannelRecord = decode_state(row.state)
            slot = self._roster.enter(record, row.channel_id)
            slot.revision = row.revision
            slot.has_quota = record.funding_height is None and services.pending_channels.take(record.peer)
            slot.machine.disconnected()
            if services.options.restored or self._newest.is_behind(row.channel_id, row.revision):
                slot.machine.may_have_lost_data()
                _log.warning("the channel may come from an old copy", extra={"channel": row.channel_id.hex()})
        self._on_chain = OnChain(services, self._chain)
        reserve = FeeReserve(services.options, self._chain.wallet, self._machines)
        floor = Floor(services, self._chain, self._on_chain, self._roster, self._features, self._schedule, reserve)
        self._opening, self._paying, self._closing = Opening(floor), Paying(floor), ClosingDesk(floor)
        self._turns, self._wallet = Turns(floor, self._opening, self._paying, self._closing), WalletDesk(floor)
        self._blocks = BlockDesk(floor, self._turns, self._closing)
        await self._remember_loss()
        await self._on_chain.load(self._machines())
        self._paying.fail_unoffered()  # before any channel has a turn, in which it would wish for them again
        await self._chain.catch_up(self._blocks.ahead, self._blocks.told)
        await self._after_block()
        self._chain.follow(self._blocks.ahead, self._blocks.told, self._after_block)

    async def stop(self) -> None:
        """Finish what is under way; connections are closed already."""
        await self._chain.stop()
        await self._services.commits.settled()
        self._note_newest()

    async def _remember_loss(self) -> None:
        """Store that channels may have lost data, before anything else is done with them."""
        work = UnitOfWork()
        for slot in self._roster.all():
            if slot.machine.record.restored:
                self._turns.joins(slot, work)
        if work.changes:
            await self._services.commits.submit(work)

    def _note_newest(self) -> None:
        """Note how far the channels have come, unless the disk has failed: then nobody knows."""
        if self._services.latch.reason is not None:
            return
        kept = [slot for slot in self._roster.all() if slot.revision != NO_ROW]
        stored = {slot.machine.record.channel_id: slot.revision for slot in kept if not slot.storing}
        try:
            self._newest.note(stored, [slot.machine.record.channel_id for slot in kept if slot.storing])
        except StorageError as error:
            _log.warning("how far the channels have come is not noted", extra={"reason": str(error)})

    def _machines(self) -> Iterator[ChannelMachine]:
        return (slot.machine for slot in self._roster.all())

    def _schedule(self, slot: Slot) -> None:
        """Let the channel have its turn, once all that is there to be read was read."""
        if not slot.scheduled:
            slot.scheduled = True
            asyncio.get_running_loop().call_soon(self._turns.run, slot)

    # --- the peers ---

    def connected(self, peer: PeerConnection) -> None:
        """Resume the channels with the peer."""
        names = negotiated_names(self._features, peer.features)
        for slot in self._roster.of(peer.node_id):
            slot.online = True
            slot.machine.connected(names)
            self._schedule(slot)

    async def received(self, peer: PeerConnection, message: wire.Message) -> None:
        """Hand a message to the channels that it is about."""
        if isinstance(message, wire.OpenChannel) and message.temporary_channel_id != ALL_CHANNELS:
            self._opening.proposed(peer, message)
            return
        fact = named(message)
        if fact is None:
            return
        slots = self._roster.with_peer(peer.node_id)
        found = addressed(fact, slots.keys())
        if found.answer is not None:
            peer.send(encode_message(answer(found.answer)))
        for slot in dict.fromkeys(slots[name] for name in slots if name in found.channel_ids):
            self._services.latch.require_open()
            slot.machine.hear(message)
            self._schedule(slot)

    def disconnected(self, node_id: bytes) -> None:
        """Forget what was under way."""
        for slot in self._roster.of(node_id):
            slot.online = False
            slot.epoch += 1
            slot.machine.disconnected()
            if slot.is_kept:
                self._schedule(slot)
            else:
                self._turns.give_up(slot)

    def is_partner(self, node_id: bytes) -> bool:
        """A channel that nobody has paid for on the chain makes no partner."""
        return any(slot.machine.record.funding_height is not None for slot in self._roster.of(node_id))

    def wants(self, node_id: bytes) -> bool:
        """A peer with a stored channel is always let in."""
        return any(slot.revision != NO_ROW for slot in self._roster.of(node_id))

    async def _after_block(self) -> None:
        self._note_newest()
        await self._blocks.after()

    # --- what users ask ---

    def block_height(self) -> int:
        """Height of the best block."""
        return self._chain.height

    def warning(self) -> str | None:
        """What is wrong with the chain."""
        return self._chain.trouble

    def channels(self) -> Sequence[ChannelFacts]:
        """All channels."""
        found = (channel_facts(slot.machine, self._chain.height) for slot in self._roster.all())
        return [facts for facts in found if facts is not None]

    async def coins(self, *, spent: bool) -> Sequence[CoinFacts]:
        """The wallet's outputs."""
        return await self._wallet.coins(spent=spent)

    async def new_address(self, kind: str) -> str:
        """A fresh address."""
        return await self._wallet.new_address(kind)

    async def fund_channel(self, request: FundChannel) -> FundedChannel:
        """Open a channel."""
        return await self._opening.fund_channel(request)

    async def close_channel(self, request: CloseChannel) -> ClosedChannel:
        """Close a channel."""
        return await self._closing.close_channel(request)

    async def withdraw(self, request: Withdraw) -> Withdrawal:
        """Pay on the chain."""
        return await self._wallet.withdraw(request)

    async def pay(self, payment: PaymentRecord, invoice: Invoice, max_fee_msat: int, retry_seconds: int) -> None:
        """Offer the HTLC of a pending payment."""
        await self._paying.pay(payment, invoice, max_fee_msat, retry_seconds)
