"""All properties, by form."""

from __future__ import annotations

from boltspec.properties import accounting, agreement, revocation, withdrawal
from boltspec.properties.property import ChannelProperty, StepProperty, WorldProperty

CHANNEL_PROPERTIES: tuple[ChannelProperty, ...] = (
    accounting.CONSERVATION,
    accounting.NON_NEGATIVE,
    accounting.STAGE_ORDER,
    accounting.ONE_UNACKED_COMMIT,
    accounting.LIMITS_HOLD,
    accounting.TERMS_LAWFUL,
    accounting.IDS_BELOW_NEXT,
    revocation.REVOKE_AFTER_NEW,
    revocation.SECRETS_HELD,
)
STEP_PROPERTIES: tuple[StepProperty, ...] = (
    accounting.RESERVE,
    accounting.FEE_AFFORDABLE,
    accounting.MONOTONE_NUMBERS,
    accounting.NO_EMPTY_COMMIT,
    accounting.FULFIL_PROVES,
    revocation.REVEALS_SUPERSEDED,
)
WORLD_PROPERTIES: tuple[WorldProperty, ...] = (
    agreement.NEVER_REJECTED,
    agreement.SAME_VIEW,
    agreement.EVENTUAL_AGREEMENT,
    agreement.LEDGER_BALANCED,
    revocation.PENALTY_SAFETY,
    revocation.NO_FALSE_PENALTY,
    revocation.REVOKED_NOT_PUBLISHED,
    withdrawal.EVENTUALLY_WITHDRAWN,
)
