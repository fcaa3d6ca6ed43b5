"""Messages of channel establishment: bytes to the specification's facts and back (BOLT 2).

A chain and a temporary id are named by the number that their bytes are. A transaction that only its opener has is known
to the accepter by its id alone: for the specification it has no outputs until the chain shows them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from boltnode.channels.keys import ChannelKeys
from boltnode.channels.record import RemoteKeys
from boltspec.establishment.channel_type import Feature
from boltspec.establishment.funding import FundingOutput, Script, Transaction
from boltspec.establishment.messages import AcceptChannel, OpenChannel, ShutdownScript
from boltspec.params import Limits
from boltspec.units import Blocks, FeeratePerKw, Msat, Sat
from boltwire import messages as wire
from boltwire.features import BY_BIT, FeatureBits, negotiated
from boltwire.points import invalid_points
from boltwire.shutdown_script import is_shutdown_script

UNSEEN: Final = Transaction(())
"""A transaction of which only the id is known."""


def name_of(data: bytes) -> int:
    """The number that stands for a chain hash or a temporary id."""
    return int.from_bytes(data, "big")


def bytes_named(name: int) -> bytes:
    """The 32 bytes that :func:`name_of` reads."""
    return name.to_bytes(32, "big")


def feature_facts(features: FeatureBits) -> frozenset[Feature]:
    """The features that establishment depends on, among those that a node offers."""
    return frozenset(feature for feature in Feature if features.has(BY_BIT[feature].name))


def negotiated_names(own: FeatureBits, peer: FeatureBits) -> tuple[str, ...]:
    """The names of the features that are in effect between two nodes."""
    return tuple(row.name for row in BY_BIT.values() if negotiated(row.name, own, peer))


def output_facts(outputs: Iterable[tuple[int, bytes]], funding_script: bytes) -> Transaction:
    """What a transaction is, by the amounts and scripts of its outputs."""
    return Transaction(
        tuple(
            FundingOutput(Sat(amount), Script.FUNDING if script == funding_script else Script.FOREIGN)
            for amount, script in outputs
        )
    )


# --- from the wire ---


def open_channel_fact(message: wire.OpenChannel, features: Iterable[str]) -> OpenChannel:
    """What the peer proposes; ``features`` are the names of those that were negotiated."""
    return OpenChannel(
        chain_hash=name_of(message.chain_hash),
        temporary_channel_id=name_of(message.temporary_channel_id),
        funding_satoshis=Sat(message.funding_satoshis),
        push_msat=Msat(message.push_msat),
        limits=_limits(message),
        feerate_per_kw=FeeratePerKw(message.feerate_per_kw),
        channel_flags=message.channel_flags,
        channel_type=_channel_type(message.channel_type),
        upfront_shutdown_script=_upfront(message.upfront_shutdown_script, features),
        keys_valid=not invalid_points(message),
    )


def accept_channel_fact(message: wire.AcceptChannel, features: Iterable[str]) -> AcceptChannel:
    """What the peer answers."""
    return AcceptChannel(
        temporary_channel_id=name_of(message.temporary_channel_id),
        limits=_limits(message),
        minimum_depth=Blocks(message.minimum_depth),
        channel_type=_channel_type(message.channel_type),
        upfront_shutdown_script=_upfront(message.upfront_shutdown_script, features),
        keys_valid=not invalid_points(message),
    )


def remote_keys(message: wire.OpenChannel | wire.AcceptChannel) -> RemoteKeys:
    """The keys that the peer announces."""
    return RemoteKeys(
        message.funding_pubkey,
        message.revocation_basepoint,
        message.payment_basepoint,
        message.delayed_payment_basepoint,
        message.htlc_basepoint,
    )


def _limits(message: wire.OpenChannel | wire.AcceptChannel) -> Limits:
    return Limits(
        dust_limit_satoshis=Sat(message.dust_limit_satoshis),
        max_htlc_value_in_flight_msat=Msat(message.max_htlc_value_in_flight_msat),
        channel_reserve_satoshis=Sat(message.channel_reserve_satoshis),
        htlc_minimum_msat=Msat(message.htlc_minimum_msat),
        to_self_delay=Blocks(message.to_self_delay),
        max_accepted_htlcs=message.max_accepted_htlcs,
    )


def _channel_type(data: bytes | None) -> frozenset[int] | None:
    return None if data is None else frozenset(FeatureBits.from_bytes(data))


def _upfront(script: bytes | None, features: Iterable[str]) -> ShutdownScript | None:
    if script is None:
        return None
    if not script:
        return ShutdownScript.EMPTY
    return ShutdownScript.VALID if is_shutdown_script(script, features) else ShutdownScript.INVALID


# --- to the wire ---


def open_channel_message(fact: OpenChannel, keys: ChannelKeys, upfront: bytes) -> wire.OpenChannel:
    """What we propose; ``upfront`` is the script that we commit to, empty for none."""
    return wire.OpenChannel(
        chain_hash=bytes_named(fact.chain_hash),
        temporary_channel_id=bytes_named(fact.temporary_channel_id),
        funding_satoshis=int(fact.funding_satoshis),
        push_msat=int(fact.push_msat),
        feerate_per_kw=int(fact.feerate_per_kw),  # type: ignore[call-overload]
        channel_flags=fact.channel_flags,
        **_common(fact, keys, upfront),
    )


def accept_channel_message(fact: AcceptChannel, keys: ChannelKeys, upfront: bytes) -> wire.AcceptChannel:
    """What we answer."""
    return wire.AcceptChannel(
        temporary_channel_id=bytes_named(fact.temporary_channel_id),
        minimum_depth=int(fact.minimum_depth),
        **_common(fact, keys, upfront),
    )


def _common(fact: OpenChannel | AcceptChannel, keys: ChannelKeys, upfront: bytes) -> dict[str, Any]:
    """The fields that both messages have."""
    limits, points = fact.limits, keys.announced.basepoints
    return {
        "dust_limit_satoshis": int(limits.dust_limit_satoshis),
        "max_htlc_value_in_flight_msat": int(limits.max_htlc_value_in_flight_msat),
        "channel_reserve_satoshis": int(limits.channel_reserve_satoshis),
        "htlc_minimum_msat": int(limits.htlc_minimum_msat),
        "to_self_delay": int(limits.to_self_delay),
        "max_accepted_htlcs": limits.max_accepted_htlcs,
        "funding_pubkey": keys.announced.funding_pubkey.encoded,
        "revocation_basepoint": points.revocation_basepoint.encoded,
        "payment_basepoint": points.payment_basepoint.encoded,
        "delayed_payment_basepoint": points.delayed_payment_basepoint.encoded,
        "htlc_basepoint": points.htlc_basepoint.encoded,
        "first_per_commitment_point": keys.point_of(fact.first_per_commitment_point).encoded,
        "upfront_shutdown_script": upfront,
        "channel_type": None if fact.channel_type is None else FeatureBits(fact.channel_type).to_bytes(),
    }
