"""Claims of the chain model on real outputs: which output stands for which, how it is spent, how a spend is read.

The specification says *which* output is taken *by which way* (:mod:`boltspec.chain`). Here that becomes a
:class:`~boltwire.spend.Spend`, from a commitment as it was built and from the keys of whoever claims; and the witness
of a confirmed spend becomes the way again, with the preimage that it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from boltspec.chain.conditions import Kind, Use
from boltspec.chain.transactions import Coin
from boltspec.commitment import Commitment
from boltwire.commitment import BuiltCommitment, OutputRole
from boltwire.htlc_tx import HtlcTransaction, build_htlc_transaction
from boltwire.keys import BasepointSecrets, derive_private_key, derive_revocation_private_key
from boltwire.penalty import penalise_htlc, penalise_htlc_transaction, penalise_to_local
from boltwire.secp256k1 import PrivateKey
from boltwire.spend import Spend
from boltwire.sweep import (
    claim_expired_htlc,
    claim_htlc_with_preimage,
    sweep_anchor,
    sweep_htlc_transaction,
    sweep_to_local,
    sweep_to_remote,
)
from boltwire.transaction import Outpoint
from boltwire.witnesses import Witness

KINDS = {
    OutputRole.TO_LOCAL: Kind.TO_LOCAL,
    OutputRole.TO_REMOTE: Kind.TO_REMOTE,
    OutputRole.OFFERED_HTLC: Kind.OFFERED_HTLC,
    OutputRole.RECEIVED_HTLC: Kind.RECEIVED_HTLC,
    OutputRole.TO_LOCAL_ANCHOR: Kind.TO_LOCAL_ANCHOR,
    OutputRole.TO_REMOTE_ANCHOR: Kind.TO_REMOTE_ANCHOR,
}
"""The model's kind of each output of a commitment."""
SECOND_STAGE = (Kind.TIMED_OUT_HTLC, Kind.SUCCEEDED_HTLC)
"""Kinds of outputs of HTLC transactions."""


def pair(coins: Sequence[Coin], commitment: Commitment, built: BuiltCommitment) -> tuple[int, ...] | None:
    """Which real output stands for each of the model's; None unless they are the same outputs."""
    left = {
        vout: (
            KINDS[real.role],
            real.output.amount_sat,
            None if real.htlc_index is None else commitment.htlcs[real.htlc_index],
        )
        for vout, real in enumerate(built.outputs)
    }
    vouts = []
    for coin in coins:
        wanted = (coin.kind, int(coin.amount_sat), coin.htlc)
        found = next((vout for vout, real in left.items() if real == wanted), None)
        if found is None:
            return None
        left.pop(found)
        vouts.append(found)
    return None if left else tuple(vouts)


@dataclass(frozen=True, slots=True)
class Claimant:
    """The secrets of whoever claims."""

    basepoint_secrets: BasepointSecrets
    funding_key: PrivateKey

    def htlc_key(self, built: BuiltCommitment) -> PrivateKey:
        """The claimant's ``htlcpubkey`` of a commitment, as a secret."""
        return derive_private_key(self.basepoint_secrets.htlc_basepoint_secret, built.params.per_commitment_point)

    def delayed_key(self, built: BuiltCommitment) -> PrivateKey:
        """The claimant's delayed key of its own commitment."""
        return derive_private_key(
            self.basepoint_secrets.delayed_payment_basepoint_secret, built.params.per_commitment_point
        )


@dataclass(frozen=True, slots=True)
class Target:
    """A real output of a commitment, or of an HTLC transaction that spends it."""

    built: BuiltCommitment
    kind: Kind
    vout: int
    """The commitment's output that it is, or comes from."""
    outpoint: Outpoint

    def htlc_transaction(self) -> HtlcTransaction:
        """The HTLC transaction of the output; ValueError if that is no HTLC."""
        return build_htlc_transaction(self.built, self.vout)


def claim(
    target: Target,
    use: Use,
    claimant: Claimant,
    *,
    preimage: bytes | None = None,
    secret: PrivateKey | None = None,
) -> Spend:
    """The spend of an output in one of the ways of :data:`boltspec.chain.conditions.CONDITIONS` that one party signs.

    ``secret`` is the commitment's per-commitment secret, for a penalty. ValueError for ways that both parties sign, and
    when a key, the preimage or the secret is missing or wrong.
    """
    built, vout = target.built, target.vout
    match use:
        case Use.REVOCATION:
            return _penalty(target, claimant, secret)
        case Use.DELAYED if target.kind in SECOND_STAGE:
            key = claimant.delayed_key(built)
            return sweep_htlc_transaction(built, target.htlc_transaction(), target.outpoint, key)
        case Use.DELAYED:
            return _present(sweep_to_local(built, claimant.delayed_key(built)))
        case Use.DIRECT:
            return _present(sweep_to_remote(built, claimant.basepoint_secrets.payment_basepoint_secret))
        case Use.CLAIM_EXPIRED:
            return claim_expired_htlc(built, vout, claimant.htlc_key(built))
        case Use.CLAIM_WITH_PREIMAGE:
            if preimage is None:
                raise ValueError("the preimage is needed")
            return claim_htlc_with_preimage(built, vout, claimant.htlc_key(built), preimage)
        case Use.FEE_BUMP:
            return _present(sweep_anchor(built, built.outputs[vout].role, claimant.funding_key))
        case _:
            raise ValueError(f"{use} is not signed by one party alone")


def _penalty(target: Target, claimant: Claimant, secret: PrivateKey | None) -> Spend:
    if secret is None:
        raise ValueError("the per-commitment secret is needed")
    key = derive_revocation_private_key(claimant.basepoint_secrets.revocation_basepoint_secret, secret)
    if target.kind in SECOND_STAGE:
        return penalise_htlc_transaction(target.built, target.htlc_transaction(), target.outpoint, key)
    if target.kind is Kind.TO_LOCAL:
        return _present(penalise_to_local(target.built, key))
    return penalise_htlc(target.built, target.vout, key)


def _present(spend: Spend | None) -> Spend:
    if spend is None:
        raise ValueError("the commitment has no such output")
    return spend


# --- reading ---


def use_of(kind: Kind, witness: Witness) -> Use:
    """The way in which a confirmed input spends an output of that kind: its script lets no other witness through."""
    match kind:
        case Kind.TO_LOCAL | Kind.TIMED_OUT_HTLC | Kind.SUCCEEDED_HTLC:
            return Use.REVOCATION if witness[-2] else Use.DELAYED
        case Kind.OFFERED_HTLC if len(witness) == 5:
            return Use.HTLC_TIMEOUT
        case Kind.RECEIVED_HTLC if len(witness) == 5:
            return Use.HTLC_SUCCESS
        case Kind.OFFERED_HTLC:
            return Use.REVOCATION if len(witness[1]) == 33 else Use.CLAIM_WITH_PREIMAGE
        case Kind.RECEIVED_HTLC:
            return Use.REVOCATION if len(witness[1]) == 33 else Use.CLAIM_EXPIRED
        case Kind.TO_REMOTE:
            return Use.DIRECT
        case Kind.TO_LOCAL_ANCHOR | Kind.TO_REMOTE_ANCHOR:
            return Use.FEE_BUMP if witness[0] else Use.CLEAN_UP
        case _:
            raise ValueError(f"{kind.name.lower()} is no output of a commitment")


def shown_preimage(use: Use, witness: Witness) -> bytes | None:
    """The preimage that a spend in that way shows (32 bytes); None for ways that show none."""
    match use:
        case Use.CLAIM_WITH_PREIMAGE:
            return witness[1]
        case Use.HTLC_SUCCESS:
            return witness[3]
        case _:
            return None
