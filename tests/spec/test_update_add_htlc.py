"""``update_add_htlc``: every rule of sender and receiver at its boundary."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boltspec.channel import Channel, opened
from boltspec.htlc import LOCAL, REMOTE, Stage
from boltspec.messages import UpdateAddHtlc
from boltspec.params import Limits, Params
from boltspec.rules import Reaction
from boltspec.scenario import small_limits, small_params
from boltspec.units import Height, Msat, Sat
from boltspec.update import receive_update_add_htlc, send_update_add_htlc
from boltspec.verdict import Accepted, Refused, Rejected

ROOMY = small_limits(max_in_flight=Msat(1_000_000_000))
OWN_BALANCE, RESERVE = 600_000_000, 10_000_000


def channel(limits: Limits | None = None, *, option_anchors: bool = True, opener_is_local: bool = True) -> Channel:
    """A channel in which the local node has 600,000 sat and the remote one 400,000."""
    params: Params = small_params(limits or small_limits(), option_anchors)
    params = replace(params, policy=replace(params.policy, fee_spike_multiple=0))
    if opener_is_local:
        return opened(params, Msat(1_000_000_000 - OWN_BALANCE))
    return opened(replace(params, opener=REMOTE), Msat(OWN_BALANCE))


def offer(amount_msat: int = 50_000_000, *, number: int = 0, cltv_expiry: int = 500) -> UpdateAddHtlc:
    return UpdateAddHtlc(number, Msat(amount_msat), payment_hash=1, cltv_expiry=Height(cltv_expiry))


def sent(before: Channel, message: UpdateAddHtlc) -> Channel:
    verdict = send_update_add_htlc(before, message)
    assert isinstance(verdict, Accepted), verdict
    return verdict.state


def received(before: Channel, message: UpdateAddHtlc) -> Channel:
    verdict = receive_update_add_htlc(before, message)
    assert isinstance(verdict, Accepted), verdict
    return verdict.state


def refusing_rule(before: Channel, message: UpdateAddHtlc) -> str:
    verdict = send_update_add_htlc(before, message)
    assert isinstance(verdict, Refused), verdict
    return verdict.rule


def rejecting_rule(before: Channel, message: UpdateAddHtlc) -> str:
    verdict = receive_update_add_htlc(before, message)
    assert isinstance(verdict, Rejected), verdict
    assert verdict.reaction is Reaction.WARN_OR_FAIL
    return verdict.rule


def with_minimum(amount_msat: int) -> Limits:
    return replace(small_limits(), htlc_minimum_msat=Msat(amount_msat))


def test_sender_keeps_the_offer_as_pending_and_counts_it() -> None:
    after = sent(channel(), offer())
    (htlc,) = after.htlcs.items
    assert (htlc.offerer, htlc.id, htlc.amount_msat, htlc.added) == (LOCAL, 0, Msat(50_000_000), Stage.PENDING)
    assert after.next_local_htlc_id == 1
    assert after.local_msat == Msat(OWN_BALANCE), "settled balances change only when the HTLC is settled"


def test_receiver_keeps_the_offer_as_the_peers() -> None:
    after = received(channel(), offer())
    (htlc,) = after.htlcs.items
    assert (htlc.offerer, htlc.added) == (REMOTE, Stage.PENDING)
    assert (after.next_remote_htlc_id, after.next_local_htlc_id) == (1, 0)


@pytest.mark.parametrize(
    ("limits", "lawful", "unlawful", "rule"),
    [
        (small_limits(), 1_000, 999, "B02-adding-htlc-s-06"),
        (with_minimum(0), 1, 0, "B02-adding-htlc-s-05"),
        (small_limits(), 500_000_000, 500_000_001, "B02-adding-htlc-s-09"),
    ],
)
def test_sender_offers_amounts_within_the_limits_only(limits: Limits, lawful: int, unlawful: int, rule: str) -> None:
    sent(channel(limits), offer(lawful))
    assert refusing_rule(channel(limits), offer(unlawful)) == rule


@pytest.mark.parametrize(
    ("limits", "lawful", "unlawful", "rule"),
    [
        (small_limits(), 1_000, 999, "B02-adding-htlc-r-01"),
        (with_minimum(0), 1, 0, "B02-adding-htlc-r-01"),
        (small_limits(max_in_flight=Msat(300_000_000)), 300_000_000, 300_000_001, "B02-adding-htlc-r-03"),
    ],
)
def test_receiver_takes_amounts_within_its_limits_only(limits: Limits, lawful: int, unlawful: int, rule: str) -> None:
    received(channel(limits), offer(lawful))
    assert rejecting_rule(channel(limits), offer(unlawful)) == rule


def test_expiry_is_a_height() -> None:
    sent(channel(), offer(cltv_expiry=499_999_999))
    received(channel(), offer(cltv_expiry=499_999_999))
    assert refusing_rule(channel(), offer(cltv_expiry=500_000_000)) == "B02-adding-htlc-s-07"
    assert rejecting_rule(channel(), offer(cltv_expiry=500_000_000)) == "B02-adding-htlc-r-04"


def test_no_more_htlcs_than_the_peer_accepts() -> None:
    two = sent(sent(channel(small_limits(2)), offer()), offer(number=1))
    assert refusing_rule(two, offer(number=2)) == "B02-adding-htlc-s-08"
    two = received(received(channel(small_limits(2)), offer()), offer(number=1))
    assert rejecting_rule(two, offer(number=2)) == "B02-adding-htlc-r-03"


@pytest.mark.parametrize(("offered", "lawful", "wrong"), [(0, 0, 1), (1, 1, 2), (1, 1, 0)])
def test_ids_count_from_zero_without_gaps(offered: int, lawful: int, wrong: int) -> None:
    sender, receiver = channel(), channel()
    for number in range(offered):
        sender, receiver = sent(sender, offer(number=number)), received(receiver, offer(number=number))
    sent(sender, offer(number=lawful))
    received(receiver, offer(number=lawful))
    assert refusing_rule(sender, offer(number=wrong)) == ("B02-adding-htlc-s-11" if offered else "B02-adding-htlc-s-10")
    assert rejecting_rule(receiver, offer(number=wrong)) == "B02-adding-htlc-r-07"


@pytest.mark.parametrize(
    ("option_anchors", "cost", "rule"),
    [(False, 896_000, "B02-adding-htlc-s-01"), (True, 1_296_000 + 660_000, "B02-adding-htlc-s-02")],
)
def test_opener_keeps_reserve_fee_and_anchors(option_anchors: bool, cost: int, rule: str) -> None:
    most = OWN_BALANCE - RESERVE - cost
    before = channel(ROOMY, option_anchors=option_anchors)
    sent(before, offer(most))
    assert refusing_rule(before, offer(most + 1)) == rule


def test_opener_below_its_fee_breaks_the_fee_rule_before_the_anchor_rule() -> None:
    most = OWN_BALANCE - RESERVE - 1_296_000
    assert refusing_rule(channel(ROOMY), offer(most)) == "B02-adding-htlc-s-02"
    assert refusing_rule(channel(ROOMY), offer(most + 1)) == "B02-adding-htlc-s-01"


def test_opener_pays_for_the_dearer_of_both_commitments() -> None:
    """The HTLC is dust in the remote commitment, but has an output in the local one."""
    most = 5_000_000
    base = channel(ROOMY)
    params = replace(base.params, remote=replace(ROOMY, dust_limit_satoshis=Sat(10_000)))
    left = Msat(most + RESERVE + 1_296_000 + 660_000)
    before = replace(base, params=params, local_msat=left, remote_msat=params.capacity_msat - left)
    sent(before, offer(most))
    assert refusing_rule(before, offer(most + 1)) == "B02-adding-htlc-s-02"


def test_accepter_keeps_its_reserve_only() -> None:
    most = OWN_BALANCE - RESERVE
    before = channel(ROOMY, opener_is_local=False)
    sent(before, offer(most))
    assert refusing_rule(before, offer(most + 1)) == "D02-adding-htlc-s-01"


@pytest.mark.parametrize(
    ("opener_is_local", "cost"), [(True, 0), (False, 1_296_000 + 660_000)], ids=["accepter offers", "opener offers"]
)
def test_receiver_rejects_what_the_offerer_cannot_afford(opener_is_local: bool, cost: int) -> None:
    most = 1_000_000_000 - OWN_BALANCE - RESERVE - cost
    before = channel(ROOMY, opener_is_local=opener_is_local)
    received(before, offer(most))
    verdict = receive_update_add_htlc(before, offer(most + 1))
    assert verdict == Rejected("B02-adding-htlc-r-02", Reaction.WARN_OR_FAIL)
    assert isinstance(verdict, Rejected)
    assert verdict.numbers == {"left_msat": -1}


def test_two_offers_may_have_the_same_hash() -> None:
    """B02-adding-htlc-r-05"""
    after = received(received(channel(), offer(1_000)), offer(2_000, number=1))
    assert [htlc.payment_hash for htlc in after.htlcs.items] == [1, 1]
