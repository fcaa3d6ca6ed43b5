"""Fees, trimming and what a commitment pays (BOLT 3), each figure at its boundary."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boltspec.chain.conditions import CONDITIONS, Keys, Kind, Lock
from boltspec.commitment import Commitment, CommittedHtlc
from boltspec.fees import anchors_cost, commitment_fee, is_trimmed, second_stage_fee
from boltspec.htlc import LOCAL, REMOTE, Htlc, Side, Stage
from boltspec.outputs import outputs
from boltspec.scenario import small_limits, small_params
from boltspec.units import FeeratePerKw, Height, Msat, Sat

ANCHORS = small_params(small_limits())
STATIC = small_params(small_limits(), option_anchors=False)
RATE = FeeratePerKw(1_000)


@pytest.mark.parametrize(
    ("option_anchors", "untrimmed", "fee"),
    [(False, 0, 724), (False, 1, 896), (True, 0, 1_124), (True, 2, 1_468)],
)
def test_commitment_fee_grows_with_each_htlc_output(option_anchors: bool, untrimmed: int, fee: int) -> None:
    """B03-fee-calculation-b-05, B03-fee-calculation-b-06"""
    params = ANCHORS if option_anchors else STATIC
    assert commitment_fee(params, RATE, untrimmed) == Sat(fee)


def test_commitment_fee_is_rounded_down() -> None:
    """B03-fee-calculation-b-07"""
    assert commitment_fee(STATIC, FeeratePerKw(253), 0) == Sat(183)  # 183.17


def test_anchors_and_second_stage_fees() -> None:
    """B03-fee-calculation-b-01 to B03-fee-calculation-b-04"""
    assert [anchors_cost(ANCHORS), anchors_cost(STATIC)] == [Sat(660), Sat(0)]
    assert [second_stage_fee(ANCHORS, RATE, True), second_stage_fee(ANCHORS, RATE, False)] == [Sat(0), Sat(0)]
    assert [second_stage_fee(STATIC, RATE, True), second_stage_fee(STATIC, RATE, False)] == [Sat(663), Sat(703)]


@pytest.mark.parametrize(
    ("option_anchors", "offerer", "least_sat"),
    [(True, LOCAL, 354), (True, REMOTE, 354), (False, LOCAL, 354 + 663), (False, REMOTE, 354 + 703)],
)
def test_an_htlc_that_does_not_pay_for_its_claim_is_trimmed(
    option_anchors: bool, offerer: Side, least_sat: int
) -> None:
    """B03-trimmed-outputs-b-06, B03-trimmed-outputs-b-08"""
    params = ANCHORS if option_anchors else STATIC
    least = Htlc(offerer, 0, Msat(least_sat * 1000), 1, Height(6), Stage.PENDING)
    assert not is_trimmed(params, RATE, LOCAL, least)
    assert is_trimmed(params, RATE, LOCAL, replace(least, amount_msat=Msat(least_sat * 1000 - 1)))


def committed(owner_msat: int, other_msat: int, *htlcs: CommittedHtlc) -> Commitment:
    return Commitment(0, RATE, Msat(owner_msat), Msat(other_msat), htlcs)


def paid(commitment: Commitment, owner: Side = LOCAL) -> dict[Kind, int]:
    return {output.kind: int(output.amount_sat) for output in outputs(ANCHORS, owner, commitment)}


def test_opener_alone_pays_fee_and_anchors() -> None:
    balances = committed(600_000_000, 400_000_000)
    assert paid(balances) == {Kind.TO_LOCAL: 600_000 - 1_124 - 660, Kind.TO_REMOTE: 400_000}
    assert paid(balances, REMOTE) == {Kind.TO_LOCAL: 600_000, Kind.TO_REMOTE: 400_000 - 1_124 - 660}


def test_balances_are_rounded_down_and_dust_has_no_output() -> None:
    """B03-commitment-outputs-b-01, B03-trimmed-outputs-b-02"""
    assert paid(committed(900_000_999, 354_000)) == {Kind.TO_LOCAL: 900_000 - 1_784, Kind.TO_REMOTE: 354}
    assert paid(committed(900_000_000, 353_999)) == {Kind.TO_LOCAL: 900_000 - 1_784}


def test_fees_take_no_more_than_the_balance() -> None:
    assert paid(committed(1_000_000, 999_000_000)) == {Kind.TO_REMOTE: 999_000}


def test_htlcs_have_an_output_each_by_who_offered_them() -> None:
    offered = CommittedHtlc(True, 0, Msat(50_000_000), 1, Height(6))
    received = CommittedHtlc(False, 0, Msat(60_000_000), 2, Height(7))
    dust = CommittedHtlc(False, 1, Msat(353_999), 2, Height(7))
    made = outputs(ANCHORS, LOCAL, committed(500_000_000, 380_000_000, received, dust, offered))
    kinds = [(output.kind, int(output.amount_sat)) for output in made[2:]]
    assert kinds == [(Kind.RECEIVED_HTLC, 60_000), (Kind.OFFERED_HTLC, 50_000)]


def test_the_owner_is_paid_only_after_a_delay_and_everything_else_can_be_revoked() -> None:
    """What the owner gets at once would be out of the other's reach before it could punish."""
    for kind in (Kind.TO_LOCAL, Kind.OFFERED_HTLC, Kind.RECEIVED_HTLC, Kind.TIMED_OUT_HTLC, Kind.SUCCEEDED_HTLC):
        for way in CONDITIONS[kind]:
            if way.keys in (Keys.OWNER, Keys.BOTH) and way.leads_to is Kind.WALLET:
                assert way.lock is Lock.TO_SELF_DELAY, kind
        assert any(way.secret and way.keys is Keys.OTHER for way in CONDITIONS[kind]), kind
