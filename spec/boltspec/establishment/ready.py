"""``channel_ready``, and the channel that begins when both nodes have sent it (BOLT 2)."""

from __future__ import annotations

from dataclasses import replace

from boltspec.channel import Channel, Link, opened
from boltspec.establishment.channel_type import Feature
from boltspec.establishment.messages import ChannelReady
from boltspec.establishment.state import (
    ACCEPTER,
    OUR_TURN,
    SAME_CHANNEL,
    THEIR_TURN,
    Awaited,
    Establishment,
    agreed_channel_type,
    is_deep,
    outpoint,
    params_of,
    pays_as_agreed,
    require_our_turn,
    require_their_turn,
)
from boltspec.rules import Reaction, duty, require
from boltspec.verdict import receives, sends


@sends
def send_channel_ready(state: Establishment, message: ChannelReady) -> Establishment:
    """Say that the channel can be used from our side; again with further aliases (B02-channel-ready-s-10)."""
    require_our_turn(state, Awaited.CHANNEL_READY)
    require(state.link is Link.UP, "B02-retransmission-n-06", link=state.link)
    # A new alias may be sent at any time: B02-channel-ready-s-10, B02-retransmission-n-10.
    # STRICTER: known-alias-again: one that says nothing new is not repeated on the same connection either.
    repeated = state.ready_sent and (message.alias is None or message.alias in state.aliases_sent)
    require(not repeated or state.owes_ready, "B02-retransmission-n-09", alias=message.alias)
    state = replace(state, owes_ready=False)
    funding, confirmations = outpoint(state, OUR_TURN), state.seen.confirmations
    require(message.channel_id == funding, "D02-channel-ready-s-02", channel_id=message.channel_id)
    require(pays_as_agreed(state), "B02-channel-ready-s-01", output=state.seen.output)
    if state.role is ACCEPTER:
        require(is_deep(state), "B02-channel-ready-e-01", confirmations=confirmations)
    require(state.seen.spendable, "D02-channel-ready-s-01", confirmations=confirmations)
    point = message.second_per_commitment_point
    require(point == 1, "B02-channel-ready-s-02", second_per_commitment_point=point)
    if Feature.OPTION_SCID_ALIAS in state.node.negotiated:  # else B02-channel-ready-s-04 leaves it open
        require(message.alias is not None, "B02-channel-ready-s-03")
    if message.alias is None:
        require(is_deep(state), "B02-channel-ready-s-11", confirmations=confirmations)
        return replace(state, ready_sent=True)
    _require_own_alias(state, message.alias)
    return replace(state, ready_sent=True, aliases_sent=_with(state.aliases_sent, message.alias))


def _require_own_alias(state: Establishment, alias: int) -> None:
    """Check a ``short_channel_id`` that we made up."""
    related = alias == state.seen.short_channel_id
    if state.open_channel is not None and state.open_channel.announce_channel:
        require(bool(state.aliases_sent) or not related, "B02-channel-ready-s-05", alias=alias)
    else:
        require(not related, "B02-channel-ready-s-06", alias=alias)
    require(alias not in state.node.scids, "B02-channel-ready-s-07", alias=alias)


@receives
def receive_channel_ready(state: Establishment, message: ChannelReady) -> Establishment:
    """Learn that the peer is ready, and an alias by which it knows the channel."""
    require_their_turn(state, Awaited.CHANNEL_READY)
    same = message.channel_id == outpoint(state, THEIR_TURN)
    require(same, SAME_CHANNEL, Reaction.FAIL_CHANNEL, channel_id=message.channel_id)
    require(state.link is Link.UP, "D02-retransmission-r-02", Reaction.WARN_OR_FAIL, link=state.link)
    # What was received already is ignored.
    new = not state.ready_received or duty("B02-retransmission-n-11")
    require(new, THEIR_TURN, Reaction.FAIL_CHANNEL, awaited=state.awaited)
    known = state.aliases_received
    aliases = known if message.alias is None else _with(known, message.alias)
    return replace(state, ready_received=True, aliases_received=aliases)


def _with(aliases: tuple[int, ...], alias: int) -> tuple[int, ...]:
    return aliases if alias in aliases else (*aliases, alias)


def first_state(state: Establishment) -> Channel | None:
    """Return the channel in its first state, as soon as its terms are agreed on; ``None`` before."""
    opening, accepting, role = state.open_channel, state.accept_channel, state.role
    if opening is None or accepting is None or role is None:
        return None
    return opened(params_of(opening, accepting, agreed_channel_type(state), role), opening.push_msat)


def established(state: Establishment) -> Channel | None:
    """Return the channel in its first state; ``None`` while it must not be used."""
    both = state.ready_sent and state.ready_received
    return first_state(state) if both or not duty("D02-channel-ready-b-01") else None
