"""Changing the feerate: ``update_fee`` (BOLT 2, Updating Fees).

The opener pays the fees of all commitments, so it alone sets their feerate. The change reaches the other node's
commitment first, as any update does; what the opener must be able to pay for is checked in the view that it signs next.

Other updates may cross it on the way. Then the opener may be unable to pay for its own commitment in full, and the fee
is what it has left (AMBIGUOUS: fee-clamped: :mod:`boltspec.outputs`).
"""

from __future__ import annotations

from dataclasses import replace

from boltspec.channel import Channel
from boltspec.commitment import View, above_reserve, dust_balance, fee, feerate, without_unsigned_offers
from boltspec.feerates import propose
from boltspec.fees import anchors_cost
from boltspec.htlc import LOCAL, REMOTE, Side
from boltspec.messages import UpdateFee
from boltspec.rules import Reaction, require
from boltspec.units import FeeratePerKw, Msat, to_msat
from boltspec.verdict import receives, sends

WARN_OR_FAIL = Reaction.WARN_OR_FAIL


@sends
def send_update_fee(channel: Channel, message: UpdateFee) -> Channel:
    """Change the feerate, as the node that pays the fees."""
    params, rate, view = channel.params, message.feerate_per_kw, View.REMOTE_NEXT
    require(params.opener is LOCAL, "B02-update-fee-e-01")
    after = replace(channel, feerates=propose(channel.feerates, rate))
    if not params.option_anchors and rate > feerate(channel, view):
        most = params.policy.max_dust_htlc_exposure_msat
        # Holding an increase back is a permission that is used here; failing the channel instead (B02-update-fee-s-02,
        # B02-update-fee-s-04) is one that is not.
        exposed = dust_balance(after, view, REMOTE, rate)
        require(exposed <= most, "B02-update-fee-s-01", exposed_msat=exposed)
        exposed = dust_balance(after, view, LOCAL, rate)
        require(exposed <= most, "B02-update-fee-s-03", exposed_msat=exposed)
    left = _left(after, LOCAL, view, REMOTE)
    require(left >= Msat(0), "D02-update-fee-s-01", left_msat=left)
    require(_is_reasonable(channel, rate), "D02-update-fee-s-02", feerate_per_kw=rate)
    return after


@receives
def receive_update_fee(channel: Channel, message: UpdateFee) -> Channel:
    """Take a new feerate from the node that pays the fees."""
    rate, view = message.feerate_per_kw, View.LOCAL_NEXT
    require(_is_reasonable(channel, rate), "B02-update-fee-r-01", WARN_OR_FAIL, feerate_per_kw=rate)
    require(channel.params.opener is REMOTE, "B02-update-fee-r-02", WARN_OR_FAIL)
    after = replace(channel, feerates=propose(channel.feerates, rate))
    # AMBIGUOUS: current-commitment: with all that the sender knows of by then, which is our next commitment. The check
    # is not put off until the update is committed (B02-update-fee-r-04, a permission).
    left = _left(without_unsigned_offers(after), REMOTE, view, LOCAL)
    require(left >= Msat(0), "B02-update-fee-r-03", WARN_OR_FAIL, left_msat=left)
    # AMBIGUOUS: exposure-by-fee: that an increase exposes too much is no reason to fail the channel here.
    return after


def _left(channel: Channel, opener: Side, view: View, owner: Side) -> Msat:
    """Return what the opener has above its reserve after paying for a commitment of that owner."""
    cost = to_msat(fee(channel, view, owner)) + to_msat(anchors_cost(channel.params))
    return above_reserve(channel, opener, view) - cost


def _is_reasonable(channel: Channel, rate: FeeratePerKw) -> bool:
    """Say whether the feerate is neither too low for timely processing nor unreasonably large."""
    policy = channel.params.policy
    return policy.least_feerate_per_kw <= rate <= policy.most_feerate_per_kw
