"""The state of a channel, as one of its two nodes keeps it.

Nothing in it is a list of past states: a revoked commitment is known by its number, and the secret for it is derived
from later ones (BOLT 3, Efficient Per-commitment Secret Storage). Commitments count from 0. All commitments of a side
with a number below its ``revocations`` are revoked; so the newest and perhaps the one before it are still valid.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from boltspec.feerates import Feerates, constant
from boltspec.htlc import LOCAL, Side
from boltspec.htlcs import NO_HTLCS, Htlcs
from boltspec.params import Params
from boltspec.units import Msat


class Link(IntEnum):
    """How far two nodes have resumed a channel on their present connection."""

    UP = 0
    """Both have sent ``channel_reestablish``, or the channel was opened on this connection."""
    DOWN = 1
    """Neither has."""
    SENT = 2
    """We have; the peer's is awaited."""
    RECEIVED = 3
    """The peer has; ours is owed."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel in normal operation, seen from one node."""

    params: Params
    local_msat: Msat
    """Settled balance of the local node: live HTLCs count as still belonging to their offerer."""
    remote_msat: Msat
    """Settled balance of the remote node."""
    feerates: Feerates
    """The feerate of each commitment, and changes of it that are under way."""
    htlcs: Htlcs = NO_HTLCS
    """HTLCs whose removal is not yet irrevocable."""
    next_local_htlc_id: int = 0
    next_remote_htlc_id: int = 0
    local_commitment_number: int = 0
    """Number of the newest commitment that the peer signed for us."""
    local_revocations: int = 0
    """How many of our commitments we have revoked."""
    remote_commitment_number: int = 0
    """Number of the newest commitment that we signed for the peer."""
    remote_revocations: int = 0
    """How many of its commitments the peer has revoked."""
    remote_secrets: int = 0
    """How many of the peer's per-commitment secrets we can derive, counted from commitment 0 on."""
    signed_last: bool = False
    """Our last ``commitment_signed`` is not answered yet, and it left after our last ``revoke_and_ack``."""
    link: Link = Link.UP
    """How far the channel is resumed after the connection was lost."""
    owes_commitment: bool = False
    """The peer has told us that our last ``commitment_signed`` was lost: it is to be sent again, first of all."""
    owes_revocation: bool = False
    """The same of our last ``revoke_and_ack``."""
    behind: bool = False
    """The peer has proved that we have lost data: our commitments may be revoked without our knowing."""
    signed: bool = True
    """Our newest commitment carries valid signatures of the peer, for it and for each of its HTLC transactions."""

    def settled_msat(self, side: Side) -> Msat:
        """Return the settled balance of a side."""
        return self.local_msat if side is LOCAL else self.remote_msat


def opened(params: Params, push_msat: Msat = Msat(0)) -> Channel:  # noqa: B008  # a plain integer
    """Return a channel right after ``channel_ready``: the opener owns all but ``push_msat``, no HTLCs, commitment 0."""
    rest = params.capacity_msat - push_msat
    local_msat, remote_msat = (rest, push_msat) if params.opener is LOCAL else (push_msat, rest)
    return Channel(params, local_msat, remote_msat, constant(params.feerate_per_kw))
