"""Per-commitment secrets: 2^48 of them from one seed, and their receiver's compact store (BOLT 3).

Index ``I`` is the seed with, for every set bit of ``I`` from the highest down, that bit flipped and the whole hashed.
The secret of an index with trailing zero bits therefore yields those of all indices that differ in these bits only, and
since indices are used from 2^48-1 downwards (B03-per-commitment-secret-n-03), 49 secrets hold all that were received;
none is kept besides them (B03-per-commitment-secret-r-01 would allow it).

Commitment number n (0, 1, 2 …) uses the secret with index 2^48-1-n: see :func:`secret_index`.
"""

import hashlib
from collections.abc import Iterable

INDEX_BITS = 48
"""Bits of an index; the store has one bucket more."""

FIRST_INDEX = 2**INDEX_BITS - 1
"""Index of the first secret used, that of commitment number 0 (B03-per-commitment-secret-n-03)."""

SECRET_SIZE = 32
"""Bytes of the seed and of every secret."""


class SecretError(ValueError):
    """A received secret that does not come from the seed of the earlier ones, or one that cannot be derived."""


def secret_index(commitment_number: int) -> int:
    """Index of the secret of commitment number 0 to 2^48-1."""
    return _checked_index(FIRST_INDEX - commitment_number)


def generate_from_seed(seed: bytes, index: int) -> bytes:
    """The secret of an index (B03-per-commitment-secret-n-04).

    The seed is 32 unpredictable bytes, one seed per channel, which never leaves its owner
    (B03-per-commitment-secret-n-01, B03-per-commitment-secret-n-02); drawing it is the caller's business.
    """
    return _derive(_checked_secret(seed), INDEX_BITS, _checked_index(index))


def _derive(base: bytes, bits: int, index: int) -> bytes:
    """The secret of ``index`` from one whose index agrees with it above the lowest ``bits`` bits."""
    secret = bytearray(base)
    for bit in range(bits - 1, -1, -1):
        if index >> bit & 1:
            secret[bit >> 3] ^= 1 << (bit & 7)
            secret[:] = hashlib.sha256(secret).digest()
    return bytes(secret)


class SecretStore:
    """The secrets received from a peer, compactly (B03-per-commitment-secret-r-02): at most 49 pairs.

    Secrets are inserted in the order in which they are used: from index 2^48-1 downwards, none left out.
    """

    __slots__ = ("_buckets",)

    def __init__(self, buckets: Iterable[tuple[int, bytes]] = ()) -> None:
        """An empty store, or one restored from what :meth:`buckets` gave; SecretError unless those fit together."""
        self._buckets: list[tuple[int, bytes]] = []
        for place, (index, secret) in enumerate(buckets):
            if _bucket_of(_checked_index(index)) != place:
                raise SecretError(f"index {index} does not belong into bucket {place}")
            self._require_consistent(place, index, _checked_secret(secret))
            self._buckets.append((index, secret))

    def buckets(self) -> tuple[tuple[int, bytes], ...]:
        """All that is stored, as (index, secret): persist this to restore the store later."""
        return tuple(self._buckets)

    @property
    def next_index(self) -> int:
        """The index whose secret has to be inserted next; -1 when all have been received."""
        return min((index for index, _ in self._buckets), default=FIRST_INDEX + 1) - 1

    def insert(self, index: int, secret: bytes) -> None:
        """Add the secret of the next index.

        Raises :class:`SecretError`, leaving the store as it was, when the index is not the next one or when an earlier
        secret that the new one must yield comes out differently (the peer did not derive them from one seed).
        """
        if index != self.next_index:
            raise SecretError(f"the next secret has index {self.next_index}, not {index}")
        place = _bucket_of(index)
        self._require_consistent(place, index, _checked_secret(secret))
        self._buckets[place : place + 1] = [(index, secret)]

    def _require_consistent(self, place: int, index: int, secret: bytes) -> None:
        for known_index, known in self._buckets[:place]:
            # True of all of them on insertion; in a full store lower buckets have moved on to lower indices.
            is_within_reach = known_index >> place << place == index
            if is_within_reach and _derive(secret, place, known_index) != known:
                raise SecretError(f"the secret does not yield the one of index {known_index}")

    def lookup(self, index: int) -> bytes:
        """The secret of an index that has been received; :class:`SecretError` for one that has not."""
        _checked_index(index)
        for place, (known_index, secret) in enumerate(self._buckets):
            if index >> place << place == known_index:
                return _derive(secret, place, index)
        raise SecretError(f"the secret of index {index} has not been received")


def _bucket_of(index: int) -> int:
    """Number of trailing zero bits: how far the secret of ``index`` reaches; the seed itself (0) reaches everywhere."""
    return (index & -index).bit_length() - 1 if index else INDEX_BITS


def _checked_index(index: int) -> int:
    if not 0 <= index <= FIRST_INDEX:
        raise ValueError(f"an index is between 0 and 2^48-1, not {index}")
    return index


def _checked_secret(secret: bytes) -> bytes:
    if len(secret) != SECRET_SIZE:
        raise ValueError(f"a secret takes {SECRET_SIZE} bytes, not {len(secret)}")
    return bytes(secret)
