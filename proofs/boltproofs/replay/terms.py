"""From the model's numbers to real ones: heights and hashes of a channel on its funding output.

The model's heights count from the block that funded the channel, its payment hashes are labels. Everything else is
taken as it is (:mod:`boltwire.channel_terms`).
"""

from __future__ import annotations

from dataclasses import dataclass

from boltproofs.replay.keyring import payment_hash
from boltspec.params import LOCKTIME_THRESHOLD, Params
from boltspec.units import Height
from boltwire.channel_terms import Announced, ChannelTerms
from boltwire.transaction import Outpoint


@dataclass(frozen=True, slots=True)
class Funding:
    """The funding output and the height that the model calls 0."""

    outpoint: Outpoint
    height: int

    def real_height(self, height: Height) -> int:
        """The chain's height for one of the model; what Bitcoin would read as a time stays as it is."""
        return int(height) if int(height) >= LOCKTIME_THRESHOLD else self.height + int(height)


def terms_of(params: Params, own: Announced, peer: Announced, funding: Funding) -> ChannelTerms:
    """The constants of a replayed channel as one party knows them."""
    return ChannelTerms(params, own, peer, funding.outpoint, payment_hash=payment_hash, real_height=funding.real_height)
