"""What the node keeps of a channel: the specification's state, and the bytes that its facts stand for.

The record is stored whole, before any byte leaves that depends on it. What grows without bound is not in it: the
commitments that were signed for the peer are rows of a table of their own (:mod:`boltnode.storage.commitment_rows`).

In the state a payment hash has the number that its 32 bytes are (:mod:`boltwire.channel_terms`), a script has its bytes
in hexadecimal for a name.
"""

from dataclasses import dataclass
from enum import StrEnum

from boltspec.closing.transaction import ClosingTx
from boltspec.commitment import Commitment
from boltspec.establishment.state import Role
from boltspec.lifetime.state import Life
from boltwire.channel_terms import Announced
from boltwire.commitment_signatures import CommitmentSignatures
from boltwire.keys import Basepoints
from boltwire.secp256k1 import PublicKey
from boltwire.transaction import Outpoint


@dataclass(frozen=True, slots=True)
class RemoteKeys:
    """The peer's keys from ``open_channel`` or ``accept_channel``, 33 bytes each."""

    funding_pubkey: bytes
    revocation_basepoint: bytes
    payment_basepoint: bytes
    delayed_payment_basepoint: bytes
    htlc_basepoint: bytes

    def announced(self) -> Announced:
        """The keys as points. :class:`boltwire.secp256k1.CurveError` if one is none."""
        funding, *basepoints = map(PublicKey, (
            self.funding_pubkey,
            self.revocation_basepoint,
            self.payment_basepoint,
            self.delayed_payment_basepoint,
            self.htlc_basepoint,
        ))  # fmt: skip
        return Announced(funding, Basepoints(*basepoints))


@dataclass(frozen=True, slots=True)
class Held:
    """Our newest commitment, and the peer's signatures for it."""

    commitment: Commitment
    signatures: CommitmentSignatures


@dataclass(frozen=True, slots=True)
class OfferedHtlc:
    """What belongs to an HTLC that we offered, as long as the channel has it."""

    id: int
    session_key: bytes
    """32 bytes that the onion is made from, always the same one."""
    payload: bytes
    """What the onion says to the peer."""
    failure: str | None = None
    """Why the peer gave it back, for people; None unless it did."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to an HTLC that we take: the preimage, 32 bytes."""

    preimage: bytes


@dataclass(frozen=True, slots=True)
class GiveBack:
    """The answer to an HTLC that we do not take."""

    reason: bytes
    """As in ``update_fail_htlc``: encrypted for the payer."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The answer to an HTLC whose onion cannot be read."""

    sha256_of_onion: bytes
    failure_code: int


Answer = Claim | GiveBack | Unreadable
"""What becomes of a received HTLC: decided once, whatever connections do."""


@dataclass(frozen=True, slots=True)
class ReceivedHtlc:
    """What belongs to an HTLC that the peer offered, as long as the channel has it."""

    id: int
    shared_secret: bytes
    """32 bytes that the onion shares with us; empty if it cannot be read."""
    payload: bytes
    """What the onion says to us; empty if it cannot be read."""
    is_final: bool
    """We are the last hop; else the onion wants the payment to be forwarded."""
    unreadable: Unreadable | None = None
    """What is wrong with the onion, if something is."""
    answer: Answer | None = None
    """What was decided; None while nothing was."""


class Closer(StrEnum):
    """Who has begun to close the channel."""

    LOCAL = "local"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRecord:
    """A channel, durably."""

    peer: bytes
    """Node id."""
    key_id: bytes
    """Which keys are ours (:class:`boltnode.channels.keys.ChannelKeys`)."""
    channel_id: bytes
    """The temporary one until there is a funding output."""
    life: Life
    """The specification's state."""
    remote: RemoteKeys | None = None
    """From the peer's first message on."""
    funding: Outpoint | None = None
    """The funding output; txid in hash order."""
    funding_height: int | None = None
    """Height of the block with the funding transaction."""
    unseen_from: int | None = None
    """Height of the first block that could not be looked at for the channel; it is looked at again, and those above."""
    waits_since: int | None = None
    """Height from which on the funding transaction was looked for; None before, and with rows of an older version."""
    spent_height: int | None = None
    """Height of the block with the transaction that spends the funding output."""
    spent_by: bytes | None = None
    """Id of that transaction, in hash order."""
    remote_points: tuple[tuple[int, bytes], ...] = ()
    """The peer's per-commitment points by number of its commitment: those that are not revoked, and the next."""
    secrets: tuple[tuple[int, bytes], ...] = ()
    """The per-commitment secrets that the peer has revealed (:class:`boltwire.per_commitment_secrets.SecretStore`)."""
    held: Held | None = None
    """Our newest commitment, once the peer has signed the first."""
    offered: tuple[OfferedHtlc, ...] = ()
    received: tuple[ReceivedHtlc, ...] = ()
    closing_signatures: tuple[tuple[ClosingTx, bytes], ...] = ()
    """The peer's newest signatures for closing transactions, 64 bytes each."""
    closing_transactions: tuple[bytes, ...] = ()
    """Closing transactions with both signatures, in the order of ``life.closing.published``."""
    closer: Closer | None = None
    failure: str = ""
    """Why the channel has failed, for people."""
    restored: bool = False
    """The record may be an old copy, and the peer has not shown yet whether it is: what we have may be revoked."""
    least_depth: int = 0
    """Confirmations that we wait for before ``channel_ready``, beyond what the peer asks for."""
    opened_at: int = 0
    """When it began, in seconds since 1970."""

    @property
    def opened_by_us(self) -> bool:
        """We are the funder."""
        return self.life.establishment.role is Role.OPENER
