"""What one party of the world does: send and receive.

These are the functions of single components that the transition relation (:mod:`boltspec.world`) is made of. Each
depends on its arguments only, so that a search can remember its results.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from boltspec.channel import Channel
from boltspec.commit import (
    receive_commitment_signed,
    receive_revoke_and_ack,
    send_commitment_signed,
    send_revoke_and_ack,
)
from boltspec.fee_updates import receive_update_fee, send_update_fee
from boltspec.messages import (
    ChannelReestablish,
    CommitmentSigned,
    Message,
    RevokeAndAck,
    UpdateAddHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
    UpdateFulfillHtlc,
)
from boltspec.proposals import proposals
from boltspec.reestablish import (
    disconnected,
    may_be_spoken_to,
    may_speak,
    receive_channel_reestablish,
    retransmission,
    retransmitted,
    send_channel_reestablish,
)
from boltspec.rules import EVERY_RULE, without
from boltspec.scenario import Scenario
from boltspec.update import (
    receive_update_add_htlc,
    receive_update_fail_htlc,
    receive_update_fail_malformed_htlc,
    receive_update_fulfill_htlc,
    send_update_add_htlc,
    send_update_fail_htlc,
    send_update_fail_malformed_htlc,
    send_update_fulfill_htlc,
)
from boltspec.verdict import Accepted, Refused, Rejected


def send(channel: Channel, message: Message) -> Accepted[Channel] | Refused:
    """Hand a message to the sender's step for its type."""
    if isinstance(message, ChannelReestablish):
        return send_channel_reestablish(channel, message)
    turn = may_speak(channel, message)
    if isinstance(turn, Refused):
        return turn
    match message:
        case UpdateAddHtlc():
            return send_update_add_htlc(channel, message)
        case UpdateFulfillHtlc():
            return send_update_fulfill_htlc(channel, message)
        case UpdateFailHtlc():
            return send_update_fail_htlc(channel, message)
        case UpdateFailMalformedHtlc():
            return send_update_fail_malformed_htlc(channel, message)
        case UpdateFee():
            return send_update_fee(channel, message)
        case CommitmentSigned():
            return send_commitment_signed(channel, message)
        case RevokeAndAck():
            return send_revoke_and_ack(channel, message)


def receive(channel: Channel, message: Message) -> Accepted[Channel] | Rejected:
    """Hand a message to the receiver's step for its type."""
    if isinstance(message, ChannelReestablish):
        return receive_channel_reestablish(channel, message)
    turn = may_be_spoken_to(channel, message)
    if isinstance(turn, Rejected):
        return turn
    match message:
        case UpdateAddHtlc():
            return receive_update_add_htlc(channel, message)
        case UpdateFulfillHtlc():
            return receive_update_fulfill_htlc(channel, message)
        case UpdateFailHtlc():
            return receive_update_fail_htlc(channel, message)
        case UpdateFailMalformedHtlc():
            return receive_update_fail_malformed_htlc(channel, message)
        case UpdateFee():
            return receive_update_fee(channel, message)
        case CommitmentSigned():
            return receive_commitment_signed(channel, message)
        case RevokeAndAck():
            return receive_revoke_and_ack(channel, message)


class Sent(NamedTuple):
    """What a party can send now."""

    label: str
    messages: tuple[Message, ...]
    """One message, or all that are to be sent again after the connection was lost."""
    channel: Channel
    """The sender's state after it."""
    offered: int
    """How many of its wishes the sender is then through with."""
    forbidden: bool
    """The sender's rules forbid the message: only a corrupt party sends it."""


def outgoing(scenario: Scenario, party: int, channel: Channel, offered: int, abusive: bool) -> tuple[Sent, ...]:
    """Return what a party can send now; ``abusive`` if it may send what its rules forbid."""
    sent = []
    again = retransmission(channel)
    if again:
        label = " ".join(("again", *(type(message).__name__ for message in again)))
        sent.append(Sent(label, again, retransmitted(channel), offered, False))
    for proposal in proposals(channel, scenario, party, offered, tempted=scenario.careless or abusive):
        verdict = send(channel, proposal.message)
        if isinstance(verdict, Accepted):
            sent.append(Sent(proposal.label, (proposal.message,), verdict.state, proposal.offered, False))
        elif abusive and (isinstance(proposal.message, ChannelReestablish) or not scenario.lies_about_state):
            after = _sent_against_the_rules(channel, proposal.message)
            sent.append(Sent(proposal.label, (proposal.message,), after, proposal.offered, True))
    return tuple(sent)


def _sent_against_the_rules(channel: Channel, message: Message) -> Channel:
    """Return a corrupt party's own state after a message that it may not send: as if its peer took it."""
    with without(EVERY_RULE):
        verdict = send(channel, message)
    return verdict.state if isinstance(verdict, Accepted) else channel


def incoming(scenario: Scenario, party: int, channel: Channel, message: Message) -> Accepted[Channel] | Rejected:
    """Return what becomes of a message that reaches a party; a corrupt one takes everything that makes sense."""
    if not scenario.corrupt[party]:
        return receive(channel, message)
    with without(EVERY_RULE):
        return receive(channel, message)


def is_durable_before(message: Message) -> bool:
    """Say whether the sender's state is made durable before the message leaves.

    Once the peer may have it we are bound by it: to what we signed, and not to use what we revoked.
    """
    return isinstance(message, CommitmentSigned | RevokeAndAck)


@dataclass(frozen=True, slots=True)
class Steps:
    """The functions that the transition relation is made of: each depends on its arguments only."""

    outgoing: Callable[[Scenario, int, Channel, int, bool], tuple[Sent, ...]]
    incoming: Callable[[Scenario, int, Channel, Message], Accepted[Channel] | Rejected]
    disconnected: Callable[[Channel], Channel]


PLAIN = Steps(outgoing, incoming, disconnected)
"""The functions themselves, computed anew each time."""
