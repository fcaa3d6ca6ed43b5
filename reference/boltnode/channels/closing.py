"""Closing channels: together with the peer, or alone."""

from __future__ import annotations

import asyncio
from typing import Final

from boltnode.channels import policy
from boltnode.channels.floor import Floor
from boltnode.channels.scripts import script_fact
from boltnode.channels.slot import Slot
from boltnode.engine import CloseChannel, ClosedChannel, EngineError
from boltnode.rpc.errors import Code
from boltspec.closing.shutdown import is_valid_script
from boltspec.closing.state import ClosingPolicy
from boltspec.lifetime.state import End
from boltwire.transaction import parse_transaction

LEFT_TO_THE_PEER: Final = (
    "data was lost, and what the node knows of the channel may be revoked: it publishes nothing, and asks the peer to"
    " close the channel"
)


def _require_destination(slot: Slot, destination: bytes | None) -> None:
    """EngineError for a script that cannot be the one that our part is paid to."""
    closing = slot.machine.life.closing
    if destination is None or closing is None:
        return
    bound = closing.local_upfront or (closing.local_script if closing.sent_shutdown else None)
    if bound is not None and bound != script_fact(destination):
        words = f"destination: should be absent: the peer was told that our part is paid to the script {bound.name}"
        raise EngineError(Code.INVALID_PARAMS, words)
    if not is_valid_script(closing, script_fact(destination)):
        words = "destination: should be an address of a kind that both nodes take (option_shutdown_anysegwit)"
        raise EngineError(Code.INVALID_PARAMS, words)


class ClosingDesk:
    """Channels that are to be closed."""

    def __init__(self, floor: Floor) -> None:
        """On the engine's floor."""
        self._floor = floor

    async def close_channel(self, request: CloseChannel) -> ClosedChannel:
        """Close a channel, together if the peer is there in time."""
        slot = self._floor.roster.named(request.channel_id)
        if slot is None or slot.machine.channel is None:
            raise EngineError(Code.UNSPECIFIED, "there is no such channel, or it is not open yet")
        if slot.machine.life.end is not End.NONE:
            raise EngineError(Code.UNSPECIFIED, "the channel is being closed on the chain")
        _require_destination(slot, request.destination)
        future: asyncio.Future[ClosedChannel] = asyncio.get_running_loop().create_future()
        slot.closing.append(future)
        slot.machine.close(self._closing_policy(slot, request.destination))
        self._floor.schedule(slot)
        published = slot.machine.record.closing_transactions
        if published:
            self.tell(slot, mutual=True, transactions=list(published))
        timeout = request.unilateral_timeout_seconds or None
        try:
            async with asyncio.timeout(timeout):
                return await asyncio.shield(future)
        except TimeoutError:
            slot.machine.fail(f"not closed together within {timeout} s")
            self._floor.schedule(slot)
            if self._floor.on_chain.is_left_to_the_peer(slot.machine):
                raise EngineError(Code.UNSPECIFIED, LEFT_TO_THE_PEER) from None
            return await future

    def _closing_policy(self, slot: Slot, destination: bytes | None) -> ClosingPolicy:
        closing = slot.machine.life.closing
        assert closing is not None
        script = destination or bytes.fromhex(closing.policy.script.name)
        return policy.closing_policy(script, self._floor.chain.feerate("normal"))

    async def close_together(self, slot: Slot, transactions: list[bytes]) -> None:
        """Broadcast closing transactions with both signatures, and tell those who wait."""
        for raw in transactions:
            await self._floor.chain.send(raw)
        self.tell(slot, mutual=True, transactions=transactions)

    def tell(self, slot: Slot, *, mutual: bool, transactions: list[bytes]) -> None:
        """Tell those who wait for the channel to be closed which transactions have left."""
        txids = tuple(parse_transaction(raw).txid()[::-1] for raw in transactions)
        waiting, slot.closing = slot.closing, []
        for future in waiting:
            if not future.done():
                future.set_result(ClosedChannel(mutual=mutual, txs=tuple(transactions[:1]), txids=txids[:1]))

    async def publish(self, slot: Slot) -> None:
        """Broadcast what is wanted on chain for a channel that has failed or is closed."""
        sent = await self._floor.on_chain.publish(slot.machine, self._floor.chain.height)
        funding = slot.machine.record.funding
        leaving = [raw for raw in sent if parse_transaction(raw).inputs[0].outpoint == funding]
        if leaving:
            mutual = leaving[0] in slot.machine.record.closing_transactions
            self.tell(slot, mutual=mutual, transactions=leaving)
