"""What is offered for a transaction: more the nearer its deadline is, and more with every block that passes it by.

A node that finds the same plan at the same height offers the same: nothing has to be remembered for that. The estimate
is the chain client's, by target in blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from boltnode.onchain.plans import ClaimPlan, CommitmentPlan, HtlcPlan
from boltspec.chain.fee_reserve import CHILD_WEIGHT
from boltwire.fees import dust_threshold
from boltwire.spend import Spend, spend_weight

Estimate = Callable[[int], int]
"""Satoshi per 1000 weight units for confirmation within so many blocks, at least one."""

RELAXED_TARGET: Final = 12
"""Blocks within which a transaction without deadline is to be confirmed."""
FLOOR_PER_KW: Final = 253
"""Below this nothing is relayed: satoshi per 1000 weight units."""
CEILING_PER_KW: Final = 125_000
"""Nothing is worth more: satoshi per 1000 weight units."""
RELAXED_MOST: Final = 2
"""So many times what the next block costs is the most for a transaction without deadline: a node that was away for
long has not been waiting for miners, and nothing is lost by waiting."""
PATIENCE: Final = 6
"""For how many blocks a transaction without deadline waits until more is offered."""


def target_blocks(deadline: int | None, height: int) -> int:
    """Within how many blocks a transaction is to be confirmed when the chain has that height."""
    if deadline is None:
        return RELAXED_TARGET
    return min(max(deadline - height, 1), RELAXED_TARGET)


def feerate_per_kw(plan: CommitmentPlan | HtlcPlan | ClaimPlan, height: int, estimate: Estimate) -> int:
    """What is offered for a plan at a height: the estimate, raised for each block that has not taken it.

    A step is a quarter more, and as much as a mempool asks for to let one transaction replace another
    (B05-failing-channel-n-08, B05-htlc-tx-n-01).
    """
    waited = max(height + 1 - plan.opens, 0)
    steps, most = waited, CEILING_PER_KW
    if plan.deadline is None:
        steps, most = waited // PATIENCE, relaxed_most_per_kw(estimate)
    feerate = max(estimate(target_blocks(plan.deadline, height)), FLOOR_PER_KW)
    for _ in range(steps):
        if feerate >= most:
            break
        feerate = raised_per_kw(feerate)
    return min(feerate, most)


def relaxed_most_per_kw(estimate: Estimate) -> int:
    """The most for a transaction without deadline."""
    return min(RELAXED_MOST * max(estimate(1), FLOOR_PER_KW), CEILING_PER_KW)


def most_per_kw(plan: CommitmentPlan | HtlcPlan, estimate: Estimate) -> int:
    """Up to which feerate a plan's transaction is raised that took coins (D05-general-n-04).

    A commitment with a deadline goes up to where its child pays all that is at stake, and as far as one without in any
    case. What an HTLC transaction may cost is known only once it is made: there that is left to the caller.
    """
    if plan.deadline is None:
        return relaxed_most_per_kw(estimate)
    if isinstance(plan, HtlcPlan):
        return CEILING_PER_KW
    paid_sat, weight = plan.fee_sat + plan.at_stake_sat, plan.transaction.weight() + CHILD_WEIGHT
    return max(min(paid_sat * 1000 // weight, CEILING_PER_KW), relaxed_most_per_kw(estimate))


def patience(plan: CommitmentPlan | HtlcPlan) -> int:
    """How many blocks may pass a plan's transaction by until more is offered."""
    return PATIENCE if plan.deadline is None else 1


def raised_per_kw(feerate: int) -> int:
    """The next step above a feerate."""
    return min(max(feerate * 5 // 4, feerate + FLOOR_PER_KW), CEILING_PER_KW)


def affordable_per_kw(spends: tuple[Spend, ...], script: bytes, *, urgent: bool) -> int:
    """The most that a claim can offer: all but an output that is no dust, or half of it if there is no hurry."""
    value = sum(spend.amount_sat for spend in spends)
    most = min(value - dust_threshold(script), value if urgent else value // 2)
    return max(most, 0) * 1000 // spend_weight(spends, script)
