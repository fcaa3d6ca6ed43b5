"""The scenarios that are searched, by name.

Small enough to be searched completely, large enough that every rule of the specification has something to forbid in
one of them. Amounts are realistic, so that each trace can be replayed on a real chain; expiries are close, since the
steps compare them with nothing but each other and the chain's height.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from boltspec.htlc import REMOTE
from boltspec.scenario import Scenario, Wish, small_limits, small_params
from boltspec.units import Height, Msat

ANCHORS = small_params(small_limits())
"""Anchors and zero-fee HTLC transactions; A opened the channel and pays the fees."""
STATIC_REMOTEKEY = small_params(small_limits(), option_anchors=False)
"""No anchors: HTLC transactions pay fees, so that more HTLCs are trimmed."""
OPENED_BY_B = replace(ANCHORS, opener=REMOTE)
"""B opened the channel and pays the fees."""
PUSH = Msat(400_000_000)
"""What B has at first."""

FROM_A = Wish(0, Msat(50_000_000), payment_hash=1, cltv_expiry=Height(6))
FROM_B = Wish(1, Msat(60_000_000), payment_hash=2, cltv_expiry=Height(7))
SECOND_FROM_A = Wish(0, Msat(70_000_000), payment_hash=3, cltv_expiry=Height(7))
DUST_FROM_B = Wish(1, Msat(300_000), payment_hash=4, cltv_expiry=Height(6))
"""Below every dust limit: trimmed from both commitments."""


def _dances() -> list[Scenario]:
    """Both parties are honest and talk until nothing is left to say."""
    base = Scenario("dance", "one HTLC from each side, concurrently", ANCHORS, PUSH, (FROM_A, FROM_B))
    return [
        base,
        replace(base, name="dance-a", title="one HTLC from A", wishes=(FROM_A,)),
        replace(base, name="dance-dust", title="an HTLC from A, a trimmed one from B", params=STATIC_REMOTEKEY,
                wishes=(FROM_A, DUST_FROM_B)),
        replace(base, name="dance-opened-by-b", title="one HTLC from each side, B pays the fees", params=OPENED_BY_B),
        replace(base, name="dance-3", title="two HTLCs from A, one from B", wishes=(FROM_A, FROM_B, SECOND_FROM_A)),
    ]


def _closings() -> list[Scenario]:
    """Both parties are honest; either may publish its newest commitment at any time."""
    base = Scenario("close", "either side closes with an HTLC from each", ANCHORS, PUSH, (FROM_A, FROM_B), onchain=True)
    return [
        base,
        replace(base, name="close-a", title="either side closes with an HTLC from A", wishes=(FROM_A,)),
        replace(base, name="close-b", title="either side closes with an HTLC from B", wishes=(FROM_B,)),
    ]


def _thieves() -> list[Scenario]:
    """One party is corrupt: silent or loud, it may publish every commitment it ever had signed."""
    base = Scenario("thief-A", "A cheats; one HTLC from each side", ANCHORS, PUSH, (FROM_A, FROM_B),
                    corrupt=(True, False), onchain=True)
    single = replace(base, name="thief-A-offers", title="A cheats and offers one HTLC", wishes=(FROM_A,))
    return [
        base,
        replace(base, name="thief-B", title="B cheats; one HTLC from each side", corrupt=(False, True)),
        single,
        replace(single, name="thief-B-takes", title="B cheats and is offered one HTLC", corrupt=(False, True)),
        replace(single, name="liar-A", title="A cheats, offers one HTLC and sends one forbidden message", abuses=1),
        replace(single, name="liar-B", title="B cheats, is offered one HTLC and sends one forbidden message",
                corrupt=(False, True), abuses=1),
        replace(single, name="thief-A-static", title="A cheats and offers one HTLC, without anchors",
                params=STATIC_REMOTEKEY),
    ]


_LIST = (*_dances(), *_closings(), *_thieves())
SCENARIOS: MappingProxyType[str, Scenario] = MappingProxyType({scenario.name: scenario for scenario in _LIST})
"""All scenarios, by name."""
