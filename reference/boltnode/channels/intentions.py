"""What we want to say of our own accord as soon as it may be said: readiness, answers to HTLCs, the channel's end.

The specification says what is owed; this is what we would like to add, read off the record. The sender's step still
has the last word.
"""

from __future__ import annotations

from boltnode.channels.record import ChannelRecord, Claim, Closer, GiveBack, ReceivedHtlc, Unreadable
from boltspec.channel import Link
from boltspec.closing import simple
from boltspec.closing.messages import ClosingComplete, Shutdown
from boltspec.closing.transaction import ClosingDetails
from boltspec.establishment.messages import ChannelReady
from boltspec.establishment.state import Awaited, is_deep
from boltspec.htlc import REMOTE, Htlc, Removal, Stage
from boltspec.lifetime.state import End, Life
from boltspec.messages import UpdateFailHtlc, UpdateFailMalformedHtlc, UpdateFulfillHtlc

Removing = UpdateFulfillHtlc | UpdateFailHtlc | UpdateFailMalformedHtlc


def readiness(record: ChannelRecord) -> ChannelReady | None:
    """``channel_ready``, once the funding output is deep enough for the peer, and for our user."""
    life, state = record.life, record.life.establishment
    if int(state.seen.confirmations) < record.least_depth:
        return None
    waits = state.awaited is Awaited.CHANNEL_READY and not state.ready_sent
    if state.funding is None or not waits or life.end is not End.NONE or not is_deep(state):
        return None
    return ChannelReady(state.funding)


def undecided(record: ChannelRecord) -> list[tuple[Htlc, ReceivedHtlc]]:
    """HTLCs of the peer that are irrevocably there, and about which nothing is decided."""
    return _irrevocable(record, decided=False)


def answers(record: ChannelRecord) -> list[Removing]:
    """The removals of the HTLCs about which it is decided, as far as the connection allows them now."""
    channel = record.life.channel
    if channel is None or record.life.end is not End.NONE or channel.link is not Link.UP:
        return []
    decided = _irrevocable(record, decided=True)
    return [_removal(htlc, entry) for htlc, entry in decided if htlc.removal is Removal.NONE]


def _irrevocable(record: ChannelRecord, *, decided: bool) -> list[tuple[Htlc, ReceivedHtlc]]:
    channel = record.life.channel
    entries = [entry for entry in record.received if (entry.answer is not None) is decided]
    if channel is None:
        return []
    found = ((channel.htlcs.find(REMOTE, entry.id), entry) for entry in entries)
    return [(htlc, entry) for htlc, entry in found if htlc is not None and htlc.added is Stage.IRREVOCABLE]


def _removal(htlc: Htlc, entry: ReceivedHtlc) -> Removing:
    match entry.answer:
        case Claim():
            return UpdateFulfillHtlc(htlc.id, htlc.payment_hash)
        case GiveBack():
            return UpdateFailHtlc(htlc.id)
        case Unreadable() as unreadable:
            return UpdateFailMalformedHtlc(htlc.id, unreadable.failure_code)
        case None:
            raise ValueError(f"nothing is decided about HTLC {htlc.id}")


def goodbye(record: ChannelRecord) -> Shutdown | None:
    """``shutdown``, if we are the one who wants to close and have not said so."""
    life, closing = record.life, record.life.closing
    if closing is None or record.closer is not Closer.LOCAL or life.end is not End.NONE:
        return None
    if life.shutdown_sent or closing.sent_shutdown:
        return None
    return Shutdown(closing.local_upfront or closing.local_script or closing.policy.script)


def closing_proposal(life: Life) -> ClosingComplete | None:
    """A closing transaction of ours, where each side pays for its own and it is time to propose one."""
    closing = life.closing
    if closing is None or life.end is not End.NONE or not simple.may_propose(closing):
        return None
    if closing.local_script is None or closing.remote_script is None:
        return None
    details = ClosingDetails(closing.local_script, closing.remote_script, closing.policy.fee_satoshis)
    return ClosingComplete(details, simple.offer(closing, details))
