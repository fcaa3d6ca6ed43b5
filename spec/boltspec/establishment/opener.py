"""The opener's steps: ``open_channel``, ``funding_created``, and publishing the funding transaction (BOLT 2)."""

from __future__ import annotations

from dataclasses import replace

from boltspec.establishment.channel_type import DEFINED_CHANNEL_TYPES, Feature, is_negotiated
from boltspec.establishment.funding import NOT_SEEN, Outpoint
from boltspec.establishment.limits import (
    LARGE_CHANNEL,
    require_acceptable_limits,
    require_delay_and_count,
    require_keys_and_dust,
    require_own_limits,
)
from boltspec.establishment.messages import (
    ANNOUNCE_CHANNEL,
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
    agreed_output,
    first_commitment,
    initial_balances,
    outpoint,
    require_our_turn,
    require_their_turn,
    terms,
)
from boltspec.rules import Reaction, RuleBroken, duty, require
from boltspec.units import Msat, to_msat
from boltspec.verdict import receives, sends

FAIL_CHANNEL, WARN_OR_FAIL = Reaction.FAIL_CHANNEL, Reaction.WARN_OR_FAIL


@sends
def send_open_channel(state: Establishment, message: OpenChannel) -> Establishment:
    """Propose a channel."""
    node, limits = state.node, message.limits
    require_our_turn(state, Awaited.OPEN_CHANNEL)
    require(Feature.OPTION_DUAL_FUND not in node.negotiated, "B02-open-channel2-p-01")
    require(message.chain_hash == node.chain_hash, "B02-open-channel-s-01", chain_hash=message.chain_hash)
    channel_id = message.temporary_channel_id
    require(channel_id not in node.channel_ids, "B02-open-channel-s-02", temporary_channel_id=channel_id)
    if Feature.OPTION_SUPPORT_LARGE_CHANNEL not in node.negotiated:  # else B02-open-channel-s-03 permits more
        funding = message.funding_satoshis
        require(funding < LARGE_CHANNEL, "B02-open-channel-s-04", funding_satoshis=funding)
    capacity_msat = to_msat(message.funding_satoshis)
    require(message.push_msat <= capacity_msat, "B02-open-channel-s-05", push_msat=message.push_msat)
    require(message.keys_valid, "B02-open-channel-s-06")
    require(message.first_per_commitment_point == 0, "B02-open-channel-s-07")
    reserve, dust_limit = limits.channel_reserve_satoshis, limits.dust_limit_satoshis
    require(reserve >= dust_limit, "B02-open-channel-s-08", reserve=reserve, dust_limit_satoshis=dust_limit)
    _require_own_options(node, message)
    require_own_limits(limits, node.policy)
    feerate = message.feerate_per_kw
    require(feerate >= node.policy.least_feerate, "B02-open-channel-s-19", feerate_per_kw=feerate)
    to_opener, to_accepter = initial_balances(message)
    require(to_opener >= Msat(0), "D02-open-channel-s-02", left_msat=to_opener)
    least = to_msat(reserve)
    require(to_opener > least or to_accepter > least, "D02-open-channel-s-03", left_msat=to_opener)
    return Establishment(node, role=OPENER, awaited=Awaited.ACCEPT_CHANNEL, open_channel=message)


def _require_own_options(node: Node, message: OpenChannel) -> None:
    """Check flags, closing script and channel type of what we are about to propose."""
    flags = message.channel_flags
    require(flags & ~ANNOUNCE_CHANNEL == 0, "B02-open-channel-s-09", channel_flags=flags)
    script = message.upfront_shutdown_script
    if Feature.OPTION_UPFRONT_SHUTDOWN_SCRIPT in node.negotiated:
        given = script in (ShutdownScript.EMPTY, ShutdownScript.VALID)
        require(given, "B02-open-channel-s-10", upfront_shutdown_script=script)
    # AMBIGUOUS: open-channel-tlvs: the type is compulsory (B02-open-channel-r-02), so there always is a TLV stream, and
    # with it a script: the permission to leave it out (B02-open-channel-s-11) never applies. We always send one, of
    # zero length if need be, and take what leaves it out.
    require(script is not None, "B02-open-channel-s-12")
    channel_type = message.channel_type
    require(channel_type is not None, "B02-open-channel-s-13")
    if channel_type is None:
        return
    require(channel_type in DEFINED_CHANNEL_TYPES, "B02-open-channel-s-14", channel_type=channel_type)
    require(is_negotiated(channel_type, node.negotiated), "B02-open-channel-s-16", channel_type=channel_type)
    if message.announce_channel:
        aliased = Feature.OPTION_SCID_ALIAS in channel_type
        require(not aliased, "B02-open-channel-s-17", channel_type=channel_type)


@receives
def receive_accept_channel(state: Establishment, message: AcceptChannel) -> Establishment:
    """Take the accepter's terms."""
    require_their_turn(state, Awaited.ACCEPT_CHANNEL)
    opening = state.open_channel
    if opening is None:
        raise RuleBroken(THEIR_TURN, FAIL_CHANNEL, {"awaited": state.awaited})
    policy, limits, depth = state.node.policy, message.limits, message.minimum_depth
    same = message.temporary_channel_id == opening.temporary_channel_id
    require(same, SAME_CHANNEL, FAIL_CHANNEL, temporary_channel_id=message.temporary_channel_id)
    require(depth <= policy.most_minimum_depth, "B02-accept-channel-r-01", FAIL_CHANNEL, minimum_depth=depth)
    reserve, dust_limit = limits.channel_reserve_satoshis, opening.limits.dust_limit_satoshis
    require(reserve >= dust_limit, "B02-accept-channel-r-02", FAIL_CHANNEL, reserve=reserve, dust_limit=dust_limit)
    reserve, dust_limit = opening.limits.channel_reserve_satoshis, limits.dust_limit_satoshis
    require(reserve >= dust_limit, "B02-accept-channel-r-03", FAIL_CHANNEL, reserve=reserve, dust_limit=dust_limit)
    channel_type = message.channel_type
    require(channel_type is not None, "B02-accept-channel-r-04", FAIL_CHANNEL)
    same = channel_type is None or channel_type == opening.channel_type
    require(same, "B02-accept-channel-r-05", FAIL_CHANNEL, channel_type=channel_type)
    require_acceptable_limits(limits, policy)
    require_delay_and_count(limits, policy)
    require_keys_and_dust(limits, message.keys_valid)
    return replace(state, awaited=Awaited.FUNDING_CREATED, accept_channel=message)


def next_funding_created(state: Establishment, funding: Outpoint) -> FundingCreated:
    """Return the message that names a funding output; ``ValueError`` before there are terms."""
    if state.open_channel is None or state.accept_channel is None:
        raise ValueError("there are no terms yet")
    signature = FundingSignature(first_commitment(state, funding, ACCEPTER, OUR_TURN))
    return FundingCreated(
        state.open_channel.temporary_channel_id, funding.funding_txid, funding.funding_output_index, signature
    )


@sends
def send_funding_created(state: Establishment, message: FundingCreated) -> Establishment:
    """Name the funding output. The transaction stays unpublished for now (B02-funding-created-f-03)."""
    require_our_turn(state, Awaited.FUNDING_CREATED)
    opening, _ = terms(state, OUR_TURN)
    same = message.temporary_channel_id == opening.temporary_channel_id
    require(same, "B02-funding-created-f-01", temporary_channel_id=message.temporary_channel_id)
    require(not message.funding_txid.malleable, "B02-funding-created-f-02")
    right = message.outpoint.output() == agreed_output(state)
    require(right, "B02-funding-created-f-04", funding_output_index=message.funding_output_index)
    first = first_commitment(state, message.outpoint, ACCEPTER, OUR_TURN)
    require(message.signature.is_valid_for(first), "B02-funding-created-f-05")
    return replace(state, awaited=Awaited.FUNDING_SIGNED, funding=message.outpoint)


@receives
def receive_funding_signed(state: Establishment, message: FundingSigned) -> Establishment:
    """Take the signature for our first commitment: our way out, should the accepter fall silent."""
    require_their_turn(state, Awaited.FUNDING_SIGNED)
    funding = outpoint(state, THEIR_TURN)
    require(message.channel_id == funding, SAME_CHANNEL, FAIL_CHANNEL, channel_id=message.channel_id)
    first = first_commitment(state, funding, OPENER, THEIR_TURN)
    require(message.signature.is_valid_for(first), "B02-funding-signed-f-01", WARN_OR_FAIL)
    return replace(state, awaited=Awaited.CHANNEL_READY, signature=message.signature)


@sends
def publish_funding_transaction(state: Establishment, funding: Outpoint) -> Establishment:
    """Publish the transaction that has the funding output."""
    ours = state.role is OPENER and state.funding == funding
    require(ours and (not state.published or state.seen == NOT_SEEN), OUR_TURN, awaited=state.awaited)
    # Before funding_created is sent there is nothing that the accepter could sign: B02-funding-created-f-03.
    require(state.signature is not None, "B02-funding-signed-f-02", awaited=state.awaited)
    return replace(state, published=True)


def owes_publication(state: Establishment) -> bool:
    """Say whether the opener should publish the funding transaction now: also again, if it is not to be seen."""
    missing = not state.published or state.seen == NOT_SEEN
    return state.signature is not None and missing and duty("B02-funding-signed-f-03")
