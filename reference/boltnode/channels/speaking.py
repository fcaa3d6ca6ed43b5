"""What we say about a channel: facts to bytes, with keys, signatures and secrets.

Only facts that the sender's step has accepted come here. Signatures are deterministic, so that what is said again has
the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltnode.channels import opening_facts
from boltnode.channels.closing_facts import Writer
from boltnode.channels.hearing import peer_point
from boltnode.channels.keys import ChannelKeys
from boltnode.channels.onions import onion_of
from boltnode.channels.record import ChannelRecord, Claim, GiveBack, ReceivedHtlc, Unreadable
from boltnode.channels.scripts import script_bytes
from boltspec.closing.messages import ClosingComplete, ClosingSig, ClosingSigned, Shutdown
from boltspec.commitment import Commitment
from boltspec.establishment.messages import (
    AcceptChannel,
    ChannelReady,
    FundingCreated,
    FundingSignature,
    FundingSigned,
    OpenChannel,
)
from boltspec.htlc import REMOTE
from boltspec.lifetime.messages import Error, Message, Warning  # noqa: A004  # the BOLT's name
from boltspec.messages import (
    NO_SECRET,
    ChannelReestablish,
    CommitmentSigned,
    RevokeAndAck,
    UpdateAddHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
    UpdateFulfillHtlc,
)
from boltwire import messages as wire
from boltwire.channel_terms import ChannelTerms, hash_named
from boltwire.commitment_signatures import CommitmentSignatures, sign_commitment
from boltwire.per_commitment_secrets import SecretStore, secret_index
from boltwire.scid import ShortChannelId

POINTS_AHEAD = 2
"""``revoke_and_ack`` gives the point of the commitment so many after the one that it revokes."""


@dataclass(frozen=True, slots=True)
class Mouth:
    """Writes our messages about one channel."""

    record: ChannelRecord
    keys: ChannelKeys
    terms: ChannelTerms | None
    upfront: bytes
    """The script that we commit to when the channel is opened, empty for none."""

    def say(self, fact: Message) -> wire.Message:
        """The message that states a fact. ValueError for one that nothing stands behind."""
        channel_id = self.record.channel_id
        match fact:
            case OpenChannel():
                return opening_facts.open_channel_message(fact, self.keys, self.upfront)
            case AcceptChannel():
                return opening_facts.accept_channel_message(fact, self.keys, self.upfront)
            case FundingCreated():
                funding = self._terms.funding_output.outpoint
                return wire.FundingCreated(
                    temporary_channel_id=opening_facts.bytes_named(fact.temporary_channel_id),
                    funding_txid=funding.txid,
                    funding_output_index=funding.vout,
                    signature=self._first_signature(fact.signature),
                )
            case FundingSigned():
                return wire.FundingSigned(channel_id=channel_id, signature=self._first_signature(fact.signature))
            case ChannelReady():
                alias = None if fact.alias is None else ShortChannelId(fact.alias)
                point = self.keys.point_of(fact.second_per_commitment_point).encoded
                return wire.ChannelReady(
                    channel_id=channel_id, second_per_commitment_point=point, short_channel_id=alias
                )
            case Error():
                return wire.Error(channel_id=channel_id, data=self.record.failure.encode("ascii", "replace"))
            case Warning():
                return wire.Warning(channel_id=channel_id, data=self.record.failure.encode("ascii", "replace"))
            case ChannelReestablish():
                return self._reestablish(fact)
            case CommitmentSigned():
                return self._commitment_signed(fact)
            case RevokeAndAck(number):
                return wire.RevokeAndAck(
                    channel_id=channel_id,
                    per_commitment_secret=self.keys.secret_of(number).secret,
                    next_per_commitment_point=self.keys.point_of(number + POINTS_AHEAD).encoded,
                )
            case Shutdown(script):
                return wire.Shutdown(channel_id=channel_id, scriptpubkey=script_bytes(script))
            case ClosingSigned():
                return self._writer.closing_signed(fact)
            case ClosingComplete():
                return self._writer.closing_complete(fact)
            case ClosingSig():
                return self._writer.closing_sig(fact)
            case _:
                return self._update(fact)

    @property
    def _terms(self) -> ChannelTerms:
        if self.terms is None:
            raise ValueError("the terms of the channel are not agreed on yet")
        return self.terms

    @property
    def _writer(self) -> Writer:
        return Writer(self._terms.funding_output, self.keys.funding_key, self.record.channel_id)

    # --- signatures and secrets ---

    def _signatures(self, fact: Commitment | None) -> CommitmentSignatures:
        """Sign a commitment of the peer."""
        point = None if fact is None else peer_point(self.record, fact.number)
        if fact is None or point is None:
            raise ValueError("nothing can be signed without the peer's point")
        built = self._terms.build(REMOTE, fact, point)
        return sign_commitment(built, self.keys.funding_key, self.keys.basepoint_secrets.htlc_basepoint_secret)

    def _first_signature(self, fact: FundingSignature) -> bytes:
        return self._signatures(None if fact.signed is None else fact.signed.commitment).signature

    def _commitment_signed(self, fact: CommitmentSigned) -> wire.CommitmentSigned:
        signatures = self._signatures(fact.signature.signed)
        return wire.CommitmentSigned(
            channel_id=self.record.channel_id,
            signature=signatures.signature,
            htlc_signature=signatures.htlc_signature,
        )

    def _reestablish(self, fact: ChannelReestablish) -> wire.ChannelReestablish:
        number, secret = fact.your_last_per_commitment_secret, bytes(32)
        if number != NO_SECRET:
            secret = SecretStore(self.record.secrets).lookup(secret_index(number))
        return wire.ChannelReestablish(
            channel_id=self.record.channel_id,
            next_commitment_number=fact.next_commitment_number,
            next_revocation_number=fact.next_revocation_number,
            your_last_per_commitment_secret=secret,
            my_current_per_commitment_point=self.keys.point_of(fact.next_commitment_number - 1).encoded,
        )

    # --- updates ---

    def _update(self, fact: Message) -> wire.Message:
        channel_id = self.record.channel_id
        match fact:
            case UpdateAddHtlc():
                return self._add(fact)
            case UpdateFee(feerate):
                return wire.UpdateFee(channel_id=channel_id, feerate_per_kw=int(feerate))  # type: ignore[call-overload]
            case UpdateFulfillHtlc() | UpdateFailHtlc() | UpdateFailMalformedHtlc():
                return self._removal(fact)
            case _:
                raise ValueError(f"no message on the wire: {fact}")

    def _add(self, fact: UpdateAddHtlc) -> wire.UpdateAddHtlc:
        payment_hash = hash_named(fact.payment_hash)
        ours = next(htlc for htlc in self.record.offered if htlc.id == fact.id)
        return wire.UpdateAddHtlc(
            channel_id=self.record.channel_id,
            id=fact.id,
            amount_msat=int(fact.amount_msat),
            payment_hash=payment_hash,
            cltv_expiry=int(fact.cltv_expiry),
            onion_routing_packet=onion_of(ours, self.record.peer, payment_hash).packet.encode(),
        )

    def _removal(self, fact: UpdateFulfillHtlc | UpdateFailHtlc | UpdateFailMalformedHtlc) -> wire.Message:
        """What was decided about the HTLC, in bytes."""
        channel_id = self.record.channel_id
        match received(self.record, fact.id).answer:
            case Claim(preimage):
                return wire.UpdateFulfillHtlc(channel_id=channel_id, id=fact.id, payment_preimage=preimage)
            case GiveBack(reason):
                return wire.UpdateFailHtlc(channel_id=channel_id, id=fact.id, reason=reason)
            case Unreadable(sha256_of_onion, code):
                return wire.UpdateFailMalformedHtlc(
                    channel_id=channel_id, id=fact.id, sha256_of_onion=sha256_of_onion, failure_code=code
                )
            case None:
                raise ValueError(f"nothing is decided about HTLC {fact.id}")


def received(record: ChannelRecord, htlc_id: int) -> ReceivedHtlc:
    """What belongs to an HTLC of the peer. LookupError if there is none of that id."""
    found = next((htlc for htlc in record.received if htlc.id == htlc_id), None)
    if found is None:
        raise LookupError(f"there is no HTLC {htlc_id}")
    return found
