"""What the two nodes agreed on when the channel was opened: the constants of a channel.

Each node announces limits that bind *the other*: the reserve that the other must keep, the delay on the other's
money, how many and how large HTLCs it takes. Establishment (BOLT 2, Channel Establishment) fills these in; here they
are given.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltspec.htlc import LOCAL, Side
from boltspec.units import Blocks, FeeratePerKw, Msat, Sat, to_msat

MAX_ACCEPTED_HTLCS = 483
"""The most HTLCs that either side may offer, so that one penalty transaction can spend them all (BOLT 5)."""

LOCKTIME_THRESHOLD = 500_000_000
"""From this value on Bitcoin reads a lock time as a time and not as a height (BOLT 2, ``update_add_htlc``)."""

ANCHOR_SAT = Sat(330)
"""Value of each of the two anchor outputs (BOLT 3)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The fields of ``open_channel``/``accept_channel`` by which one node binds the other."""

    dust_limit_satoshis: Sat
    """Outputs below this are left out of the announcer's own commitment."""
    max_htlc_value_in_flight_msat: Msat
    """Most that the other may have offered at a time."""
    channel_reserve_satoshis: Sat
    """Least that the other keeps as its balance."""
    htlc_minimum_msat: Msat
    """Smallest HTLC that the announcer accepts."""
    to_self_delay: Blocks
    """How long the other's money is delayed in the other's own commitment."""
    max_accepted_htlcs: int
    """Most HTLCs that the other may have offered at a time."""


MAINNET_LIMITS = Limits(
    dust_limit_satoshis=Sat(354),
    max_htlc_value_in_flight_msat=Msat(5_000_000_000),
    channel_reserve_satoshis=Sat(10_000),
    htlc_minimum_msat=Msat(1),
    to_self_delay=Blocks(144),
    max_accepted_htlcs=MAX_ACCEPTED_HTLCS,
)
"""Limits as nodes announce them for a channel of a hundredth of a bitcoin."""


@dataclass(frozen=True, slots=True)
class UpdatePolicy:
    """What the local node's owner finds acceptable in normal operation: the choices that BOLT 2 leaves to the node."""

    max_dust_htlc_exposure_msat: Msat = Msat(50_000_000)  # noqa: RUF009  # a plain integer
    """Most that HTLCs without an output may be worth in a commitment."""
    fee_spike_multiple: int = 2
    """The opener keeps back what one more HTLC costs at this multiple of the feerate; 0 for nothing."""
    least_feerate_per_kw: FeeratePerKw = FeeratePerKw(253)  # noqa: RUF009  # a plain integer
    """Below this the peer's ``update_fee`` is too low for timely processing."""
    most_feerate_per_kw: FeeratePerKw = FeeratePerKw(50_000)  # noqa: RUF009  # a plain integer
    """Above this it is unreasonably large."""


@dataclass(frozen=True, slots=True)
class Params:
    """The constants of a channel, seen from one node."""

    funding_satoshis: Sat
    """Capacity of the channel: value of the funding output."""
    opener: Side
    """Who pays the fee of the commitment transactions."""
    feerate_per_kw: FeeratePerKw
    """Of the first commitments; ``update_fee`` changes it later (:mod:`boltspec.feerates`)."""
    option_anchors: bool
    """Commitments with anchors and zero-fee HTLC transactions; else ``static_remotekey``."""
    local: Limits
    """Announced by the local node: binds the remote one."""
    remote: Limits
    """Announced by the remote node: binds the local one."""
    policy: UpdatePolicy = UpdatePolicy()  # frozen
    """The local node's own choices."""

    @property
    def capacity_msat(self) -> Msat:
        """Capacity of the channel in millisatoshis."""
        return to_msat(self.funding_satoshis)

    def announced_by(self, side: Side) -> Limits:
        """Return the limits that this side announced."""
        return self.local if side is LOCAL else self.remote

    def binding(self, side: Side) -> Limits:
        """Return the limits that this side has to obey: those of the other."""
        return self.remote if side is LOCAL else self.local

    def mirrored(self) -> Params:
        """Return the same constants as the other node sees them, if its owner makes the same choices."""
        return Params(
            funding_satoshis=self.funding_satoshis,
            opener=self.opener.other,
            feerate_per_kw=self.feerate_per_kw,
            option_anchors=self.option_anchors,
            local=self.remote,
            remote=self.local,
            policy=self.policy,
        )
