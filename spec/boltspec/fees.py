"""Fees and trimming (BOLT 3, Fees and Trimmed Outputs).

The opener pays the fee of the commitment transaction out of its balance. An HTLC whose value would not pay for the
transaction that claims it has no output: it is *trimmed*, and its value goes to the fee until it is settled.
"""

from __future__ import annotations

from boltspec.htlc import Htlc, Side
from boltspec.params import ANCHOR_SAT, Params
from boltspec.rules import duty
from boltspec.units import FeeratePerKw, Sat, floor_to_sat

COMMITMENT_WEIGHT = 724
"""Weight of a commitment without HTLCs (B03-fee-calculation-b-05)."""
COMMITMENT_WEIGHT_ANCHORS = 1124
"""The same with two anchor outputs."""
HTLC_OUTPUT_WEIGHT = 172
"""Weight of one more HTLC output (B03-fee-calculation-b-06)."""
HTLC_TIMEOUT_WEIGHT = 663
"""Weight of an HTLC-timeout transaction without anchors (B03-fee-calculation-b-02)."""
HTLC_SUCCESS_WEIGHT = 703
"""Weight of an HTLC-success transaction without anchors (B03-fee-calculation-b-04)."""
TIMEOUT_IS_FREE = "B03-fee-calculation-b-01"
"""With anchors an HTLC-timeout transaction pays no fee: its owner adds an input that does."""
SUCCESS_IS_FREE = "B03-fee-calculation-b-03"
"""The same for HTLC-success transactions."""


def commitment_fee(params: Params, feerate: FeeratePerKw, untrimmed: int) -> Sat:
    """Return the base fee of a commitment with that many HTLC outputs, rounded down (B03-fee-calculation-b-07)."""
    base = COMMITMENT_WEIGHT_ANCHORS if params.option_anchors else COMMITMENT_WEIGHT
    return Sat(feerate * (base + HTLC_OUTPUT_WEIGHT * untrimmed) // 1000)


def anchors_cost(params: Params) -> Sat:
    """Return what the opener pays for the two anchor outputs."""
    return ANCHOR_SAT + ANCHOR_SAT if params.option_anchors else Sat(0)


def second_stage_fee(params: Params, feerate: FeeratePerKw, offered_by_owner: bool) -> Sat:
    """Return the fee of the owner's transaction that claims an HTLC output; zero with anchors.

    B03-fee-calculation-b-01 to B03-fee-calculation-b-04.
    """
    if params.option_anchors and duty(TIMEOUT_IS_FREE if offered_by_owner else SUCCESS_IS_FREE):
        return Sat(0)
    weight = HTLC_TIMEOUT_WEIGHT if offered_by_owner else HTLC_SUCCESS_WEIGHT
    return Sat(feerate * weight // 1000)


def is_trimmed(params: Params, feerate: FeeratePerKw, owner: Side, htlc: Htlc) -> bool:
    """Say whether an HTLC has no output in the owner's commitment at that feerate.

    B03-trimmed-outputs-b-06 (offered by the owner), B03-trimmed-outputs-b-08 (received), B03-commitment-outputs-b-02.
    """
    dust_limit = params.announced_by(owner).dust_limit_satoshis
    return floor_to_sat(htlc.amount_msat) < dust_limit + second_stage_fee(params, feerate, htlc.offerer is owner)
