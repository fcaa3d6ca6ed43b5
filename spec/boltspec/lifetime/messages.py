"""What may be said about a channel in the whole of its life."""

from __future__ import annotations

from dataclasses import dataclass

from boltspec.closing.messages import ClosingComplete, ClosingSig, ClosingSigned, Shutdown
from boltspec.establishment.messages import (
    AcceptChannel,
    ChannelReady,
    FundingCreated,
    FundingSigned,
    OpenChannel,
)
from boltspec.messages import Message as DanceMessage


@dataclass(frozen=True, slots=True)
class Error:
    """``error`` for this channel: its sender has failed it."""


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001  # the BOLT's name
    """``warning`` for this channel."""


Opening = OpenChannel | AcceptChannel | FundingCreated | FundingSigned
"""Messages before the funding transaction."""
Closing = Shutdown | ClosingSigned | ClosingComplete | ClosingSig
"""Messages of a cooperative close."""
Message = Opening | ChannelReady | DanceMessage | Closing | Error | Warning
"""All of them."""
