"""What an honest party does about deadlines (:mod:`boltspec.chain.deadlines`): it gives up, or keeps still."""

from __future__ import annotations

from boltspec.chain.deadlines import Timing, fulfilment_deadline, is_past, timeout_deadline
from boltspec.chain.enforcement import FULFILLER_DEADLINE, OFFERER_DEADLINE, TOO_LATE
from boltspec.chain.payments import Progress, is_owed
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.world import ChainWorld
from boltspec.channel import Channel
from boltspec.commitment import View, is_in
from boltspec.htlc import LOCAL
from boltspec.rules import duty
from boltspec.units import Height

UNREVOKED = (View.LOCAL_LATEST, View.REMOTE_LATEST, View.REMOTE_PREVIOUS)
"""Commitments that somebody can publish without punishment.

AMBIGUOUS: unrevoked-commitment: the peer's previous commitment counts as current until it is revoked."""


def must_fail(channel: Channel, world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether the node has to fail the channel now: a deadline of an HTLC is past."""
    return (is_timeout_overdue(channel, world, scenario) and all(map(duty, OFFERER_DEADLINE))) or (
        is_fulfilment_overdue(channel, world, scenario) and all(map(duty, FULFILLER_DEADLINE))
    )


def is_timeout_overdue(channel: Channel, world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether the timeout deadline of an HTLC that the node has offered is past."""
    height, timing = world.ledger.height, scenario.timing
    return channel.htlcs.any(
        lambda htlc: (
            htlc.offerer is LOCAL
            and is_past(timeout_deadline(htlc.cltv_expiry, timing), height)
            and any(is_in(htlc, view) for view in UNREVOKED)
        )
    )


def is_fulfilment_overdue(channel: Channel, world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether the fulfilment deadline of an HTLC is past that the node must be paid for."""
    height, timing = world.ledger.height, scenario.timing
    return channel.htlcs.any(
        lambda htlc: (
            htlc.offerer is not LOCAL
            and is_owed(world.payments[htlc.payment_hash])
            and is_past(fulfilment_deadline(htlc.cltv_expiry, timing), height)
            and any(is_in(htlc, view) for view in UNREVOKED)
        )
    )


def may_still_show(progress: Progress, cltv_expiry: Height, timing: Timing, height: Height) -> bool:
    """Say whether a recipient may show the preimage of an HTLC: not for the first time when its deadline is past."""
    return is_owed(progress) or not is_past(fulfilment_deadline(cltv_expiry, timing), height) or not duty(TOO_LATE)
