"""Lost connections in every phase of a life (BOLT 2, Message Retransmission)."""

from __future__ import annotations

from dataclasses import replace

from boltspec.closing import state as closing_state
from boltspec.establishment.resume import is_remembered, reconnected
from boltspec.lifetime.state import End, Life, state_of, with_channel
from boltspec.messages import ChannelReestablish
from boltspec.reestablish import disconnected as channel_disconnected
from boltspec.reestablish import receive_channel_reestablish, send_channel_reestablish
from boltspec.rules import Reaction, duty, require

FIRST = 1
"""The ``next_commitment_number`` of a node whose peer has signed no commitment after the first."""


def disconnected(life: Life) -> Life:
    """Return what a node remembers of a channel after the connection was lost."""
    life = replace(life, number_sent=0, number_received=0, owes_error=False, owes_warning=False)
    if life.end is not End.NONE:
        # The peer may not have the error: it is repeated on the next connection.
        return replace(life, owes_error=life.end is End.FAILED and duty("B02-retransmission-n-04"))
    state = life.establishment
    if state.funding is not None and not is_remembered(state):
        return replace(life, end=End.FORGOTTEN, closing=None)
    life = replace(life, establishment=reconnected(state))
    if life.closing is None:
        return life
    channel = channel_disconnected(life.closing.channel)
    return replace(
        life,
        closing=closing_state.reconnected(replace(life.closing, channel=channel)),
        shutdown_sent=life.shutdown_sent or life.closing.sent_shutdown,
    )


def after_sending_reestablish(life: Life, message: ChannelReestablish) -> Life:
    """Return the life after our ``channel_reestablish``; ValueError if there is no channel."""
    assert life.closing is not None
    channel = state_of(send_channel_reestablish(life.closing.channel, message))
    return _numbered(replace(with_channel(life, channel), number_sent=message.next_commitment_number))


def after_receiving_reestablish(life: Life, message: ChannelReestablish) -> Life:
    """Return the life after the peer's ``channel_reestablish``.

    A ``closing_signed`` of the peer was proof that it had our last ``revoke_and_ack`` (B02-retransmission-n-14).
    """
    assert life.closing is not None
    channel = state_of(receive_channel_reestablish(life.closing.channel, message))
    asks = channel.owes_revocation and life.closing_signed_received
    require(not asks, "B02-retransmission-n-16", Reaction.FAIL_CHANNEL, closing_signed=True)
    return _numbered(replace(with_channel(life, channel), number_received=message.next_commitment_number))


def _numbered(life: Life) -> Life:
    """Note whether ``channel_ready`` is to be repeated: nobody has signed a commitment after the first."""
    assert life.channel is not None
    both_first = life.number_sent == FIRST and life.number_received == FIRST
    owes_ready = both_first and life.establishment.ready_sent and duty("B02-retransmission-n-08")
    state = replace(life.establishment, link=life.channel.link, owes_ready=owes_ready)
    return replace(life, establishment=state)


def owes_shutdown_again(life: Life) -> bool:
    """Say whether ``shutdown`` is to be repeated: it was sent on an earlier connection."""
    again = life.closing is not None and life.shutdown_sent and not life.closing.sent_shutdown
    return again and duty("B02-retransmission-n-20")
