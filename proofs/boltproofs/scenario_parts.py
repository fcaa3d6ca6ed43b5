"""What scenarios are made of: channels, offers, feerates.

Amounts are realistic, so that each trace can be replayed on a real chain; expiries are close, since the steps compare
them with nothing but each other and the chain's height.
"""

from __future__ import annotations

from dataclasses import replace

from boltspec.htlc import REMOTE
from boltspec.params import LOCKTIME_THRESHOLD, Limits, Params
from boltspec.scenario import FeeWish, Wish, small_limits, small_params
from boltspec.units import FeeratePerKw, Height, Msat

ANCHORS = small_params(small_limits())
"""Anchors and zero-fee HTLC transactions; A opened the channel and pays the fees."""
STATIC_REMOTEKEY = small_params(small_limits(), option_anchors=False)
"""No anchors: HTLC transactions pay fees, so that more HTLCs are trimmed."""
OPENED_BY_B = replace(ANCHORS, opener=REMOTE)
"""B opened the channel and pays the fees."""
PUSH = Msat(400_000_000)
"""What B has at first."""

FROM_A = Wish(0, Msat(50_000_000), payment_hash=1, cltv_expiry=Height(6))
FROM_B = Wish(1, Msat(60_000_000), payment_hash=2, cltv_expiry=Height(7))
SECOND_FROM_A = Wish(0, Msat(70_000_000), payment_hash=3, cltv_expiry=Height(7))
DUST_FROM_B = Wish(1, Msat(300_000), payment_hash=4, cltv_expiry=Height(6))
"""Below every dust limit: trimmed from both commitments."""

HIGHER_FEERATE = FeeWish(0, FeeratePerKw(2_000))
LOWER_FEERATE = FeeWish(0, FeeratePerKw(1_500))

NOTHING = Wish(0, Msat(0), payment_hash=5, cltv_expiry=Height(6))
LAWLESS = (
    NOTHING,
    Wish(0, Msat(999), payment_hash=5, cltv_expiry=Height(6)),
    Wish(0, Msat(500_000_001), payment_hash=5, cltv_expiry=Height(6)),
    replace(FROM_A, cltv_expiry=Height(LOCKTIME_THRESHOLD)),
    replace(FROM_A, id_offset=1),
)
"""Offers of A that are just beyond a limit: amount zero, below the minimum, above the value in flight, an expiry that
is no height, a first id that is not zero."""
WRONG_ID = replace(SECOND_FROM_A, id_offset=1)
"""An offer of A that skips an id."""


def without_buffer(params: Params) -> Params:
    """Return the constants for an opener that keeps nothing back for a higher feerate."""
    return replace(params, policy=replace(params.policy, fee_spike_multiple=0))


def with_limits(params: Params, limits: Limits) -> Params:
    """Return the constants of a channel in which both nodes announce the same limits."""
    return replace(params, local=limits, remote=limits)


ROOMY = without_buffer(with_limits(ANCHORS, small_limits(max_in_flight=Msat(1_000_000_000))))
"""The whole capacity may be in flight: reserve and fees alone bound an offer."""
TOO_MUCH = Msat(600_000_000 - 10_000_000 - 896_000 + 1)
"""One more than A can offer without anchors: it has 600,000 sat, keeps 10,000 and pays 896 for a commitment with one
HTLC (724 + 172 weight units at 1 sat each)."""
TOO_MUCH_WITH_ANCHORS = Msat(600_000_000 - 10_000_000 - 1_296_000 - 660_000 + 1)
"""The same with anchors: 1,296 sat for the commitment, 660 for the anchors."""
RESERVE_OF_B = Wish(1, Msat(390_000_001), payment_hash=5, cltv_expiry=Height(6))
"""An offer of B, which has 400,000 sat and must keep 10,000."""
