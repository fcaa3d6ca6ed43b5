"""How much of the node's time the messages of peers may take.

Messages differ in what they cost: a proposal of a channel takes as long as fifty pings. So what counts is the time that
handling takes, not the number. All peers without a channel share one turnstile, all others another one. Through a
turnstile goes one peer at a time, first come, first served, and each only for a moment: whoever has much to say comes
again, and everything else that the node does goes on in between. When they have used up their share of the time, the
next one waits *before* its turn; so nobody gets out of it by hanging up.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from boltnode.peers.limits import PeerLimits
from boltnode.peers.token_bucket import TokenBucket

BURST_SECONDS: Final = 0.5
"""How long a turnstile may be busy for more than its share after a pause, were it busy all the time."""


class Turn:
    """A moment in which messages may be handled."""

    def __init__(self, until: float, now: Callable[[], float]) -> None:
        """Ends at a time by the clock ``now``."""
        self._until = until
        self._now = now

    @property
    def is_over(self) -> bool:
        """Whether the next message has to wait for another turn."""
        return self._now() >= self._until


class Turnstile:
    """Gives turns, one after the other, that take a share of the time."""

    def __init__(self, share: float, turn_seconds: float, now: Callable[[], float]) -> None:
        """``share`` is a part of 1, ``turn_seconds`` the time after which no further message belongs to a turn."""
        self._bucket = TokenBucket(share, share * BURST_SECONDS, now)
        self._turn_seconds = turn_seconds
        self._now = now
        self._lock = asyncio.Lock()
        self._held_up = 0.0
        """For how long turns have held up the rest of the node since it was last let on."""

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        """Wait for a turn; all that is done in it counts. Nothing slow is to be waited for: others wait meanwhile."""
        async with self._lock:  # the longest waiting comes first
            if pause := self._bucket.take(0):
                await asyncio.sleep(pause)
            begun = self._now()
            try:
                yield Turn(begun + self._turn_seconds, self._now)
            finally:
                spent = self._now() - begun
                self._bucket.take(min(spent, BURST_SECONDS))  # the process itself may have stood still
                self._held_up += spent
            if self._held_up >= self._turn_seconds:
                self._held_up = 0.0
                await asyncio.sleep(0)


class Turnstiles:
    """Those of a node."""

    def __init__(self, limits: PeerLimits, now: Callable[[], float] = time.monotonic) -> None:
        """Nobody has used them yet."""
        self.strangers = Turnstile(limits.share_of_strangers, limits.stranger_turn_seconds, now)
        """For peers without a channel."""
        self.partners = Turnstile(limits.share_of_partners, limits.partner_turn_seconds, now)
        """For peers with one."""
