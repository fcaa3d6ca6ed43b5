"""The scenarios that are searched, by name.

Small enough to be searched completely, large enough that every rule of the specification has something to forbid in
one of them. Amounts are realistic, so that each trace can be replayed on a real chain; expiries are close, since the
steps compare them with nothing but each other and the chain's height.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from boltproofs.fee_scenarios import FEE_SCENARIOS
from boltproofs.resumption_scenarios import RESUMPTION_SCENARIOS
from boltproofs.scenario_parts import (
    ANCHORS,
    DUST_FROM_B,
    FROM_A,
    FROM_B,
    LAWLESS,
    NOTHING,
    OPENED_BY_B,
    PUSH,
    RESERVE_OF_B,
    ROOMY,
    SECOND_FROM_A,
    STATIC_REMOTEKEY,
    TOO_MUCH,
    TOO_MUCH_WITH_ANCHORS,
    WRONG_ID,
    with_limits,
)
from boltspec.scenario import Scenario, Wish, small_limits
from boltspec.units import Height, Msat


def _from_a(amount_msat: Msat) -> Wish:
    return Wish(0, amount_msat, payment_hash=5, cltv_expiry=Height(6))


def _dances() -> list[Scenario]:
    """Both parties are honest and talk until nothing is left to say."""
    base = Scenario("dance", "one HTLC from each side, concurrently", ANCHORS, PUSH, (FROM_A, FROM_B))
    return [
        base,
        replace(base, name="dance-a", title="one HTLC from A", wishes=(FROM_A,)),
        replace(
            base,
            name="dance-dust",
            title="an HTLC from A, a trimmed one from B",
            params=STATIC_REMOTEKEY,
            wishes=(FROM_A, DUST_FROM_B),
        ),
        replace(base, name="dance-opened-by-b", title="one HTLC from each side, B pays the fees", params=OPENED_BY_B),
        replace(base, name="dance-3", title="two HTLCs from A, one from B", wishes=(FROM_A, FROM_B, SECOND_FROM_A)),
    ]


CARELESS = Scenario(
    "careless",
    "honest parties are tempted to send what is forbidden; one HTLC from each side",
    ANCHORS,
    PUSH,
    (FROM_A, FROM_B),
    careless=True,
)
ONE_AT_A_TIME = replace(ANCHORS, local=small_limits(1), remote=small_limits(1))
TEMPTING_OFFERS = (*LAWLESS, FROM_A, SECOND_FROM_A, WRONG_ID)
FREE = with_limits(ANCHORS, replace(small_limits(), htlc_minimum_msat=Msat(0)))
"""Without a minimum for HTLCs."""


def _careless(name: str, title: str, **changes: Any) -> Scenario:
    return replace(CARELESS, name=f"careless-{name}", title=title, **changes)


OF_CARELESS = (
    CARELESS,
    _careless("offers", "A is tempted by offers that break limits", params=ONE_AT_A_TIME, wishes=TEMPTING_OFFERS),
    _careless("no-minimum", "A is tempted to offer nothing where there is no minimum", params=FREE, wishes=(NOTHING,)),
    _careless("anchors", "A is tempted to offer 1 msat more than it can pay for", params=ROOMY,
              wishes=(_from_a(TOO_MUCH_WITH_ANCHORS),)),
    _careless("fee", "the same without anchors", params=replace(ROOMY, option_anchors=False),
              wishes=(_from_a(TOO_MUCH),)),
    _careless("reserve", "B is tempted to offer 1 msat of its reserve", params=ROOMY, wishes=(RESERVE_OF_B,)),
)  # fmt: skip
"""Both parties are honest, yet want to send whatever comes to mind: their own rules hold them back."""

LIAR = Scenario(
    "liar-offers",
    "A lies once, and wants to break every limit",
    ONE_AT_A_TIME,
    PUSH,
    TEMPTING_OFFERS,
    corrupt=(True, False),
    abuses=1,
)


def _liar(name: str, title: str, **changes: Any) -> Scenario:
    return replace(LIAR, name=f"liar-{name}", title=title, **changes)


OF_LIARS = (
    LIAR,
    _liar("fee", "A lies once, and wants to offer 1 msat more than it can pay for", params=ROOMY,
          wishes=(_from_a(TOO_MUCH_WITH_ANCHORS),)),
    _liar("reserve", "B lies once, and wants to offer 1 msat of its reserve", params=ROOMY, wishes=(RESERVE_OF_B,),
          corrupt=(False, True)),
    _liar("A", "A offers one HTLC and lies once", params=ANCHORS, wishes=(FROM_A,)),
    _liar("B", "B is offered one HTLC and lies once", params=ANCHORS, wishes=(FROM_A,), corrupt=(False, True)),
    _liar("A-of-two", "A lies once; one HTLC from each side", params=ANCHORS, wishes=(FROM_A, FROM_B)),
    _liar("B-of-two", "B lies once; one HTLC from each side", params=ANCHORS, wishes=(FROM_A, FROM_B),
          corrupt=(False, True)),
)  # fmt: skip
"""One party is corrupt and sends one message that the rules forbid: the other's rules must stop it."""

_LIST = (*_dances(), *OF_CARELESS, *OF_LIARS, *FEE_SCENARIOS, *RESUMPTION_SCENARIOS)
SCENARIOS: MappingProxyType[str, Scenario] = MappingProxyType({scenario.name: scenario for scenario in _LIST})
"""All scenarios, by name."""

LARGE = frozenset(
    {
        "fee-spike",
        "resume",
        "resume-crossing-offer",
        "crash-fees",
        "liar-reestablish-A",
        "liar-reestablish-B",
        "liar-resume-htlc-A",
        "liar-resume-htlc-B",
    }
)
"""Those with more than 6,000 worlds: searched once, not again for every rule."""
DEEP = frozenset({"dance-3", "liar-A-of-two", "liar-B-of-two"})
"""Those with more than 100,000 worlds: searched on request."""
