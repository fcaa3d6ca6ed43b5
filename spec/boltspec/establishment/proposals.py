"""What a party may want to send: the message that is awaited from it, and for the tempted every forbidden one.

Proposals know no rules. The sender's step decides; a corrupt party sends what its step refuses, within its budget.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from boltspec.channel import Link
from boltspec.establishment.accepter import next_funding_signed
from boltspec.establishment.funding import Outpoint
from boltspec.establishment.messages import (
    AcceptChannel,
    ChannelReady,
    ChannelReestablish,
    FundingCreated,
    FundingSigned,
    Message,
)
from boltspec.establishment.opener import next_funding_created
from boltspec.establishment.scenario import ALIASES, Scenario
from boltspec.establishment.state import SENDER, Awaited, Establishment, Role
from boltspec.establishment.temptations import (
    NOTHING_SIGNED,
    NOWHERE,
    accept_channel_temptations,
    channel_ready_temptations,
    funding_created_temptations,
    funding_outpoints,
    funding_signed_temptations,
    lawful_transaction,
    open_channel_temptations,
)

Proposals = Iterator[tuple[str, Message]]


def proposals(state: Establishment, scenario: Scenario, party: Role, tempted: bool) -> Proposals:
    """Yield the messages, by label, that the party may want to send now.

    ``party`` is the part that it has in the scenario; ``tempted`` adds messages that the rules forbid.
    """
    if SENDER[state.awaited] in (party, None):
        yield from _in_turn(state, scenario, party, tempted)
    if tempted:
        for label, message in _out_of_turn(state, scenario, party):
            if label != state.awaited:
                yield f"{label} out of turn", message


def _in_turn(state: Establishment, scenario: Scenario, party: Role, tempted: bool) -> Proposals:
    label, policy = str(state.awaited), state.node.policy
    match state.awaited:
        case Awaited.OPEN_CHANNEL:
            opening = scenario.open_channel
            yield label, opening
            if tempted:
                yield from _labelled(label, open_channel_temptations(opening, policy))
        case Awaited.ACCEPT_CHANNEL:
            answer = _answer(state, scenario)
            yield label, answer
            if tempted:
                opening = state.open_channel or scenario.open_channel
                yield from _labelled(label, accept_channel_temptations(answer, opening, policy))
        case Awaited.FUNDING_CREATED:
            yield from _fundings(state, tempted)
        case Awaited.FUNDING_SIGNED:
            signed = next_funding_signed(state)
            yield label, signed
            if tempted:
                yield from _labelled(label, funding_signed_temptations(signed))
        case Awaited.CHANNEL_READY:
            yield from _readies(state, scenario, party, tempted)


def _labelled(label: str, temptations: Proposals) -> Proposals:
    for flaw, message in temptations:
        yield f"{label}, {flaw}", message


def _answer(state: Establishment, scenario: Scenario) -> AcceptChannel:
    """Return ``accept_channel`` for the proposal at hand."""
    if state.open_channel is None:
        return scenario.accept_channel
    opening = state.open_channel
    return replace(
        scenario.accept_channel,
        temporary_channel_id=opening.temporary_channel_id,
        channel_type=opening.channel_type,
    )


def _fundings(state: Establishment, tempted: bool) -> Proposals:
    if state.open_channel is None or state.accept_channel is None:
        return
    amount, label = state.open_channel.funding_satoshis, str(Awaited.FUNDING_CREATED)
    right = next_funding_created(state, Outpoint(lawful_transaction(amount), 0))
    yield label, right
    if tempted:
        for flaw, funding in funding_outpoints(amount):
            yield f"{label}, {flaw}", next_funding_created(state, funding)
        yield from _labelled(label, funding_created_temptations(right))


def _readies(state: Establishment, scenario: Scenario, party: Role, tempted: bool) -> Proposals:
    if state.funding is None:
        return
    first, second = ALIASES[party]
    label = str(Awaited.CHANNEL_READY)
    ready = ChannelReady(state.funding, alias=first if scenario.aliased else None)
    if state.link in (Link.DOWN, Link.RECEIVED):
        yield "channel_reestablish", ChannelReestablish(state.funding)
        if tempted:
            yield "channel_reestablish, number 0", ChannelReestablish(state.funding, 0)
            yield "channel_reestablish, number 2", ChannelReestablish(state.funding, 2)
            yield "channel_reestablish, id", ChannelReestablish(NOWHERE)
    elif tempted and state.link is Link.UP:
        yield "channel_reestablish out of turn", ChannelReestablish(state.funding)
    if state.owes_ready or (tempted and state.ready_sent):
        yield f"{label} repeated", ready
    if not state.ready_sent:
        yield label, ready
        if tempted:
            confirmed = state.seen.short_channel_id is not None
            yield from _labelled(label, channel_ready_temptations(ready, confirmed))
    elif scenario.aliased and second not in state.aliases_sent:
        yield f"{label} again", replace(ready, alias=second)


def _out_of_turn(state: Establishment, scenario: Scenario, party: Role) -> Proposals:
    """Yield one message of each type, as good as it can be made now."""
    yield "open_channel", replace(scenario.open_channel, temporary_channel_id=2)
    yield "accept_channel", _answer(state, scenario)
    right = Outpoint(lawful_transaction(scenario.open_channel.funding_satoshis), 0)
    if state.open_channel is not None and state.accept_channel is not None:
        yield "funding_created", next_funding_created(state, right)
        known = replace(state, funding=state.funding or right)
        yield "funding_signed", next_funding_signed(known)
    else:
        created = FundingCreated(1, right.funding_txid, 0, NOTHING_SIGNED)
        yield "funding_created", created
        yield "funding_signed", FundingSigned(right, NOTHING_SIGNED)
    yield "channel_ready", ChannelReady(state.funding or NOWHERE, alias=ALIASES[party][0])
