"""Payments that wait for an HTLC: until the peer is there and the channel has room, or until their time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from boltnode.channels.machine import ChannelMachine
from boltnode.channels.onions import offer_for
from boltnode.engine import EngineError
from boltnode.payments import PaymentRecord
from boltnode.rpc.errors import Code
from boltwire.bolt11 import Invoice

MARGIN: int = 1
"""Blocks that an HTLC gets beyond what the invoice asks for: one may come before it arrives."""


@dataclass(slots=True, eq=False)
class Wish:
    """A payment that is to be offered."""

    payment: PaymentRecord
    invoice: Invoice
    deadline: float
    """By the event loop's clock."""
    offered: asyncio.Future[None] | None
    """Who waits for it to be offered; None if it was offered before, on a connection that was lost."""
    timer: asyncio.TimerHandle | None = None
    """Ends the waiting at the deadline."""
    refusal: str = "the peer is not connected, or the channel is not open"
    """Why it is not offered yet."""
    hopeless: set[bytes] = field(default_factory=set)
    """The channels that have refused it for good, by id."""


class Wishes:
    """All payments that wait, by peer, in order."""

    def __init__(self) -> None:
        """None."""
        self._waiting: dict[bytes, list[Wish]] = {}

    def add(self, wish: Wish) -> None:
        """Let a payment wait."""
        self._waiting.setdefault(wish.payment.destination, []).append(wish)

    def remove(self, wish: Wish) -> bool:
        """Let it wait no longer; False if it does not."""
        queue = self._waiting.get(wish.payment.destination, [])
        if wish not in queue:
            return False
        queue.remove(wish)
        if wish.timer is not None:
            wish.timer.cancel()
        if not queue:
            del self._waiting[wish.payment.destination]
        return True

    def of(self, peer: bytes) -> Iterator[Wish]:
        """The payments that wait for this peer."""
        return iter(tuple(self._waiting.get(peer, ())))

    def __contains__(self, payment_hash: bytes) -> bool:
        return any(wish.payment.payment_hash == payment_hash for queue in self._waiting.values() for wish in queue)


def offer(machine: ChannelMachine, wish: Wish, height: int) -> bool:
    """Offer the HTLC of a payment, if the specification lets us; else the wish says why not."""
    payment, invoice = wish.payment, wish.invoice
    expiry = height + invoice.final_cltv_expiry_delta + MARGIN
    offered = offer_for(machine.next_id, invoice, payment.amount_msat, expiry)
    refusal = machine.offer(offered, payment.amount_msat, payment.payment_hash, expiry)
    if refusal is None:
        return True
    numbers = ", ".join(f"{name}={value}" for name, value in refusal.numbers.items())
    wish.refusal = f"the channel cannot carry it now ({refusal.rule}: {numbers})"
    return False


def is_hopeless(machine: ChannelMachine) -> bool:
    """Whether a refusal is for good, as far as one can tell: nothing is under way that could make room."""
    channel = machine.channel
    return channel is not None and not channel.htlcs.items


def has_lost(machine: ChannelMachine) -> bool:
    """Whether HTLCs of the channel may have been forgotten: its record is an old copy, or may be one."""
    channel = machine.channel
    return machine.record.restored or (channel is not None and channel.behind)


def too_late(wish: Wish) -> EngineError:
    """What becomes of a payment whose time is up."""
    return EngineError(Code.PAY_STOPPED_RETRYING, f"Timed out: {wish.refusal}")
