"""Scenarios: the small worlds that are searched exhaustively.

A scenario fixes the channel's constants, the payments that the two parties want to make, who is corrupt and how far a
corrupt party may go. Everything else (who moves when, what is delivered when, what a corrupt party sends or publishes)
is left open and searched.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltspec.htlc import LOCAL
from boltspec.params import Limits, Params
from boltspec.units import Blocks, FeeratePerKw, Height, Msat, Sat

NAMES = ("A", "B")
"""Names of the two parties. A opened the channel."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An HTLC that a party wants to offer."""

    party: int
    """Seat of the party (0 or 1)."""
    amount_msat: Msat
    payment_hash: int
    cltv_expiry: Height
    id_offset: int = 0
    """Added to the right id: a wrong one if it is not zero."""


@dataclass(frozen=True, slots=True)
class FeeWish:
    """A feerate that a party wants to set."""

    party: int
    """Seat of the party (0 or 1)."""
    feerate_per_kw: FeeratePerKw


@dataclass(frozen=True, slots=True)
class Scenario:
    """A world to search."""

    name: str
    title: str
    params: Params
    """Constants of the channel, seen from A."""
    push_msat: Msat
    """What B has at first."""
    wishes: tuple[Wish | FeeWish, ...]
    """Updates that may be made, each once, those of one party in this order."""
    corrupt: tuple[bool, bool] = (False, False)
    abuses: int = 0
    """How many messages that the rules forbid a corrupt party may send."""
    lies_about_state: bool = False
    """The messages that it may break rules with are ``channel_reestablish`` only."""
    careless: bool = False
    """Honest parties too are tempted by every forbidden message: only their sender rules hold them back."""
    publishable: bool = False
    """How each commitment was signed is kept, for who would publish it (:mod:`boltspec.chain.world`)."""
    malformed: bool = False
    """Recipients may find that an onion cannot be read."""
    disconnections: int = 0
    """How often the connection may be lost."""
    crashes: int = 0
    """How often an honest party may crash, and start again from what it had made durable."""
    restores: int = 0
    """How often an honest party may lose all data since the channel was opened."""


def small_limits(max_accepted_htlcs: int = 2, max_in_flight: Msat = Msat(500_000_000)) -> Limits:  # noqa: B008
    """Return limits for small worlds; amounts are realistic, so that traces run on a real chain."""
    return Limits(
        dust_limit_satoshis=Sat(354),
        max_htlc_value_in_flight_msat=max_in_flight,
        channel_reserve_satoshis=Sat(10_000),
        htlc_minimum_msat=Msat(1_000),
        to_self_delay=Blocks(4),
        max_accepted_htlcs=max_accepted_htlcs,
    )


def small_params(limits: Limits, option_anchors: bool = True) -> Params:
    """Return the constants of a channel of a hundredth of a bitcoin, opened by A."""
    return Params(
        funding_satoshis=Sat(1_000_000),
        opener=LOCAL,
        feerate_per_kw=FeeratePerKw(1_000),
        option_anchors=option_anchors,
        local=limits,
        remote=limits,
    )
