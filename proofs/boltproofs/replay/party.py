"""One party of a replay: its secrets, and of its peer only what really reached it.

Nothing is shared between the two parties but bytes. A secret that the model calls wrong is 32 wrong bytes here, goes
into the same compact store as a right one, and makes every key that is derived from it a wrong key.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltproofs.replay.keyring import Keyring
from boltproofs.replay.terms import Funding, terms_of
from boltspec.channel import Channel
from boltspec.commitment import Commitment
from boltspec.htlc import LOCAL, REMOTE
from boltspec.messages import CommitmentSigned, Signature
from boltspec.params import Params
from boltwire.channel_terms import Announced, NoSuchCommitment
from boltwire.commitment import BuiltCommitment
from boltwire.commitment_signatures import (
    CommitmentSignatures,
    SignatureCheck,
    check_signatures,
    complete_commitment,
    sign_commitment,
)
from boltwire.hashes import sha256
from boltwire.per_commitment_secrets import SecretError, SecretStore, secret_index
from boltwire.secp256k1 import PrivateKey, PublicKey
from boltwire.transaction import Transaction

POINTS_AT_FIRST = 2
"""Points of the peer that are known before any revocation: from ``open_channel``/``accept_channel`` and
``channel_ready``."""


@dataclass(frozen=True, slots=True)
class Revelation:
    """The bytes of ``revoke_and_ack``."""

    per_commitment_secret: PrivateKey
    next_per_commitment_point: PublicKey


@dataclass(frozen=True, slots=True)
class HeldCommitment:
    """A commitment of our own with the peer's signatures."""

    built: BuiltCommitment
    signatures: CommitmentSignatures


class Party:
    """What one party holds in reality; changes as messages are sent and received."""

    def __init__(self, keys: Keyring, peer: Announced, params: Params, funding: Funding) -> None:
        self.keys = keys
        self.terms = terms_of(params, keys.announced, peer, funding)
        self.held: list[HeldCommitment | None] = []
        """Our commitments by number; ``None`` where the peer's signature fits no transaction."""
        self._points: dict[int, PublicKey] = {}
        self._secrets = SecretStore()
        self._received: list[PrivateKey] = []
        """What came as secrets of the peer's commitments, by number."""

    def receive_points(self, points: tuple[PublicKey, ...]) -> None:
        """Learn the peer's first per-commitment points."""
        self._points.update(enumerate(points))

    # --- signatures ---

    def sign(self, message: CommitmentSigned) -> CommitmentSignatures:
        """The signatures of a ``commitment_signed`` with the facts of ``message``; a fact of nothing gives bad ones."""
        main = self._signatures(message.signature)
        same = message.htlc_signatures == message.signature
        htlcs = main if same else self._signatures(message.htlc_signatures)
        bad = self.keys.funding_key.sign(sha256(b"what nobody asked for"))
        spare = (bad,) * message.num_htlcs
        return CommitmentSignatures(
            main.signature if main else bad,
            ((htlcs.htlc_signature if htlcs else ()) + spare)[: message.num_htlcs],
        )

    def _signatures(self, fact: Signature) -> CommitmentSignatures | None:
        """Sign for the peer; ``None`` where nobody can: without its point, or where there is no transaction."""
        if fact.signed is None or (point := self._points.get(fact.signed.number)) is None:
            return None
        try:
            built = self.terms.build(REMOTE, fact.signed, point)
        except NoSuchCommitment:
            return None
        return sign_commitment(built, self.keys.funding_key, self.keys.basepoint_secrets.htlc_basepoint_secret)

    def rebuild(self, commitment: Commitment) -> BuiltCommitment:
        """Our own commitment transaction as we compute it ourselves; ``NoSuchCommitment`` if there is none."""
        return self.terms.build(LOCAL, commitment, self.keys.point_of(commitment.number))

    def check(self, commitment: Commitment, signatures: CommitmentSignatures) -> SignatureCheck:
        """Verify received signatures against our own transaction for ``commitment``."""
        return check_signatures(self.rebuild(commitment), signatures)

    def hold(self, signed: Commitment | None, signatures: CommitmentSignatures) -> None:
        """Keep a newly received commitment: the one that the signatures are for, if there is such a transaction."""
        try:
            held = None if signed is None else HeldCommitment(self.rebuild(signed), signatures)
        except NoSuchCommitment:
            held = None
        self.held.append(held)

    def complete(self, number: int) -> Transaction:
        """Our commitment of that number, ready to be published; LookupError if we hold none."""
        held = self.held[number]
        if held is None:
            raise LookupError(f"the signature of commitment {number} fits no transaction")
        return complete_commitment(held.built, held.signatures.signature, self.keys.funding_key)

    # --- revocation ---

    def reveal(self, number: int, after: int) -> Revelation:
        """The bytes that reveal the secret of commitment ``number`` and give the point of commitment ``after``."""
        return Revelation(self.keys.secret_of(number), self.keys.point_of(after))

    def belongs(self, revelation: Revelation, number: int) -> bool:
        """Say whether a received secret is that of the peer's commitment ``number`` (B02-revoke-and-ack-r-01)."""
        return revelation.per_commitment_secret.public_key == self._points.get(number)

    def keep(self, revelation: Revelation, number: int) -> None:
        """Store what came as the secret of the peer's commitment ``number``, and the point of its next but one."""
        self._points[number + POINTS_AT_FIRST] = revelation.next_per_commitment_point
        self._received.append(revelation.per_commitment_secret)
        self._insert(number, revelation.per_commitment_secret)

    def _insert(self, number: int, secret: PrivateKey) -> None:
        try:
            self._secrets.insert(secret_index(number), secret.secret)
        except SecretError:
            return  # it does not fit into the chain of secrets, so it cannot be kept

    def restart(self, channel: Channel) -> None:
        """Start again from an earlier state: with the signatures and secrets that it had then."""
        self.held = self.held[: channel.local_commitment_number + 1]
        self._received, self._secrets = self._received[: channel.remote_revocations], SecretStore()
        for number, secret in enumerate(self._received):
            self._insert(number, secret)

    def secret(self, number: int) -> PrivateKey | None:
        """The secret that our store gives for the peer's commitment ``number``; a wrong one if we were given that."""
        try:
            return PrivateKey(self._secrets.lookup(secret_index(number)))
        except SecretError:
            return None

    def knows_secret(self, number: int) -> bool:
        """Say whether our store gives the right secret of the peer's commitment ``number``."""
        secret = self.secret(number)
        return secret is not None and secret.public_key == self._points.get(number)
