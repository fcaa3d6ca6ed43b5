"""Outputs that bring less than it costs to take them (BOLT 5, Failing a Channel, Rationale; D05-general-n-07).

``dust_limit_satoshis`` keeps most of them away: smaller outputs are left out of commitments. What is only a little
larger has an output, and still costs more than it brings. The claim has to pay its fee and must itself leave an output
that is relayed; with ``option_anchors`` an HTLC transaction comes before it, for which the wallet pays. A node leaves
such an output alone. What it had offered there counts as timed out once that could have been confirmed: else the
incoming HTLC would wait for it, and the peer there would go on chain. Its own peer can claim the output even then; so
what a node leaves alone it may lose, and no more.

Outputs of a revoked commitment are too little only all together: a thief could add up many of them.
"""

from __future__ import annotations

from boltspec.chain.conditions import Kind
from boltspec.chain.enforcement import RESOLUTIONS, Situation
from boltspec.chain.fee_reserve import CHANGE_WEIGHT, FRAME_WEIGHT
from boltspec.chain.ledger import HTLC_OUTPUTS, Confirmed, Ledger
from boltspec.chain.scenario import ChainScenario
from boltspec.units import Blocks, FeeratePerKw, Height, Sat
from boltspec.weights import ANCHORS_SCRIPT_SIZE, INPUT_WEIGHT, KEY_SIZE, RECEIVED_SCRIPT_SIZE, SIGNATURE_SIZE

GIVE_UP = "D05-general-n-07"
"""The duty to treat as timed out what was offered in an output that is left alone."""
CLAIM_WEIGHT = (
    FRAME_WEIGHT
    + CHANGE_WEIGHT
    + INPUT_WEIGHT
    + (1 + 1 + SIGNATURE_SIZE)
    + (1 + KEY_SIZE)
    + (1 + RECEIVED_SCRIPT_SIZE + ANCHORS_SCRIPT_SIZE)
)
"""Of the heaviest claim on one output, the penalty on a received HTLC, which pays to a P2TR output."""
LEAST_OUTPUT = Sat(354)
"""Of that output: the dust limit of witness programs (BOLT 3, Dust Limits)."""
LEAST_FEERATE = FeeratePerKw(253)
"""Less is not relayed either: what is not worth its claim at that feerate never will be."""
LEAST_WORTH = LEAST_OUTPUT + Sat(-(-(LEAST_FEERATE * CLAIM_WEIGHT) // 1000))
"""What an output must hold to be worth its claim, however little miners ask for.

An HTLC transaction with its coin and the claim on its output cost less together.
"""


def is_small(amount_sat: Sat, scenario: ChainScenario) -> bool:
    """Say whether an output of that amount is worth no claim of its own."""
    return amount_sat < scenario.uneconomical_satoshis


def left_alone(ledger: Ledger, case: Situation, scenario: ChainScenario) -> tuple[Confirmed, ...]:
    """Return the unspent outputs that a node does not take, since they are not worth it."""
    small = [
        entry
        for entry in ledger.unspent
        if (case, entry.coin.kind) in RESOLUTIONS
        and is_small(entry.coin.amount_sat, scenario)
        and not _is_paid_for(case, entry.coin.kind, scenario.params.option_anchors)
    ]
    together = sum((entry.coin.amount_sat for entry in small), Sat(0))
    if case is Situation.REVOKED and not is_small(together, scenario):
        return ()
    return tuple(small)


def _is_paid_for(case: Situation, kind: Kind, option_anchors: bool) -> bool:
    """Say whether the transaction that takes an output pays a fee already: an HTLC transaction without anchors."""
    return case is Situation.LOCAL and kind in HTLC_OUTPUTS and not option_anchors


def timed_out_at(entry: Confirmed) -> Height:
    """Return the first height at which the timeout of an HTLC output could have been confirmed."""
    assert entry.coin.htlc is not None
    return max(entry.height, entry.coin.htlc.cltv_expiry) + Blocks(1)
