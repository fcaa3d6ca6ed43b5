"""What must hold of whole lives, as predicates on the world of :mod:`boltspec.lifetime.world`.

Asked are the honest parties: what a corrupt one remembers, believes or says is nobody's concern.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from boltspec.channel import Channel
from boltspec.establishment.messages import ChannelReady
from boltspec.establishment.state import OPENER
from boltspec.lifetime.messages import Error
from boltspec.lifetime.scenario import LifeScenario
from boltspec.lifetime.state import End, Life
from boltspec.lifetime.steps import Spent
from boltspec.lifetime.world import World
from boltspec.properties.catalogue import CHANNEL_PROPERTIES
from boltspec.properties.property import ChannelProperty
from boltspec.units import floor_to_sat


@dataclass(frozen=True, slots=True)
class OfLife:
    """A predicate on the life of a channel as an honest node keeps it."""

    name: str
    sentence: str
    holds: Callable[[Life], bool]


@dataclass(frozen=True, slots=True)
class OfWorld:
    """A predicate on every world, or on those in which nothing more can happen."""

    name: str
    sentence: str
    holds: Callable[[World, LifeScenario], bool]


@dataclass(frozen=True, slots=True)
class OfMove:
    """A predicate on every move."""

    name: str
    sentence: str
    holds: Callable[[World, World, LifeScenario], bool]
    """``(before, after, scenario)``"""


def _honest(scenario: LifeScenario) -> tuple[int, ...]:
    return tuple(party for party in (0, 1) if not scenario.corrupt[party])


def _of_channel(one: ChannelProperty) -> OfLife:
    """Return what must hold of a channel as something that must hold of its life."""
    return OfLife(one.name, one.sentence, lambda life: life.channel is None or one.holds(life.channel))


def _never_rejected(world: World, scenario: LifeScenario) -> bool:
    return world.blame is None


def _remembered(world: World, scenario: LifeScenario) -> bool:
    return world.published is None or all(
        world.nodes[party].end is not End.FORGOTTEN for party in _honest(scenario)
    )


def _pays_what_is_due(world: World, scenario: LifeScenario) -> bool:
    if world.closed_by is None:
        return True
    return all(_is_paid(world, party) for party in _honest(scenario))


def _is_paid(world: World, party: int) -> bool:
    """Say whether a party has its balance, less the fee that its policy allows if it is the opener."""
    life = world.nodes[party]
    if life.closing is None or world.closed_by is None:
        return False
    if life.closing.channel.htlcs.any(lambda _: True):
        return False
    due = floor_to_sat(life.closing.channel.local_msat)
    paid = world.closed_by.paid_to(life.policy.script)
    if life.establishment.role is not OPENER:
        return paid == due
    return due - life.policy.fee_range.max_fee_satoshis <= paid <= due


def _closed_at_last(world: World, scenario: LifeScenario) -> bool:
    if any(scenario.corrupt):
        # A corrupt party falls silent, or ends the channel as it likes.
        return True
    if world.published is None:
        return any(life.end in (End.FORGOTTEN, End.FAILED) for life in world.nodes)
    if world.spent is Spent.NOTHING:
        # Nobody wants to close, and nobody has to.
        return not any(scenario.starts) and all(life.end is End.NONE for life in world.nodes)
    return world.spent is Spent.MUTUAL_CLOSE or scenario.failures > 0


def _half_open_forgotten(before: World, after: World, scenario: LifeScenario) -> bool:
    if (after.disconnections, after.crashes) == (before.disconnections, before.crashes):
        return True
    lives = [after.nodes[party] for party in _honest(scenario)]
    return all(life.end is not End.NONE or _may_be_kept(life) for life in lives)


def _may_be_kept(life: Life) -> bool:
    state = life.establishment
    return state.funding is None or (state.published if state.role is OPENER else life.closing is not None)


def _told_again(before: World, after: World, scenario: LifeScenario) -> bool:
    if (after.disconnections, after.crashes) == (before.disconnections, before.crashes):
        return True
    lives = [after.nodes[party] for party in _honest(scenario)]
    return all(life.owes_error for life in lives if life.end is End.FAILED)


def _mutual_preferred(before: World, after: World, scenario: LifeScenario) -> bool:
    if any(scenario.corrupt) or after.spent is not Spent.COMMITMENT:
        return True
    failing = (life.closing for life in before.nodes if life.end is End.FAILED)
    return any(closing is not None and not closing.published for closing in failing)


def _ready_once(before: World, after: World, scenario: LifeScenario) -> bool:
    return all(
        not isinstance(message, ChannelReady)
        or message.alias is not None
        or before.nodes[party].establishment.owes_ready
        or not before.nodes[party].establishment.ready_sent
        for party in _honest(scenario)
        for message in after.wires[party][len(before.wires[party]) :]
    )


def _used_when_ready(world: World, scenario: LifeScenario) -> bool:
    lives = [world.nodes[party] for party in _honest(scenario)]
    return all(life.is_open or life.channel is None or _is_untouched(life.channel) for life in lives)


def _is_untouched(channel: Channel) -> bool:
    return not channel.htlcs.any(lambda _: True) and channel.next_local_htlc_id + channel.next_remote_htlc_id == 0


def _silent_after_end(before: World, after: World, scenario: LifeScenario) -> bool:
    return all(
        isinstance(message, Error)
        for party in _honest(scenario)
        if before.nodes[party].end is not End.NONE
        for message in after.wires[party][len(before.wires[party]) :]
    )


NEVER_REJECTED = OfWorld(
    "NeverRejected", "An honest node never rejects a message of an honest node, in any phase.", _never_rejected
)
REMEMBERED = OfWorld(
    "ChannelRemembered", "Nobody forgets a channel whose funding transaction is published.", _remembered
)
MUTUAL_CLOSE_CORRECT = OfWorld(
    "MutualCloseCorrect",
    "A mutual close pays each node its whole balance, the opener's less a fee that it accepts, and no HTLC is left.",
    _pays_what_is_due,
)
CLOSED_AT_LAST = OfWorld(
    "LifeTerminates",
    "A funded channel of honest nodes that want to close is closed, together unless one of them failed it.",
    _closed_at_last,
)
USED_WHEN_READY = OfWorld(
    "UsedWhenReady", "No HTLC is offered or taken before both channel_ready.", _used_when_ready
)
SILENT_AFTER_END = OfMove("SilentAfterEnd", "Of a channel that has ended only its error is said.", _silent_after_end)
HALF_OPEN_FORGOTTEN = OfMove(
    "HalfOpenForgotten",
    "A lost connection leaves nothing of a channel that the opener has not published or the accepter not signed.",
    _half_open_forgotten,
)
TOLD_AGAIN = OfMove("ErrorRepeated", "On each new connection the peer is told that a channel has failed.", _told_again)
READY_ONCE = OfMove(
    "ReadyOnce", "channel_ready is repeated only if it may be missing, or with a new alias.", _ready_once
)
MUTUAL_PREFERRED = OfMove(
    "MutualPreferred",
    "Between honest nodes a commitment is published by one that holds no closing transaction with both signatures.",
    _mutual_preferred,
)
LIFE_PROPERTIES = tuple(map(_of_channel, CHANNEL_PROPERTIES))
"""The properties of a channel, in every phase of its life and whatever the peer says."""
WORLD_PROPERTIES = (NEVER_REJECTED, REMEMBERED, MUTUAL_CLOSE_CORRECT, USED_WHEN_READY)
FINAL_PROPERTIES = (CLOSED_AT_LAST,)
MOVE_PROPERTIES = (HALF_OPEN_FORGOTTEN, TOLD_AGAIN, READY_ONCE, SILENT_AFTER_END, MUTUAL_PREFERRED)
