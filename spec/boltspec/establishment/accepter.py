"""The accepter's steps: ``accept_channel`` and ``funding_signed`` (BOLT 2)."""

from __future__ import annotations

from dataclasses import replace

from boltspec.channel import Link
from boltspec.establishment.channel_type import Feature, is_suitable
from boltspec.establishment.limits import (
    LARGE_CHANNEL,
    require_acceptable_limits,
    require_delay_and_count,
    require_keys_and_dust,
    require_own_limits,
)
from boltspec.establishment.messages import (
    AcceptChannel,
    FundingCreated,
    FundingSignature,
    FundingSigned,
    OpenChannel,
    ShutdownScript,
)
from boltspec.establishment.state import (
    ACCEPTER,
    OPENER,
    OUR_TURN,
    SAME_CHANNEL,
    THEIR_TURN,
    Awaited,
    Establishment,
    Node,
    first_commitment,
    initial_balances,
    is_deep,
    outpoint,
    pays_as_agreed,
    require_our_turn,
    require_their_turn,
    terms,
)
from boltspec.rules import Reaction, RuleBroken, duty, require
from boltspec.units import Blocks, Msat, to_msat
from boltspec.verdict import receives, sends

FAIL_CHANNEL, WARN_OR_FAIL = Reaction.FAIL_CHANNEL, Reaction.WARN_OR_FAIL


@receives
def receive_open_channel(state: Establishment, message: OpenChannel) -> Establishment:
    """Take a proposal. Undefined ``channel_flags`` are ignored (B02-open-channel-r-01)."""
    node = state.node
    if state.link is not Link.UP and state.role is ACCEPTER:
        # The opener has forgotten the channel that this node remembers: it is another one now, and stays with the node.
        state = Establishment(node)
    require_their_turn(state, Awaited.OPEN_CHANNEL)
    require(message.channel_type is not None, "B02-open-channel-r-02", FAIL_CHANNEL)
    dual_fund = Feature.OPTION_DUAL_FUND in node.negotiated
    require(not dual_fund, "B02-open-channel-r-05", FAIL_CHANNEL)
    _require_acceptable_terms(node, message)
    _require_affordable(message)
    _require_acceptable_kind(node, message)
    # An earlier proposal is still there if the connection was lost in between.
    earlier = None if duty("B02-open-channel-r-04") else state.open_channel
    return Establishment(node, role=ACCEPTER, awaited=Awaited.ACCEPT_CHANNEL, open_channel=earlier or message)


def _require_acceptable_terms(node: Node, message: OpenChannel) -> None:
    policy, limits = node.policy, message.limits
    refused = policy.wants_public and not message.announce_channel
    require(not refused, "B02-open-channel-r-06", FAIL_CHANNEL)
    funding = message.funding_satoshis
    require(funding >= policy.least_funding, "B02-open-channel-r-07", FAIL_CHANNEL, funding_satoshis=funding)
    require_acceptable_limits(limits, policy)
    known = message.chain_hash == node.chain_hash
    require(known, "B02-open-channel-r-13", FAIL_CHANNEL, chain_hash=message.chain_hash)
    push = message.push_msat
    require(push <= to_msat(funding), "B02-open-channel-r-14", FAIL_CHANNEL, push_msat=push)
    require_delay_and_count(limits, policy)
    feerate = message.feerate_per_kw
    usual = policy.least_feerate <= feerate <= policy.most_feerate
    require(usual, "B02-open-channel-r-17", FAIL_CHANNEL, feerate_per_kw=feerate)
    require_keys_and_dust(limits, message.keys_valid)


def _require_affordable(message: OpenChannel) -> None:
    to_opener, to_accepter = initial_balances(message)
    require(to_opener >= Msat(0), "B02-open-channel-r-21", FAIL_CHANNEL, left_msat=to_opener)
    least = to_msat(message.limits.channel_reserve_satoshis)
    require(to_opener > least or to_accepter > least, "B02-open-channel-r-22", FAIL_CHANNEL, left_msat=to_opener)


def _require_acceptable_kind(node: Node, message: OpenChannel) -> None:
    funding = message.funding_satoshis
    fits = funding < LARGE_CHANNEL or Feature.OPTION_SUPPORT_LARGE_CHANNEL in node.features
    require(fits, "B02-open-channel-r-23", FAIL_CHANNEL, funding_satoshis=funding)
    channel_type = message.channel_type or frozenset()
    suits = not channel_type or is_suitable(channel_type, message.announce_channel, node.negotiated)
    require(suits, "B02-open-channel-r-24", FAIL_CHANNEL, channel_type=channel_type)
    trusted = Feature.OPTION_ZEROCONF not in channel_type or node.policy.trusts_unconfirmed
    require(trusted, "B02-open-channel-r-25", FAIL_CHANNEL, channel_type=channel_type)


@sends
def send_accept_channel(state: Establishment, message: AcceptChannel) -> Establishment:
    """Answer with our own terms."""
    require_our_turn(state, Awaited.ACCEPT_CHANNEL)
    opening = state.open_channel
    if opening is None:
        raise RuleBroken(OUR_TURN, None, {"awaited": state.awaited})
    node, limits, depth = state.node, message.limits, message.minimum_depth
    same = message.temporary_channel_id == opening.temporary_channel_id
    require(same, "B02-accept-channel-s-01", temporary_channel_id=message.temporary_channel_id)
    if Feature.OPTION_ZEROCONF in (message.channel_type or frozenset()):
        require(depth == Blocks(0), "B02-accept-channel-s-02", minimum_depth=depth)
    else:
        require(depth >= node.policy.least_minimum_depth, "B02-accept-channel-s-03", minimum_depth=depth)
    reserve, dust_limit = limits.channel_reserve_satoshis, opening.limits.dust_limit_satoshis
    require(reserve >= dust_limit, "B02-accept-channel-s-04", reserve=reserve, dust_limit=dust_limit)
    reserve, dust_limit = opening.limits.channel_reserve_satoshis, limits.dust_limit_satoshis
    require(dust_limit <= reserve, "B02-accept-channel-s-05", reserve=reserve, dust_limit=dust_limit)
    agreed = message.channel_type == opening.channel_type
    require(agreed, "B02-accept-channel-s-06", channel_type=message.channel_type)
    _require_own_counterparts(node, message)
    return replace(state, awaited=Awaited.FUNDING_CREATED, accept_channel=message)


def _require_own_counterparts(node: Node, message: AcceptChannel) -> None:
    """Check the fields that are as in ``open_channel``."""
    limits = message.limits
    require(message.keys_valid, "B02-open-channel-s-06")
    require(message.first_per_commitment_point == 0, "B02-open-channel-s-07")
    reserve, dust_limit = limits.channel_reserve_satoshis, limits.dust_limit_satoshis
    require(reserve >= dust_limit, "B02-open-channel-s-08", reserve=reserve, dust_limit_satoshis=dust_limit)
    script = message.upfront_shutdown_script
    if Feature.OPTION_UPFRONT_SHUTDOWN_SCRIPT in node.negotiated:
        given = script in (ShutdownScript.EMPTY, ShutdownScript.VALID)
        require(given, "B02-open-channel-s-10", upfront_shutdown_script=script)
    require(script is not None, "B02-open-channel-s-12")
    require_own_limits(limits, node.policy)


@receives
def receive_funding_created(state: Establishment, message: FundingCreated) -> Establishment:
    """Take the funding output and the signature for our first commitment. What the output pays is not yet known."""
    require_their_turn(state, Awaited.FUNDING_CREATED)
    opening, _ = terms(state, THEIR_TURN)
    same = message.temporary_channel_id == opening.temporary_channel_id
    require(same, SAME_CHANNEL, FAIL_CHANNEL, temporary_channel_id=message.temporary_channel_id)
    first = first_commitment(state, message.outpoint, ACCEPTER, THEIR_TURN)
    require(message.signature.is_valid_for(first), "B02-funding-created-e-01", WARN_OR_FAIL)
    return replace(state, awaited=Awaited.FUNDING_SIGNED, funding=message.outpoint, signature=message.signature)


def next_funding_signed(state: Establishment) -> FundingSigned:
    """Return the message that signs the opener's first commitment; ``ValueError`` before there is a funding output."""
    if state.funding is None:
        raise ValueError("there is no funding output yet")
    return FundingSigned(state.funding, FundingSignature(first_commitment(state, state.funding, OPENER, OUR_TURN)))


@sends
def send_funding_signed(state: Establishment, message: FundingSigned) -> Establishment:
    """Sign the opener's first commitment: from here on the opener may publish the funding transaction."""
    require_our_turn(state, Awaited.FUNDING_SIGNED)
    funding = outpoint(state, OUR_TURN)
    first = first_commitment(state, funding, OPENER, OUR_TURN)
    require(message.channel_id == funding, "B02-funding-signed-e-01", channel_id=message.channel_id)
    require(message.signature.is_valid_for(first), "B02-funding-signed-e-02")
    return replace(state, awaited=Awaited.CHANNEL_READY)


def received_by_push(state: Establishment) -> Msat:
    """Return how much of ``push_msat`` the accepter may consider received."""
    if state.role is not ACCEPTER or state.open_channel is None:
        return Msat(0)
    certain = pays_as_agreed(state) and is_deep(state) and state.seen.spendable
    return Msat(0) if duty("B02-open-channel-r-26") and not certain else state.open_channel.push_msat
