"""Adding and removing an HTLC (BOLT 2, Adding an HTLC, Removing an HTLC, Bounding exposure to trimmed HTLCs).

An update applies to the *other* node's commitment first. So an offerer checks what it may offer against the view that
it would sign next (``REMOTE_NEXT``), and the recipient checks the same view from its end (``LOCAL_NEXT``); since
messages arrive in order, both see the same numbers.
"""

from __future__ import annotations

from dataclasses import replace

from boltspec.channel import Channel
from boltspec.commitment import (
    View,
    above_reserve,
    dust_balance,
    fee,
    feerate,
    is_in,
    offered_count,
    offered_value,
    untrimmed_at,
    without_unsigned_offers,
)
from boltspec.fees import anchors_cost, commitment_fee, is_trimmed
from boltspec.htlc import LOCAL, REMOTE, Htlc, Removal, Side, Stage
from boltspec.messages import BADONION, UpdateAddHtlc, UpdateFailHtlc, UpdateFailMalformedHtlc, UpdateFulfillHtlc
from boltspec.params import LOCKTIME_THRESHOLD
from boltspec.rules import Reaction, RuleBroken, require
from boltspec.units import FeeratePerKw, Height, Msat, to_msat
from boltspec.verdict import receives, sends

WARN_OR_FAIL = Reaction.WARN_OR_FAIL
NOTHING = Msat(0)
LAST_HEIGHT = Height(LOCKTIME_THRESHOLD)
"""Expiries are heights below this."""


@sends
def send_update_add_htlc(channel: Channel, message: UpdateAddHtlc) -> Channel:
    """Offer an HTLC to the peer."""
    limits = channel.params.remote
    htlc = _offer(LOCAL, message)
    offered = _with_offer(channel, htlc)
    view = View.REMOTE_NEXT
    _require_bounded_exposure(offered, htlc)
    left = above_reserve(offered, LOCAL, view)
    for owner in (REMOTE, LOCAL):
        # AMBIGUOUS: fee-of-both-commitments: both are computed with the updates that the peer gets first.
        if channel.params.opener is LOCAL:
            _require_own_means(offered, left, owner)
        else:
            _require_peers_means(offered, owner)
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


def _require_own_means(offered: Channel, left: Msat, owner: Side) -> None:
    """Check that we, the opener, can pay for a commitment of that owner; ``left`` is what we have above our reserve."""
    params, view = offered.params, View.REMOTE_NEXT
    after_fee = left - to_msat(fee(offered, view, owner))
    require(after_fee >= NOTHING, "B02-adding-htlc-s-01", left_msat=after_fee)
    anchors = to_msat(anchors_cost(params))
    if params.option_anchors:
        require(after_fee >= anchors, "B02-adding-htlc-s-02", left_msat=after_fee, anchors_msat=anchors)
    # AMBIGUOUS: fee-spike-buffer: one more HTLC with an output, and the higher feerate at the same time.
    spike = FeeratePerKw(feerate(offered, view) * params.policy.fee_spike_multiple)
    buffer = to_msat(commitment_fee(params, spike, untrimmed_at(offered, view, owner, spike) + 1))
    require(left >= anchors + buffer, "B02-adding-htlc-s-03", left_msat=left, buffer_msat=buffer)


def _require_peers_means(offered: Channel, owner: Side) -> None:
    """Check that the peer, as the opener, can pay for our HTLC in a commitment of that owner."""
    view = View.REMOTE_NEXT
    cost = to_msat(fee(offered, view, owner)) + to_msat(anchors_cost(offered.params))
    left = above_reserve(offered, REMOTE, view)
    require(left >= cost, "B02-adding-htlc-s-04", left_msat=left, cost_msat=cost)


def _require_bounded_exposure(offered: Channel, htlc: Htlc) -> None:
    """Check how much would go to miners if the channel were closed now, unless this HTLC adds nothing to it."""
    params, view = offered.params, View.REMOTE_NEXT
    # AMBIGUOUS: dust-balance: that of all HTLCs which we know of, at the feerate that the next commitment has.
    rate, most = feerate(offered, view), params.policy.max_dust_htlc_exposure_msat
    # Failing the HTLC that ours would forward (B02-dust-exposure-h-02, -h-04) is for the node that forwards.
    if is_trimmed(params, rate, REMOTE, htlc):
        exposed = dust_balance(offered, view, REMOTE, rate)
        require(exposed <= most, "B02-dust-exposure-h-01", exposed_msat=exposed)
    if is_trimmed(params, rate, LOCAL, htlc):
        exposed = dust_balance(offered, view, LOCAL, rate)
        require(exposed <= most, "B02-dust-exposure-h-03", exposed_msat=exposed)


@receives
def receive_update_add_htlc(channel: Channel, message: UpdateAddHtlc) -> Channel:
    """Take the peer's offer of an HTLC. Several may have the same hash (B02-adding-htlc-r-05)."""
    params = channel.params
    limits = params.local
    htlc = _offer(REMOTE, message)
    offered = _with_offer(channel, _with_exposure(channel, htlc))
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
        left = left - to_msat(fee(without_unsigned_offers(offered), view, LOCAL)) - to_msat(anchors_cost(params))
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


def _offer(offerer: Side, message: UpdateAddHtlc) -> Htlc:
    """Return the HTLC that a message offers."""
    return Htlc(
        offerer=offerer,
        id=message.id,
        amount_msat=message.amount_msat,
        payment_hash=message.payment_hash,
        cltv_expiry=message.cltv_expiry,
        added=Stage.PENDING,
    )


def _with_offer(channel: Channel, htlc: Htlc) -> Channel:
    """Return the channel with the HTLC added, as if all checks had passed.

    Ids go on for the whole life of the channel (B02-adding-htlc-s-14, -s-15).
    """
    channel = replace(channel, htlcs=channel.htlcs.add(htlc))
    if htlc.offerer is LOCAL:
        return replace(channel, next_local_htlc_id=htlc.id + 1)
    return replace(channel, next_remote_htlc_id=htlc.id + 1)


def _with_exposure(channel: Channel, htlc: Htlc) -> Htlc:
    """Return the peer's HTLC with a note of what it exposes us to."""
    params, view = channel.params, View.LOCAL_NEXT
    rate = feerate(channel, view)
    if is_trimmed(params, rate, REMOTE, htlc):
        htlc = replace(htlc, remote_exposure_msat=dust_balance(channel, view, REMOTE, rate) + htlc.amount_msat)
    if is_trimmed(params, rate, LOCAL, htlc):
        htlc = replace(htlc, local_exposure_msat=dust_balance(channel, view, LOCAL, rate) + htlc.amount_msat)
    return htlc


@sends
def send_update_fulfill_htlc(channel: Channel, message: UpdateFulfillHtlc) -> Channel:
    """Claim an HTLC that the peer offered, by showing its preimage."""
    htlc = _removable_by_us(channel, message.id)
    most = channel.params.policy.max_dust_htlc_exposure_msat
    exposed = htlc.remote_exposure_msat
    require(exposed <= most, "B02-dust-exposure-r-02", exposed_msat=exposed)
    exposed = htlc.local_exposure_msat
    require(exposed <= most, "B02-dust-exposure-r-04", exposed_msat=exposed)
    # A preimage is worth the amount: a wrong one would be refused, the right one can never be taken back.
    require(message.payment_preimage == htlc.payment_hash, "D02-removing-htlc-s-02", preimage=message.payment_preimage)
    return _removed(channel, htlc, Removal.FULFILL)


@sends
def send_update_fail_htlc(channel: Channel, message: UpdateFailHtlc) -> Channel:
    """Give an HTLC that the peer offered back to it."""
    return _removed(channel, _removable_by_us(channel, message.id), Removal.FAIL)


@sends
def send_update_fail_malformed_htlc(channel: Channel, message: UpdateFailMalformedHtlc) -> Channel:
    """Give an HTLC that the peer offered back to it: its onion cannot be read."""
    htlc = _removable_by_us(channel, message.id)
    require(message.failure_code >= BADONION, "D02-removing-htlc-s-03", failure_code=message.failure_code)
    return _removed(channel, htlc, Removal.FAIL_MALFORMED, failure_code=message.failure_code)


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
    return _removed(channel, htlc, Removal.FULFILL, known_preimage=message.payment_preimage)


@receives
def receive_update_fail_htlc(channel: Channel, message: UpdateFailHtlc) -> Channel:
    """Take back an HTLC which we offered."""
    return _removed(channel, _removable_by_peer(channel, message.id), Removal.FAIL)


@receives
def receive_update_fail_malformed_htlc(channel: Channel, message: UpdateFailMalformedHtlc) -> Channel:
    """Take back an HTLC which we offered and whose onion the peer could not read.

    Whether the hash of the onion is right, which it may look into (B02-removing-htlc-r-04), is for the node.
    """
    htlc = _removable_by_peer(channel, message.id)
    code = message.failure_code
    require(code >= BADONION, "B02-removing-htlc-r-03", WARN_OR_FAIL, failure_code=code)
    return _removed(channel, htlc, Removal.FAIL_MALFORMED, failure_code=code)


def _removable_by_peer(channel: Channel, htlc_id: int) -> Htlc:
    htlc = channel.htlcs.find(LOCAL, htlc_id)
    if htlc is None:
        raise RuleBroken("B02-removing-htlc-r-01", WARN_OR_FAIL, {"id": htlc_id})
    current = htlc.removal is Removal.NONE and is_in(htlc, View.LOCAL_LATEST)
    require(current, "B02-removing-htlc-r-01", WARN_OR_FAIL, id=htlc_id, stage=htlc.added)
    return htlc


def _removed(
    channel: Channel, htlc: Htlc, removal: Removal, *, known_preimage: int | None = None, failure_code: int = 0
) -> Channel:
    known = htlc.known_preimage if known_preimage is None else known_preimage
    after = replace(htlc, removal=removal, removed=Stage.PENDING, known_preimage=known, failure_code=failure_code)
    return replace(channel, htlcs=channel.htlcs.replace(htlc, after))
