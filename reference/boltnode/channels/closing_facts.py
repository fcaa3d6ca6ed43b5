"""Messages of a cooperative close: bytes to the specification's facts and back (BOLT 2, BOLT 3).

A signature becomes the fact that it covers one of the transactions that it could be for; if it covers none of them, the
fact that it covers nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from boltnode.channels.scripts import script_bytes, script_fact
from boltspec.closing import legacy, simple
from boltspec.closing.messages import (
    ClosingComplete,
    ClosingSig,
    ClosingSignature,
    ClosingSigned,
    ClosingTlvs,
    FeeRange,
)
from boltspec.closing.state import Closing
from boltspec.closing.transaction import ClosingDetails, ClosingTx, Variant
from boltspec.htlc import REMOTE, Side
from boltspec.units import Sat
from boltwire import messages as wire
from boltwire.closing import closing_transaction
from boltwire.fields import FeeRange as WireFeeRange
from boltwire.funding import FundingOutput
from boltwire.funding_spend import funding_spend_witness, is_funding_signature, sign_funding_spend
from boltwire.secp256k1 import PrivateKey
from boltwire.transaction import FINAL_SEQUENCE, RBF_SEQUENCE, Transaction, TxOutput

Signed = tuple[tuple[ClosingTx, bytes], ...]
"""Closing transactions with the peer's signatures for them."""


def real_transaction(funding: FundingOutput, fact: ClosingTx) -> Transaction:
    """The unsigned transaction that a fact stands for."""
    outputs = [TxOutput(int(payout.amount_sat), script_bytes(payout.script)) for payout in fact.payouts]
    sequence = RBF_SEQUENCE if fact.replaceable else FINAL_SEQUENCE
    return closing_transaction(funding, outputs, sequence, fact.locktime)


def sign(funding: FundingOutput, fact: ClosingSignature, key: PrivateKey) -> bytes:
    """Our signature, 64 bytes. ValueError for the fact that nothing is signed."""
    if fact.signed is None:
        raise ValueError("there is no such closing transaction")
    return sign_funding_spend(real_transaction(funding, fact.signed), funding, key)


def complete(funding: FundingOutput, fact: ClosingTx, key: PrivateKey, peer_signature: bytes) -> bytes:
    """The transaction with both signatures, ready for the network."""
    unsigned = real_transaction(funding, fact)
    witness = funding_spend_witness(funding, sign_funding_spend(unsigned, funding, key), peer_signature)
    return unsigned.with_witness(0, witness).serialize()


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the peer's signatures for closing transactions of one funding output."""

    funding: FundingOutput

    def _covered(self, candidates: Iterable[ClosingTx | None], signature: bytes) -> ClosingTx | None:
        """The first of the transactions that the peer's signature is for; one with a high S is for none."""
        pubkey = self.funding.remote_funding_pubkey
        for fact in candidates:
            if fact is None or not fact.payouts:
                continue
            if is_funding_signature(real_transaction(self.funding, fact), self.funding, pubkey, signature):
                return fact
        return None

    def closing_signed(self, closing: Closing, message: wire.ClosingSigned) -> tuple[ClosingSigned, Signed]:
        """The peer's fee, and what it has signed."""
        fee = Sat(message.fee_satoshis)
        candidates = (legacy.transaction(closing, fee, REMOTE, own_output=own) for own in (True, False))
        signed = self._covered(candidates, message.signature)
        offered = message.fee_range
        fee_range = None
        if offered is not None:
            fee_range = FeeRange(Sat(offered.min_fee_satoshis), Sat(offered.max_fee_satoshis))
        found: Signed = () if signed is None else ((signed, message.signature),)
        return ClosingSigned(fee, ClosingSignature(signed), fee_range), found

    def simple(
        self, closing: Closing, message: wire.ClosingComplete | wire.ClosingSig, closer: Side
    ) -> tuple[ClosingDetails, ClosingTlvs, Signed]:
        """What a message of the simple close proposes or repeats, and what the peer has signed."""
        details = ClosingDetails(
            closer_scriptpubkey=script_fact(message.closer_scriptpubkey),
            closee_scriptpubkey=script_fact(message.closee_scriptpubkey),
            fee_satoshis=Sat(message.fee_satoshis),
            locktime=message.locktime,
        )
        facts: dict[str, ClosingSignature] = {}
        found: list[tuple[ClosingTx, bytes]] = []
        for variant in Variant:
            signature: bytes | None = getattr(message, variant.value)
            if signature is not None:
                signed = self._covered((simple.transaction(closing, closer, details, variant),), signature)
                facts[variant.value] = ClosingSignature(signed)
                found += [] if signed is None else [(signed, signature)]
        return details, ClosingTlvs(**facts), tuple(found)


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes our messages about closing transactions of one funding output."""

    funding: FundingOutput
    key: PrivateKey
    channel_id: bytes

    def closing_signed(self, fact: ClosingSigned) -> wire.ClosingSigned:
        """Our fee."""
        ours = fact.fee_range
        fee_range = None if ours is None else WireFeeRange(int(ours.min_fee_satoshis), int(ours.max_fee_satoshis))
        return wire.ClosingSigned(
            channel_id=self.channel_id,
            fee_satoshis=int(fact.fee_satoshis),
            signature=sign(self.funding, fact.signature, self.key),
            fee_range=fee_range,
        )

    def closing_complete(self, fact: ClosingComplete) -> wire.ClosingComplete:
        """Our proposal."""
        return wire.ClosingComplete(**self._simple(fact.details, fact.tlvs))

    def closing_sig(self, fact: ClosingSig) -> wire.ClosingSig:
        """Our answer to a proposal."""
        return wire.ClosingSig(**self._simple(fact.details, fact.tlvs))

    def _simple(self, details: ClosingDetails, tlvs: ClosingTlvs) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "channel_id": self.channel_id,
            "closer_scriptpubkey": script_bytes(details.closer_scriptpubkey),
            "closee_scriptpubkey": script_bytes(details.closee_scriptpubkey),
            "fee_satoshis": int(details.fee_satoshis),
            "locktime": details.locktime,
        }
        for variant in tlvs.present:
            signature = tlvs.of(variant)
            assert signature is not None
            fields[variant.value] = sign(self.funding, signature, self.key)
        return fields
