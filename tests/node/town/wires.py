"""The connection between the two nodes of a town, and who sees what goes through it: for town.py."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from boltwire.codec import decode_message

if TYPE_CHECKING:
    from town import Town, TownNode  # type: ignore[import-not-found]

RECONNECTION_SECONDS = 0.25
"""How long a connection stays away that was cut between two living nodes."""


class Eye:
    """Sees what happens at the wire; nothing here, for stories that need no witness."""

    def said(self, seat: int, message: bytes) -> None:
        """A node has handed a message to the wire."""

    def unsaid(self, seat: int, message: bytes) -> None:
        """A node that is dead by then would have handed it the message."""

    def heard(self, seat: int, message: bytes) -> None:
        """A living node is about to be handed a message."""

    def parted(self, seat: int) -> None:
        """A living node is about to be told that the connection is lost."""

    def died(self, seat: int) -> None:
        """A node is dead, and its folder is as it was."""


class Wire:
    """One connection between the two nodes: what is handed to it arrives, in order, until it is cut."""

    def __init__(self, town: Town) -> None:
        self.town, self.is_cut = town, False
        self.queues: tuple[list[bytes], list[bytes]] = ([], [])
        """By sender."""
        self.busy = [False, False]

    def hand(self, seat: int, message: bytes) -> None:
        if not self.is_cut:
            self.queues[seat].append(message)
            self.wake(seat)

    def wake(self, seat: int) -> None:
        if not self.busy[seat] and not self.town.is_gated:
            self.busy[seat] = True
            self.town.spawn(self._carry(seat))

    async def _carry(self, seat: int) -> None:
        await asyncio.sleep(0)
        while self.queues[seat] and not self.is_cut:
            await self.deliver(seat)
            await asyncio.sleep(0)
        self.busy[seat] = False

    async def deliver(self, seat: int) -> None:
        """Let the first message of a sender arrive."""
        arrived = self.town.alter(seat, self.queues[seat].pop(0))
        receiver = self.town.nodes[1 - seat]
        if arrived is None:
            self.cut()
        elif not receiver.dead:
            self.town.eye.heard(receiver.seat, arrived)
            try:
                await receiver.engine.received(receiver.peer, decode_message(arrived))
            except Exception as error:  # as a real connection: it ends
                if not receiver.dead:
                    self.town.faults.append(error)
                self.cut()

    @property
    def is_empty(self) -> bool:
        return not any(self.queues)

    def cut(self) -> None:
        if self.is_cut:
            return
        self.is_cut = True
        for node, other in zip(self.town.nodes, reversed(self.town.nodes), strict=True):
            node.peer_or_none = None
            if not node.dead:
                self.town.eye.parted(node.seat)
                node.engine.disconnected(other.node_id)
        asyncio.get_running_loop().call_later(RECONNECTION_SECONDS, self.town.connect)


class Peer:
    """One node as the other one's engine sees it: the parts of a connection that engines use."""

    def __init__(self, wire: Wire, owner: TownNode, other: TownNode) -> None:
        self._wire, self._owner = wire, owner
        self.node_id, self.features = other.node_id, other.engine.features

    def send(self, *messages: bytes) -> None:
        for message in messages:
            self._owner.point(f"send {type(decode_message(message)).__name__}")
            if self._owner.dead:
                self._owner.town.eye.unsaid(self._owner.seat, message)
                continue
            self._owner.town.eye.said(self._owner.seat, message)
            self._wire.hand(self._owner.seat, message)

    def close(self, reason: str) -> None:
        if not self._owner.dead:
            self._owner.town.hung_up.append(reason)
            asyncio.get_running_loop().call_soon(self._wire.cut)


class Directory:
    """In place of the switchboard: who is connected."""

    def __init__(self, owner: TownNode) -> None:
        self._owner = owner

    def peer(self, node_id: bytes) -> Any:
        found = self._owner.peer_or_none
        return found if found is not None and found.node_id == node_id else self._owner.strangers.get(node_id)
