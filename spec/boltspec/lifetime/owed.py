"""What an honest node has to send now.

Nothing here is a choice: what a node wants (a payment, another feerate, to close) it says besides. What is owed after a
lost connection comes first and in its order; :func:`resent` is the state once it is sent.
"""

from __future__ import annotations

from collections.abc import Iterator

from boltspec.channel import Link
from boltspec.closing import legacy
from boltspec.closing.messages import Shutdown
from boltspec.closing.shutdown import owes_shutdown
from boltspec.closing.state import Closing
from boltspec.commit import has_moved_by, next_commitment_signed, next_revoke_and_ack, owes_revocation
from boltspec.establishment.messages import ChannelReady
from boltspec.htlc import Event
from boltspec.lifetime.messages import Error, Message, Warning  # noqa: A004  # the BOLT's name
from boltspec.lifetime.resuming import owes_shutdown_again
from boltspec.lifetime.state import End, Life, with_channel
from boltspec.reestablish import (
    must_ask_to_be_closed,
    next_channel_reestablish,
    owes_reestablish,
    retransmission,
    retransmitted,
)
from boltspec.rules import duty


def owed(life: Life) -> tuple[Message, ...]:
    """Return what is to be sent now, in this order."""
    if life.owes_error or asks_to_be_closed(life):
        return (Error(),)
    if life.owes_warning:
        return (Warning(),)
    if life.end is not End.NONE or life.closing is None:
        return ()
    channel = life.closing.channel
    if owes_reestablish(channel):
        return (next_channel_reestablish(channel),)
    ready = _ready_again(life)
    # AMBIGUOUS: ready-before-resent: the peer that lacks our channel_ready would reject what is sent again after it.
    if ready and duty("D02-lifetime-s-02"):
        return ready
    return retransmission(channel) or (*ready, *_due(life, life.closing))


def _ready_again(life: Life) -> tuple[ChannelReady, ...]:
    """Return the ``channel_ready`` that is to be repeated once both nodes have resumed the channel."""
    resumed = life.channel is not None and life.channel.link is Link.UP
    if not (resumed and life.establishment.owes_ready and life.establishment.funding is not None):
        return ()
    aliases = life.establishment.aliases_sent
    return (ChannelReady(life.establishment.funding, alias=aliases[-1] if aliases else None),)


def asks_to_be_closed(life: Life) -> bool:
    """Say whether the peer is to be asked to fail the channel, since we must not publish our commitment."""
    return life.end is End.NONE and life.channel is not None and must_ask_to_be_closed(life.channel)


def is_resending(life: Life) -> bool:
    """Say whether what is owed now was sent before: all of it is sent, and :func:`resent` is the state after it."""
    due = owed(life)
    return life.channel is not None and bool(due) and due == retransmission(life.channel)


def resent(life: Life) -> Life:
    """Return the life once everything that the peer lacked is sent again; ValueError if there is no channel."""
    if life.channel is None:
        raise ValueError("there is no channel yet")
    return with_channel(life, retransmitted(life.channel))


def _due(life: Life, closing: Closing) -> Iterator[Message]:
    """Yield what is due between two nodes that are connected and have resumed the channel."""
    channel = closing.channel
    if not life.is_open and not closing.received_shutdown and not life.shutdown_sent:
        return
    if owes_revocation(channel):
        yield next_revoke_and_ack(channel)
    elif has_moved_by(channel, Event.SEND_COMMITMENT_SIGNED):
        yield next_commitment_signed(channel)
    elif owes_shutdown_again(life) or owes_shutdown(closing):
        yield Shutdown(closing.local_upfront or closing.local_script or closing.policy.script)
    elif closing.owed is not None:
        yield closing.owed
    elif (answer := legacy.next_closing_signed(closing)) is not None:
        yield answer
