"""The formats of commitment transactions, as a table of what differs between them (BOLT 3, Fee Calculation).

Both use ``option_static_remotekey``. What differs: outputs, weights, the fee of HTLC transactions and their locks.
"""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class _FormatTraits:
    has_anchors: bool
    commitment_weight: int
    htlc_timeout_weight: int
    htlc_success_weight: int
    htlc_fees: bool
    htlc_sequence: int


class CommitmentFormat(Enum):
    """The formats that a ``channel_type`` selects; every trait is a property."""

    STATIC_REMOTEKEY = _FormatTraits(
        has_anchors=False,
        commitment_weight=724,
        htlc_timeout_weight=663,
        htlc_success_weight=703,
        htlc_fees=True,
        htlc_sequence=0,
    )
    ANCHORS_ZERO_FEE_HTLC = _FormatTraits(
        has_anchors=True,
        commitment_weight=1124,
        htlc_timeout_weight=666,
        htlc_success_weight=706,
        htlc_fees=False,
        htlc_sequence=1,
    )

    has_anchors: bool
    """Whether ``option_anchors`` applies: two anchor outputs, and a one-block delay on every other path of remote."""

    commitment_weight: int
    """Expected weight of the commitment transaction without HTLC outputs (B03-fee-calculation-b-05)."""

    htlc_timeout_weight: int
    """Expected weight of the HTLC-timeout transaction."""

    htlc_success_weight: int
    """Expected weight of the HTLC-success transaction, as the BOLT counts it: one more than the real one."""

    htlc_fees: bool
    """Whether HTLC transactions pay a fee by themselves; with anchors they pay none and need further inputs."""

    htlc_sequence: int
    """``nSequence`` of the HTLC transactions, and of remote's direct claims of HTLC outputs."""

    def __init__(self, traits: _FormatTraits) -> None:
        self.has_anchors = traits.has_anchors
        self.commitment_weight = traits.commitment_weight
        self.htlc_timeout_weight = traits.htlc_timeout_weight
        self.htlc_success_weight = traits.htlc_success_weight
        self.htlc_fees = traits.htlc_fees
        self.htlc_sequence = traits.htlc_sequence
