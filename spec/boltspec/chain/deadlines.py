"""Deadlines (BOLT 2, ``cltv_expiry_delta`` Selection): when a channel has to be failed because time runs out.

Three bounds of the world decide: reorganisations go at most R deep, an honest node gives its peer at most G blocks of
grace, and S blocks suffice for a commitment and a claim on one of its HTLCs to be confirmed after it.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltspec.units import Blocks, Height


@dataclass(frozen=True, slots=True)
class Timing:
    """Bounds on time, in blocks."""

    reorg_depth: Blocks
    """R: no reorganisation undoes more blocks."""
    grace: Blocks
    """G: how long a node waits for its peer after an HTLC has expired."""
    confirmation: Blocks
    """S: within how many blocks a published commitment and a claim that spends it are confirmed."""

    @property
    def fulfilment(self) -> Blocks:
        """2R+G+S: what a recipient needs to claim an HTLC on chain."""
        return self.reorg_depth * 2 + self.grace + self.confirmation

    @property
    def cltv_expiry_delta(self) -> Blocks:
        """3R+2G+2S: what a forwarding node needs between the expiry of the outgoing and of the incoming HTLC."""
        return self.reorg_depth * 3 + self.grace * 2 + self.confirmation * 2


def timeout_deadline(cltv_expiry: Height, timing: Timing) -> Height:
    """Return the height at which the offerer of an HTLC gives up on its peer (B02-cltv-delta-h-01).

    It is never below the expiry, since no grace is negative (B02-cltv-delta-h-02).
    """
    return cltv_expiry + timing.grace


def fulfilment_deadline(cltv_expiry: Height, timing: Timing) -> Height:
    """Return the height at which the recipient that fulfils an HTLC goes on chain (B02-cltv-delta-u-01)."""
    return cltv_expiry + (-timing.fulfilment)


def is_past(deadline: Height, height: Height) -> bool:
    """Say whether a deadline is past when the chain has that height.

    AMBIGUOUS: deadline-reached: the block of the deadline itself counts as past, since the S blocks for going on chain
    are counted from there.
    """
    return height >= deadline
