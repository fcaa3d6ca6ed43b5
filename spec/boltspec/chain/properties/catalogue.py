"""All properties of the chain world."""

from __future__ import annotations

from boltspec.chain.properties import ending, htlcs, leaving, payout, punishment
from boltspec.chain.properties.property import ChainProperty

PROPERTIES: tuple[ChainProperty, ...] = (
    payout.LEDGER_BALANCED,
    punishment.PENALTY_SAFETY,
    punishment.SECOND_STAGE_PENALTY,
    punishment.NO_FALSE_PENALTY,
    punishment.REVOKED_NOT_PUBLISHED,
    punishment.STALE_STATE_SAFE,
    leaving.UNILATERAL_EXIT,
    payout.EXACT_PAYOUT,
    leaving.MUTUAL_PREFERRED,
    payout.ONLY_OWNERS_SPEND,
    htlcs.NO_PAYOUT_RACE,
    htlcs.FORWARDER_SAFE,
    htlcs.TIMEOUT_DEADLINE,
    htlcs.FULFIL_DEADLINE,
    htlcs.PREIMAGE_HIDDEN,
    htlcs.REORG_STABLE,
    ending.RESOLVE_ALL,
    ending.EVENTUALLY_WITHDRAWN,
    ending.FORCE_CLOSE_ENDS,
)
"""In the order in which they are checked."""
