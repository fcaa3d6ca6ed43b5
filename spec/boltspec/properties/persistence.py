"""Persistence: what others may hold of a node is durable before they get it, so that no crash makes it forget."""

from __future__ import annotations

from boltspec.party import is_durable_before
from boltspec.properties.property import Step, StepProperty
from boltspec.rules import duty


def _given_away_when_durable(step: Step) -> bool:
    """Say whether the step gave away neither a signature nor a secret, unless the state after it was made durable.

    What is received needs no such care: it is nobody's hold on the node, and is sent again after a crash.
    """
    if step.sending and is_durable_before(step.message) and duty("D02-retransmission-n-01"):
        return True
    revoked = step.after.local_revocations - step.before.local_revocations
    signed = step.after.remote_commitment_number - step.before.remote_commitment_number
    return revoked == 0 and signed == 0


DURABLE_BEFORE_SENT = StepProperty(
    "DurableBeforeSent",
    "A node has made durable every commitment that it signs and every one that it revokes before anybody learns of it.",
    _given_away_when_durable,
)
