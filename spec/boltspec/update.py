"""Updates: adding and removing an HTLC (BOLT 2, Adding an HTLC, Removing an HTLC).

An update applies to the *other* node's commitment first. So an offerer checks what it may offer against the view that
it would sign next (``REMOTE_NEXT``), and the recipient checks the same view from its end (``LOCAL_NEXT``); since
messages arrive in order, both see the same numbers.
"""

from __future__ import annotations

from dataclasses import replace

from boltspec.channel import Channel
from boltspec.commitment import View, above_reserve, fee, is_in, offered_count, offered_value
from boltspec.fees import anchors_cost
from boltspec.htlc import LOCAL, REMOTE, Htlc, Removal, Side, Stage
from boltspec.messages import UpdateAddHtlc, UpdateFailHtlc, UpdateFulfillHtlc
from boltspec.params import LOCKTIME_THRESHOLD
from boltspec.rules import Reaction, RuleBroken, require
from boltspec.units import Height, Msat, to_msat
from boltspec.verdict import receives, sends

WARN_OR_FAIL = Reaction.WARN_OR_FAIL
NOTHING = Msat(0)
LAST_HEIGHT = Height(LOCKTIME_THRESHOLD)
"""Expiries are heights below this."""


@sends
def send_update_add_htlc(channel: Channel, message: UpdateAddHtlc) -> Channel:
    """Offer an HTLC to the peer."""
    limits = channel.params.remote
    offered = _with_offer(channel, LOCAL, message)
    view = View.REMOTE_NEXT
    left = above_reserve(offered, LOCAL, view)
    if channel.params.opener is LOCAL:
        for owner in (REMOTE, LOCAL):
            # AMBIGUOUS: fee-of-both-commitments: both are computed with the updates that the peer gets first.
            after_fee = left - to_msat(fee(offered, view, owner))
            require(after_fee >= NOTHING, "B02-adding-htlc-s-01", left_msat=after_fee)
            if channel.params.option_anchors:
                after_anchors = after_fee - to_msat(anchors_cost(channel.params))
                require(after_anchors >= NOTHING, "B02-adding-htlc-s-02", left_msat=after_anchors)
    require(left >= NOTHING, "D02-adding-htlc-s-01", left_msat=left)
    require(message.amount_msat > NOTHING, "B02-adding-htlc-s-05", amount_msat=message.amount_msat)
    require(message.amount_msat >= limits.htlc_minimum_msat, "B02-adding-htlc-s-06", amount_msat=message.amount_msat)
    require(message.cltv_expiry < LAST_HEIGHT, "B02-adding-htlc-s-07", cltv_expiry=message.cltv_expiry)
    count = offered_count(offered, LOCAL, view)
    require(count <= limits.max_accepted_htlcs, "B02-adding-htlc-s-08", offered=count)
    value = offered_value(offered, LOCAL, view)
    require(value <= limits.max_htlc_value_in_flight_msat, "B02-adding-htlc-s-09", offered_msat=value)
    if channel.next_local_htlc_id == 0:
        require(message.id == 0, "B02-adding-htlc-s-10", id=message.id)
    else:
        require(message.id == channel.next_local_htlc_id, "B02-adding-htlc-s-11", id=message.id)
    return offered


@receives
def receive_update_add_htlc(channel: Channel, message: UpdateAddHtlc) -> Channel:
    """Take the peer's offer of an HTLC. Several may have the same hash (B02-adding-htlc-r-05)."""
    params = channel.params
    limits = params.local
    offered = _with_offer(channel, REMOTE, message)
    view = View.LOCAL_NEXT
    amount = message.amount_msat
    require(
        amount > NOTHING and amount >= limits.htlc_minimum_msat,
        "B02-adding-htlc-r-01",
        WARN_OR_FAIL,
        amount_msat=amount,
        htlc_minimum_msat=limits.htlc_minimum_msat,
    )
    left = above_reserve(offered, REMOTE, view)
    if params.opener is REMOTE:
        left = left - to_msat(fee(offered, view, LOCAL)) - to_msat(anchors_cost(params))
    require(left >= NOTHING, "B02-adding-htlc-r-02", WARN_OR_FAIL, left_msat=left)
    count, value = offered_count(offered, REMOTE, view), offered_value(offered, REMOTE, view)
    require(
        count <= limits.max_accepted_htlcs and value <= limits.max_htlc_value_in_flight_msat,
        "B02-adding-htlc-r-03",
        WARN_OR_FAIL,
        offered=count,
        offered_msat=value,
    )
    require(message.cltv_expiry < LAST_HEIGHT, "B02-adding-htlc-r-04", WARN_OR_FAIL, cltv_expiry=message.cltv_expiry)
    require(message.id == channel.next_remote_htlc_id, "B02-adding-htlc-r-07", WARN_OR_FAIL, id=message.id)
    return offered


def _with_offer(channel: Channel, offerer: Side, message: UpdateAddHtlc) -> Channel:
    """Return the channel with the HTLC added, as if all checks had passed."""
    htlc = Htlc(
        offerer=offerer,
        id=message.id,
        amount_msat=message.amount_msat,
        payment_hash=message.payment_hash,
        cltv_expiry=message.cltv_expiry,
        added=Stage.PENDING,
    )
    channel = replace(channel, htlcs=channel.htlcs.add(htlc))
    if offerer is LOCAL:
        return replace(channel, next_local_htlc_id=message.id + 1)
    return replace(channel, next_remote_htlc_id=message.id + 1)


@sends
def send_update_fulfill_htlc(channel: Channel, message: UpdateFulfillHtlc) -> Channel:
    """Claim an HTLC that the peer offered, by showing its preimage."""
    htlc = _removable_by_us(channel, message.id)
    # A preimage is worth the amount: a wrong one would be refused, the right one can never be taken back.
    require(message.payment_preimage == htlc.payment_hash, "D02-removing-htlc-s-02", preimage=message.payment_preimage)
    return _removed(channel, htlc, Removal.FULFILL)


@sends
def send_update_fail_htlc(channel: Channel, message: UpdateFailHtlc) -> Channel:
    """Give an HTLC that the peer offered back to it."""
    return _removed(channel, _removable_by_us(channel, message.id), Removal.FAIL)


def _removable_by_us(channel: Channel, htlc_id: int) -> Htlc:
    htlc = channel.htlcs.find(REMOTE, htlc_id)
    if htlc is None:
        raise RuleBroken("D02-removing-htlc-s-01", None, {"id": htlc_id})
    require(htlc.removal is Removal.NONE, "D02-removing-htlc-s-01", id=htlc_id)
    require(htlc.added is Stage.IRREVOCABLE, "B02-removing-htlc-n-03", id=htlc_id, stage=htlc.added)
    return htlc


@receives
def receive_update_fulfill_htlc(channel: Channel, message: UpdateFulfillHtlc) -> Channel:
    """Accept that the peer claims an HTLC which we offered."""
    htlc = _removable_by_peer(channel, message.id)
    require(
        message.payment_preimage == htlc.payment_hash,
        "B02-removing-htlc-r-02",
        WARN_OR_FAIL,
        preimage=message.payment_preimage,
    )
    return _removed(channel, htlc, Removal.FULFILL)


@receives
def receive_update_fail_htlc(channel: Channel, message: UpdateFailHtlc) -> Channel:
    """Take back an HTLC which we offered."""
    return _removed(channel, _removable_by_peer(channel, message.id), Removal.FAIL)


def _removable_by_peer(channel: Channel, htlc_id: int) -> Htlc:
    htlc = channel.htlcs.find(LOCAL, htlc_id)
    if htlc is None:
        raise RuleBroken("B02-removing-htlc-r-01", WARN_OR_FAIL, {"id": htlc_id})
    current = htlc.removal is Removal.NONE and is_in(htlc, View.LOCAL_LATEST)
    require(current, "B02-removing-htlc-r-01", WARN_OR_FAIL, id=htlc_id, stage=htlc.added)
    return htlc


def _removed(channel: Channel, htlc: Htlc, removal: Removal) -> Channel:
    return replace(
        channel, htlcs=channel.htlcs.replace(htlc, replace(htlc, removal=removal, removed=Stage.PENDING))
    )
