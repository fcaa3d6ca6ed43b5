"""The life of a channel, as one of its two nodes keeps it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from boltspec.channel import Channel
from boltspec.closing.scripts import Script
from boltspec.closing.state import Closing, ClosingFeatures, ClosingPolicy
from boltspec.establishment.ready import first_state
from boltspec.establishment.state import Establishment
from boltspec.rules import RuleBroken
from boltspec.verdict import Accepted, Refused, Rejected

State = TypeVar("State")


class End(StrEnum):
    """How a life has ended."""

    NONE = "alive"
    FORGOTTEN = "forgotten"
    """No transaction of it can be on chain: there is nothing to remember."""
    FAILED = "failed"
    """One of the nodes has failed it: the newest commitment goes on chain."""
    CLOSED = "closed"
    """The funding output is spent."""


@dataclass(frozen=True, slots=True)
class Life:
    """A channel from its first message to its end, seen from one node."""

    establishment: Establishment
    features: ClosingFeatures
    policy: ClosingPolicy
    local_upfront: Script | None = None
    """The script that we committed to in ``open_channel`` or ``accept_channel``."""
    remote_upfront: Script | None = None
    closing: Closing | None = None
    """From the moment on at which both first commitments are signed."""
    end: End = End.NONE
    owes_error: bool = False
    """The peer is to be told in this connection that the channel has failed, or that there is none."""
    owes_warning: bool = False
    number_sent: int = 0
    """The ``next_commitment_number`` that we sent in this connection; 0 if none."""
    number_received: int = 0
    """The one that the peer sent."""
    shutdown_sent: bool = False
    """We sent ``shutdown`` on an earlier connection."""
    closing_signed_received: bool = False
    """The peer has sent ``closing_signed`` at some time: so it had our last ``revoke_and_ack``."""

    @property
    def channel(self) -> Channel | None:
        """The channel, once both first commitments are signed."""
        return self.closing.channel if self.closing is not None else None

    @property
    def is_open(self) -> bool:
        """Both nodes have sent ``channel_ready``: HTLCs may be offered."""
        return self.establishment.ready_sent and self.establishment.ready_received


def with_first_commitments(life: Life) -> Life:
    """Return the life in which both nodes have signed: from here on it has a channel; ValueError without terms."""
    channel = first_state(life.establishment)
    if channel is None:
        raise ValueError("there is no channel before its terms are agreed on")
    return replace(
        life,
        closing=Closing(
            channel=channel,
            features=life.features,
            policy=life.policy,
            local_upfront=life.local_upfront,
            remote_upfront=life.remote_upfront,
            turn=channel.params.opener,
        ),
    )


def with_channel(life: Life, channel: Channel) -> Life:
    """Return the life with another state of its channel; ValueError if it has none."""
    if life.closing is None:
        raise ValueError("there is no channel yet")
    return replace(life, closing=replace(life.closing, channel=channel))


def failed(life: Life, *, owes_error: bool) -> Life:
    """Return the life after one of the nodes has failed the channel; before anything is signed there is none."""
    end = End.FORGOTTEN if life.closing is None else End.FAILED
    return replace(life, end=end, owes_error=owes_error, owes_warning=False)


def forgotten(life: Life) -> Life:
    """Return the life after its node has forgotten the channel, which has no output on the chain; the peer is told."""
    return replace(life, end=End.FORGOTTEN, owes_error=False, owes_warning=False)


def state_of(verdict: Accepted[State] | Refused | Rejected) -> State:
    """Return the state after a step of a part; its verdict becomes that of the whole if it is not accepted."""
    match verdict:
        case Accepted(state):
            return state
        case Refused(rule, numbers):
            raise RuleBroken(rule, None, numbers)
        case Rejected(rule, reaction, numbers):
            raise RuleBroken(rule, reaction, numbers)
