"""What a node waits for, and what follows if the peer stays silent. For how long it waits is up to the node.

Most silences cost the peer its connection: on the next one both say again what was lost, and an honest peer goes on. A
proposal that leads to nothing is forgotten (B02-channel-ready-b-01), and a peer that does not negotiate the closing fee
fails the channel. Deadlines of HTLCs do not depend on any of this: they are met on the chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from boltspec.channel import Channel, Link
from boltspec.closing import legacy, simple
from boltspec.closing.state import Closing
from boltspec.establishment.state import ACCEPTER, Awaited
from boltspec.htlc import REMOTE
from boltspec.lifetime.state import End, Life


class Consequence(StrEnum):
    """What is done about a peer that stays silent for too long."""

    HANG_UP = "the connection is closed"
    FAIL = "the channel is failed, or forgotten if nothing was signed yet"


@dataclass(frozen=True, slots=True)
class Awaiting:
    """Something that the peer owes us."""

    message: str
    """Its name on the wire."""
    number: int
    """Tells one wait for this message from the next."""
    consequence: Consequence


def awaiting(life: Life, *, disputes_range: bool = False) -> Awaiting | None:
    """Return what a connected peer owes us about a channel; ``None`` if it is free to be silent.

    ``disputes_range`` says that the peer's last ``fee_range`` on this connection has nothing in common with ours
    (B02-closing-signed-r-07). How long a funder waits for the channel that it has proposed is between it and its user.
    """
    if life.end is not End.NONE:
        return None
    if life.closing is not None:
        return _in_channel(life.closing.channel) or _in_closing(life.closing, disputes_range=disputes_range)
    state = life.establishment
    if state.role is ACCEPTER and state.awaited is Awaited.FUNDING_CREATED:
        return Awaiting("funding_created", 0, Consequence.FAIL)
    return None


def _in_channel(channel: Channel) -> Awaiting | None:
    if channel.link in (Link.DOWN, Link.SENT):
        return Awaiting("channel_reestablish", 0, Consequence.HANG_UP)
    if channel.remote_commitment_number > channel.remote_revocations:
        return Awaiting("revoke_and_ack", channel.remote_revocations, Consequence.HANG_UP)
    return None


def _in_closing(closing: Closing, *, disputes_range: bool) -> Awaiting | None:
    if simple.must_disconnect_in_time(closing):
        return Awaiting("closing_sig", len(closing.published), Consequence.HANG_UP)
    negotiating = legacy.may_negotiate(closing)
    unmatched = disputes_range and negotiating and legacy.must_fail_for_range(closing)
    if unmatched or legacy.must_fail_in_time(closing):
        number = 0 if closing.sent is None else int(closing.sent.fee_satoshis)
        return Awaiting("closing_signed", number, Consequence.FAIL)
    if negotiating and closing.turn is REMOTE and not closing.published:
        return Awaiting("closing_signed", 0, Consequence.HANG_UP)  # the funder's first (B02-closing-signed-f-01)
    return None
