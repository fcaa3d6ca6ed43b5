"""How much a peer may send: a rate, and some more after a pause."""

from collections.abc import Callable


class TokenBucket:
    """Fills at a rate up to a level; taking more than it holds costs time."""

    def __init__(self, per_second: float, burst: float, now: Callable[[], float]) -> None:
        """Full. ``now`` gives seconds that only grow."""
        self._per_second = per_second
        self._burst = burst
        self._now = now
        self._level = burst
        self._at = now()

    def take(self, amount: float) -> float:
        """Take an amount, now; the seconds to wait before taking again."""
        now = self._now()
        self._level = min(self._burst, self._level + (now - self._at) * self._per_second) - amount
        self._at = now
        return max(0.0, -self._level / self._per_second)
