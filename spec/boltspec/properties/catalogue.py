"""All properties, by form."""

from __future__ import annotations

from boltspec.properties import (
    accounting,
    affordability,
    agreement,
    exposure,
    persistence,
    reconnection,
    resumption,
    revocation,
)
from boltspec.properties.property import ChannelProperty, StepProperty, WorldProperty

CHANNEL_PROPERTIES: tuple[ChannelProperty, ...] = (
    accounting.CONSERVATION,
    accounting.NON_NEGATIVE,
    accounting.STAGE_ORDER,
    accounting.ONE_UNACKED_COMMIT,
    accounting.LIMITS_HOLD,
    accounting.TERMS_LAWFUL,
    accounting.IDS_BELOW_NEXT,
    accounting.UNCOMMITTED_LAST,
    revocation.REVOKE_AFTER_NEW,
    revocation.SECRETS_HELD,
)
STEP_PROPERTIES: tuple[StepProperty, ...] = (
    accounting.RESERVE,
    accounting.FEE_AFFORDABLE,
    accounting.MONOTONE_NUMBERS,
    accounting.NO_EMPTY_COMMIT,
    accounting.FULFIL_PROVES,
    affordability.FEERATES_REASONABLE,
    affordability.FEE_SPIKE_BUFFER,
    affordability.AFFORDABLE_TO_OPENER,
    affordability.DUST_EXPOSURE,
    affordability.NO_OVEREXPOSED_FULFIL,
    exposure.MALFORMED_IS_BADONION,
    persistence.DURABLE_BEFORE_SENT,
    reconnection.SPEAKS_ONCE_RESUMED,
    reconnection.OWES_WHAT_IS_LACKING,
    revocation.REVEALS_SUPERSEDED,
)
WORLD_PROPERTIES: tuple[WorldProperty, ...] = (
    agreement.NEVER_REJECTED,
    agreement.SAME_VIEW,
    agreement.EVENTUAL_AGREEMENT,
    exposure.OPENER_CAN_PAY,
    exposure.DUST_CONSISTENCY,
    resumption.UNCOMMITTED_FORGOTTEN,
)
FINAL_PROPERTIES: tuple[WorldProperty, ...] = (resumption.RECONNECT_LIVE, resumption.HONEST_PROGRESS)
"""Hold in every world in which nothing more can happen."""
