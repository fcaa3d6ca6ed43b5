"""From the model's numbers to real ones: heights, hashes, and the constants of a channel on its funding output.

The model's heights count from the block that funded the channel. Everything else is taken as it is: amounts, delays,
feerates and commitment numbers of the model are real ones already.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltproofs.replay.keyring import Announced, payment_hash
from boltspec.commitment import Commitment
from boltspec.htlc import LOCAL, Side
from boltspec.params import LOCKTIME_THRESHOLD, Params
from boltspec.units import Height
from boltwire.commitment import (
    BuiltCommitment,
    CommitmentParams,
    CommitmentTerms,
    HtlcOutput,
    build_commitment,
)
from boltwire.commitment_format import CommitmentFormat
from boltwire.funding import FundingOutput, obscuring_factor
from boltwire.secp256k1 import PublicKey
from boltwire.transaction import Outpoint


class NoSuchCommitment(ValueError):
    """A commitment of the model for which there is no transaction."""


@dataclass(frozen=True, slots=True)
class Funding:
    """The funding output and the height that the model calls 0."""

    outpoint: Outpoint
    height: int

    def real_height(self, height: Height) -> int:
        """The chain's height for one of the model; what Bitcoin would read as a time stays as it is."""
        return int(height) if int(height) >= LOCKTIME_THRESHOLD else self.height + int(height)


class ChannelTerms:
    """The constants of a channel as one party knows them: its own parameters and keys, and what the peer announced."""

    def __init__(self, params: Params, own: Announced, peer: Announced, funding: Funding) -> None:
        self.funding = funding
        self._params = params
        self._announced = (own, peer)
        opener = self._announced[params.opener].basepoints.payment_basepoint
        accepter = self._announced[params.opener.other].basepoints.payment_basepoint
        self.obscuring_factor = obscuring_factor(opener, accepter)
        self._terms = (self._terms_of(LOCAL), self._terms_of(LOCAL.other))

    def _terms_of(self, owner: Side) -> CommitmentTerms:
        params = self._params
        own, other = self._announced[owner], self._announced[owner.other]
        return CommitmentTerms(
            commitment_format=(
                CommitmentFormat.ANCHORS_ZERO_FEE_HTLC if params.option_anchors else CommitmentFormat.STATIC_REMOTEKEY
            ),
            funding=FundingOutput(
                self.funding.outpoint, int(params.funding_satoshis), own.funding_pubkey, other.funding_pubkey
            ),
            local=own.basepoints,
            remote=other.basepoints,
            obscuring_factor=self.obscuring_factor,
            local_is_opener=params.opener is owner,
            dust_limit_satoshis=int(params.announced_by(owner).dust_limit_satoshis),
            to_self_delay=int(params.binding(owner).to_self_delay),
        )

    @property
    def commitment_format(self) -> CommitmentFormat:
        """The form of the channel's commitments."""
        return self._terms[LOCAL].commitment_format

    @property
    def funding_output(self) -> FundingOutput:
        """The funding output with its keys, local first."""
        return self._terms[LOCAL].funding

    def build(self, owner: Side, commitment: Commitment, per_commitment_point: PublicKey) -> BuiltCommitment:
        """The real transaction of a commitment; its HTLCs keep their order, so index i is ``commitment.htlcs[i]``.

        Raises :class:`NoSuchCommitment` when there is none, as for a negative balance.
        """
        htlcs = tuple(
            HtlcOutput(
                htlc.offered_by_owner,
                int(htlc.amount_msat),
                payment_hash(htlc.payment_hash),
                self.funding.real_height(htlc.cltv_expiry),
            )
            for htlc in commitment.htlcs
        )
        try:
            return build_commitment(
                CommitmentParams(
                    terms=self._terms[owner],
                    commitment_number=commitment.number,
                    per_commitment_point=per_commitment_point,
                    feerate_per_kw=int(commitment.feerate_per_kw),  # type: ignore[call-overload]
                    to_local_msat=int(commitment.to_owner_msat),
                    to_remote_msat=int(commitment.to_other_msat),
                    htlcs=htlcs,
                )
            )
        except ValueError as impossible:
            raise NoSuchCommitment(str(impossible)) from impossible
