"""Properties of establishment: what holds in every reachable world, whatever a corrupt peer does.

A property looks at one move: the world before it and after it. *Final* properties look at worlds in which nothing more
can happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from boltspec.channel import Link
from boltspec.establishment.accepter import received_by_push
from boltspec.establishment.aliases import invoice_scids, is_alias_only, names_channel
from boltspec.establishment.channel_type import Feature
from boltspec.establishment.good_terms import (
    channel_type_agreed,
    first_commitment_payable,
    keys_valid,
    limits_sane,
    one_channel,
    reserve_above_dust,
    unconfirmed_only_when_trusted,
    version_1_allowed,
)
from boltspec.establishment.messages import (
    ANNOUNCE_CHANNEL,
    AcceptChannel,
    ChannelReady,
    ChannelReestablish,
    OpenChannel,
    ShutdownScript,
)
from boltspec.establishment.ready import established
from boltspec.establishment.scenario import Scenario
from boltspec.establishment.state import (
    ACCEPTER,
    OPENER,
    OUR_TURN,
    Establishment,
    agreed_output,
    first_commitment,
    is_deep,
)
from boltspec.establishment.world import World
from boltspec.units import Msat


@dataclass(frozen=True, slots=True)
class Property:
    """Holds for every move, or for every final world."""

    name: str
    sentence: str
    holds: Callable[[World, World, Scenario], bool]
    """``(before, after, scenario)``; ``before`` is ``after`` in the initial world and in final ones."""


Holds = Callable[[World, World, Scenario], bool]


def _honest(world: World, scenario: Scenario) -> Iterator[Establishment]:
    return (node for party, node in enumerate(world.nodes) if not scenario.corrupt[party])


@dataclass(frozen=True, slots=True)
class OfEachHonest:
    """Asks each honest node alone."""

    holds: Callable[[Establishment], bool]

    def __call__(self, _before: World, after: World, scenario: Scenario) -> bool:
        """Say whether it holds for all of them after a move."""
        return all(self.holds(node) for node in _honest(after, scenario))


@dataclass(frozen=True, slots=True)
class OfWorld:
    """Asks the world after a move, whatever it was before."""

    holds: Callable[[World, Scenario], bool]

    def __call__(self, _before: World, after: World, scenario: Scenario) -> bool:
        """Say whether it holds after a move."""
        return self.holds(after, scenario)


# --- messages ---


def _messages_in_form(after: World, scenario: Scenario) -> bool:
    return all(
        scenario.corrupt[party] or all(_in_form(message, after.nodes[party]) for message in after.wires[party])
        for party in (OPENER, ACCEPTER)
    )


def _in_form(message: object, state: Establishment) -> bool:
    node = state.node
    if isinstance(message, ChannelReady):
        return message.second_per_commitment_point == 1
    if not isinstance(message, OpenChannel | AcceptChannel):
        return True
    script, wanted = message.upfront_shutdown_script, Feature.OPTION_UPFRONT_SHUTDOWN_SCRIPT in node.negotiated
    right = script is not None and not (wanted and script is ShutdownScript.INVALID)
    if isinstance(message, OpenChannel):
        right = right and message.channel_flags in (0, ANNOUNCE_CHANNEL)
        right = right and message.temporary_channel_id not in node.channel_ids
    return right and message.first_per_commitment_point == 0


# --- funding ---


def _holds_way_out(state: Establishment) -> bool:
    """Say whether the node has a valid signature for its first commitment."""
    if state.signature is None or state.funding is None or state.role is None:
        return False
    return state.signature.is_valid_for(first_commitment(state, state.funding, state.role, OUR_TURN))


def _unilateral_exit(state: Establishment) -> bool:
    return not (state.ready_sent or established(state) is not None) or _holds_way_out(state)


def _no_funding_without_refund(after: World, scenario: Scenario) -> bool:
    opener = after.nodes[OPENER]
    if scenario.corrupt[OPENER] or after.published is None:
        return True
    if opener.funding is None:
        return False
    refundable = _holds_way_out(opener) and opener.funding.output() == agreed_output(opener)
    return refundable and after.published == opener.funding.funding_txid


def _funding_verified(before: World, after: World, scenario: Scenario) -> bool:
    return all(
        scenario.corrupt[party] or _verified(before.nodes[party], after.nodes[party]) for party in (OPENER, ACCEPTER)
    )


def _verified(before: Establishment, after: Establishment) -> bool:
    """Say whether what a node newly relies on has been checked."""
    begins = established(after) is not None and established(before) is None
    if not begins and not (after.ready_sent and not before.ready_sent):
        return True
    waits = after.role is ACCEPTER or not after.aliases_sent
    return _pays(after) and after.seen.spendable and (is_deep(after) or not waits)


def _pays(state: Establishment) -> bool:
    output = state.funding.output() if state.role is OPENER and state.funding is not None else state.seen.output
    return output is not None and output == agreed_output(state)


def _deep_enough(state: Establishment) -> bool:
    accepting, opening, node = state.accept_channel, state.open_channel, state.node
    if state.role is not ACCEPTER or accepting is None or opening is None or opening.channel_type is None:
        return True
    unconfirmed = Feature.OPTION_ZEROCONF in opening.channel_type
    return not accepting.minimum_depth if unconfirmed else accepting.minimum_depth >= node.policy.least_minimum_depth


def _push_not_credited(state: Establishment) -> bool:
    return received_by_push(state) == Msat(0) or (_pays(state) and is_deep(state) and state.seen.spendable)


def _channel_backed(after: World, scenario: Scenario) -> bool:
    return all(
        established(node) is None or node.node.policy.trusts_unconfirmed or node.role is OPENER or _pays(node)
        for node in _honest(after, scenario)
    )


def _updates_after_both_ready(state: Establishment) -> bool:
    return established(state) is None or (state.ready_sent and state.ready_received)


def _resumed_in_order(before: World, after: World, scenario: Scenario) -> bool:
    """Say whether ``channel_reestablish`` comes first and once, and ``channel_ready`` is repeated only if owed."""
    for party in (OPENER, ACCEPTER):
        old, new = before.wires[party], after.wires[party]
        if scenario.corrupt[party] or new[: len(old)] != old or len(new) != len(old) + 1:
            continue
        state, message = before.nodes[party], new[-1]
        if isinstance(message, ChannelReestablish):
            lawful = message.channel_id == state.funding and message.next_commitment_number == 1
            if not lawful or state.link not in (Link.DOWN, Link.RECEIVED):
                return False
        if isinstance(message, ChannelReady):
            known = state.ready_sent and (message.alias is None or message.alias in state.aliases_sent)
            if state.link is not Link.UP or (known and not state.owes_ready):
                return False
    return True


def _resumed_together(before: World, after: World, scenario: Scenario) -> bool:
    """Say whether a channel is resumed only by the peer's ``channel_reestablish`` of it, on either node's turn."""
    for party in (OPENER, ACCEPTER):
        state, wire = before.nodes[party], before.wires[party.other]
        lost = before.disconnections != after.disconnections
        heard = bool(wire) and after.wires[party.other] == wire[1:] and after.nodes[party] != state and not lost
        if scenario.corrupt[party] or not heard:
            continue
        message = wire[0]
        if isinstance(message, ChannelReestablish):
            right = message.channel_id == state.funding and message.next_commitment_number == 1
            if not right or state.link not in (Link.DOWN, Link.SENT):
                return False
        if isinstance(message, ChannelReady) and state.link is not Link.UP:
            return False
    return True


# --- names ---


def _aliases_distinct(state: Establishment) -> bool:
    real, sent, opening = state.seen.short_channel_id, state.aliases_sent, state.open_channel
    if any(alias in state.node.scids for alias in sent):
        return False
    public = opening is not None and opening.announce_channel
    return real is None or real not in (sent[:1] if public else sent)


def _names_kept(state: Establishment) -> bool:
    real = state.seen.short_channel_id
    if not all(names_channel(state, alias) for alias in state.aliases_sent):
        return False
    if real is None or not is_alias_only(state):
        return True
    return not names_channel(state, real) and real not in invoice_scids(state)


def _nameable(after: World, scenario: Scenario) -> bool:
    return any(scenario.corrupt) or all(
        bool(invoice_scids(node)) for node in after.nodes if established(node) is not None and is_alias_only(node)
    )


# --- both nodes ---


def _mirrored_params(after: World, scenario: Scenario) -> bool:
    first, second = (established(node) for node in after.nodes)
    if any(scenario.corrupt) or first is None or second is None:
        return True
    balances = (first.local_msat, first.remote_msat) == (second.remote_msat, second.local_msat)
    return balances and first.params == second.params.mirrored()


def _completes(after: World, scenario: Scenario) -> bool:
    if any(scenario.corrupt) or not after.connected or after.nodes[OPENER].open_channel is None:
        return True
    return all(established(node) is not None for node in after.nodes)


NEVER_REJECTED = Property(
    "NeverRejected",
    "An honest node rejects a message of an honest node only for a wish of its own.",
    OfWorld(lambda world, _scenario: world.blame is None),
)
RESERVE_ABOVE_DUST = Property(
    "ReserveAboveDust",
    "The reserve of each side is at least the dust limit of either.",
    OfEachHonest(reserve_above_dust),
)
LIMITS_SANE = Property(
    "LimitsSane", "Terms are within the protocol's limits and the node's own.", OfEachHonest(limits_sane)
)
FIRST_COMMITMENT_PAYABLE = Property(
    "FirstCommitmentPayable",
    "The opener can pay the fee of the first commitments, and one side is above the reserve.",
    OfEachHonest(first_commitment_payable),
)
CHANNEL_TYPE_AGREED = Property(
    "ChannelTypeAgreed",
    "The channel has the type that both named, a defined one whose features are negotiated.",
    OfEachHonest(channel_type_agreed),
)
ONE_CHANNEL = Property(
    "OneChannel", "All terms are of one channel, on a chain that the node knows.", OfEachHonest(one_channel)
)
VERSION_1_ALLOWED = Property(
    "Version1Allowed", "No channel is opened by version 1 with dual funding.", OfEachHonest(version_1_allowed)
)
KEYS_VALID = Property("KeysValid", "All keys of both nodes are valid points.", OfEachHonest(keys_valid))
UNCONFIRMED_ONLY_WHEN_TRUSTED = Property(
    "UnconfirmedOnlyWhenTrusted",
    "An accepter uses unconfirmed channels of trusted openers only.",
    OfEachHonest(unconfirmed_only_when_trusted),
)
DEEP_ENOUGH = Property(
    "DeepEnough",
    "An accepter asks for the confirmations that it thinks safe, and for none on an unconfirmed channel.",
    OfEachHonest(_deep_enough),
)
MESSAGES_IN_FORM = Property(
    "MessagesInForm",
    "Honest nodes send defined flags, unused ids, usable closing scripts and the right per-commitment points.",
    OfWorld(_messages_in_form),
)
UNILATERAL_EXIT = Property(
    "UnilateralExit",
    "A node that calls the channel ready holds a valid signature for its first commitment.",
    OfEachHonest(_unilateral_exit),
)
NO_FUNDING_WITHOUT_REFUND = Property(
    "NoFundingWithoutRefund",
    "What an honest opener has published can be spent by a commitment that it holds a valid signature for.",
    OfWorld(_no_funding_without_refund),
)
FUNDING_VERIFIED = Property(
    "FundingVerified",
    "No channel_ready and no channel before the output is known to have amount and script, deep enough and spendable.",
    _funding_verified,
)
PUSH_NOT_CREDITED = Property(
    "PushNotCredited",
    "Pushed funds count as received only once the funding is verified and deep.",
    OfEachHonest(_push_not_credited),
)
CHANNEL_BACKED = Property(
    "ChannelBacked",
    "The channel of an accepter that trusts nobody is backed by its funding output.",
    OfWorld(_channel_backed),
)
UPDATES_AFTER_BOTH_READY = Property(
    "UpdatesAfterBothReady",
    "There is no channel to update before both have sent channel_ready.",
    OfEachHonest(_updates_after_both_ready),
)
RESUMED_IN_ORDER = Property(
    "ResumedInOrder",
    "channel_reestablish comes first and once; channel_ready is repeated only when the peer may lack it.",
    _resumed_in_order,
)
RESUMED_TOGETHER = Property(
    "ResumedTogether",
    "After a lost connection a channel goes on only once the peer has shown that it remembers the same.",
    _resumed_together,
)
ALIASES_DISTINCT = Property(
    "AliasesDistinct",
    "No alias collides on the node, nor gives the real short channel id away.",
    OfEachHonest(_aliases_distinct),
)
NAMES_KEPT = Property(
    "NamesKept",
    "Every alias sent names the channel; the real short channel id of an alias-only channel is never used.",
    OfEachHonest(_names_kept),
)
NAMEABLE = Property(
    "Nameable", "An alias-only channel of honest nodes can be named in invoices.", OfWorld(_nameable)
)
MIRRORED_PARAMS = Property(
    "MirroredParams", "Two honest nodes have the same channel, each from its own end.", OfWorld(_mirrored_params)
)
COMPLETES = Property("EstablishmentCompletes", "Honest nodes that stay connected open the channel.",
                     OfWorld(_completes))  # fmt: skip

DAMAGE: tuple[Property, ...] = (
    NEVER_REJECTED, UNILATERAL_EXIT, NO_FUNDING_WITHOUT_REFUND, CHANNEL_BACKED, MIRRORED_PARAMS, NAMEABLE,
)  # fmt: skip
"""Properties whose violation is felt by someone: money stuck or unbacked, honest nodes that disagree."""
PROPERTIES: tuple[Property, ...] = (
    *DAMAGE, RESERVE_ABOVE_DUST, LIMITS_SANE, FIRST_COMMITMENT_PAYABLE, CHANNEL_TYPE_AGREED, ONE_CHANNEL,
    VERSION_1_ALLOWED, KEYS_VALID, UNCONFIRMED_ONLY_WHEN_TRUSTED, DEEP_ENOUGH, MESSAGES_IN_FORM, FUNDING_VERIFIED,
    PUSH_NOT_CREDITED, UPDATES_AFTER_BOTH_READY, RESUMED_IN_ORDER, RESUMED_TOGETHER, ALIASES_DISTINCT, NAMES_KEPT,
)  # fmt: skip
"""Hold for every move."""
FINAL_PROPERTIES: tuple[Property, ...] = (COMPLETES,)
"""Hold in every world in which nothing more can happen."""
