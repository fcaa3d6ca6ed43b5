"""How long a peer may leave a channel waiting.

What is awaited, and what follows if it does not come, the specification says (:mod:`boltspec.lifetime.awaiting`); how
long that may take is up to the node (:class:`boltnode.peers.limits.PeerLimits`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from boltnode.channels.machine import ChannelMachine
from boltnode.channels.slot import Slot
from boltnode.peers.limits import PeerLimits
from boltspec.lifetime.awaiting import Awaiting, Consequence, awaiting


@dataclass(frozen=True, slots=True)
class Wait:
    """Something that the peer owes us."""

    owed: Awaiting
    seconds: float
    """How long we wait."""


def awaited(machine: ChannelMachine, limits: PeerLimits) -> Wait | None:
    """What a connected peer owes us about a channel; None if it is free to be silent."""
    owed = awaiting(machine.life, disputes_range=machine.disputes_range)
    if owed is None:
        return None
    # Before there is a channel people may have to sign for what is awaited.
    return Wait(owed, limits.proposal_seconds if machine.channel is None else limits.answer_seconds)


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
        reason = f"no {wait.owed.message} within {wait.seconds:g} s"
        if wait.owed.consequence is Consequence.FAIL:
            slot.machine.fail(reason)
        else:
            slot.machine.part(reason)
        self._schedule(slot)
