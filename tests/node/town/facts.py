"""What a message on the wire says, for somebody who has only listened: bytes to the specification's facts.

Not the node's way of reading (``boltnode.channels.hearing``): nothing of the node is used, no key of it is known.
Signatures are checked against the keys that both have announced, secrets against the points that they gave, and both
directions are read alike. Loaded by conftest.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from boltspec.closing import legacy, simple
from boltspec.closing.messages import (
    ClosingComplete,
    ClosingSig,
    ClosingSignature,
    ClosingSigned,
    ClosingTlvs,
    FeeRange,
    Shutdown,
)
from boltspec.closing.scripts import Form, Script
from boltspec.closing.transaction import ClosingDetails, ClosingTx, Variant
from boltspec.commitment import Commitment, View, commitment
from boltspec.establishment.messages import AcceptChannel, FundingSignature, OpenChannel, ShutdownScript
from boltspec.htlc import LOCAL, Side
from boltspec.lifetime.messages import Message
from boltspec.lifetime.state import Life
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
from boltspec.params import Limits
from boltspec.units import Blocks, FeeratePerKw, Height, Msat, Sat
from boltwire import messages as wire
from boltwire.channel_terms import Announced, ChannelTerms, NoSuchCommitment
from boltwire.closing import closing_transaction
from boltwire.commitment import BuiltCommitment
from boltwire.commitment_signatures import CommitmentSignatures, SignatureCheck, check_signatures
from boltwire.features import FeatureBits
from boltwire.funding_spend import is_funding_signature
from boltwire.keys import Basepoints
from boltwire.points import invalid_points
from boltwire.scripts import is_witness_program
from boltwire.secp256k1 import CurveError, PrivateKey, PublicKey
from boltwire.shutdown_script import is_shutdown_script
from boltwire.transaction import FINAL_SEQUENCE, RBF_SEQUENCE, Outpoint, Transaction, TxOutput


class Meaningless(ValueError):
    """No fact can be made of the message: whoever gets it ends the connection."""


PREMATURE = UpdateFee(FeeratePerKw(0))
"""Any message of an open channel before there is one."""


@dataclass
class Known:
    """What is known of a channel besides the state of the specification, by side as the one party sees it."""

    features: frozenset[str]
    """Names of those that both offer."""
    announced: dict[Side, Announced] = field(default_factory=dict)
    points: dict[Side, dict[int, bytes]] = field(default_factory=lambda: {side: {} for side in Side})
    secrets: dict[Side, dict[int, bytes]] = field(default_factory=lambda: {side: {} for side in Side})
    signed: dict[Side, dict[int, tuple[Commitment, CommitmentSignatures]]] = field(
        default_factory=lambda: {side: {} for side in Side}
    )
    """By owner: each commitment that the other side has signed, and its signatures."""
    closes: dict[bytes, ClosingTx] = field(default_factory=dict)
    """Closing transactions that somebody has signed, by id in hash order."""
    preimages: set[bytes] = field(default_factory=set)
    funding: Outpoint | None = None
    terms: ChannelTerms | None = None

    def copy(self) -> Known:
        """A copy that changes for itself."""
        return replace(
            self,
            announced=dict(self.announced),
            points={side: dict(self.points[side]) for side in Side},
            secrets={side: dict(self.secrets[side]) for side in Side},
            signed={side: dict(self.signed[side]) for side in Side},
            closes=dict(self.closes),
            preimages=set(self.preimages),
        )

    def build(self, owner: Side, fact: Commitment) -> BuiltCommitment:
        """The transaction of a commitment. NoSuchCommitment if there is none, KeyError without its point."""
        assert self.terms is not None
        return self.terms.build(owner, fact, PublicKey(self.points[owner][fact.number]))


# --- opening ---


def limits(message: wire.OpenChannel | wire.AcceptChannel) -> Limits:
    """The six limits."""
    return Limits(
        Sat(message.dust_limit_satoshis),
        Msat(message.max_htlc_value_in_flight_msat),
        Sat(message.channel_reserve_satoshis),
        Msat(message.htlc_minimum_msat),
        Blocks(message.to_self_delay),
        message.max_accepted_htlcs,
    )


def announced(message: wire.OpenChannel | wire.AcceptChannel) -> Announced:
    """The keys. CurveError if one is none."""
    return Announced(
        PublicKey(message.funding_pubkey),
        Basepoints(
            PublicKey(message.revocation_basepoint),
            PublicKey(message.payment_basepoint),
            PublicKey(message.delayed_payment_basepoint),
            PublicKey(message.htlc_basepoint),
        ),
    )


def _common(message: wire.OpenChannel | wire.AcceptChannel, features: frozenset[str]) -> dict[str, Any]:
    kind, script = message.channel_type, message.upfront_shutdown_script
    upfront = None
    if script is not None:
        form = ShutdownScript.VALID if is_shutdown_script(script, features) else ShutdownScript.INVALID
        upfront = form if script else ShutdownScript.EMPTY
    return {
        "temporary_channel_id": int.from_bytes(message.temporary_channel_id, "big"),
        "limits": limits(message),
        "channel_type": None if kind is None else frozenset(FeatureBits.from_bytes(kind)),
        "upfront_shutdown_script": upfront,
        "keys_valid": not invalid_points(message),
    }


def open_channel(message: wire.OpenChannel, features: frozenset[str]) -> OpenChannel:
    """The opener's terms."""
    return OpenChannel(
        chain_hash=int.from_bytes(message.chain_hash, "big"),
        funding_satoshis=Sat(message.funding_satoshis),
        push_msat=Msat(message.push_msat),
        feerate_per_kw=FeeratePerKw(message.feerate_per_kw),
        channel_flags=message.channel_flags,
        **_common(message, features),
    )


def accept_channel(message: wire.AcceptChannel, features: frozenset[str]) -> AcceptChannel:
    """The accepter's terms."""
    return AcceptChannel(minimum_depth=Blocks(message.minimum_depth), **_common(message, features))


def first_signature(known: Known, owner: Side, first: Any, signature: bytes) -> FundingSignature:
    """What the signature of funding_created or funding_signed is worth."""
    found, _ = checked(known, owner, first.commitment, CommitmentSignatures(signature, ()))
    return FundingSignature(first if found is SignatureCheck.VALID else None)


# --- the dance ---


def checked(
    known: Known, owner: Side, fact: Commitment, signatures: CommitmentSignatures
) -> tuple[SignatureCheck, CommitmentSignatures]:
    """What signatures for a commitment are worth."""
    try:
        return check_signatures(known.build(owner, fact), signatures), signatures
    except NoSuchCommitment:
        return SignatureCheck.BAD_SIGNATURE, signatures


def commitment_signed(known: Known, owner: Side, fact: Commitment, message: wire.CommitmentSigned) -> CommitmentSigned:
    """Which of its parts cover the commitment; a valid one is noted."""
    signatures = CommitmentSignatures(message.signature, tuple(message.htlc_signature))
    found = checked(known, owner, fact, signatures)[0]
    if found is SignatureCheck.VALID:
        known.signed[owner][fact.number] = (fact, signatures)
    return CommitmentSigned(
        Signature(None if found is SignatureCheck.BAD_SIGNATURE else fact),
        len(signatures.htlc_signature),
        Signature(fact if found is SignatureCheck.VALID else None),
    )


def revoke_and_ack(known: Known, revoker: Side, number: int, message: wire.RevokeAndAck) -> RevokeAndAck:
    """Whether the secret belongs to the commitment of that number; what is right is noted."""
    if invalid_points(message):
        raise Meaningless
    try:
        point = PrivateKey(message.per_commitment_secret).public_key.encoded
    except CurveError:
        point = b""
    right = point == known.points[revoker].get(number)
    if right:
        known.secrets[revoker][number] = message.per_commitment_secret
        known.points[revoker][number + 2] = message.next_per_commitment_point
    return RevokeAndAck(number if right else WRONG_SECRET)


def reestablish(known: Known, speaker: Side, message: wire.ChannelReestablish) -> ChannelReestablish:
    """What the speaker has, and whether it can prove it."""
    revocation, secret = message.next_revocation_number, message.your_last_per_commitment_secret
    fact = WRONG_SECRET
    if not any(secret):
        fact = NO_SECRET
    elif known.secrets[speaker.other].get(revocation - 1) == secret:
        fact = revocation - 1
    return ChannelReestablish(message.next_commitment_number, revocation, fact)


def update(message: wire.Message) -> Message:
    """An update of the open channel."""
    match message:
        case wire.UpdateAddHtlc():
            name = int.from_bytes(message.payment_hash, "big")
            return UpdateAddHtlc(message.id, Msat(message.amount_msat), name, Height(message.cltv_expiry))
        case wire.UpdateFulfillHtlc():
            name = int.from_bytes(hashlib.sha256(message.payment_preimage).digest(), "big")
            return UpdateFulfillHtlc(message.id, name)
        case wire.UpdateFailHtlc():
            return UpdateFailHtlc(message.id)
        case wire.UpdateFailMalformedHtlc():
            return UpdateFailMalformedHtlc(message.id, message.failure_code)
        case wire.UpdateFee():
            return UpdateFee(FeeratePerKw(message.feerate_per_kw))
        case _:
            raise Meaningless


# --- closing ---


def script(raw: bytes) -> Script:
    """An output script of closing."""
    if is_witness_program(raw):
        anchor = raw == bytes.fromhex("51024e73")
        form = Form.PAY_TO_ANCHOR if anchor else Form.WITNESS_LATER if raw[0] else Form.WITNESS_V0
        return Script(form, len(raw) - 2, raw.hex())
    if is_shutdown_script(raw, ("option_simple_close",)):
        long = raw[1] == 0x4C
        return Script(Form.OP_RETURN_PUSHDATA1 if long else Form.OP_RETURN, raw[2] if long else raw[1], raw.hex())
    return Script(Form.OTHER, len(raw), raw.hex())


def closing_real(known: Known, fact: ClosingTx) -> Transaction:
    """The transaction of a closing fact, unsigned."""
    assert known.terms is not None
    outputs = [TxOutput(int(payout.amount_sat), bytes.fromhex(payout.script.name)) for payout in fact.payouts]
    sequence = RBF_SEQUENCE if fact.replaceable else FINAL_SEQUENCE
    return closing_transaction(known.terms.funding_output, outputs, sequence, fact.locktime)


def _covered(known: Known, signer: Side, candidates: Iterable[ClosingTx | None], signature: bytes) -> ClosingSignature:
    assert known.terms is not None
    funding = known.terms.funding_output
    for fact in candidates:
        if fact is None or not fact.payouts:
            continue
        real = closing_real(known, fact)
        if is_funding_signature(real, funding, known.announced[signer].funding_pubkey, signature):
            known.closes[real.txid()] = fact
            return ClosingSignature(fact)
    return ClosingSignature(None)


def closing(known: Known, life: Life, speaker: Side, message: wire.Message) -> Message:
    """A message that closes the channel."""
    if life.closing is None or known.terms is None:
        raise Meaningless
    state = life.closing
    match message:
        case wire.Shutdown():
            return Shutdown(script(message.scriptpubkey))
        case wire.ClosingSigned():
            fee, fees = Sat(message.fee_satoshis), message.fee_range
            candidates = (legacy.transaction(state, fee, speaker, own_output=own) for own in (True, False))
            wanted = None if fees is None else FeeRange(Sat(fees.min_fee_satoshis), Sat(fees.max_fee_satoshis))
            return ClosingSigned(fee, _covered(known, speaker, candidates, message.signature), wanted)
        case wire.ClosingComplete():
            return ClosingComplete(*_simple(known, life, speaker, speaker, message))
        case wire.ClosingSig():
            return ClosingSig(*_simple(known, life, speaker, speaker.other, message))
        case _:
            raise Meaningless


def _simple(
    known: Known, life: Life, signer: Side, closer: Side, message: wire.ClosingComplete | wire.ClosingSig
) -> tuple[ClosingDetails, ClosingTlvs]:
    assert life.closing is not None
    details = ClosingDetails(
        script(message.closer_scriptpubkey), script(message.closee_scriptpubkey), Sat(message.fee_satoshis),
        message.locktime,
    )  # fmt: skip
    signatures = {}
    for variant in Variant:
        found = getattr(message, variant.value)
        if found is not None:
            fact = simple.transaction(life.closing, closer, details, variant)
            signatures[variant.value] = _covered(known, signer, (fact,), found)
    return details, ClosingTlvs(**signatures)


def next_commitment(life: Life, speaker: Side, *, again: bool) -> tuple[Side, Commitment]:
    """The commitment that a commitment_signed of the speaker is for, and its owner."""
    assert life.channel is not None
    if speaker is LOCAL:
        return LOCAL.other, commitment(life.channel, View.REMOTE_LATEST if again else View.REMOTE_NEXT)
    return LOCAL, commitment(life.channel, View.LOCAL_NEXT)
