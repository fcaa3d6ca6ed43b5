"""Key derivation: from a channel's basepoints to the keys of one commitment transaction (BOLT 3, Keys).

Point of view: as in BOLT 3, *local* is the owner of the commitment transaction (who may broadcast it) and *remote* the
other peer, whoever runs this code. The keys of the peer's commitment transaction are derived with the peer as local.

Points are :class:`PublicKey` objects, so that they are parsed once.
"""

import hashlib
from dataclasses import dataclass
from typing import Self

from boltwire.secp256k1 import PrivateKey, PublicKey


@dataclass(frozen=True, slots=True)
class Basepoints:
    """One peer's points for the life of a channel, as sent in ``open_channel`` and ``accept_channel``."""

    revocation_basepoint: PublicKey
    payment_basepoint: PublicKey
    delayed_payment_basepoint: PublicKey
    htlc_basepoint: PublicKey


@dataclass(frozen=True, slots=True)
class BasepointSecrets:
    """The secrets behind one peer's :class:`Basepoints`."""

    revocation_basepoint_secret: PrivateKey
    payment_basepoint_secret: PrivateKey
    delayed_payment_basepoint_secret: PrivateKey
    htlc_basepoint_secret: PrivateKey

    def basepoints(self) -> Basepoints:
        """The public half, to be sent to the peer."""
        return Basepoints(
            self.revocation_basepoint_secret.public_key,
            self.payment_basepoint_secret.public_key,
            self.delayed_payment_basepoint_secret.public_key,
            self.htlc_basepoint_secret.public_key,
        )


@dataclass(frozen=True, slots=True)
class CommitmentKeys:
    """The keys in the scripts of one commitment transaction and of its HTLC transactions."""

    revocationpubkey: PublicKey
    """Remote's once it knows the per-commitment secret: takes everything that is delayed for local."""

    local_delayedpubkey: PublicKey
    """Local's, after ``to_self_delay``."""

    local_htlcpubkey: PublicKey
    """Local's half of the HTLC transactions."""

    remote_htlcpubkey: PublicKey
    """Remote's half of the HTLC transactions, and its direct claim of an HTLC output."""

    remotepubkey: PublicKey
    """Remote's balance: its ``payment_basepoint`` itself (``option_static_remotekey``)."""

    @classmethod
    def derive(cls, local: Basepoints, remote: Basepoints, per_commitment_point: PublicKey) -> Self:
        """The keys of local's commitment transaction with local's ``per_commitment_point``."""
        return cls(
            derive_revocation_public_key(remote.revocation_basepoint, per_commitment_point),
            derive_public_key(local.delayed_payment_basepoint, per_commitment_point),
            derive_public_key(local.htlc_basepoint, per_commitment_point),
            derive_public_key(remote.htlc_basepoint, per_commitment_point),
            remote.payment_basepoint,
        )


def derive_public_key(basepoint: PublicKey, per_commitment_point: PublicKey) -> PublicKey:
    """``basepoint + SHA256(per_commitment_point || basepoint) * G``: the htlc and delayed keys of one commitment."""
    return basepoint.add_generator(_tweak(per_commitment_point, basepoint))


def derive_private_key(basepoint_secret: PrivateKey, per_commitment_point: PublicKey) -> PrivateKey:
    """The secret key of :func:`derive_public_key` for the holder of the basepoint's secret."""
    return basepoint_secret.add(_tweak(per_commitment_point, basepoint_secret.public_key))


def derive_revocation_public_key(revocation_basepoint: PublicKey, per_commitment_point: PublicKey) -> PublicKey:
    """The ``revocationpubkey`` of a commitment transaction.

    ``revocation_basepoint`` is remote's and ``per_commitment_point`` local's, so that neither knows the secret key
    until local has revealed its per-commitment secret to remote.
    """
    base_term = revocation_basepoint.multiply(_tweak(revocation_basepoint, per_commitment_point))
    commitment_term = per_commitment_point.multiply(_tweak(per_commitment_point, revocation_basepoint))
    return base_term + commitment_term


def derive_revocation_private_key(
    revocation_basepoint_secret: PrivateKey, per_commitment_secret: PrivateKey
) -> PrivateKey:
    """The secret key of :func:`derive_revocation_public_key`, once both secrets are in one hand."""
    base, commitment = revocation_basepoint_secret.public_key, per_commitment_secret.public_key
    base_term = revocation_basepoint_secret.multiply(_tweak(base, commitment))
    commitment_term = per_commitment_secret.multiply(_tweak(commitment, base))
    return base_term.add(commitment_term.secret)


def _tweak(first: PublicKey, second: PublicKey) -> bytes:
    return hashlib.sha256(first.encoded + second.encoded).digest()
