"""Revocation: what is given up is given up for something, and who it is given up to has the secret."""

from __future__ import annotations

from boltspec.channel import Channel
from boltspec.messages import RevokeAndAck
from boltspec.properties.property import ChannelProperty, Step, StepProperty


def _holds_signed_unrevoked(channel: Channel) -> bool:
    return channel.signed and channel.local_revocations <= channel.local_commitment_number


def _reveals_superseded_only(step: Step) -> bool:
    if not (step.sending and isinstance(step.message, RevokeAndAck)):
        return True
    return 0 <= step.message.per_commitment_secret < step.after.local_revocations


def _holds_every_secret(channel: Channel) -> bool:
    return channel.remote_secrets == channel.remote_revocations


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
