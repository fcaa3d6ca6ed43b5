"""Names of HTLCs in the model: an index for each, as payments have there.

The model names a payment by its hash. Two HTLCs of a real channel may have the same hash, so here each HTLC is a
payment of its own: what is known of its preimage is told to each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from boltspec.channel import Channel
from boltspec.commitment import Commitment, CommittedHtlc
from boltspec.units import Height, Msat

SELF, PEER = 0, 1
"""Seats: a node is the first party of the model's channel."""


class Named(NamedTuple):
    """What an index stands for."""

    offerer: int
    """Seat."""
    id: int
    label: int
    """The payment hash's name in the channel's record."""
    amount_msat: Msat
    cltv_expiry: Height


class Names:
    """The HTLCs of a channel and of one of its commitments."""

    def __init__(self, channel: Channel) -> None:
        self.entries: list[Named] = []
        """By index."""
        self._indices: dict[tuple[int, int], int] = {}
        for htlc in channel.htlcs.items:
            self._enter(Named(int(htlc.offerer), htlc.id, htlc.payment_hash, htlc.amount_msat, htlc.cltv_expiry))

    def _enter(self, named: Named) -> int:
        key = (named.offerer, named.id)
        if key not in self._indices:
            self._indices[key] = len(self.entries)
            self.entries.append(named)
        return self._indices[key]

    def channel(self, channel: Channel) -> Channel:
        """The channel in the model's names; its HTLCs must be those that the names were made from."""
        return replace(
            channel,
            htlcs=channel.htlcs.map(lambda htlc: replace(htlc, payment_hash=self._indices[int(htlc.offerer), htlc.id])),
        )

    def commitment(self, owner: int, commitment: Commitment) -> Commitment:
        """A commitment of the party in a seat in the model's names; HTLCs that are long gone get names, too."""
        return replace(commitment, htlcs=tuple(self._committed(owner, commitment.htlcs)))

    def _committed(self, owner: int, htlcs: Iterable[CommittedHtlc]) -> Iterable[CommittedHtlc]:
        for htlc in htlcs:
            seat = owner if htlc.offered_by_owner else 1 - owner
            index = self._enter(Named(seat, htlc.id, htlc.payment_hash, htlc.amount_msat, htlc.cltv_expiry))
            yield htlc._replace(payment_hash=index)
