"""Messages of channel establishment v1 (BOLT 2), with facts in place of keys and signatures.

A basepoint is a valid point or it is not; a per-commitment point is the number of the commitment that it belongs to; a
txid is the transaction that it names; a ``channel_id`` is the outpoint that it is made of; a signature is the fact
that its sender signed that commitment. The node translates between bytes and facts (``boltwire``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from boltspec.commitment import Commitment
from boltspec.establishment.channel_type import ChannelType
from boltspec.establishment.funding import Outpoint, Transaction
from boltspec.params import Limits, Params
from boltspec.units import Blocks, FeeratePerKw, Msat, Sat

ANNOUNCE_CHANNEL = 1
"""The one defined bit of ``channel_flags``."""


class ShutdownScript(StrEnum):
    """An ``upfront_shutdown_script``, as far as it matters here."""

    EMPTY = "zero length"
    VALID = "a form that shutdown allows"
    INVALID = "no form that shutdown allows"


@dataclass(frozen=True, slots=True)
class FirstCommitment:
    """Everything that the first commitment transaction of a node follows from: the same value for both nodes."""

    funding: Outpoint
    channel_type: ChannelType
    opener_params: Params
    """The channel's constants, as the opener sees them."""
    opener_owns: bool
    """It is the opener's commitment transaction; else the accepter's."""
    commitment: Commitment


@dataclass(frozen=True, slots=True)
class FundingSignature:
    """The fact that the sender signed this first commitment transaction."""

    signed: FirstCommitment | None
    """What was signed; ``None`` for bytes that verify against nothing."""
    low_s: bool = True
    """It complies with the rule on low S values, without which it would not be relayed."""

    def is_valid_for(self, commitment: FirstCommitment) -> bool:
        """Say whether the signature verifies for the commitment and can be relayed."""
        return self.low_s and self.signed == commitment


@dataclass(frozen=True, slots=True)
class OpenChannel:
    """``open_channel``: the opener's terms."""

    chain_hash: int
    temporary_channel_id: int
    funding_satoshis: Sat
    push_msat: Msat
    limits: Limits
    """The six fields by which the opener binds the accepter."""
    feerate_per_kw: FeeratePerKw
    channel_flags: int
    channel_type: ChannelType | None
    """``None`` if the TLV is absent."""
    upfront_shutdown_script: ShutdownScript | None = ShutdownScript.EMPTY
    """``None`` if the TLV is absent."""
    keys_valid: bool = True
    """``funding_pubkey`` and all basepoints are valid compressed points."""
    first_per_commitment_point: int = 0
    """Number of the commitment that the point belongs to."""

    @property
    def announce_channel(self) -> bool:
        """Whether the channel is to be public; undefined flags are ignored (B02-open-channel-r-01)."""
        return bool(self.channel_flags & ANNOUNCE_CHANNEL)


@dataclass(frozen=True, slots=True)
class AcceptChannel:
    """``accept_channel``: the accepter's terms."""

    temporary_channel_id: int
    limits: Limits
    """The six fields by which the accepter binds the opener."""
    minimum_depth: Blocks
    channel_type: ChannelType | None
    upfront_shutdown_script: ShutdownScript | None = ShutdownScript.EMPTY
    keys_valid: bool = True
    first_per_commitment_point: int = 0


@dataclass(frozen=True, slots=True)
class FundingCreated:
    """``funding_created``: names the funding output and signs the accepter's first commitment."""

    temporary_channel_id: int
    funding_txid: Transaction
    funding_output_index: int
    signature: FundingSignature

    @property
    def outpoint(self) -> Outpoint:
        """The funding output that the message names."""
        return Outpoint(self.funding_txid, self.funding_output_index)


@dataclass(frozen=True, slots=True)
class FundingSigned:
    """``funding_signed``: signs the opener's first commitment."""

    channel_id: Outpoint
    signature: FundingSignature


@dataclass(frozen=True, slots=True)
class ChannelReady:
    """``channel_ready``: the sender has seen enough of the funding transaction to use the channel."""

    channel_id: Outpoint
    second_per_commitment_point: int = 1
    """Number of the commitment that the point belongs to."""
    alias: int | None = None
    """A ``short_channel_id`` made up by the sender; ``None`` if the TLV is absent."""


@dataclass(frozen=True, slots=True)
class ChannelReestablish:
    """``channel_reestablish`` of a channel that nobody has updated yet: what it says of revocations is empty then.

    The whole of it is in :mod:`boltspec.reestablish`.
    """

    channel_id: Outpoint
    next_commitment_number: int = 1
    """Number of the next commitment that the sender expects to be signed."""


Message = ChannelReestablish | OpenChannel | AcceptChannel | FundingCreated | FundingSigned | ChannelReady
