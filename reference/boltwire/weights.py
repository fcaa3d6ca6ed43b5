"""Expected weights and sizes of BOLT 3 (Appendix A), and those of inputs and outputs in general.

*Expected* means before signing: a signature counts with 73 bytes (72 of DER, one of sighash type), the most that any
signature can take, so a fee for an expected weight never falls short. One byte outside of witnesses weighs 4 units.
"""

from collections.abc import Iterable

from boltwire.transaction import WITNESS_SCALE_FACTOR, compact_size

EXPECTED_SIGNATURE_SIZE = 73
"""Bytes of a signature in a witness: the most there can be, as BOLT 3 counts."""

INPUT_SIZE = 41
"""Bytes of an input with an empty script: outpoint 36, script length 1, sequence 4."""

INPUT_WEIGHT = WITNESS_SCALE_FACTOR * INPUT_SIZE
"""Weight of an input without its witness."""

COMMON_SIZE = 10
"""Bytes outside inputs and outputs: version 4, two counts of one byte each, lock time 4."""

SEGWIT_WEIGHT = 2
"""Weight of marker and flag in the witness form."""

COMMON_WEIGHT = WITNESS_SCALE_FACTOR * COMMON_SIZE + SEGWIT_WEIGHT
"""Weight of a transaction without inputs and outputs (at most 252 of each)."""

FUNDING_SCRIPT_SIZE = 71
"""Bytes of the 2-of-2 witness script."""


def witness_weight(item_sizes: Iterable[int]) -> int:
    """Weight of a witness stack with items of these sizes: their number, and each behind its length."""
    sizes = tuple(item_sizes)
    return len(compact_size(len(sizes))) + sum(len(compact_size(size)) + size for size in sizes)


def output_weight(script_size: int) -> int:
    """Weight of an output: amount 8 bytes, script length, script."""
    return WITNESS_SCALE_FACTOR * (8 + len(compact_size(script_size)) + script_size)


FUNDING_WITNESS_WEIGHT = witness_weight((0, EXPECTED_SIGNATURE_SIZE, EXPECTED_SIGNATURE_SIZE, FUNDING_SCRIPT_SIZE))
"""Weight of the witness that spends a funding output: commitment, closing and splice transactions."""


def htlc_timeout_witness_weight(script_size: int) -> int:
    """Weight of the witness of an HTLC-timeout transaction; ``script_size`` of the offered HTLC's script."""
    return witness_weight((0, EXPECTED_SIGNATURE_SIZE, EXPECTED_SIGNATURE_SIZE, 0, script_size))


def htlc_success_witness_weight(script_size: int) -> int:
    """Weight of the witness of an HTLC-success transaction; ``script_size`` of the received HTLC's script."""
    return witness_weight((0, EXPECTED_SIGNATURE_SIZE, EXPECTED_SIGNATURE_SIZE, 32, script_size))
