"""A number of places, some of them per key: pending channels in all and per peer."""

from collections import Counter
from collections.abc import Hashable


class Quota:
    """Places that are taken and given back."""

    def __init__(self, total: int, per_key: int) -> None:
        """With ``total`` places, of which one key has at most ``per_key``."""
        self._total = total
        self._per_key = per_key
        self._taken: Counter[Hashable] = Counter()

    def take(self, key: Hashable, *, beyond: bool = False) -> bool:
        """Take a place; False if there is none for this key. ``beyond``: however many the others have taken."""
        full = self._taken.total() >= self._total and not beyond
        if full or self._taken[key] >= self._per_key:
            return False
        self._taken[key] += 1
        return True

    def give_back(self, key: Hashable) -> None:
        """Return a place that was taken; ValueError if the key has none."""
        if self._taken[key] <= 0:
            raise ValueError(f"{key!r} has no place to give back")
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]  # keys come from peers: none is remembered for ever
