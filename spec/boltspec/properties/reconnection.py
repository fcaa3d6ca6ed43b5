"""Reconnection of one node: what it forgets, what it learns from its peer's numbers, when it may speak again.

BOLT 2, Message Retransmission. These are properties of single steps, for every number and any number of HTLCs; what two
nodes and their wires do together is :mod:`boltspec.properties.agreement`.
"""

from __future__ import annotations

from boltspec.channel import Channel, Link
from boltspec.feerates import forget_pending
from boltspec.htlc import LOCAL, REMOTE, Htlc, Stage
from boltspec.messages import NO_SECRET, ChannelReestablish
from boltspec.properties.accounting import uncommitted_offers
from boltspec.properties.property import LossProperty, Step, StepProperty


def _speaks_once_resumed(step: Step) -> bool:
    before, after = step.before, step.after
    if isinstance(step.message, ChannelReestablish):
        peers_turn, resumed = (Link.RECEIVED, Link.SENT) if step.sending else (Link.SENT, Link.RECEIVED)
        if before.link is Link.DOWN:
            return after.link is resumed
        return before.link is peers_turn and after.link is Link.UP
    if before.link is not Link.UP or after.link is not Link.UP:
        return False
    return not step.sending or not (before.owes_commitment or before.owes_revocation or before.behind)


def _owes_what_is_lacking(step: Step) -> bool:
    if step.sending or not isinstance(step.message, ChannelReestablish):
        return True
    number, revocation = step.message.next_commitment_number, step.message.next_revocation_number
    secret = step.message.your_last_per_commitment_secret
    if not (secret == NO_SECRET if revocation == 0 else secret == revocation - 1):
        return False
    signed, revoked = step.before.remote_commitment_number, step.before.local_revocations
    if revocation > revoked:
        return _only_behind(step)
    lacks_commitment = number == signed
    lacks_revocation = revocation == revoked - 1
    if not (lacks_commitment or number == signed + 1) or not (lacks_revocation or revocation == revoked):
        return False
    # There is no commitment_signed for commitment 0.
    owes_commitment = lacks_commitment and signed > 0
    return _same(step.after.owes_commitment, owes_commitment) and _same(step.after.owes_revocation, lacks_revocation)


def _same(one: bool, other: bool) -> bool:
    return one if other else not one


def _only_behind(step: Step) -> bool:
    """Say whether the node has learned that it is behind, and nothing else."""
    before, after = step.before, step.after
    kept = _same(after.owes_commitment, before.owes_commitment)
    return after.behind and kept and _same(after.owes_revocation, before.owes_revocation)


def _is_committed(htlc: Htlc) -> bool:
    return htlc.added is not Stage.PENDING


def _forgets_uncommitted_only(before: Channel, after: Channel) -> bool:
    if after.htlcs.any(lambda htlc: Stage.PENDING in (htlc.added, htlc.removed)):
        return False
    if after.feerates != forget_pending(before.feerates):
        return False
    if after.next_local_htlc_id != before.next_local_htlc_id - uncommitted_offers(before, LOCAL):
        return False
    if after.next_remote_htlc_id != before.next_remote_htlc_id - uncommitted_offers(before, REMOTE):
        return False
    return after.link is Link.DOWN and _keeps_committed(before, after)


def _keeps_committed(before: Channel, after: Channel) -> bool:
    """Say whether nothing is lost of what a signature covers, nor a preimage: number and sum of every field agree."""
    if after.htlcs.count(_is_committed) != before.htlcs.count(_is_committed):
        return False
    return all(
        after.htlcs.total(lambda htlc, name=name: getattr(htlc, name), 0)  # type: ignore[misc]
        == before.htlcs.total(lambda htlc, name=name: getattr(htlc, name) if _is_committed(htlc) else 0, 0)  # type: ignore[misc]
        for name in ("id", "amount_msat", "payment_hash", "cltv_expiry", "known_preimage")
    )


SPEAKS_ONCE_RESUMED = StepProperty(
    "SpeaksOnceResumed",
    "On a connection channel_reestablish passes once each way before anything else; a node that owes something from"
    " before, or is behind, sends nothing new.",
    _speaks_once_resumed,
)
OWES_WHAT_IS_LACKING = StepProperty(
    "OwesWhatIsLacking",
    "A node owes its last commitment_signed exactly if the peer lacks just that, the same of its last revoke_and_ack,"
    " and is behind exactly if the peer proves it.",
    _owes_what_is_lacking,
)
UNCOMMITTED_FORGOTTEN = LossProperty(
    "UncommittedForgotten",
    "A lost connection undoes exactly the updates that no signature covers: ids go on without a gap, and what is"
    " committed stays, as does every preimage.",
    _forgets_uncommitted_only,
)
