"""What one party does while a channel is opened: send, receive, look at the chain.

These are the functions of single components that the transition relation (:mod:`boltspec.establishment.world`) is made
of. Each depends on its arguments only, so that a search can remember its results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from boltspec.establishment.funding import Transaction, look
from boltspec.establishment.messages import Message
from boltspec.establishment.proposals import proposals
from boltspec.establishment.scenario import REAL_SCID, Scenario
from boltspec.establishment.state import Establishment, Role, see
from boltspec.establishment.steps import receive, send
from boltspec.rules import EVERY_RULE, without
from boltspec.units import Blocks
from boltspec.verdict import Accepted, Rejected


class Sent(NamedTuple):
    """A message that a party can send now."""

    label: str
    message: Message
    state: Establishment
    """The sender's state after it."""
    forbidden: bool
    """The sender's rules forbid the message: only a corrupt party sends it."""


def outgoing(
    scenario: Scenario, party: Role, state: Establishment, renewed: bool, abusive: bool
) -> tuple[Sent, ...]:
    """Return what a party can send now.

    ``renewed`` says that the connection was lost before, ``abusive`` that the party may send what its rules forbid.
    """
    sent = []
    for label, message in offers(scenario, party, state, renewed, abusive):
        verdict = send(state, message)
        if isinstance(verdict, Accepted):
            sent.append(Sent(label, message, verdict.state, False))
        elif abusive:
            sent.append(Sent(label, message, _sent_against_the_rules(state, message), True))
    return tuple(sent)


def offers(
    scenario: Scenario, party: Role, state: Establishment, renewed: bool, abusive: bool
) -> Iterator[tuple[str, Message]]:
    """Yield the messages, by label, that a party may want to send now, forbidden ones too if it is tempted."""
    for label, message in proposals(state, scenario, party, scenario.careless or abusive):
        if renewed and message == scenario.open_channel:
            # After a lost connection the proposal has an id of its own.
            yield label, replace(scenario.open_channel, temporary_channel_id=3)
        else:
            yield label, message


def _sent_against_the_rules(state: Establishment, message: Message) -> Establishment:
    """Return a corrupt party's own state after a message that it may not send: as if its peer took it."""
    with without(EVERY_RULE):
        verdict = send(state, message)
    return verdict.state if isinstance(verdict, Accepted) else state


def incoming(
    scenario: Scenario, party: Role, state: Establishment, message: Message
) -> Accepted[Establishment] | Rejected:
    """Return what becomes of a message that reaches a party; a corrupt one takes everything that makes sense."""
    if not scenario.corrupt[party]:
        return receive(state, message)
    with without(EVERY_RULE):
        return receive(state, message)


def looking(state: Establishment, published: Transaction | None, confirmations: Blocks) -> Establishment:
    """Return the state of a node that has looked at the chain."""
    return see(state, look(state.funding, published, confirmations, REAL_SCID))


@dataclass(frozen=True, slots=True)
class Steps:
    """The functions that the transition relation is made of: each depends on its arguments only."""

    outgoing: Callable[[Scenario, Role, Establishment, bool, bool], tuple[Sent, ...]]
    incoming: Callable[[Scenario, Role, Establishment, Message], Accepted[Establishment] | Rejected]
    looking: Callable[[Establishment, Transaction | None, Blocks], Establishment]


PLAIN = Steps(outgoing, incoming, looking)
"""The functions themselves, computed anew each time."""
