"""Outputs of the commitment transaction and who can spend them (BOLT 3, Commitment Transaction Outputs).

An output has *paths*. A path names the party that can sign for it and what it needs besides: the owner's
per-commitment secret, a preimage, a height, a delay since confirmation. The table :data:`PATHS` is BOLT 3's list of
scripts. The second stage (HTLC-timeout, HTLC-success) exists so that the owner's claim on an HTLC is delayed too and
can be revoked like everything else that the owner gets.

Points of view: the *owner* is the party whose commitment transaction is on chain, the *other* is its peer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from boltspec.commitment import Commitment, CommittedHtlc
from boltspec.fees import anchors_cost, commitment_fee, second_stage_fee
from boltspec.htlc import Side
from boltspec.params import Params
from boltspec.units import FeeratePerKw, Msat, Sat, floor_to_sat


class Kind(StrEnum):
    """Kinds of outputs."""

    TO_LOCAL = "to_local"
    """The owner's balance, delayed."""
    TO_REMOTE = "to_remote"
    """The other's balance."""
    OFFERED_HTLC = "offered_htlc"
    """An HTLC that the owner offered."""
    RECEIVED_HTLC = "received_htlc"
    """An HTLC that the other offered."""
    TIMED_OUT_HTLC = "timed_out_htlc"
    """Output of the owner's HTLC-timeout transaction, delayed."""
    SUCCEEDED_HTLC = "succeeded_htlc"
    """Output of the owner's HTLC-success transaction, delayed."""


class Spender(IntEnum):
    """Who can use a path."""

    OWNER = 0
    OTHER = 1


class Need(IntEnum):
    """What a path needs besides the spender's signature."""

    SECRET = 1
    """The owner's per-commitment secret for this commitment: given to the other by revoking it."""
    PREIMAGE = 2
    """The preimage of the HTLC's payment hash."""
    EXPIRY = 3
    """The chain has reached the HTLC's ``cltv_expiry``."""
    DELAY = 4
    """The output has been confirmed for ``to_self_delay`` blocks."""


class Use(StrEnum):
    """The ways to spend an output, named as in BOLT 3 and BOLT 5."""

    REVOCATION = "revocation"
    DELAYED = "delayed"
    HTLC_TIMEOUT = "htlc_timeout"
    HTLC_SUCCESS = "htlc_success"
    CLAIM_EXPIRED = "claim_expired"
    CLAIM_WITH_PREIMAGE = "claim_with_preimage"


@dataclass(frozen=True, slots=True)
class Path:
    """One way to spend an output."""

    use: Use
    spender: Spender
    need: Need
    leads_to: Kind | None = None
    """The second-stage output that it creates; ``None`` if the money goes to the spender's wallet."""


REVOKE = Path(Use.REVOCATION, Spender.OTHER, Need.SECRET)
WAIT = Path(Use.DELAYED, Spender.OWNER, Need.DELAY)

PATHS: dict[Kind, tuple[Path, ...]] = {
    Kind.TO_LOCAL: (REVOKE, WAIT),
    Kind.TO_REMOTE: (),
    Kind.OFFERED_HTLC: (
        REVOKE,
        Path(Use.CLAIM_WITH_PREIMAGE, Spender.OTHER, Need.PREIMAGE),
        Path(Use.HTLC_TIMEOUT, Spender.OWNER, Need.EXPIRY, leads_to=Kind.TIMED_OUT_HTLC),
    ),
    Kind.RECEIVED_HTLC: (
        REVOKE,
        Path(Use.CLAIM_EXPIRED, Spender.OTHER, Need.EXPIRY),
        Path(Use.HTLC_SUCCESS, Spender.OWNER, Need.PREIMAGE, leads_to=Kind.SUCCEEDED_HTLC),
    ),
    Kind.TIMED_OUT_HTLC: (REVOKE, WAIT),
    Kind.SUCCEEDED_HTLC: (REVOKE, WAIT),
}
"""How each kind of output can be spent (B03-trimmed-outputs-b-03, -b-05, -b-07, -b-09).

``to_remote`` has no entry: it pays the other's wallet key at once, so nothing is left to decide."""


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a commitment transaction or of a second-stage transaction."""

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


def second_stage(params: Params, feerate: FeeratePerKw, output: Output, kind: Kind) -> Output:
    """Return the output of the HTLC-timeout or HTLC-success transaction that spends an HTLC output.

    It was signed at the feerate of its commitment.
    """
    fee = second_stage_fee(params, feerate, output.kind is Kind.OFFERED_HTLC)
    return Output(kind, output.amount_sat - fee, output.htlc)
