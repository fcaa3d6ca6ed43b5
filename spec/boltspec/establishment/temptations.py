"""Messages that the rules forbid: each field just beyond its limit, lies about the funding output, bad signatures.

For every message there is a table of temptations; a corrupt party sends them, and a careless honest one is held back
by its sender rules alone. Each changes as little as breaks one rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from boltspec.establishment.channel_type import STATIC_REMOTEKEY, Feature
from boltspec.establishment.funding import FundingOutput, Outpoint, Script, Transaction
from boltspec.establishment.limits import LARGE_CHANNEL, LEAST_DUST_LIMIT, Policy
from boltspec.establishment.messages import (
    ANNOUNCE_CHANNEL,
    AcceptChannel,
    ChannelReady,
    FundingCreated,
    FundingSignature,
    FundingSigned,
    OpenChannel,
    ShutdownScript,
)
from boltspec.establishment.scenario import REAL_SCID, USED_ID, USED_SCID
from boltspec.establishment.state import initial_balances
from boltspec.params import MAX_ACCEPTED_HTLCS, Limits
from boltspec.units import Blocks, FeeratePerKw, Msat, Sat, to_msat

Either = TypeVar("Either", OpenChannel, AcceptChannel)
UNKNOWN_ID = 902
"""A channel id that nobody uses."""
NOTHING_SIGNED = FundingSignature(None)


def lawful_transaction(funding_satoshis: Sat) -> Transaction:
    """Return a funding transaction: the funding output first, and change."""
    return Transaction((FundingOutput(funding_satoshis, Script.FUNDING), FundingOutput(Sat(5_000), Script.FOREIGN)))


NOWHERE = Outpoint(Transaction(()), 0)
"""An outpoint of a transaction without outputs."""


def limits_temptations(limits: Limits, policy: Policy) -> Iterator[tuple[str, Limits]]:
    """Yield limits beyond those of the protocol or of the receiver's policy."""
    over = policy.most_dust_limit + Sat(1)
    yield "484 HTLCs", replace(limits, max_accepted_htlcs=MAX_ACCEPTED_HTLCS + 1)
    yield "dust limit 353", replace(limits, dust_limit_satoshis=LEAST_DUST_LIMIT - Sat(1))
    yield "dust over reserve", replace(limits, dust_limit_satoshis=limits.channel_reserve_satoshis + Sat(1))
    yield "dust too high", replace(limits, dust_limit_satoshis=over, channel_reserve_satoshis=over)
    yield "minimum too high", replace(limits, htlc_minimum_msat=policy.most_htlc_minimum + Msat(1))
    yield "in flight too low", replace(limits, max_htlc_value_in_flight_msat=policy.least_in_flight - Msat(1))
    yield "reserve too high", replace(limits, channel_reserve_satoshis=policy.most_reserve + Sat(1))
    yield "too few HTLCs", replace(limits, max_accepted_htlcs=policy.least_accepted_htlcs - 1)
    yield "delay too long", replace(limits, to_self_delay=policy.most_to_self_delay + Blocks(1))
    yield "delay too short", replace(limits, to_self_delay=policy.least_to_self_delay - Blocks(1))


def _of_both(message: Either, policy: Policy) -> Iterator[tuple[str, Either]]:
    for label, limits in limits_temptations(message.limits, policy):
        yield label, replace(message, limits=limits)
    yield "keys", replace(message, keys_valid=False)
    yield "point", replace(message, first_per_commitment_point=1)
    yield "no script", replace(message, upfront_shutdown_script=None)
    yield "bad script", replace(message, upfront_shutdown_script=ShutdownScript.INVALID)
    yield "no type", replace(message, channel_type=None)


def open_channel_temptations(message: OpenChannel, policy: Policy) -> Iterator[tuple[str, OpenChannel]]:
    """Yield forbidden forms of ``open_channel``."""
    yield from _of_both(message, policy)
    yield "chain", replace(message, chain_hash=1)
    yield "used id", replace(message, temporary_channel_id=USED_ID)
    yield "large", replace(message, funding_satoshis=LARGE_CHANNEL)
    yield "flags", replace(message, channel_flags=message.channel_flags | 2)
    yield "unannounced", replace(message, channel_flags=0)
    yield "feerate too low", replace(message, feerate_per_kw=FeeratePerKw(policy.least_feerate * 1 - 1))
    yield "feerate too high", replace(message, feerate_per_kw=FeeratePerKw(policy.most_feerate * 1 + 1))
    yield "too small", replace(message, funding_satoshis=policy.least_funding - Sat(1), push_msat=Msat(0))
    yield from _types(message)
    yield from _pushes(message)


def _types(message: OpenChannel) -> Iterator[tuple[str, OpenChannel]]:
    yield "undefined type", replace(message, channel_type=frozenset({Feature.OPTION_ANCHORS}))
    aliased = (message.channel_type or STATIC_REMOTEKEY) | {Feature.OPTION_SCID_ALIAS}
    yield "aliased type", replace(message, channel_type=aliased, channel_flags=0)
    yield "aliased type announced", replace(message, channel_type=aliased, channel_flags=ANNOUNCE_CHANNEL)


def _pushes(message: OpenChannel) -> Iterator[tuple[str, OpenChannel]]:
    capacity_msat = to_msat(message.funding_satoshis)
    yield "push over funding", replace(message, push_msat=capacity_msat + Msat(1))
    spare, _ = initial_balances(replace(message, push_msat=Msat(0)))
    yield "push of fee", replace(message, push_msat=spare + Msat(1))
    # Twice the reserve, shared out: after fee and anchors nobody is above it.
    reserve = message.limits.channel_reserve_satoshis
    yield "nobody above reserve", replace(message, funding_satoshis=reserve + reserve, push_msat=to_msat(reserve))


def accept_channel_temptations(
    message: AcceptChannel, opening: OpenChannel, policy: Policy
) -> Iterator[tuple[str, AcceptChannel]]:
    """Yield forbidden forms of ``accept_channel``."""
    yield from _of_both(message, policy)
    limits = message.limits
    low = replace(
        limits,
        channel_reserve_satoshis=opening.limits.dust_limit_satoshis - Sat(1),
        dust_limit_satoshis=LEAST_DUST_LIMIT,
    )
    yield "reserve under opener's dust", replace(message, limits=low)
    over = opening.limits.channel_reserve_satoshis + Sat(1)
    high = replace(limits, dust_limit_satoshis=over, channel_reserve_satoshis=over)
    yield "dust over opener's reserve", replace(message, limits=high)
    yield "id", replace(message, temporary_channel_id=UNKNOWN_ID)
    yield "too deep", replace(message, minimum_depth=policy.most_minimum_depth + Blocks(1))
    shallow = message.minimum_depth - Blocks(1) if message.minimum_depth > Blocks(0) else Blocks(1)
    yield "wrong depth", replace(message, minimum_depth=shallow)
    yield "other type", replace(message, channel_type=STATIC_REMOTEKEY)


def funding_outpoints(funding_satoshis: Sat) -> Iterator[tuple[str, Outpoint]]:
    """Yield outpoints that are not what was agreed, and one that is but for a wait."""
    right = lawful_transaction(funding_satoshis)
    _, change = right.outputs
    little = FundingOutput(funding_satoshis - Sat(1), Script.FUNDING)
    foreign = FundingOutput(funding_satoshis, Script.FOREIGN)
    yield "coinbase", Outpoint(replace(right, coinbase=True), 0)
    yield "missing output", Outpoint(right, 2)
    yield "wrong output", Outpoint(right, 1)
    yield "amount less 1", Outpoint(replace(right, outputs=(little, change)), 0)
    yield "foreign script", Outpoint(replace(right, outputs=(foreign, change)), 0)
    yield "malleable", Outpoint(replace(right, malleable=True), 0)


def funding_created_temptations(message: FundingCreated) -> Iterator[tuple[str, FundingCreated]]:
    """Yield forbidden forms of ``funding_created`` for the same outpoint."""
    yield "id", replace(message, temporary_channel_id=UNKNOWN_ID)
    for label, signature in _bad_signatures(message.signature):
        yield label, replace(message, signature=signature)


def funding_signed_temptations(message: FundingSigned) -> Iterator[tuple[str, FundingSigned]]:
    """Yield forbidden forms of ``funding_signed``."""
    yield "id", replace(message, channel_id=NOWHERE)
    for label, signature in _bad_signatures(message.signature):
        yield label, replace(message, signature=signature)


def _bad_signatures(signature: FundingSignature) -> Iterator[tuple[str, FundingSignature]]:
    yield "bad signature", NOTHING_SIGNED
    yield "high S", replace(signature, low_s=False)


def channel_ready_temptations(message: ChannelReady, confirmed: bool) -> Iterator[tuple[str, ChannelReady]]:
    """Yield forbidden forms of ``channel_ready``. Nobody names the real short channel id before it is known."""
    yield "id", replace(message, channel_id=NOWHERE)
    yield "point", replace(message, second_per_commitment_point=2)
    yield "no alias", replace(message, alias=None)
    yield "used alias", replace(message, alias=USED_SCID)
    if confirmed:
        yield "real scid", replace(message, alias=REAL_SCID)
