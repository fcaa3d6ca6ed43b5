"""Two peers with all their secrets, for tests that need both sides of a channel."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from boltwire.commitment import BuiltCommitment, CommitmentParams, CommitmentTerms, HtlcOutput, build_commitment
from boltwire.commitment_format import CommitmentFormat
from boltwire.commitment_signatures import CommitmentSignatures, complete_commitment, sign_commitment
from boltwire.funding import FundingOutput, obscuring_factor
from boltwire.keys import BasepointSecrets, derive_private_key, derive_revocation_private_key
from boltwire.per_commitment_secrets import generate_from_seed, secret_index
from boltwire.secp256k1 import PrivateKey
from boltwire.transaction import Outpoint, Transaction


@dataclass
class Peer:
    """All secrets of one peer, drawn from its name."""

    name: str
    funding_key: PrivateKey = field(init=False)
    secrets: BasepointSecrets = field(init=False)
    seed: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.funding_key = self._key("funding")
        self.secrets = BasepointSecrets(*map(self._key, ("revocation", "payment", "delayed", "htlc")))
        self.seed = hashlib.sha256(self.name.encode()).digest()

    def _key(self, purpose: str) -> PrivateKey:
        return PrivateKey(hashlib.sha256(f"{self.name} {purpose}".encode()).digest())

    def per_commitment_key(self, number: int) -> PrivateKey:
        return PrivateKey(generate_from_seed(self.seed, secret_index(number)))


@dataclass
class Channel:
    """A channel of two peers; local owns the commitment transactions and opened the channel unless told otherwise."""

    commitment_format: CommitmentFormat
    local: Peer
    remote: Peer
    funding: FundingOutput
    to_self_delay: int = 144
    dust_limit_satoshis: int = 546
    local_is_opener: bool = True

    def terms(self) -> CommitmentTerms:
        local, remote = self.local.secrets.basepoints(), self.remote.secrets.basepoints()
        opener, accepter = (local, remote) if self.local_is_opener else (remote, local)
        return CommitmentTerms(
            self.commitment_format,
            self.funding,
            local,
            remote,
            obscuring_factor(opener.payment_basepoint, accepter.payment_basepoint),
            self.local_is_opener,
            self.dust_limit_satoshis,
            self.to_self_delay,
        )

    def commitment(
        self,
        *,
        to_local_msat: int,
        to_remote_msat: int,
        htlcs: Sequence[HtlcOutput] = (),
        feerate_per_kw: int = 1000,
        number: int = 0,
    ) -> BuiltCommitment:
        point = self.local.per_commitment_key(number).public_key
        params = CommitmentParams(
            self.terms(), number, point, feerate_per_kw, to_local_msat, to_remote_msat, tuple(htlcs)
        )
        return build_commitment(params)

    def signatures(self, commitment: BuiltCommitment) -> CommitmentSignatures:
        return sign_commitment(commitment, self.remote.funding_key, self.remote.secrets.htlc_basepoint_secret)

    def complete(self, commitment: BuiltCommitment) -> Transaction:
        signature = self.signatures(commitment).signature
        return complete_commitment(commitment, signature, self.local.funding_key)

    def local_htlc_key(self, commitment: BuiltCommitment) -> PrivateKey:
        return derive_private_key(self.local.secrets.htlc_basepoint_secret, commitment.params.per_commitment_point)

    def remote_htlc_key(self, commitment: BuiltCommitment) -> PrivateKey:
        return derive_private_key(self.remote.secrets.htlc_basepoint_secret, commitment.params.per_commitment_point)

    def local_delayed_key(self, commitment: BuiltCommitment) -> PrivateKey:
        secret = self.local.secrets.delayed_payment_basepoint_secret
        return derive_private_key(secret, commitment.params.per_commitment_point)

    def revocation_key(self, commitment: BuiltCommitment) -> PrivateKey:
        per_commitment_key = self.local.per_commitment_key(commitment.params.commitment_number)
        return derive_revocation_private_key(self.remote.secrets.revocation_basepoint_secret, per_commitment_key)


OpenChannel = Callable[..., Channel]

NO_TRANSACTION = Outpoint(bytes(32), 0)


@pytest.fixture(scope="session")
def open_channel() -> OpenChannel:
    """A function that makes a channel on an outpoint (of no transaction unless given)."""

    def make(
        commitment_format: CommitmentFormat,
        outpoint: Outpoint = NO_TRANSACTION,
        amount_sat: int = 10_000_000,
        name: str = "",
        **changes: int,
    ) -> Channel:
        local, remote = Peer(f"alice {name}"), Peer(f"bob {name}")
        keys = local.funding_key.public_key, remote.funding_key.public_key
        channel = Channel(commitment_format, local, remote, FundingOutput(outpoint, amount_sat, *keys))
        for attribute, value in changes.items():
            setattr(channel, attribute, value)
        return channel

    return make
