"""Messages of normal operation (BOLT 2), with facts in place of cryptography.

A real signature is bytes that verify against a transaction; here it is the *fact* that its sender signed that very
commitment. A real per-commitment secret is 32 bytes; here it is the number of the commitment that it belongs to. The
node translates between bytes and facts (``boltwire``), the steps decide on facts.

Left out, because no rule of the dance depends on them: ``channel_id``, the onion and its hash, the failure reason, and
the points (``next_per_commitment_point``, ``my_current_per_commitment_point``), which the node keeps with its keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from boltspec.units import FeeratePerKw, Height, Msat

if TYPE_CHECKING:
    from boltspec.commitment import Commitment

WRONG_SECRET = -1
"""A per-commitment secret that belongs to no commitment."""
NO_SECRET = -2
"""All zeroes, in place of a secret: none has been received yet."""
BADONION = 0x8000
"""The bit of a failure code which says that the onion could not be read; it is the highest one of 16."""


@dataclass(frozen=True, slots=True)
class Signature:
    """The fact that the sender signed this commitment (or, for HTLC signatures, its second-stage transactions)."""

    signed: Commitment | None
    """What was signed; ``None`` for bytes that verify against nothing, or whose S is not low (BOLT 2 refuses both)."""

    def covers(self, commitment: Commitment) -> bool:
        """Say whether the signature is valid for the commitment."""
        return self.signed == commitment


@dataclass(frozen=True, slots=True)
class UpdateAddHtlc:
    """``update_add_htlc``: the sender offers an HTLC."""

    id: int
    amount_msat: Msat
    payment_hash: int
    cltv_expiry: Height


@dataclass(frozen=True, slots=True)
class UpdateFulfillHtlc:
    """``update_fulfill_htlc``: the recipient claims an HTLC with its preimage."""

    id: int
    payment_preimage: int
    """Names the preimage of the hash with the same number."""


@dataclass(frozen=True, slots=True)
class UpdateFailHtlc:
    """``update_fail_htlc``: the recipient gives an HTLC back."""

    id: int


@dataclass(frozen=True, slots=True)
class UpdateFailMalformedHtlc:
    """``update_fail_malformed_htlc``: the recipient gives back an HTLC whose onion it cannot read."""

    id: int
    failure_code: int
    """16 bits, ``BADONION`` among them."""


@dataclass(frozen=True, slots=True)
class UpdateFee:
    """``update_fee``: the opener changes the feerate of the commitments."""

    feerate_per_kw: FeeratePerKw


@dataclass(frozen=True, slots=True)
class CommitmentSigned:
    """``commitment_signed``: signs the receiver's next commitment and its HTLC transactions."""

    signature: Signature
    num_htlcs: int
    htlc_signatures: Signature
    """All HTLC signatures as one fact: the commitment whose second-stage transactions they are valid for."""


@dataclass(frozen=True, slots=True)
class RevokeAndAck:
    """``revoke_and_ack``: gives away the secret of the sender's previous commitment."""

    per_commitment_secret: int
    """Number of the sender's commitment whose secret this is; ``WRONG_SECRET`` if it is none."""


@dataclass(frozen=True, slots=True)
class ChannelReestablish:
    """``channel_reestablish``: what the sender has, after the connection was lost."""

    next_commitment_number: int
    """Number of the next commitment of the sender that it expects to be signed."""
    next_revocation_number: int
    """Number of the receiver's commitment whose revocation the sender expects next."""
    your_last_per_commitment_secret: int
    """Number of the receiver's commitment whose secret the sender received last; ``NO_SECRET`` if none."""


Update = UpdateAddHtlc | UpdateFulfillHtlc | UpdateFailHtlc | UpdateFailMalformedHtlc | UpdateFee
"""What changes a commitment, once it is signed."""
Message = Update | CommitmentSigned | RevokeAndAck | ChannelReestablish
