"""Enforcing a channel on chain (BOLT 5): which output an honest node takes, and by which path.

What to do depends on whose commitment was confirmed and whether it was revoked; the table :data:`RESOLUTIONS` is
BOLT 5's list of cases, in order of preference where the BOLT offers several.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from boltspec.channel import Channel
from boltspec.htlc import LOCAL, Side
from boltspec.outputs import PATHS, Kind, Path, Use
from boltspec.rules import duty, require
from boltspec.verdict import sends


class Situation(StrEnum):
    """Whose commitment spent the funding output, seen from an honest node."""

    LOCAL = "local commitment"
    REMOTE = "remote commitment"
    REVOKED = "revoked remote commitment"


RESOLUTIONS: dict[tuple[Situation, Kind], tuple[tuple[str, Use], ...]] = {
    (Situation.LOCAL, Kind.TO_LOCAL): (("B05-local-commit-n-01", Use.DELAYED),),
    (Situation.LOCAL, Kind.OFFERED_HTLC): (("B05-local-commit-local-offers-n-02", Use.HTLC_TIMEOUT),),
    (Situation.LOCAL, Kind.TIMED_OUT_HTLC): (("B05-local-commit-local-offers-n-04", Use.DELAYED),),
    (Situation.LOCAL, Kind.RECEIVED_HTLC): (("B05-local-commit-remote-offers-l-01", Use.HTLC_SUCCESS),),
    (Situation.LOCAL, Kind.SUCCEEDED_HTLC): (("B05-local-commit-remote-offers-l-03", Use.DELAYED),),
    (Situation.REMOTE, Kind.RECEIVED_HTLC): (("B05-remote-commit-local-offers-l-02", Use.CLAIM_EXPIRED),),
    (Situation.REMOTE, Kind.OFFERED_HTLC): (("B05-remote-commit-remote-offers-l-01", Use.CLAIM_WITH_PREIMAGE),),
    (Situation.REVOKED, Kind.TO_LOCAL): (("B05-revoked-commit-l-03", Use.REVOCATION),),
    (Situation.REVOKED, Kind.OFFERED_HTLC): (
        ("B05-revoked-commit-l-04", Use.REVOCATION),
        ("B05-revoked-commit-l-05", Use.CLAIM_WITH_PREIMAGE),
    ),
    (Situation.REVOKED, Kind.RECEIVED_HTLC): (
        ("B05-revoked-commit-l-07", Use.REVOCATION),
        ("B05-revoked-commit-l-08", Use.CLAIM_EXPIRED),
    ),
    (Situation.REVOKED, Kind.TIMED_OUT_HTLC): (("B05-revoked-commit-l-10", Use.REVOCATION),),
    (Situation.REVOKED, Kind.SUCCEEDED_HTLC): (("B05-revoked-commit-l-11", Use.REVOCATION),),
}
"""``(situation, output) -> ((rule, way to spend it), ...)``.

What is not listed needs no action: the peer's own outputs, and ``to_remote``, which pays a key of the wallet
(B05-remote-commit-l-02, B05-revoked-commit-l-02)."""

WATCH = "B05-general-n-01"
"""The duty to watch the chain: without it none of the others is ever acted upon."""


def situation(channel: Channel, owner: Side, number: int) -> Situation:
    """Say what the confirmed commitment of that owner and number means for this node."""
    if owner is LOCAL:
        return Situation.LOCAL
    return Situation.REVOKED if number < channel.remote_revocations else Situation.REMOTE


def path_of(kind: Kind, use: Use) -> Path:
    """Return the path of an output kind with that use."""
    return next(path for path in PATHS[kind] if path.use is use)


def resolution(case: Situation, kind: Kind, can_use: Callable[[Path], bool]) -> Path | None:
    """Return the path by which an honest node takes an output now; ``None`` if it cannot or need not.

    ``can_use`` says whether the node has what the path needs and the chain's locks allow it.
    """
    if not duty(WATCH):
        return None
    for rule, use in RESOLUTIONS.get((case, kind), ()):
        path = path_of(kind, use)
        if duty(rule) and can_use(path):
            return path
    return None


def knows_secret(channel: Channel, number: int) -> bool:
    """Say whether this node can derive the secret of the peer's commitment of that number."""
    return number < channel.remote_secrets


@sends
def publish_commitment(channel: Channel, number: int) -> Channel:
    """Publish one of our own signed commitments that is not revoked.

    B02-revoke-and-ack-n-01 and B05-revoked-commit-l-01 state the same rule. Which one of them a node publishes, the
    newest, is the world's matter: the one before it is as safe while it is not revoked.
    """
    require(not channel.behind, "B02-retransmission-r-03")
    require(
        number >= channel.local_revocations,
        "B02-revoke-and-ack-n-01",
        number=number,
        revocations=channel.local_revocations,
    )
    return channel
