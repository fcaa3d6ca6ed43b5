"""Weights of a channel's largest transactions (BOLT 3, Appendix A; BOLT 5, Penalty Transactions Weight Calculation).

Nodes relay transactions up to 400,000 weight units. The limit of 483 HTLCs each way is there so that one penalty
transaction can take all outputs of a commitment. A weight here is the most that a transaction of its kind can have: a
byte outside of witnesses counts four times.

AMBIGUOUS: penalty-weight: BOLT 5 counts a penalty transaction without anchors, with signatures of 73 bytes. Here
scripts are those of the commitment format, and a signature has at most 72 bytes, as the only form that nodes relay
(a low S) cannot be longer.
"""

from __future__ import annotations

from boltspec.fees import COMMITMENT_WEIGHT, COMMITMENT_WEIGHT_ANCHORS, HTLC_OUTPUT_WEIGHT

MAX_STANDARD_WEIGHT = 400_000
"""Heavier transactions are not relayed."""
SIGNATURE_SIZE = 72
"""Most bytes of a signature: 71 in DER with a low S, one for the sighash type."""
KEY_SIZE = 33
INPUT_WEIGHT = 4 * 41
"""Outpoint 36 bytes, length of an empty script 1, sequence 4."""
TO_LOCAL_SCRIPT_SIZE = 83
"""As BOLT 5 counts: with 8 bytes for the delay, which never takes more than 3."""
TO_REMOTE_SCRIPT_SIZE = 37
"""With anchors; without them ``to_remote`` pays a key hash."""
OFFERED_SCRIPT_SIZE = 133
RECEIVED_SCRIPT_SIZE = 140
"""As BOLT 3 counts: with 4 bytes for the expiry."""
ANCHORS_SCRIPT_SIZE = 3
"""By how much anchors lengthen the scripts of HTLC outputs."""
COMMON_WEIGHT = 4 * (4 + 3 + 1 + 43 + 4) + 2
"""Version, number of inputs (up to 65,535), number of outputs, one P2WSH output, lock time; marker and flag."""


MANY_OUTPUTS_WEIGHT = 4 * 2
"""BOLT 3 counts one byte for the number of outputs without anchors, three with them: above 252 it takes three."""


def commitment_weight(option_anchors: bool, htlc_outputs: int) -> int:
    """Return the weight of a commitment transaction; its signatures count with 73 bytes, as BOLT 3 has it."""
    base = COMMITMENT_WEIGHT_ANCHORS if option_anchors else COMMITMENT_WEIGHT + MANY_OUTPUTS_WEIGHT
    return base + HTLC_OUTPUT_WEIGHT * htlc_outputs


def penalty_weight(option_anchors: bool, offered: int, received: int) -> int:
    """Return the weight of a transaction that takes both balances and so many HTLC outputs of a revoked commitment."""
    anchors = ANCHORS_SCRIPT_SIZE if option_anchors else 0
    by_key = 1 + KEY_SIZE
    to_local = _input_weight(2 + 1 + TO_LOCAL_SCRIPT_SIZE)
    to_remote = _input_weight(1 + TO_REMOTE_SCRIPT_SIZE if option_anchors else by_key)
    each_offered = _input_weight(by_key + 1 + OFFERED_SCRIPT_SIZE + anchors)
    each_received = _input_weight(by_key + 1 + RECEIVED_SCRIPT_SIZE + anchors)
    return COMMON_WEIGHT + to_local + to_remote + each_offered * offered + each_received * received


def _input_weight(after_signature: int) -> int:
    """Return the weight of an input whose witness is a signature and so many bytes: the number of items counts one."""
    return INPUT_WEIGHT + 1 + 1 + SIGNATURE_SIZE + after_signature
