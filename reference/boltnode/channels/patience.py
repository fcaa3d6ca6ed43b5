"""How long a peer may leave a channel waiting, and what follows when that time is over.

The specification says what is awaited; how long is up to the node (:class:`boltnode.peers.limits.PeerLimits`). Most
silences cost the peer its connection: on the next one both say again what was lost, and an honest peer goes on. A
proposal that leads to nothing is forgotten; and a peer that does not negotiate the closing fee fails the channel
(B02-closing-signed-s-03, B02-closing-signed-r-08). Deadlines of HTLCs do not depend on any of this: they are met on the
chain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from boltnode.channels.machine import ChannelMachine
from boltnode.channels.slot import Slot
from boltnode.peers.limits import PeerLimits
from boltspec.channel import Channel, Link
from boltspec.closing import legacy, simple
from boltspec.closing.state import Closing
from boltspec.establishment.state import ACCEPTER, Awaited
from boltspec.htlc import REMOTE
from boltspec.lifetime.state import End


class Consequence(StrEnum):
    """What is done about a peer that does not answer."""

    HANG_UP = "the connection is closed"
    FAIL = "the channel is failed, or forgotten if nothing was signed yet"


@dataclass(frozen=True, slots=True)
class Wait:
    """Something that the peer owes us."""

    message: str
    """Its name on the wire."""
    number: int
    """Tells one wait for this message from the next."""
    seconds: float
    """How long we wait."""
    consequence: Consequence


def awaited(machine: ChannelMachine, limits: PeerLimits) -> Wait | None:
    """What a connected peer owes us about a channel; None if it is free to be silent."""
    life = machine.life
    if life.end is not End.NONE:
        return None
    if life.closing is None:
        state = life.establishment
        if state.role is ACCEPTER and state.awaited is Awaited.FUNDING_CREATED:
            return Wait("funding_created", 0, limits.proposal_seconds, Consequence.FAIL)
        return None  # whoever asked for a channel of ours waits for it (boltnode.channels.opening)
    found = _in_channel(life.closing.channel) or _in_closing(life.closing, disputed=machine.disputes_range)
    return None if found is None else Wait(*found[:2], limits.answer_seconds, found[2])


def _in_channel(channel: Channel) -> tuple[str, int, Consequence] | None:
    if channel.link in (Link.DOWN, Link.SENT):
        return "channel_reestablish", 0, Consequence.HANG_UP
    if channel.remote_commitment_number > channel.remote_revocations:
        return "revoke_and_ack", channel.remote_revocations, Consequence.HANG_UP
    return None


def _in_closing(closing: Closing, *, disputed: bool) -> tuple[str, int, Consequence] | None:
    if simple.must_disconnect_in_time(closing):
        return "closing_sig", len(closing.published), Consequence.HANG_UP
    negotiating = legacy.may_negotiate(closing)
    unmatched = disputed and negotiating and legacy.must_fail_for_range(closing)
    if unmatched or legacy.must_fail_in_time(closing):
        return "closing_signed", 0 if closing.sent is None else int(closing.sent.fee_satoshis), Consequence.FAIL
    if negotiating and closing.turn is REMOTE and not closing.published:
        return "closing_signed", 0, Consequence.HANG_UP  # the funder's first (B02-closing-signed-f-01)
    return None


class Patience:
    """Watches the channels that wait, each with one timer."""

    def __init__(self, limits: PeerLimits, schedule: Callable[[Slot], None]) -> None:
        """``schedule`` gives a channel its turn once patience with its peer is lost."""
        self._limits, self._schedule = limits, schedule

    def look(self, slot: Slot) -> None:
        """Note what the channel waits for now. A wait that goes on keeps its time."""
        wait = awaited(slot.machine, self._limits) if slot.online and not slot.ended else None
        if wait == slot.wait:
            return
        if slot.wait_timer is not None:
            slot.wait_timer.cancel()
        slot.wait, slot.wait_timer = wait, None
        if wait is not None:
            slot.wait_timer = asyncio.get_running_loop().call_later(wait.seconds, self._lose, slot, wait)

    def _lose(self, slot: Slot, wait: Wait) -> None:
        slot.wait, slot.wait_timer = None, None
        if not slot.online or slot.ended or awaited(slot.machine, self._limits) != wait:
            return
        reason = f"no {wait.message} within {wait.seconds:g} s"
        if wait.consequence is Consequence.FAIL:
            slot.machine.fail(reason)
        else:
            slot.machine.part(reason)
        self._schedule(slot)
