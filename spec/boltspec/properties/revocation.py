"""Revocation: what is given up is given up for something, and publishing it is punished."""

from __future__ import annotations

from boltspec.channel import Channel
from boltspec.messages import RevokeAndAck
from boltspec.properties.property import ChannelProperty, Step, StepProperty, WorldProperty
from boltspec.scenario import Scenario
from boltspec.world import World


def _holds_signed_unrevoked(channel: Channel) -> bool:
    return channel.signed and channel.local_revocations <= channel.local_commitment_number


def _reveals_superseded_only(step: Step) -> bool:
    if not (step.sending and isinstance(step.message, RevokeAndAck)):
        return True
    return 0 <= step.message.per_commitment_secret < step.after.local_revocations


def _holds_every_secret(channel: Channel) -> bool:
    return channel.remote_secrets == channel.remote_revocations


def _thief_unpaid(world: World, scenario: Scenario) -> bool:
    closing = world.ledger.closing
    if closing is None or scenario.corrupt[1 - closing.owner]:
        return True
    if closing.number >= world.nodes[1 - closing.owner].remote_revocations:
        return True
    return all(payment.payee != closing.owner for payment in world.ledger.paid)


def _honest_never_punished(world: World, scenario: Scenario) -> bool:
    closing = world.ledger.closing
    if closing is None or scenario.corrupt[closing.owner]:
        return True
    return not any(payment.by_revocation for payment in world.ledger.paid)


def _honest_publishes_unrevoked(world: World, scenario: Scenario) -> bool:
    closing = world.ledger.closing
    if closing is None or scenario.corrupt[closing.owner]:
        return True
    return closing.number >= world.nodes[closing.owner].local_revocations


REVOKE_AFTER_NEW = ChannelProperty(
    "RevokeAfterNew",
    "A node always holds a commitment that is fully signed and not revoked: it gives up one only for a newer one.",
    _holds_signed_unrevoked,
)
REVEALS_SUPERSEDED = StepProperty(
    "RevealsSuperseded", "The secret that a node reveals is that of a commitment it has given up.",
    _reveals_superseded_only,
)
SECRETS_HELD = ChannelProperty(
    "SecretsHeld", "A node can derive the secret of every commitment that its peer has revoked.", _holds_every_secret
)
PENALTY_SAFETY = WorldProperty(
    "PenaltySafety", "Who publishes a revoked commitment is paid nothing from its delayed and HTLC outputs.",
    _thief_unpaid,
)
NO_FALSE_PENALTY = WorldProperty(
    "NoFalsePenalty", "An honest node's commitment is never punished.", _honest_never_punished
)
REVOKED_NOT_PUBLISHED = WorldProperty(
    "RevokedNotPublished", "An honest node never publishes a revoked commitment.", _honest_publishes_unrevoked
)
