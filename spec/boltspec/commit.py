"""Committing and revoking (BOLT 2, Committing Updates So Far, Completing the Transition to the Updated State).

``commitment_signed`` gives the receiver a new commitment; ``revoke_and_ack`` gives up the one before it. Between the
two the owner holds two valid commitments. Revoking is giving away a secret: from then on the peer can take every output
of the old commitment.
"""

from __future__ import annotations

from dataclasses import replace

from boltspec.channel import Channel
from boltspec.commitment import View, commitment, untrimmed_count
from boltspec.feerates import advance_fee, fee_is_moved_by
from boltspec.htlc import LOCAL, REMOTE, Event, Htlc, Removal, Side, advance, is_moved_by, is_settled
from boltspec.messages import CommitmentSigned, RevokeAndAck, Signature
from boltspec.rules import Reaction, require
from boltspec.units import Msat
from boltspec.verdict import receives, sends

WARN_OR_FAIL, FAIL_CHANNEL = Reaction.WARN_OR_FAIL, Reaction.FAIL_CHANNEL


def next_commitment_signed(channel: Channel) -> CommitmentSigned:
    """Return the message that signs the peer's next commitment.

    Its point comes with the revocation of the one before: without it nothing that we could sign is valid.
    """
    knows_point = channel.remote_commitment_number == channel.remote_revocations
    signature = Signature(commitment(channel, View.REMOTE_NEXT) if knows_point else None)
    return CommitmentSigned(signature, untrimmed_count(channel, View.REMOTE_NEXT, REMOTE), signature)


def last_commitment_signed(channel: Channel) -> CommitmentSigned:
    """Return the message that signed the peer's newest commitment, to be sent again.

    AMBIGUOUS: signed-again: nothing new is put into it, so the same commitment is signed once more; a later one would
    need its number.
    """
    signature = Signature(commitment(channel, View.REMOTE_LATEST))
    return CommitmentSigned(signature, untrimmed_count(channel, View.REMOTE_LATEST, REMOTE), signature)


def first_signature(channel: Channel) -> CommitmentSigned:
    """Return the signature of the peer that the channel was opened with, in the form of the later ones."""
    signature = Signature(commitment(channel, View.LOCAL_LATEST))
    return CommitmentSigned(signature, 0, signature)


@sends
def send_commitment_signed(channel: Channel, message: CommitmentSigned) -> Channel:
    """Sign the peer's next commitment: all updates that we sent, and those of the peer that we acked."""
    require(
        channel.remote_commitment_number == channel.remote_revocations,
        "D02-commitment-signed-s-01",
        signed=channel.remote_commitment_number,
        revoked=channel.remote_revocations,
    )
    event = Event.SEND_COMMITMENT_SIGNED
    # A fee change is reason enough, and so is one that changes no output (B02-commitment-signed-s-02, -s-03).
    require(has_moved_by(channel, event), "B02-commitment-signed-s-01")
    new = commitment(channel, View.REMOTE_NEXT)
    count = untrimmed_count(channel, View.REMOTE_NEXT, REMOTE)
    require(
        message.num_htlcs == count and message.htlc_signatures.covers(new),
        "B02-commitment-signed-s-04",
        num_htlcs=message.num_htlcs,
        untrimmed=count,
    )
    require(message.signature.covers(new), "D02-commitment-signed-s-02")
    return replace(
        advanced(channel, event),
        remote_commitment_number=channel.remote_commitment_number + 1,
        signed_last=True,
    )


@receives
def receive_commitment_signed(channel: Channel, message: CommitmentSigned) -> Channel:
    """Take a new commitment, which supersedes ours: we now owe ``revoke_and_ack`` (B02-commitment-signed-r-12)."""
    require(
        channel.local_commitment_number == channel.local_revocations,
        "D02-commitment-signed-r-01",
        FAIL_CHANNEL,
        signed=channel.local_commitment_number,
        revoked=channel.local_revocations,
    )
    new = commitment(channel, View.LOCAL_NEXT)
    signature_valid = message.signature.covers(new)
    require(signature_valid, "B02-commitment-signed-r-01", WARN_OR_FAIL, number=new.number)
    count = untrimmed_count(channel, View.LOCAL_NEXT, LOCAL)
    counted = message.num_htlcs == count
    require(counted, "B02-commitment-signed-r-02", WARN_OR_FAIL, num_htlcs=message.num_htlcs, untrimmed=count)
    htlc_signatures_valid = message.htlc_signatures.covers(new)
    require(htlc_signatures_valid, "B02-commitment-signed-r-03", WARN_OR_FAIL, number=new.number)
    return replace(
        advanced(channel, Event.RECEIVE_COMMITMENT_SIGNED),
        local_commitment_number=channel.local_commitment_number + 1,
        signed=signature_valid and counted and htlc_signatures_valid,
    )


def next_revoke_and_ack(channel: Channel) -> RevokeAndAck:
    """Return the message that revokes our oldest valid commitment."""
    return RevokeAndAck(per_commitment_secret=channel.local_revocations)


def owes_revocation(channel: Channel) -> bool:
    """Say whether we hold a newer signed commitment and must answer with ``revoke_and_ack``."""
    return channel.local_revocations < channel.local_commitment_number


@sends
def send_revoke_and_ack(channel: Channel, message: RevokeAndAck) -> Channel:
    """Give up our previous commitment by revealing its secret."""
    require(
        owes_revocation(channel),
        "D02-revoke-and-ack-s-01",
        signed=channel.local_commitment_number,
        revoked=channel.local_revocations,
    )
    require(
        message.per_commitment_secret == channel.local_revocations,
        "B02-revoke-and-ack-s-01",
        secret=message.per_commitment_secret,
        superseded=channel.local_revocations,
    )
    after = advanced(channel, Event.SEND_REVOKE_AND_ACK)
    return _settled(replace(after, local_revocations=channel.local_revocations + 1, signed_last=False))


@receives
def receive_revoke_and_ack(channel: Channel, message: RevokeAndAck) -> Channel:
    """Take the secret of the peer's previous commitment: if the peer publishes it now, we take all of it."""
    require(
        channel.remote_revocations < channel.remote_commitment_number,
        "D02-revoke-and-ack-r-01",
        FAIL_CHANNEL,
        signed=channel.remote_commitment_number,
        revoked=channel.remote_revocations,
    )
    right = message.per_commitment_secret == channel.remote_revocations
    require(
        right,
        "B02-revoke-and-ack-r-01",
        FAIL_CHANNEL,
        secret=message.per_commitment_secret,
        superseded=channel.remote_revocations,
    )
    # A wrong secret adds nothing to what we can derive; nor does a right one after a gap, as the chain is broken.
    unbroken = right and channel.remote_secrets == channel.remote_revocations
    return _settled(
        replace(
            advanced(channel, Event.RECEIVE_REVOKE_AND_ACK),
            remote_revocations=channel.remote_revocations + 1,
            signed_last=False,
            remote_secrets=channel.remote_secrets + 1 if unbroken else channel.remote_secrets,
        )
    )


def has_moved_by(channel: Channel, event: Event) -> bool:
    """Say whether there is an update that the event moves on."""
    if fee_is_moved_by(channel.feerates, event, channel.params.opener):
        return True
    return channel.htlcs.any(lambda htlc: is_moved_by(htlc, event))


def advanced(channel: Channel, event: Event) -> Channel:
    """Return the channel with every update moved one stage on where the event says so."""
    return replace(
        channel,
        htlcs=channel.htlcs.map(lambda htlc: advance(htlc, event)),
        feerates=advance_fee(channel.feerates, event, channel.params.opener),
    )


def _settled(channel: Channel) -> Channel:
    """Book the HTLCs whose removal has become irrevocable, and let them go."""
    return replace(
        channel,
        local_msat=channel.local_msat + channel.htlcs.total(lambda htlc: _gain(htlc, LOCAL), Msat(0)),
        remote_msat=channel.remote_msat + channel.htlcs.total(lambda htlc: _gain(htlc, REMOTE), Msat(0)),
        htlcs=channel.htlcs.keep(lambda htlc: not is_settled(htlc)),
    )


def _gain(htlc: Htlc, side: Side) -> Msat:
    """Return what a settled HTLC adds to the balance of a side."""
    if not is_settled(htlc) or htlc.removal is not Removal.FULFILL:
        return Msat(0)
    return -htlc.amount_msat if htlc.offerer is side else htlc.amount_msat
