"""Resuming a channel on a new connection (BOLT 2, Message Retransmission).

When a connection is lost nobody knows what has arrived. Both nodes forget the updates that no signature covers, tell
each other with ``channel_reestablish`` what they have, and send again what the other lacks: at most the last
``commitment_signed``, with its updates, and the last ``revoke_and_ack``, in the order in which they were sent at first.
A node that learns from its peer that it has lost data never publishes a commitment: it may be revoked.

What was sent may have arrived (B02-retransmission-n-18): a commitment that was ever signed may be published at any time
(B02-retransmission-n-19). So what is signed again is the same commitment. The id of an update that is forgotten may
come once more (B02-adding-htlc-r-06).

Numbers count from 0, as in BOLT 2: of commitments, and of revocations by the commitment that they revoke.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from boltspec.channel import Channel, Link
from boltspec.commit import last_commitment_signed
from boltspec.feerates import forget_pending
from boltspec.htlc import LOCAL, REMOTE, Htlc, Removal, Side, Stage
from boltspec.messages import (
    NO_SECRET,
    ChannelReestablish,
    Message,
    RevokeAndAck,
    Update,
    UpdateAddHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
    UpdateFulfillHtlc,
)
from boltspec.rules import Reaction, duty, require
from boltspec.verdict import receives, sends

FAIL_CHANNEL, WARN_OR_FAIL = Reaction.FAIL_CHANNEL, Reaction.WARN_OR_FAIL


# --- losing the connection ---


def disconnected(channel: Channel) -> Channel:
    """Return the channel after the connection was lost: it is resumed on the next one (B02-retransmission-n-01).

    The peer's updates that no ``commitment_signed`` has covered are reversed; a preimage that came with one is not
    forgotten. AMBIGUOUS: own-uncommitted-updates: our own ones are forgotten too, to be made anew if they are still
    wanted.
    """
    forgets = (True, duty("B02-retransmission-n-02"))
    return replace(
        channel,
        htlcs=channel.htlcs.keep(lambda htlc: not _is_uncommitted_offer(htlc, forgets)).map(
            lambda htlc: _without_uncommitted_removal(htlc, forgets)
        ),
        next_local_htlc_id=channel.next_local_htlc_id - _uncommitted_offers(channel, LOCAL, forgets),
        next_remote_htlc_id=channel.next_remote_htlc_id - _uncommitted_offers(channel, REMOTE, forgets),
        feerates=forget_pending(channel.feerates) if forgets[channel.params.opener] else channel.feerates,
        link=Link.DOWN,
        owes_commitment=False,
        owes_revocation=False,
    )


def _is_uncommitted_offer(htlc: Htlc, forgets: tuple[bool, bool]) -> bool:
    return htlc.added is Stage.PENDING and forgets[htlc.offerer]


def _without_uncommitted_removal(htlc: Htlc, forgets: tuple[bool, bool]) -> Htlc:
    if htlc.removed is Stage.PENDING and forgets[htlc.recipient]:
        return replace(htlc, removal=Removal.NONE, removed=Stage.ABSENT)
    return htlc


def _uncommitted_offers(channel: Channel, offerer: Side, forgets: tuple[bool, bool]) -> int:
    return channel.htlcs.count(lambda htlc: htlc.offerer is offerer and _is_uncommitted_offer(htlc, forgets))


# --- channel_reestablish ---


def next_channel_reestablish(channel: Channel) -> ChannelReestablish:
    """Return the message that says what we have."""
    return ChannelReestablish(
        next_commitment_number=channel.local_commitment_number + 1,
        next_revocation_number=channel.remote_revocations,
        your_last_per_commitment_secret=last_secret(channel.remote_revocations),
    )


def last_secret(revocations: int) -> int:
    """Return what stands for the newest secret when so many commitments are revoked."""
    return NO_SECRET if revocations == 0 else revocations - 1


def owes_reestablish(channel: Channel) -> bool:
    """Say whether ``channel_reestablish`` is to be sent now."""
    return channel.link in (Link.DOWN, Link.RECEIVED) and duty("B02-retransmission-n-05")


@sends
def send_channel_reestablish(channel: Channel, message: ChannelReestablish) -> Channel:
    """Say what we have, first of all on a new connection."""
    require(channel.link in (Link.DOWN, Link.RECEIVED), "D02-retransmission-s-01", link=channel.link)
    right = next_channel_reestablish(channel)
    number, revocation = message.next_commitment_number, message.next_revocation_number
    require(number == right.next_commitment_number, "B02-retransmission-s-01", next_commitment_number=number)
    require(revocation == right.next_revocation_number, "B02-retransmission-s-02", next_revocation_number=revocation)
    secret = message.your_last_per_commitment_secret
    if revocation == 0:
        require(secret == NO_SECRET, "B02-retransmission-s-04", secret=secret)
    else:
        require(secret == right.your_last_per_commitment_secret, "B02-retransmission-s-05", secret=secret)
    return replace(channel, link=Link.SENT if channel.link is Link.DOWN else Link.UP)


@receives
def receive_channel_reestablish(channel: Channel, message: ChannelReestablish) -> Channel:
    """Learn what the peer has, and so what we owe it."""
    require(channel.link in (Link.DOWN, Link.SENT), "D02-retransmission-r-01", WARN_OR_FAIL, link=channel.link)
    number, revocation = message.next_commitment_number, message.next_revocation_number
    require(number != 0, "B02-retransmission-n-07", FAIL_CHANNEL, next_commitment_number=number)
    resumed = replace(channel, link=Link.UP if channel.link is Link.SENT else Link.RECEIVED)
    # AMBIGUOUS: order-of-checks: proof that we are behind comes before what the numbers say, since any of these
    # failures would publish our commitment.
    secret_right = message.your_last_per_commitment_secret == last_secret(revocation)
    if revocation > channel.local_revocations and secret_right:
        return replace(resumed, behind=True)
    return _owing(resumed, number, revocation, secret_right)


def _owing(channel: Channel, number: int, revocation: int, secret_right: bool) -> Channel:
    """Return the channel with what the peer lacks."""
    sent, revoked = channel.remote_commitment_number, channel.local_revocations
    # AMBIGUOUS: nothing-to-repeat: there is no commitment_signed for commitment 0; channel_ready is repeated instead.
    commitment_lost = sent > 0 and number == sent
    # AMBIGUOUS: peer-behind: a peer with lower numbers than these has lost data; it is not waited for.
    require(
        commitment_lost or number == sent + 1,
        "B02-retransmission-n-13",
        FAIL_CHANNEL,
        next_commitment_number=number,
        signed=sent,
    )
    revocation_lost = revoked > 0 and revocation == revoked - 1
    if revoked > 0:
        right = revocation_lost or revocation == revoked
        require(right, "B02-retransmission-n-16", FAIL_CHANNEL, next_revocation_number=revocation, revoked=revoked)
    else:
        require(revocation == 0, "B02-retransmission-n-17", FAIL_CHANNEL, next_revocation_number=revocation)
    require(secret_right, "B02-retransmission-r-05", FAIL_CHANNEL, next_revocation_number=revocation)
    return replace(
        channel,
        owes_commitment=commitment_lost and duty("B02-retransmission-n-12"),
        owes_revocation=revocation_lost and duty("B02-retransmission-n-14"),
    )


def must_ask_to_be_closed(channel: Channel) -> bool:
    """Say whether an error is to be sent that asks the peer to fail the channel: we may not do so ourselves."""
    return channel.behind and duty("B02-retransmission-r-04")


@sends
def may_speak(channel: Channel, message: object) -> Channel:
    """Check that a message of an open channel may be sent: after ``channel_reestablish``, and after what is owed."""
    del message
    require(channel.link is Link.UP, "B02-retransmission-n-06", link=channel.link)
    require(not (channel.owes_commitment or channel.owes_revocation), "D02-retransmission-s-02")
    require(not channel.behind, "D02-retransmission-s-03")
    return channel


@receives
def may_be_spoken_to(channel: Channel, message: object) -> Channel:
    """Check that the peer may send a message of normal operation: after both ``channel_reestablish``."""
    del message
    require(channel.link is Link.UP, "D02-retransmission-r-02", WARN_OR_FAIL, link=channel.link)
    return channel


# --- sending again ---


def retransmission(channel: Channel) -> tuple[Message, ...]:
    """Return what is to be sent again now, in its order; nothing before our own ``channel_reestablish``."""
    if channel.link is not Link.UP or channel.behind:
        return ()
    revocation = (RevokeAndAck(channel.local_revocations - 1),) if channel.owes_revocation else ()
    commitment: tuple[Message, ...] = ()
    if channel.owes_commitment:
        commitment = (*_committed_updates(channel), last_commitment_signed(channel))
    if channel.signed_last or not duty("B02-retransmission-n-15"):
        return (*revocation, *commitment)
    return (*commitment, *revocation)


def retransmitted(channel: Channel) -> Channel:
    """Return the channel once everything that was owed is sent."""
    return replace(channel, owes_commitment=False, owes_revocation=False)


def _committed_updates(channel: Channel) -> Iterator[Update]:
    """Yield our updates that our last ``commitment_signed`` covered and that are not acknowledged."""
    # AMBIGUOUS: order-of-updates: what frees money comes before what needs it, or the peer would refuse an offer.
    for htlc in channel.htlcs.items:
        if htlc.offerer is REMOTE and htlc.removed is Stage.COMMITTED:
            yield _removal_message(htlc)
    committed = channel.feerates.at(Stage.COMMITTED)
    if channel.params.opener is LOCAL and committed.number != channel.feerates.at(Stage.ACKED).number:
        yield UpdateFee(committed.feerate_per_kw)
    for htlc in channel.htlcs.items:
        if htlc.offerer is LOCAL and htlc.added is Stage.COMMITTED:
            yield UpdateAddHtlc(htlc.id, htlc.amount_msat, htlc.payment_hash, htlc.cltv_expiry)


def _removal_message(htlc: Htlc) -> Update:
    """Return the message by which an HTLC was removed, as far as the channel depends on it.

    The reason of a failure is not part of the channel, nor is the hash of an onion that could not be read: a node sends
    what it sent at first. The code of such a failure is; the offerer words the failure with it.
    """
    match htlc.removal:
        case Removal.FULFILL:
            return UpdateFulfillHtlc(htlc.id, htlc.payment_hash)
        case Removal.FAIL:
            return UpdateFailHtlc(htlc.id)
        case Removal.FAIL_MALFORMED:
            return UpdateFailMalformedHtlc(htlc.id, htlc.failure_code)
        case Removal.NONE:
            raise ValueError(f"HTLC {htlc.id} has not been removed")
