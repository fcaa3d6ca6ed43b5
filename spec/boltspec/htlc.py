"""An HTLC and its way through the two commitments (BOLT 2, Normal Operation).

Every change to a channel is an *update*, made by one node. It reaches the other node's commitment first and its
maker's last, in the five stages that BOLT 2 lists. Adding an HTLC is an update of its offerer; removing it is an
update of its recipient. So the life of an HTLC is a pair of stages, and the table :data:`ADVANCES` says which of the
four events of the update dance moves which stage. The table *is* the protocol: steps, diagrams and proofs read it.

Abstracted away: the onion. ``payment_hash`` is a number that names the hash; the preimage of a hash is named by the
same number, and any other number is a wrong preimage. Real hashes live in ``boltwire``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from boltspec.units import Height, Msat


class Side(IntEnum):
    """One of the two ends of a channel, seen from the node whose state it is."""

    LOCAL = 0
    REMOTE = 1

    @property
    def other(self) -> Side:
        """The opposite end."""
        return REMOTE if self is LOCAL else LOCAL


LOCAL, REMOTE = Side.LOCAL, Side.REMOTE


class Stage(IntEnum):
    """How far an update has come (BOLT 2, Normal Operation, the list of five states)."""

    ABSENT = 0
    """There is no such update (an HTLC that nobody has removed yet)."""
    PENDING = 1
    """Sent; pending on the receiver."""
    COMMITTED = 2
    """In the receiver's latest commitment transaction."""
    ACKED = 3
    """... and the receiver's previous commitment is revoked: the update is pending on the sender."""
    ACK_COMMITTED = 4
    """... and in the sender's latest commitment transaction."""
    IRREVOCABLE = 5
    """... and the sender's previous commitment is revoked: both are irrevocably committed."""


class Event(IntEnum):
    """The four moves of the update dance, seen from one node."""

    SEND_COMMITMENT_SIGNED = 0
    RECEIVE_REVOKE_AND_ACK = 1
    RECEIVE_COMMITMENT_SIGNED = 2
    SEND_REVOKE_AND_ACK = 3


ADVANCES: dict[tuple[Event, Side], tuple[Stage, Stage]] = {
    (Event.SEND_COMMITMENT_SIGNED, LOCAL): (Stage.PENDING, Stage.COMMITTED),
    (Event.SEND_COMMITMENT_SIGNED, REMOTE): (Stage.ACKED, Stage.ACK_COMMITTED),
    (Event.RECEIVE_REVOKE_AND_ACK, LOCAL): (Stage.COMMITTED, Stage.ACKED),
    (Event.RECEIVE_REVOKE_AND_ACK, REMOTE): (Stage.ACK_COMMITTED, Stage.IRREVOCABLE),
    (Event.RECEIVE_COMMITMENT_SIGNED, REMOTE): (Stage.PENDING, Stage.COMMITTED),
    (Event.RECEIVE_COMMITMENT_SIGNED, LOCAL): (Stage.ACKED, Stage.ACK_COMMITTED),
    (Event.SEND_REVOKE_AND_ACK, REMOTE): (Stage.COMMITTED, Stage.ACKED),
    (Event.SEND_REVOKE_AND_ACK, LOCAL): (Stage.ACK_COMMITTED, Stage.IRREVOCABLE),
}
"""``(event, maker of the update) -> (stage before, stage after)``; updates at other stages stay where they are."""


NO_PREIMAGE = -1
"""Names no preimage."""


class Removal(IntEnum):
    """How an HTLC ends."""

    NONE = 0
    FULFILL = 1
    """``update_fulfill_htlc``: the recipient showed the preimage and is paid."""
    FAIL = 2
    """``update_fail_htlc``: the offerer has it back."""
    FAIL_MALFORMED = 3
    """``update_fail_malformed_htlc``: the offerer has it back, and must word the failure itself."""


@dataclass(frozen=True, slots=True)
class Htlc:
    """A hash time locked contract inside a channel, seen from one node."""

    offerer: Side
    id: int
    """Counts the offers of one side from 0 (``update_add_htlc.id``)."""
    amount_msat: Msat
    payment_hash: int
    cltv_expiry: Height
    added: Stage
    """Stage of the offerer's ``update_add_htlc``."""
    removal: Removal = Removal.NONE
    removed: Stage = Stage.ABSENT
    """Stage of the recipient's removal."""
    known_preimage: int = NO_PREIMAGE
    """The preimage that the recipient has shown to this node, which is the offerer: never forgotten, even if the
    removal is (B02-retransmission-n-03)."""
    failure_code: int = 0
    """Of the last ``update_fail_malformed_htlc`` for it, to be sent again as it was; it says nothing while the HTLC has
    another end, or none."""
    remote_exposure_msat: Msat = Msat(0)  # noqa: RUF009  # a plain integer
    """If it has no output in the remote commitment: what all such HTLCs were worth when it was offered to this node."""
    local_exposure_msat: Msat = Msat(0)  # noqa: RUF009  # a plain integer
    """The same of the local commitment."""

    @property
    def recipient(self) -> Side:
        """The side that can claim the HTLC with the preimage."""
        return self.offerer.other


def advance(htlc: Htlc, event: Event) -> Htlc:
    """Move the HTLC's updates one stage on where the event says so."""
    add_before, add_after = ADVANCES[event, htlc.offerer]
    remove_before, remove_after = ADVANCES[event, htlc.recipient]
    if htlc.added is add_before:
        htlc = replace(htlc, added=add_after)
    if htlc.removed is remove_before:
        htlc = replace(htlc, removed=remove_after)
    return htlc


def is_moved_by(htlc: Htlc, event: Event) -> bool:
    """Say whether the event changes the stage of one of the HTLC's updates."""
    return htlc.added is ADVANCES[event, htlc.offerer][0] or htlc.removed is ADVANCES[event, htlc.recipient][0]


def is_settled(htlc: Htlc) -> bool:
    """Say whether the removal is irrevocable: the HTLC has left the channel."""
    return htlc.removed is Stage.IRREVOCABLE
