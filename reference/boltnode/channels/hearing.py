"""What the peer says about a channel: bytes to facts, and the bytes that are to be kept if the facts are accepted.

Cryptography is checked here, but nothing is decided: a signature that fits nothing becomes the fact that nothing is
signed, a secret that is not the right one becomes ``WRONG_SECRET``, and the specification says what follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from boltnode.channels import opening_facts
from boltnode.channels.closing_facts import Reader
from boltnode.channels.keys import ChannelKeys
from boltnode.channels.policy import MOST_ALIASES
from boltnode.channels.record import ChannelRecord, Held, ReceivedHtlc
from boltnode.channels.scripts import script_fact
from boltspec.closing.messages import ClosingComplete, ClosingSig, Shutdown
from boltspec.closing.state import Closing
from boltspec.commitment import Commitment, View, commitment
from boltspec.establishment.funding import Outpoint as OutpointFact
from boltspec.establishment.messages import ChannelReady, FundingCreated, FundingSignature, FundingSigned
from boltspec.establishment.state import ACCEPTER, OPENER, THEIR_TURN, agreed_channel_type, first_commitment, params_of
from boltspec.htlc import LOCAL, REMOTE
from boltspec.lifetime.messages import Error, Message, Warning  # noqa: A004  # the BOLT's name
from boltspec.messages import (
    NO_SECRET,
    WRONG_SECRET,
    ChannelReestablish,
    CommitmentSigned,
    RevokeAndAck,
    Signature,
    UpdateAddHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
    UpdateFulfillHtlc,
)
from boltspec.units import FeeratePerKw, Height, Msat
from boltwire import messages as wire
from boltwire.channel_id import channel_id_v1
from boltwire.channel_terms import ChannelTerms, NoSuchCommitment, name_of_hash
from boltwire.commitment_signatures import CommitmentSignatures, SignatureCheck, check_signatures
from boltwire.errors import MessageError
from boltwire.hashes import sha256
from boltwire.per_commitment_secrets import FIRST_INDEX, SecretError, SecretStore, secret_index
from boltwire.points import check_points
from boltwire.secp256k1 import CurveError, PrivateKey, PublicKey
from boltwire.transaction import Outpoint

Opener = Callable[[wire.UpdateAddHtlc], ReceivedHtlc]
"""Peels the onion of an HTLC."""
FailureReader = Callable[[ChannelRecord, wire.UpdateFailHtlc], str]
"""Says why the peer gave an HTLC back."""
NOTHING_SIGNED = Signature(None)


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as the specification takes it."""

    fact: Message
    learnt: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the record that change with it, if it is accepted."""


PREMATURE = Heard(UpdateFee(FeeratePerKw(0)))
"""Any message of an open channel before there is one: what it says does not matter, for nothing of that is awaited."""


@dataclass(frozen=True, slots=True)
class Ear:
    """Reads messages of one peer about one channel."""

    record: ChannelRecord
    keys: ChannelKeys
    terms: ChannelTerms | None
    features: tuple[str, ...]
    """Names of the features that were negotiated."""
    open_onion: Opener
    read_failure: FailureReader

    def hear(self, message: wire.Message) -> Heard:
        """The fact that a message states. :class:`MessageError` for one that no fact can be made of."""
        match message:
            case wire.OpenChannel():
                fact = opening_facts.open_channel_fact(message, self.features)
                return Heard(fact, self._introduced(message) if fact.keys_valid else {})
            case wire.AcceptChannel():
                answer = opening_facts.accept_channel_fact(message, self.features)
                return Heard(answer, self._introduced(message) if answer.keys_valid else {})
            case wire.FundingCreated():
                return self._funding_created(message)
            case wire.FundingSigned():
                return self._funding_signed(message)
            case wire.ChannelReady():
                check_points(message)
                ready = ChannelReady(self._funding(), alias=self._alias(message))
                return Heard(ready, {"remote_points": self._with_point(1, message.second_per_commitment_point)})
            case wire.Error():
                return Heard(Error(), {"failure": "the peer says: " + _printable(message.data)})
            case wire.Warning():
                return Heard(Warning())
            case wire.ChannelReestablish():
                return Heard(self._reestablish(message))
            case _:
                return self._in_channel(message)

    # --- establishment ---

    def _introduced(self, message: wire.OpenChannel | wire.AcceptChannel) -> dict[str, Any]:
        life = self.record.life
        upfront = message.upfront_shutdown_script
        bound = upfront if upfront and "option_upfront_shutdown_script" in self.features else None
        return {
            "remote": opening_facts.remote_keys(message),
            "remote_points": ((0, message.first_per_commitment_point),),
            "life": replace(life, remote_upfront=None if bound is None else script_fact(bound)),
        }

    def _alias(self, message: wire.ChannelReady) -> int | None:
        """The alias that the peer gives, unless we have enough of them."""
        known = self.record.life.establishment.aliases_received
        return message.short_channel_id if len(known) < MOST_ALIASES else None

    def _funding(self) -> OutpointFact:
        return self.record.life.establishment.funding or OutpointFact(opening_facts.UNSEEN, 0)

    def _funding_created(self, message: wire.FundingCreated) -> Heard:
        state = self.record.life.establishment
        real = Outpoint(message.funding_txid, message.funding_output_index)
        named = OutpointFact(opening_facts.UNSEEN, message.funding_output_index)
        learnt: dict[str, Any] = {"funding": real, "channel_id": channel_id_v1(real.txid, real.vout)}
        fact = FundingSignature(None)
        if state.open_channel is not None and state.accept_channel is not None and self.record.remote is not None:
            terms = opening_terms(replace(self.record, funding=real), self.keys)
            first = first_commitment(state, named, ACCEPTER, THEIR_TURN)
            held = self._checked(terms, first.commitment, CommitmentSignatures(message.signature, ()))[1]
            if held is not None:
                fact, learnt = FundingSignature(first), learnt | {"held": held}
        temporary = opening_facts.name_of(message.temporary_channel_id)
        return Heard(FundingCreated(temporary, named.funding_txid, named.funding_output_index, fact), learnt)

    def _funding_signed(self, message: wire.FundingSigned) -> Heard:
        state, funding = self.record.life.establishment, self._funding()
        fact, learnt = FundingSignature(None), {}
        if state.funding is not None and self.terms is not None:
            first = first_commitment(state, state.funding, OPENER, THEIR_TURN)
            held = self._checked(self.terms, first.commitment, CommitmentSignatures(message.signature, ()))[1]
            if held is not None:
                fact, learnt = FundingSignature(first), {"held": held}
        return Heard(FundingSigned(funding, fact), learnt)

    # --- commitments ---

    def _checked(
        self, terms: ChannelTerms, fact: Commitment, signatures: CommitmentSignatures
    ) -> tuple[SignatureCheck, Held | None]:
        """What the peer's signatures for our commitment are worth, and the commitment if they are valid."""
        try:
            built = terms.build(LOCAL, fact, self.keys.point_of(fact.number))
        except NoSuchCommitment:
            return SignatureCheck.BAD_SIGNATURE, None
        found = check_signatures(built, signatures)
        return found, Held(fact, signatures) if found is SignatureCheck.VALID else None

    def _commitment_signed(self, closing: Closing, message: wire.CommitmentSigned) -> Heard:
        channel, signatures = closing.channel, CommitmentSignatures(message.signature, tuple(message.htlc_signature))
        count = len(signatures.htlc_signature)
        in_turn = channel.local_commitment_number == channel.local_revocations
        if not in_turn or self.terms is None:  # refused without a look at the signatures
            return Heard(CommitmentSigned(NOTHING_SIGNED, count, NOTHING_SIGNED))
        new = commitment(channel, View.LOCAL_NEXT)
        found, held = self._checked(self.terms, new, signatures)
        main = NOTHING_SIGNED if found is SignatureCheck.BAD_SIGNATURE else Signature(new)
        htlcs = Signature(new) if found is SignatureCheck.VALID else NOTHING_SIGNED
        return Heard(CommitmentSigned(main, count, htlcs), {"held": held} if held else {})

    def _revoke_and_ack(self, closing: Closing, message: wire.RevokeAndAck) -> Heard:
        check_points(message)
        number = closing.channel.remote_revocations
        store = SecretStore(self.record.secrets)
        try:
            right = PrivateKey(message.per_commitment_secret).public_key.encoded == self._point(number)
            if right:
                # One that does not fit the earlier ones counts as wrong (B02-revoke-and-ack-r-02, a permission).
                store.insert(secret_index(number), message.per_commitment_secret)
        except (CurveError, SecretError):
            right = False
        points = (*self.record.remote_points, (number + 2, message.next_per_commitment_point))
        kept = tuple((known, point) for known, point in points if known > number)
        learnt = {"remote_points": kept, "secrets": store.buckets()}
        return Heard(RevokeAndAck(number if right else WRONG_SECRET), learnt)

    def _point(self, number: int) -> bytes | None:
        return dict(self.record.remote_points).get(number)

    def _with_point(self, number: int, point: bytes) -> tuple[tuple[int, bytes], ...]:
        """The peer's points with one more; one that is known, or is revoked already, stays as it is."""
        points, channel = dict(self.record.remote_points), self.record.life.channel
        if number in points or (channel is not None and number < channel.remote_revocations):
            return self.record.remote_points
        return (*self.record.remote_points, (number, point))

    def _reestablish(self, message: wire.ChannelReestablish) -> ChannelReestablish:
        revocation, secret = message.next_revocation_number, message.your_last_per_commitment_secret
        fact = WRONG_SECRET
        if not any(secret):
            fact = NO_SECRET
        elif 0 < revocation <= FIRST_INDEX and self.keys.secret_of(revocation - 1).secret == secret:
            fact = revocation - 1
        return ChannelReestablish(message.next_commitment_number, revocation, fact)

    # --- the open channel ---

    def _in_channel(self, message: wire.Message) -> Heard:
        closing = self.record.life.closing
        if closing is None:
            return PREMATURE
        match message:
            case wire.UpdateAddHtlc():
                name = name_of_hash(message.payment_hash)
                add = UpdateAddHtlc(message.id, Msat(message.amount_msat), name, Height(message.cltv_expiry))
                return Heard(add, {"received": (*self.record.received, self.open_onion(message))})
            case wire.UpdateFulfillHtlc():
                return Heard(UpdateFulfillHtlc(message.id, name_of_hash(sha256(message.payment_preimage))))
            case wire.UpdateFailHtlc():
                reason = self.read_failure(self.record, message)
                return Heard(UpdateFailHtlc(message.id), self._given_back(message.id, reason))
            case wire.UpdateFailMalformedHtlc():
                reason = f"the peer could not read the onion: failure code {message.failure_code:#06x}"
                fact = UpdateFailMalformedHtlc(message.id, message.failure_code)
                return Heard(fact, self._given_back(message.id, reason))
            case wire.UpdateFee():
                return Heard(UpdateFee(FeeratePerKw(message.feerate_per_kw)))
            case wire.CommitmentSigned():
                return self._commitment_signed(closing, message)
            case wire.RevokeAndAck():
                return self._revoke_and_ack(closing, message)
            case _:
                return self._closing(closing, message)

    def _given_back(self, htlc_id: int, reason: str) -> dict[str, Any]:
        offered = (replace(htlc, failure=reason) if htlc.id == htlc_id else htlc for htlc in self.record.offered)
        return {"offered": tuple(offered)}

    def _closing(self, closing: Closing, message: wire.Message) -> Heard:
        assert self.terms is not None, "both first commitments are signed"
        reader = Reader(self.terms.funding_output)
        match message:
            case wire.Shutdown():
                return Heard(Shutdown(script_fact(message.scriptpubkey)))
            case wire.ClosingSigned():
                proposed, signed = reader.closing_signed(closing, message)
                return Heard(proposed, {"closing_signatures": signed})
            case wire.ClosingComplete():
                details, tlvs, signed = reader.simple(closing, message, REMOTE)
                return Heard(ClosingComplete(details, tlvs), {"closing_signatures": signed})
            case wire.ClosingSig():
                details, tlvs, signed = reader.simple(closing, message, LOCAL)
                return Heard(ClosingSig(details, tlvs), {"closing_signatures": signed})
            case _:
                raise MessageError("no message about a channel of this kind", field=message.layout.name)


def opening_terms(record: ChannelRecord, keys: ChannelKeys) -> ChannelTerms:
    """The constants of the channel. ValueError while they are not agreed on."""
    state = record.life.establishment
    opening, accepting, role = state.open_channel, state.accept_channel, state.role
    if opening is None or accepting is None or role is None or record.remote is None or record.funding is None:
        raise ValueError("the terms of the channel are not agreed on yet")
    params = params_of(opening, accepting, agreed_channel_type(state), role)
    return ChannelTerms(params, keys.announced, record.remote.announced(), record.funding)


def peer_point(record: ChannelRecord, number: int) -> PublicKey | None:
    """The peer's per-commitment point of that number, if it is known."""
    encoded = dict(record.remote_points).get(number)
    return None if encoded is None else PublicKey(encoded)


def _printable(data: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte <= 126 else "?" for byte in data[:400])
