"""From the specification's commitments to real ones: what the names and constants of a channel stand for.

A commitment of the specification (:class:`boltspec.commitment.Commitment`) has amounts, delays, feerates and numbers as
they are; only payment hashes have names there, and heights may count from another block. :class:`ChannelTerms` holds
the rest: parameters, keys and the funding output, as one of the two peers knows them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from boltspec.commitment import Commitment
from boltspec.htlc import LOCAL, Side
from boltspec.params import Params
from boltspec.units import Height
from boltwire.commitment import BuiltCommitment, CommitmentParams, CommitmentTerms, HtlcOutput, build_commitment
from boltwire.commitment_format import CommitmentFormat
from boltwire.funding import FundingOutput, obscuring_factor
from boltwire.keys import Basepoints
from boltwire.secp256k1 import PublicKey
from boltwire.transaction import Outpoint


class NoSuchCommitment(ValueError):
    """A commitment for which there is no transaction, as with a negative balance."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What a peer tells the other when the channel is opened (``open_channel``, ``accept_channel``)."""

    funding_pubkey: PublicKey
    basepoints: Basepoints


def hash_named(label: int) -> bytes:
    """The payment hash of which a label is the number that its 32 bytes are, the first one highest."""
    return label.to_bytes(32, "big")


def name_of_hash(payment_hash: bytes) -> int:
    """The label that :func:`hash_named` reads."""
    return int.from_bytes(payment_hash, "big")


class ChannelTerms:
    """The constants of a channel as one party knows them: its own parameters and keys, and what the peer announced."""

    def __init__(
        self,
        params: Params,
        own: Announced,
        peer: Announced,
        funding: Outpoint,
        *,
        payment_hash: Callable[[int], bytes] = hash_named,
        real_height: Callable[[Height], int] = int,
    ) -> None:
        """``payment_hash`` gives the hash for its name, ``real_height`` the chain's height for one of a commitment."""
        self._params = params
        self._announced = (own, peer)
        self._payment_hash, self._real_height = payment_hash, real_height
        opener = self._announced[params.opener].basepoints.payment_basepoint
        accepter = self._announced[params.opener.other].basepoints.payment_basepoint
        self.obscuring_factor = obscuring_factor(opener, accepter)
        """What hides the number of a commitment in its locks."""
        self._terms = (self._terms_of(LOCAL, funding), self._terms_of(LOCAL.other, funding))

    def _terms_of(self, owner: Side, funding: Outpoint) -> CommitmentTerms:
        params = self._params
        own, other = self._announced[owner], self._announced[owner.other]
        return CommitmentTerms(
            commitment_format=(
                CommitmentFormat.ANCHORS_ZERO_FEE_HTLC if params.option_anchors else CommitmentFormat.STATIC_REMOTEKEY
            ),
            funding=FundingOutput(funding, int(params.funding_satoshis), own.funding_pubkey, other.funding_pubkey),
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

        Raises :class:`NoSuchCommitment` when there is none.
        """
        htlcs = tuple(
            HtlcOutput(
                htlc.offered_by_owner,
                int(htlc.amount_msat),
                self._payment_hash(htlc.payment_hash),
                self._real_height(htlc.cltv_expiry),
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
