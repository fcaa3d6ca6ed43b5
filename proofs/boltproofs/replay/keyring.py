"""Real secrets for the parties of a world: drawn from a seed, so that a replay gives the same bytes every time.

The model names per-commitment secrets by commitment number and payment hashes by a label; here each name gets its 32
bytes. Everything is cached, because thousands of replays use the same few.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from boltwire.channel_terms import Announced
from boltwire.claims import Claimant
from boltwire.hashes import sha256
from boltwire.keys import BasepointSecrets
from boltwire.per_commitment_secrets import generate_from_seed, secret_index
from boltwire.scripts import p2wpkh
from boltwire.secp256k1 import PrivateKey, PublicKey

DEFAULT_SEED = b"boltspec replay"
"""What all keys of a replay come from unless something else is asked for."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """All secrets of one party."""

    basepoint_secrets: BasepointSecrets
    funding_key: PrivateKey
    wallet_key: PrivateKey
    """Its wallet: where swept outputs go."""
    per_commitment_seed: bytes
    """32 bytes; all per-commitment secrets follow from it (B03-per-commitment-secret-n-04)."""
    announced: Announced

    @property
    def wallet_script(self) -> bytes:
        """The p2wpkh output script of the wallet, 22 bytes."""
        return p2wpkh(self.wallet_key.public_key.encoded)

    @property
    def claimant(self) -> Claimant:
        """What it claims outputs with."""
        return Claimant(self.basepoint_secrets, self.funding_key)

    def secret_of(self, number: int) -> PrivateKey:
        """The per-commitment secret of our commitment of that number; a stray one for a negative number.

        A stray secret belongs to no commitment: it stands for the model's ``WRONG_SECRET``.
        """
        return _per_commitment_secret(self.per_commitment_seed, number)

    def point_of(self, number: int) -> PublicKey:
        """The ``per_commitment_point`` of our commitment of that number."""
        return self.secret_of(number).public_key


@cache
def keyring(seed: bytes, seat: int) -> Keyring:
    """The secrets of the party at a seat (0 or 1)."""

    def key(name: str) -> PrivateKey:
        return PrivateKey(sha256(b"%s/%d/%s" % (seed, seat, name.encode())))

    secrets = BasepointSecrets(key("revocation"), key("payment"), key("delayed payment"), key("htlc"))
    funding_key = key("funding")
    return Keyring(
        basepoint_secrets=secrets,
        funding_key=funding_key,
        wallet_key=key("wallet"),
        per_commitment_seed=key("per-commitment seed").secret,
        announced=Announced(funding_key.public_key, secrets.basepoints()),
    )


@cache
def _per_commitment_secret(seed: bytes, number: int) -> PrivateKey:
    if number < 0:
        return PrivateKey(sha256(b"stray/%d/%s" % (number, seed)))
    return PrivateKey(generate_from_seed(seed, secret_index(number)))


@cache
def payment_preimage(label: int) -> bytes:
    """The preimage (32 bytes) that the model names by this number."""
    return sha256(b"payment preimage %d" % label)


@cache
def payment_hash(label: int) -> bytes:
    """The payment hash (32 bytes) that the model names by this number."""
    return sha256(payment_preimage(label))
