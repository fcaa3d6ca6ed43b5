"""What makes the terms of a channel good, as predicates on the state of one node.

Each says in one piece what the guards of the steps ensure one by one; see :mod:`~boltspec.establishment.properties`.
"""

from __future__ import annotations

from boltspec.establishment.channel_type import DEFINED_CHANNEL_TYPES, Feature, is_negotiated
from boltspec.establishment.limits import LARGE_CHANNEL, LEAST_DUST_LIMIT, Policy
from boltspec.establishment.ready import established
from boltspec.establishment.state import ACCEPTER, OPENER, Establishment, initial_balances
from boltspec.params import MAX_ACCEPTED_HTLCS, Limits
from boltspec.units import Msat, to_msat


def reserve_above_dust(state: Establishment) -> bool:
    """Say whether the reserve of each side is at least the dust limit of either."""
    given = [message.limits for message in (state.open_channel, state.accept_channel) if message is not None]
    return all(one.channel_reserve_satoshis >= other.dust_limit_satoshis for one in given for other in given)


def limits_sane(state: Establishment) -> bool:
    """Say whether the terms are within the protocol's limits and the node's own."""
    policy = state.node.policy
    for maker, message in ((OPENER, state.open_channel), (ACCEPTER, state.accept_channel)):
        if message is not None:
            limits, own = message.limits, maker is state.role
            if not (_lawful(limits) and (_wise(limits, policy) if own else _acceptable(limits, policy))):
                return False
    return _terms_sane(state)


def _lawful(limits: Limits) -> bool:
    return limits.max_accepted_htlcs <= MAX_ACCEPTED_HTLCS and limits.dust_limit_satoshis >= LEAST_DUST_LIMIT


def _wise(limits: Limits, policy: Policy) -> bool:
    return limits.to_self_delay >= policy.least_to_self_delay


def _acceptable(limits: Limits, policy: Policy) -> bool:
    return (
        limits.htlc_minimum_msat <= policy.most_htlc_minimum
        and limits.max_htlc_value_in_flight_msat >= policy.least_in_flight
        and limits.channel_reserve_satoshis <= policy.most_reserve
        and limits.max_accepted_htlcs >= policy.least_accepted_htlcs
        and limits.dust_limit_satoshis <= policy.most_dust_limit
        and limits.to_self_delay <= policy.most_to_self_delay
    )


def _terms_sane(state: Establishment) -> bool:
    opening, accepting, policy = state.open_channel, state.accept_channel, state.node.policy
    if opening is None:
        return True
    large = Feature.OPTION_SUPPORT_LARGE_CHANNEL in state.node.features
    sane = opening.feerate_per_kw >= policy.least_feerate and (large or opening.funding_satoshis < LARGE_CHANNEL)
    if state.role is ACCEPTER:
        sane = sane and opening.feerate_per_kw <= policy.most_feerate
        sane = sane and opening.funding_satoshis >= policy.least_funding
        sane = sane and (opening.announce_channel or not policy.wants_public)
    elif accepting is not None:
        sane = sane and accepting.minimum_depth <= policy.most_minimum_depth
    return sane


def first_commitment_payable(state: Establishment) -> bool:
    """Say whether the opener can pay the first fee and one side is above the reserve."""
    if state.open_channel is None:
        return True
    to_opener, to_accepter = initial_balances(state.open_channel)
    reserve = to_msat(state.open_channel.limits.channel_reserve_satoshis)
    return min(to_opener, to_accepter) >= Msat(0) and max(to_opener, to_accepter) > reserve


def channel_type_agreed(state: Establishment) -> bool:
    """Say whether both named the same defined type of negotiated features, and the channel has it."""
    opening, accepting, node = state.open_channel, state.accept_channel, state.node
    if opening is None:
        return True
    kind = opening.channel_type
    if kind not in DEFINED_CHANNEL_TYPES or not is_negotiated(kind, node.negotiated):
        return False
    if opening.announce_channel and Feature.OPTION_SCID_ALIAS in kind:
        return False
    channel = established(state)
    built = channel is None or channel.params.option_anchors is (Feature.OPTION_ANCHORS in kind)
    return built and (accepting is None or accepting.channel_type == kind)


def one_channel(state: Establishment) -> bool:
    """Say whether all terms are of one channel, on the chain that the node knows."""
    opening, accepting, node = state.open_channel, state.accept_channel, state.node
    if opening is None:
        return True
    same = accepting is None or accepting.temporary_channel_id == opening.temporary_channel_id
    return same and opening.chain_hash == node.chain_hash


def version_1_allowed(state: Establishment) -> bool:
    """Say whether version 1 may be used with the features that were negotiated."""
    return state.open_channel is None or Feature.OPTION_DUAL_FUND not in state.node.negotiated


def keys_valid(state: Establishment) -> bool:
    """Say whether all keys that were exchanged are valid points."""
    return all(message is None or message.keys_valid for message in (state.open_channel, state.accept_channel))


def unconfirmed_only_when_trusted(state: Establishment) -> bool:
    """Say whether an accepter trusts the opener whose unconfirmed channel it takes."""
    kind = state.open_channel.channel_type if state.open_channel else None
    unconfirmed = kind is not None and Feature.OPTION_ZEROCONF in kind
    return state.role is not ACCEPTER or not unconfirmed or state.node.policy.trusts_unconfirmed
