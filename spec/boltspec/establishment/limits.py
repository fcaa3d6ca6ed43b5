"""What a node demands of a channel: the protocol's limits and its own (BOLT 2, ``open_channel``, ``accept_channel``).

"Other fields have the same requirements as their counterparts in ``open_channel``": the guards on the fields that both
messages have are written once, and cite the ids of ``open_channel``.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltspec.params import MAX_ACCEPTED_HTLCS, Limits
from boltspec.rules import Reaction, require
from boltspec.units import Blocks, FeeratePerKw, Msat, Sat

FAIL_CHANNEL = Reaction.FAIL_CHANNEL
LARGE_CHANNEL = Sat(1 << 24)
"""From this capacity on a channel needs ``option_support_large_channel``."""
LEAST_DUST_LIMIT = Sat(354)
"""The least dust limit that lets every output form of BOLT 3 be relayed."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a node's owner finds acceptable: the bounds of the rules that the BOLT leaves to the node."""

    least_funding: Sat = Sat(20_000)  # noqa: RUF009  # a plain integer
    most_htlc_minimum: Msat = Msat(100_000)  # noqa: RUF009  # a plain integer
    least_in_flight: Msat = Msat(1_000_000)  # noqa: RUF009  # a plain integer
    most_reserve: Sat = Sat(50_000)  # noqa: RUF009  # a plain integer
    least_accepted_htlcs: int = 1
    most_dust_limit: Sat = Sat(20_000)  # noqa: RUF009  # a plain integer
    least_to_self_delay: Blocks = Blocks(6)  # noqa: RUF009  # a plain integer
    """What it imposes on its peer at least: the time that it needs to punish."""
    most_to_self_delay: Blocks = Blocks(2_016)  # noqa: RUF009  # a plain integer
    """What it lets its peer impose at most."""
    least_feerate: FeeratePerKw = FeeratePerKw(253)  # noqa: RUF009  # a plain integer
    most_feerate: FeeratePerKw = FeeratePerKw(50_000)  # noqa: RUF009  # a plain integer
    least_minimum_depth: Blocks = Blocks(3)  # noqa: RUF009  # a plain integer
    """Confirmations that it waits for as an accepter."""
    most_minimum_depth: Blocks = Blocks(100)  # noqa: RUF009  # a plain integer
    """Confirmations that it lets an accepter ask for."""
    wants_public: bool = False
    """It refuses channels that will not be announced."""
    trusts_unconfirmed: bool = False
    """It trusts its peer not to double-spend an unconfirmed funding transaction."""


def require_own_limits(limits: Limits, policy: Policy) -> None:
    """Check the limits that a node is about to announce, except for the reserve, which comes earlier in the BOLT."""
    # The BOLT binds receivers only to the bound of 483; who sends more is certain to be rejected.
    count = limits.max_accepted_htlcs
    require(count <= MAX_ACCEPTED_HTLCS, "D02-open-channel-s-01", max_accepted_htlcs=count)
    require(
        limits.to_self_delay >= policy.least_to_self_delay, "B02-open-channel-s-18", to_self_delay=limits.to_self_delay
    )
    dust_limit = limits.dust_limit_satoshis
    # Above this the outputs of HTLC transactions are relayed too (B02-open-channel-s-21).
    require(dust_limit >= LEAST_DUST_LIMIT, "B02-open-channel-s-20", dust_limit_satoshis=dust_limit)


def require_acceptable_limits(limits: Limits, policy: Policy) -> None:
    """Check the peer's limits against the node's own wishes: what it MAY refuse."""
    least, most = limits.htlc_minimum_msat, limits.max_htlc_value_in_flight_msat
    require(least <= policy.most_htlc_minimum, "B02-open-channel-r-08", FAIL_CHANNEL, htlc_minimum_msat=least)
    require(most >= policy.least_in_flight, "B02-open-channel-r-09", FAIL_CHANNEL, in_flight_msat=most)
    reserve = limits.channel_reserve_satoshis
    require(reserve <= policy.most_reserve, "B02-open-channel-r-10", FAIL_CHANNEL, channel_reserve_satoshis=reserve)
    count = limits.max_accepted_htlcs
    require(count >= policy.least_accepted_htlcs, "B02-open-channel-r-11", FAIL_CHANNEL, max_accepted_htlcs=count)
    dust = limits.dust_limit_satoshis
    require(dust <= policy.most_dust_limit, "B02-open-channel-r-12", FAIL_CHANNEL, dust_limit_satoshis=dust)


def require_delay_and_count(limits: Limits, policy: Policy) -> None:
    """Check the delay and the number of HTLCs that the peer announced."""
    delay, count = limits.to_self_delay, limits.max_accepted_htlcs
    require(delay <= policy.most_to_self_delay, "B02-open-channel-r-15", FAIL_CHANNEL, to_self_delay=delay)
    require(count <= MAX_ACCEPTED_HTLCS, "B02-open-channel-r-16", FAIL_CHANNEL, max_accepted_htlcs=count)


def require_keys_and_dust(limits: Limits, keys_valid: bool) -> None:
    """Check the peer's keys, and its dust limit against its own reserve and the protocol's bound."""
    require(keys_valid, "B02-open-channel-r-18", FAIL_CHANNEL)
    dust, reserve = limits.dust_limit_satoshis, limits.channel_reserve_satoshis
    require(dust <= reserve, "B02-open-channel-r-19", FAIL_CHANNEL, dust_limit_satoshis=dust, reserve=reserve)
    require(dust >= LEAST_DUST_LIMIT, "B02-open-channel-r-20", FAIL_CHANNEL, dust_limit_satoshis=dust)
