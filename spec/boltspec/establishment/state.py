"""The state of a channel that is being opened, as one of its two nodes keeps it.

A phase is named by the message that is awaited next, by whichever of the two nodes: both are in the same phase but for
what is under way. So one table, :data:`SENDER`, says who is to speak.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from boltspec.channel import Link, opened
from boltspec.commitment import View, commitment
from boltspec.establishment.channel_type import STATIC_REMOTEKEY, ChannelType, Feature
from boltspec.establishment.funding import NOT_SEEN, FundingOutput, FundingSeen, Outpoint, Script
from boltspec.establishment.limits import Policy
from boltspec.establishment.messages import AcceptChannel, FirstCommitment, FundingSignature, OpenChannel
from boltspec.fees import anchors_cost, commitment_fee
from boltspec.htlc import LOCAL
from boltspec.params import Params
from boltspec.rules import Reaction, RuleBroken, duty, require
from boltspec.units import Blocks, Msat, to_msat

OUR_TURN = "D02-channel-establishment-s-01"
THEIR_TURN = "D02-channel-establishment-r-01"
SAME_CHANNEL = "D02-channel-establishment-r-02"


class Role(IntEnum):
    """The part that a node plays in an establishment."""

    OPENER = 0
    """The funder."""
    ACCEPTER = 1
    """The fundee."""

    @property
    def other(self) -> Role:
        """The part of the peer."""
        return Role.ACCEPTER if self is Role.OPENER else Role.OPENER


OPENER, ACCEPTER = Role.OPENER, Role.ACCEPTER


class Awaited(StrEnum):
    """The message that comes next."""

    OPEN_CHANNEL = "open_channel"
    ACCEPT_CHANNEL = "accept_channel"
    FUNDING_CREATED = "funding_created"
    FUNDING_SIGNED = "funding_signed"
    CHANNEL_READY = "channel_ready"
    """From both nodes, and again later with further aliases."""


SENDER: dict[Awaited, Role | None] = {
    Awaited.OPEN_CHANNEL: OPENER,
    Awaited.ACCEPT_CHANNEL: ACCEPTER,
    Awaited.FUNDING_CREATED: OPENER,
    Awaited.FUNDING_SIGNED: ACCEPTER,
    Awaited.CHANNEL_READY: None,
}
"""Who sends the awaited message; ``None`` for either node."""


@dataclass(frozen=True, slots=True)
class Node:
    """What a node is, whatever channel it opens."""

    chain_hash: int = 0
    """The one chain that it knows."""
    features: frozenset[Feature] = frozenset()
    """What it advertised in ``init``."""
    peer_features: frozenset[Feature] = frozenset()
    """What its peer advertised in ``init``."""
    policy: Policy = Policy()  # noqa: RUF009  # frozen
    channel_ids: frozenset[int] = frozenset()
    """Ids of its other channels with this peer, temporary ones too."""
    scids: frozenset[int] = frozenset()
    """Short channel ids of its channels, and aliases that it gave to other peers."""

    @property
    def negotiated(self) -> frozenset[Feature]:
        """Features that both nodes advertised."""
        return self.features & self.peer_features


@dataclass(frozen=True, slots=True)
class Establishment:
    """A channel that is being opened."""

    node: Node
    role: Role | None = None
    """``None`` until the first ``open_channel``."""
    awaited: Awaited = Awaited.OPEN_CHANNEL
    open_channel: OpenChannel | None = None
    accept_channel: AcceptChannel | None = None
    funding: Outpoint | None = None
    """What ``funding_created`` named: from here on also the ``channel_id``."""
    signature: FundingSignature | None = None
    """The peer's signature for our first commitment."""
    published: bool = False
    """We have published the funding transaction."""
    seen: FundingSeen = NOT_SEEN
    """What the chain shows of the funding output."""
    ready_sent: bool = False
    ready_received: bool = False
    aliases_sent: tuple[int, ...] = ()
    aliases_received: tuple[int, ...] = ()
    link: Link = Link.UP
    """How far a channel with a funding output is resumed after the connection was lost."""
    owes_ready: bool = False
    """``channel_ready`` is to be sent again: the peer may have lost it."""


def require_our_turn(state: Establishment, awaited: Awaited) -> None:
    """Check that it is this message that is awaited from us."""
    sender = SENDER[awaited]
    now = state.awaited is awaited and (sender is None or state.role in (sender, None))
    require(now, OUR_TURN, awaited=state.awaited)


def require_their_turn(state: Establishment, awaited: Awaited) -> None:
    """Check that it is this message that is awaited from the peer."""
    sender = SENDER[awaited]
    now = state.awaited is awaited and (sender is None or state.role in (sender.other, None))
    require(now, THEIR_TURN, Reaction.FAIL_CHANNEL, awaited=state.awaited)


def terms(state: Establishment, rule: str) -> tuple[OpenChannel, AcceptChannel]:
    """Return what both nodes proposed; without it the step that needs it breaks ``rule``."""
    if state.open_channel is None or state.accept_channel is None:
        raise RuleBroken(rule, Reaction.FAIL_CHANNEL, {"awaited": state.awaited})
    return state.open_channel, state.accept_channel


def outpoint(state: Establishment, rule: str) -> Outpoint:
    """Return the funding output; without one the step that needs it breaks ``rule``."""
    if state.funding is None:
        raise RuleBroken(rule, Reaction.FAIL_CHANNEL, {"awaited": state.awaited})
    return state.funding


def agreed_channel_type(state: Establishment) -> ChannelType:
    """Return the channel type that all commitment transactions have."""
    proposed = state.open_channel.channel_type if state.open_channel else None
    return proposed if proposed is not None and duty("B02-funding-signed-b-01") else STATIC_REMOTEKEY


def offered_params(message: OpenChannel) -> Params:
    """Return the constants of the channel as far as ``open_channel`` fixes them, seen from the opener."""
    return Params(
        funding_satoshis=message.funding_satoshis,
        opener=LOCAL,
        feerate_per_kw=message.feerate_per_kw,
        option_anchors=Feature.OPTION_ANCHORS in (message.channel_type or STATIC_REMOTEKEY),
        local=message.limits,
        remote=message.limits,
    )


def initial_balances(message: OpenChannel) -> tuple[Msat, Msat]:
    """Return what the first commitment transactions pay to opener and accepter; the first is negative if it is short.

    AMBIGUOUS: initial-amounts: whether "the funder's amount" that must suffice for the fee, and the amounts that are
    compared with the reserve, are net of the anchors is left open; here they are, as BOLT 3 (Fee Payment) takes fee and
    anchors from the funder alike.
    """
    params = offered_params(message)
    cost = commitment_fee(params, params.feerate_per_kw, 0) + anchors_cost(params)
    return params.capacity_msat - message.push_msat - to_msat(cost), message.push_msat


def params_of(opening: OpenChannel, accepting: AcceptChannel, channel_type: ChannelType, role: Role) -> Params:
    """Return the constants of the channel, seen from the node in that role."""
    by_opener = Params(
        funding_satoshis=opening.funding_satoshis,
        opener=LOCAL,
        feerate_per_kw=opening.feerate_per_kw,
        option_anchors=Feature.OPTION_ANCHORS in channel_type,
        local=opening.limits,
        remote=accepting.limits,
    )
    return by_opener if role is OPENER else by_opener.mirrored()


def first_commitment(state: Establishment, funding: Outpoint, owner: Role, rule: str) -> FirstCommitment:
    """Return the first commitment of a node as this node computes it; without terms it breaks ``rule``."""
    opening, accepting = terms(state, rule)
    channel_type = agreed_channel_type(state)
    params = params_of(opening, accepting, channel_type, OPENER)
    view = View.LOCAL_LATEST if owner is OPENER else View.REMOTE_LATEST
    return FirstCommitment(
        funding=funding,
        channel_type=channel_type,
        opener_params=params,
        opener_owns=owner is OPENER,
        commitment=commitment(opened(params, opening.push_msat), view),
    )


def agreed_output(state: Establishment) -> FundingOutput | None:
    """Return what the funding output must be; ``None`` before there are terms."""
    return FundingOutput(state.open_channel.funding_satoshis, Script.FUNDING) if state.open_channel else None


def pays_as_agreed(state: Establishment) -> bool:
    """Say whether the funding output is known to pay exactly the agreed amount to the agreed script.

    The opener knows its own transaction; the accepter must have seen it published.
    """
    own = state.funding.output() if state.funding is not None and state.role is OPENER else None
    known = own or state.seen.output
    return known is not None and known == agreed_output(state)


def is_deep(state: Establishment) -> bool:
    """Say whether the funding transaction has been seen with ``minimum_depth`` confirmations."""
    depth = state.accept_channel.minimum_depth if state.accept_channel else Blocks(0)
    return state.seen.output is not None and state.seen.confirmations >= depth


def see(state: Establishment, seen: FundingSeen) -> Establishment:
    """Look at the chain."""
    return state if state.seen == seen else replace(state, seen=seen)
