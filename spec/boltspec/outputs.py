"""Outputs of the commitment transaction (BOLT 3, Commitment Transaction Outputs), anchors left out.

Who can spend them, and how, is the table :data:`boltspec.chain.conditions.CONDITIONS`.

Points of view: the *owner* is the party whose commitment transaction it is, the *other* is its peer.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltspec.chain.conditions import Kind
from boltspec.commitment import Commitment, CommittedHtlc
from boltspec.fees import anchors_cost, commitment_fee, second_stage_fee
from boltspec.htlc import Side
from boltspec.params import Params
from boltspec.units import Msat, Sat, floor_to_sat


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a commitment transaction."""

    kind: Kind
    amount_sat: Sat
    htlc: CommittedHtlc | None = None


def outputs(params: Params, owner: Side, commitment: Commitment) -> tuple[Output, ...]:
    """Return the outputs of a commitment transaction, anchors left out.

    Fee and anchors come off the opener's balance, which they can at most bring to zero; what is below the owner's
    dust limit has no output (B03-trimmed-outputs-b-01, -b-02, -b-04, -b-06, -b-08).
    """
    htlcs = [htlc_output(htlc) for htlc in commitment.htlcs if has_output(params, owner, commitment, htlc)]
    return (*main_outputs(params, owner, commitment, len(htlcs)), *htlcs)


def main_outputs(params: Params, owner: Side, commitment: Commitment, untrimmed: int) -> tuple[Output, ...]:
    """Return the outputs for the two balances, in a commitment with that many HTLC outputs."""
    dust_limit = params.announced_by(owner).dust_limit_satoshis
    # AMBIGUOUS: fee-clamped: what the opener cannot pay, be it fee or anchors, is missing from the fee.
    cost = commitment_fee(params, commitment.feerate_per_kw, untrimmed) + anchors_cost(params)
    to_owner = _main_balance(commitment.to_owner_msat, cost if owner is params.opener else Sat(0))
    to_other = _main_balance(commitment.to_other_msat, Sat(0) if owner is params.opener else cost)
    mains = (Output(Kind.TO_LOCAL, to_owner), Output(Kind.TO_REMOTE, to_other))
    return tuple(main for main in mains if main.amount_sat >= dust_limit)


def has_output(params: Params, owner: Side, commitment: Commitment, htlc: CommittedHtlc) -> bool:
    """Say whether an HTLC of a commitment has an output in it: whether it is worth the owner's while to claim it."""
    fee = second_stage_fee(params, commitment.feerate_per_kw, htlc.offered_by_owner)
    return floor_to_sat(htlc.amount_msat) >= params.announced_by(owner).dust_limit_satoshis + fee


def htlc_output(htlc: CommittedHtlc) -> Output:
    """Return the output of an HTLC that is not trimmed."""
    kind = Kind.OFFERED_HTLC if htlc.offered_by_owner else Kind.RECEIVED_HTLC
    return Output(kind, floor_to_sat(htlc.amount_msat), htlc)


def _main_balance(balance: Msat, cost: Sat) -> Sat:
    left = floor_to_sat(balance) - cost
    return left if left > Sat(0) else Sat(0)
