"""What is left of an establishment when the connection is lost, and how it goes on (BOLT 2, Message Retransmission).

Up to the point of no return both begin anew: for the opener it is the funding transaction that it has published, for
the accepter the ``funding_signed`` that lets the opener do so. From there on the channel is remembered and resumed by
``channel_reestablish``, and ``channel_ready`` is sent again.

A node writes down what a step has made of its state before anything leaves it, so that a crash between two steps loses
no more than the connection does. It may hit between the writing and the leaving, too: then a funding transaction is
taken for published that is not, and is published again (:func:`boltspec.establishment.opener.owes_publication`).
"""

from __future__ import annotations

from dataclasses import replace

from boltspec.channel import Link
from boltspec.establishment.messages import ChannelReestablish
from boltspec.establishment.state import ACCEPTER, Awaited, Establishment
from boltspec.rules import Reaction, duty, require
from boltspec.verdict import receives, sends

UNKNOWN_CHANNEL = "B01-error-warning-s-02"
"""A message for a channel that is not known is answered by an error with its id."""


def is_remembered(state: Establishment) -> bool:
    """Say whether the channel outlives the connection."""
    if state.role is ACCEPTER:
        signed = state.funding is not None and state.awaited is Awaited.CHANNEL_READY
        return duty("B02-retransmission-e-01") if signed else not duty("B02-retransmission-e-02")
    return duty("B02-retransmission-f-01") if state.published else not duty("B02-retransmission-f-02")


def reconnected(state: Establishment) -> Establishment:
    """Return the state after the connection was lost and made again.

    Without a remembered channel the opener begins anew, and the accepter waits for a new ``open_channel``; that makes
    it discard the earlier one (B02-open-channel-r-04).
    """
    if is_remembered(state):
        return replace(state, link=Link.UP if state.funding is None else Link.DOWN, owes_ready=False)
    if state.role is not ACCEPTER:
        return Establishment(state.node)
    if not duty("B02-open-channel-r-03"):
        return state
    return Establishment(state.node, role=ACCEPTER, open_channel=state.open_channel)


@sends
def send_channel_reestablish(state: Establishment, message: ChannelReestablish) -> Establishment:
    """Resume the channel, first of all on a new connection."""
    require(state.link in (Link.DOWN, Link.RECEIVED), "D02-retransmission-s-01", link=state.link)
    require(message.channel_id == state.funding, "D02-channel-ready-s-02", channel_id=message.channel_id)
    number = message.next_commitment_number
    require(number == 1, "B02-retransmission-s-01", next_commitment_number=number)
    return replace(state, link=Link.SENT if state.link is Link.DOWN else Link.UP)


@receives
def receive_channel_reestablish(state: Establishment, message: ChannelReestablish) -> Establishment:
    """Learn that the peer remembers the channel, and owe it ``channel_ready`` once more if it was sent.

    AMBIGUOUS: channel-ready-sent-again: it "must be retransmitted" where both expect commitment 1, which is so before
    it was ever sent as well. Nothing that was not sent is sent again: it still waits for the funding transaction.
    """
    known = state.funding is not None and message.channel_id == state.funding
    require(known, UNKNOWN_CHANNEL, Reaction.FAIL_CHANNEL, channel_id=message.channel_id)
    require(state.link in (Link.DOWN, Link.SENT), "D02-retransmission-r-01", Reaction.WARN_OR_FAIL, link=state.link)
    number = message.next_commitment_number
    require(number != 0, "B02-retransmission-n-07", Reaction.FAIL_CHANNEL, next_commitment_number=number)
    require(number == 1, "B02-retransmission-n-13", Reaction.FAIL_CHANNEL, next_commitment_number=number)
    again = state.ready_sent and duty("B02-retransmission-n-08")
    return replace(state, link=Link.UP if state.link is Link.SENT else Link.RECEIVED, owes_ready=again)
