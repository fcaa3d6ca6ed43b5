"""Every message to its step."""

from __future__ import annotations

from boltspec.establishment.accepter import (
    receive_funding_created,
    receive_open_channel,
    send_accept_channel,
    send_funding_signed,
)
from boltspec.establishment.messages import (
    AcceptChannel,
    ChannelReady,
    ChannelReestablish,
    FundingCreated,
    FundingSigned,
    Message,
    OpenChannel,
)
from boltspec.establishment.opener import (
    receive_accept_channel,
    receive_funding_signed,
    send_funding_created,
    send_open_channel,
)
from boltspec.establishment.ready import receive_channel_ready, send_channel_ready
from boltspec.establishment.resume import receive_channel_reestablish, send_channel_reestablish
from boltspec.establishment.state import Establishment
from boltspec.verdict import Accepted, Refused, Rejected


def send(state: Establishment, message: Message) -> Accepted[Establishment] | Refused:
    """Hand a message to the sender's step for its type."""
    match message:
        case OpenChannel():
            return send_open_channel(state, message)
        case AcceptChannel():
            return send_accept_channel(state, message)
        case FundingCreated():
            return send_funding_created(state, message)
        case FundingSigned():
            return send_funding_signed(state, message)
        case ChannelReady():
            return send_channel_ready(state, message)
        case ChannelReestablish():
            return send_channel_reestablish(state, message)


def receive(state: Establishment, message: Message) -> Accepted[Establishment] | Rejected:
    """Hand a message to the receiver's step for its type."""
    match message:
        case OpenChannel():
            return receive_open_channel(state, message)
        case AcceptChannel():
            return receive_accept_channel(state, message)
        case FundingCreated():
            return receive_funding_created(state, message)
        case FundingSigned():
            return receive_funding_signed(state, message)
        case ChannelReady():
            return receive_channel_ready(state, message)
        case ChannelReestablish():
            return receive_channel_reestablish(state, message)
