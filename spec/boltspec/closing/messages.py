"""Messages of closing (BOLT 2), with facts in place of signatures.

``channel_id`` is left out; ``FundingMessage`` is all that closing has to know of establishment.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltspec.closing.scripts import Script
from boltspec.closing.transaction import ClosingDetails, ClosingTx, Variant
from boltspec.messages import Message as ChannelMessage
from boltspec.units import Sat


@dataclass(frozen=True, slots=True)
class ClosingSignature:
    """The fact that the sender signed this transaction with its ``funding_pubkey``."""

    signed: ClosingTx | None
    """What was signed; ``None`` for bytes that verify against nothing."""
    low_s: bool = True
    """It complies with the LOW-S rule, without which it would not be relayed."""

    def covers(self, transaction: ClosingTx | None) -> bool:
        """Say whether the signature is valid for the transaction."""
        return transaction is not None and self.signed == transaction


@dataclass(frozen=True, slots=True)
class FeeRange:
    """``fee_range``: the fees that the sender is prepared to see."""

    min_fee_satoshis: Sat
    max_fee_satoshis: Sat

    def __contains__(self, fee: Sat) -> bool:
        return self.min_fee_satoshis <= fee <= self.max_fee_satoshis

    def overlap(self, other: FeeRange) -> FeeRange | None:
        """Return the fees that are in both ranges, if there are any."""
        low = max(self.min_fee_satoshis, other.min_fee_satoshis)
        high = min(self.max_fee_satoshis, other.max_fee_satoshis)
        return FeeRange(low, high) if low <= high else None


@dataclass(frozen=True, slots=True)
class FundingMessage:
    """``funding_created`` if the funder sends it, ``funding_signed`` if the fundee does."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """``shutdown``: the sender wants to close, and where it wants to be paid."""

    scriptpubkey: Script


@dataclass(frozen=True, slots=True)
class ClosingSigned:
    """``closing_signed``: proposes a fee, with a signature for it."""

    fee_satoshis: Sat
    signature: ClosingSignature
    fee_range: FeeRange | None = None


@dataclass(frozen=True, slots=True)
class ClosingTlvs:
    """``closing_tlvs``: one signature for each variant of the transaction that the sender offers."""

    closer_output_only: ClosingSignature | None = None
    closee_output_only: ClosingSignature | None = None
    closer_and_closee_outputs: ClosingSignature | None = None

    def of(self, variant: Variant) -> ClosingSignature | None:
        """Return the signature for a variant."""
        match variant:
            case Variant.CLOSER_OUTPUT_ONLY:
                return self.closer_output_only
            case Variant.CLOSEE_OUTPUT_ONLY:
                return self.closee_output_only
            case Variant.CLOSER_AND_CLOSEE_OUTPUTS:
                return self.closer_and_closee_outputs

    @property
    def present(self) -> tuple[Variant, ...]:
        """Return the variants that are signed."""
        return tuple(variant for variant in Variant if self.of(variant) is not None)


@dataclass(frozen=True, slots=True)
class ClosingComplete:
    """``closing_complete``: the closer proposes a transaction that it pays for."""

    details: ClosingDetails
    tlvs: ClosingTlvs


@dataclass(frozen=True, slots=True)
class ClosingSig:
    """``closing_sig``: the closee signs one variant of it."""

    details: ClosingDetails
    tlvs: ClosingTlvs


ClosingMessage = FundingMessage | Shutdown | ClosingSigned | ClosingComplete | ClosingSig
Message = ClosingMessage | ChannelMessage
"""What two nodes that may close a channel say to each other."""
