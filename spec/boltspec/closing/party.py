"""What one party does while a channel is closed: send and receive.

These are the functions of single components that the transition relation (:mod:`boltspec.closing.world`) is made of.
Each depends on its arguments only, so that a search can remember its results.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from boltspec.closing import legacy, shutdown, simple
from boltspec.closing.messages import (
    ClosingComplete,
    ClosingSig,
    ClosingSigned,
    FundingMessage,
    Message,
    Shutdown,
)
from boltspec.closing.proposals import Progress, proposals
from boltspec.closing.scenario import CloseScenario
from boltspec.closing.state import Closing
from boltspec.closing.witness import Witness, noted_receiving, noted_sending
from boltspec.rules import EVERY_RULE, without
from boltspec.verdict import Accepted, Refused, Rejected


def send(closing: Closing, message: Message) -> Accepted[Closing] | Refused:
    """Hand a message to the sender's step for its type."""
    match message:
        case FundingMessage():
            return shutdown.send_funding(closing, message)
        case Shutdown():
            return shutdown.send_shutdown(closing, message)
        case ClosingSigned():
            return legacy.send_closing_signed(closing, message)
        case ClosingComplete():
            return simple.send_closing_complete(closing, message)
        case ClosingSig():
            return simple.send_closing_sig(closing, message)
        case _:
            return shutdown.send_channel_message(closing, message)


def receive(closing: Closing, message: Message) -> Accepted[Closing] | Rejected:
    """Hand a message to the receiver's step for its type."""
    match message:
        case FundingMessage():
            return shutdown.receive_funding(closing, message)
        case Shutdown():
            return shutdown.receive_shutdown(closing, message)
        case ClosingSigned():
            return legacy.receive_closing_signed(closing, message)
        case ClosingComplete():
            return simple.receive_closing_complete(closing, message)
        case ClosingSig():
            return simple.receive_closing_sig(closing, message)
        case _:
            return shutdown.receive_channel_message(closing, message)


class Sent(NamedTuple):
    """A message that a party can send now."""

    label: str
    message: Message
    closing: Closing
    """The sender's state after it."""
    progress: Progress
    forbidden: bool
    """The sender's rules forbid the message: only a corrupt party sends it."""


def outgoing(
    scenario: CloseScenario, party: int, closing: Closing, progress: Progress, abusive: bool
) -> tuple[Sent, ...]:
    """Return what a party can send now; ``abusive`` if it may send what its rules forbid."""
    sent = []
    for label, message, then in proposals(closing, scenario, party, progress, tempted=scenario.careless or abusive):
        verdict = send(closing, message)
        if isinstance(verdict, Accepted):
            sent.append(Sent(label, message, verdict.state, then, False))
        elif abusive:
            sent.append(Sent(label, message, _against_the_rules(closing, message), then, True))
    return tuple(sent)


def _against_the_rules(closing: Closing, message: Message) -> Closing:
    with without(EVERY_RULE):
        verdict = send(closing, message)
    return verdict.state if isinstance(verdict, Accepted) else closing


def incoming(scenario: CloseScenario, party: int, closing: Closing, message: Message) -> Accepted[Closing] | Rejected:
    """Return what becomes of a message that reaches a party; a corrupt one takes everything that makes sense."""
    if not scenario.corrupt[party]:
        return receive(closing, message)
    with without(EVERY_RULE):
        return receive(closing, message)


@dataclass(frozen=True, slots=True)
class Steps:
    """The functions that the transition relation is made of: each depends on its arguments only."""

    outgoing: Callable[[CloseScenario, int, Closing, Progress, bool], tuple[Sent, ...]]
    incoming: Callable[[CloseScenario, int, Closing, Message], Accepted[Closing] | Rejected]
    noted_sending: Callable[[Witness, Closing, Message], Witness]
    noted_receiving: Callable[[Witness, Closing, Message], Witness]


PLAIN = Steps(outgoing, incoming, noted_sending, noted_receiving)
"""The functions themselves, computed anew each time."""
