"""What commitment and HTLC transactions pay, which outputs are trimmed, and what is dust (BOLT 3, Fees, Dust Limits).

All amounts are satoshis unless the name says ``_msat``; ``feerate_per_kw`` is satoshis per 1000 weight units; every
division rounds down.
"""

from boltwire.commitment_format import CommitmentFormat
from boltwire.scripts import (
    OP_0,
    OP_CHECKSIG,
    OP_DUP,
    OP_EQUAL,
    OP_EQUALVERIFY,
    OP_HASH160,
    OP_RETURN,
    PAY_TO_ANCHOR,
    is_witness_program,
)

ANCHOR_SAT = 330
"""Amount of an anchor output: the dust threshold of p2wsh."""

HTLC_OUTPUT_WEIGHT = 172
"""Weight that an untrimmed HTLC adds to the commitment transaction (B03-fee-calculation-b-06)."""


_WITNESS_DUST = {(OP_0, 22): 294, (OP_0, 34): 330}
"""Amounts by version opcode and length of the script."""


def fee_for_weight(feerate_per_kw: int, weight: int) -> int:
    """Fee of ``weight`` units, rounded down as for commitment and HTLC transactions."""
    return feerate_per_kw * weight // 1000


def htlc_timeout_fee(commitment_format: CommitmentFormat, feerate_per_kw: int) -> int:
    """Fee of an HTLC-timeout transaction (B03-fee-calculation-b-01, B03-fee-calculation-b-02)."""
    if not commitment_format.htlc_fees:
        return 0
    return fee_for_weight(feerate_per_kw, commitment_format.htlc_timeout_weight)


def htlc_success_fee(commitment_format: CommitmentFormat, feerate_per_kw: int) -> int:
    """Fee of an HTLC-success transaction (B03-fee-calculation-b-03, B03-fee-calculation-b-04)."""
    if not commitment_format.htlc_fees:
        return 0
    return fee_for_weight(feerate_per_kw, commitment_format.htlc_success_weight)


def htlc_fee(commitment_format: CommitmentFormat, feerate_per_kw: int, *, offered: bool) -> int:
    """Fee of the transaction by which the owner resolves an HTLC: time-out if it offered it, success if received."""
    return (htlc_timeout_fee if offered else htlc_success_fee)(commitment_format, feerate_per_kw)


def is_htlc_trimmed(
    commitment_format: CommitmentFormat,
    *,
    offered: bool,
    amount_msat: int,
    dust_limit_satoshis: int,
    feerate_per_kw: int,
) -> bool:
    """Whether an HTLC gets no output because it is dust after its own fee.

    ``offered`` is seen from the owner of the commitment transaction, and the dust limit is the owner's
    (B03-commitment-outputs-b-02, B03-trimmed-outputs-b-06, B03-trimmed-outputs-b-08).
    """
    fee = htlc_fee(commitment_format, feerate_per_kw, offered=offered)
    return amount_msat // 1000 < dust_limit_satoshis + fee


def commitment_weight(commitment_format: CommitmentFormat, untrimmed_htlcs: int) -> int:
    """Expected weight of a commitment transaction (B03-fee-calculation-b-05, B03-fee-calculation-b-06)."""
    return commitment_format.commitment_weight + HTLC_OUTPUT_WEIGHT * untrimmed_htlcs


def commitment_fee(commitment_format: CommitmentFormat, feerate_per_kw: int, untrimmed_htlcs: int) -> int:
    """Base fee of a commitment transaction, which the opener pays (B03-fee-calculation-b-07).

    The real fee is higher by what trimmed and rounded outputs leave.
    """
    return fee_for_weight(feerate_per_kw, commitment_weight(commitment_format, untrimmed_htlcs))


def anchors_cost(commitment_format: CommitmentFormat) -> int:
    """What the opener pays for both anchors, whether or not both get an output; 0 without ``option_anchors``."""
    return 2 * ANCHOR_SAT if commitment_format.has_anchors else 0


def dust_threshold(script_pubkey: bytes) -> int:
    """Bitcoin Core's dust threshold of an output script at its default 3000 sat/kB: an output below it is dust.

    As in BOLT 3's list, p2tr counts among unknown segwit versions (354), though Core would let 330 pass.
    ValueError for a script of none of the forms that BOLT 3 lists.
    """
    if script_pubkey[:1] == OP_RETURN:
        return 0
    head, size = script_pubkey[:2], len(script_pubkey)
    if size == 25 and head == OP_DUP + OP_HASH160 and script_pubkey[-2:] == OP_EQUALVERIFY + OP_CHECKSIG:
        return 546
    if size == 23 and head == OP_HASH160 + b"\x14" and script_pubkey[-1:] == OP_EQUAL:
        return 540
    if is_witness_program(script_pubkey):
        return _WITNESS_DUST.get((script_pubkey[:1], size), 240 if script_pubkey == PAY_TO_ANCHOR else 354)
    raise ValueError(f"no dust threshold is known for the script {script_pubkey.hex()}")
