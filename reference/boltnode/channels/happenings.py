"""What a channel tells the rest of the node: facts for the books, and what is to be done outside of it."""

from dataclasses import dataclass, field

from boltnode.channels.record import ChannelRecord
from boltspec.commitment import Commitment
from boltwire.messages import Message


@dataclass(frozen=True, slots=True)
class TermsAgreed:
    """The peer has accepted our proposal: the funding transaction is to be made."""


@dataclass(frozen=True, slots=True)
class FundingSigned:
    """The peer has signed our first commitment: the funding transaction is to be published."""


@dataclass(frozen=True, slots=True)
class Paid:
    """The peer has shown the preimage of an HTLC that we offered."""

    preimage: bytes
    amount_msat: int


@dataclass(frozen=True, slots=True)
class GivenBack:
    """An HTLC that we offered is gone for good, and we have its money."""

    payment_hash: bytes
    failure: str


@dataclass(frozen=True, slots=True)
class Unsent:
    """An HTLC that we offered was forgotten with the connection: no signature covered it."""

    payment_hash: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """The channel has failed: our commitment is to be published."""

    reason: str


Happening = TermsAgreed | FundingSigned | Paid | GivenBack | Unsent | Failed


@dataclass(slots=True)
class Outbox:
    """What has come of the steps since it was emptied last; nothing of it may leave before the record is durable."""

    messages: list[Message] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    signed: list[Commitment] = field(default_factory=list)
    """Commitments of the peer that we have signed."""
    transactions: list[bytes] = field(default_factory=list)
    """Closing transactions to broadcast."""
    hang_up: str | None = None
    """Close the connection once the messages are sent, for this reason."""
    changed: bool = False
    """The record is another one than before."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A record to be stored, and what may leave once it is."""

    record: ChannelRecord
    out: Outbox
