"""Whole lives of channels, from before ``open_channel`` to the end: every order of events, with losses on the way."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from boltspec.closing.messages import FeeRange
from boltspec.closing.scripts import Form, Script
from boltspec.closing.state import ClosingPolicy
from boltspec.establishment.channel_type import Feature
from boltspec.establishment.scenario import Scenario, nodes
from boltspec.lifetime.scenario import LifeScenario
from boltspec.units import Msat, Sat

OPENING = Scenario(
    "life-opening",
    "the terms of a life",
    nodes(frozenset({Feature.OPTION_ANCHORS})),
    aliased=False,
)
"""Nobody makes up aliases."""
RANGE = FeeRange(Sat(1_000), Sat(2_000))
POLICIES = (
    ClosingPolicy(Script(Form.WITNESS_V0, 20, "A"), Sat(1_000), RANGE),
    ClosingPolicy(Script(Form.WITNESS_V0, 20, "B"), Sat(2_000), RANGE),
)
ONE_HTLC = (Msat(50_000_000),)

BASE = LifeScenario(
    "life", "a channel is opened, used for one payment and closed", OPENING, POLICIES, offers_msat=ONE_HTLC
)
UNUSED = replace(BASE, offers_msat=())
_LIST = (
    BASE,
    replace(UNUSED, name="life-lost", title="opened and closed; the connection is lost once", disconnections=1),
    replace(UNUSED, name="life-crash", title="opened and closed; a party crashes once", crashes=1),
    replace(UNUSED, name="life-failed", title="opened; a party fails the channel; the connection is lost once",
            disconnections=1, failures=1, starts=(False, False)),
    replace(UNUSED, name="life-failed-closing", title="opened and closed; a party fails the channel", failures=1),
    replace(UNUSED, name="life-careless", title="opened and closed; both are tempted to repeat channel_ready",
            careless=True, disconnections=1),
    replace(UNUSED, name="life-corrupt-A", title="A, the opener, breaks one rule, in whatever phase; B is asked",
            corrupt=(True, False), abuses=1),
    replace(UNUSED, name="life-corrupt-B", title="B, the accepter, breaks one rule, in whatever phase; A is asked",
            corrupt=(False, True), abuses=1),
    replace(BASE, name="life-lost-htlc", title="one payment; the connection is lost once", disconnections=1),
    replace(UNUSED, name="life-lost-offer", title="the connection is lost once, a payment; nobody closes",
            offers_msat=ONE_HTLC, disconnections=1, starts=(False, False)),
    replace(BASE, name="life-crash-htlc", title="one payment; a party crashes once", crashes=1),
)
LIFE_SCENARIOS: MappingProxyType[str, LifeScenario] = MappingProxyType({one.name: one for one in _LIST})
"""All of them, by name."""
LARGE = frozenset({"life-lost-htlc", "life-crash-htlc", "life-corrupt-A", "life-corrupt-B"})
"""Those that are searched once, not again for every rule."""
