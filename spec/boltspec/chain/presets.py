"""The scenarios C1 to C5: one channel, every set of corrupt parties, mocked neighbours.

Payments, heights and delays are those of the best published exhaustive search (arXiv 2505.15568), its unit of money
being 100,000 satoshis here, so that amounts are realistic. There a transaction takes effect when it is published, and
an honest user acts 3 blocks before an HTLC's expiry at the latest; here a transaction needs a block. With R = 0, G = 0
and S = 2 (a block for the commitment, one for the claim) the distance of 4 blocks between hops is just 3R+2G+2S, and a
recipient goes on chain S blocks before the expiry at the latest: less time than there.
"""

from __future__ import annotations

from dataclasses import replace

from boltspec.chain.deadlines import Timing
from boltspec.chain.scenario import ChainScenario, Payment
from boltspec.scenario import small_limits, small_params
from boltspec.units import Blocks, Height, Msat

UNIT = Msat(100_000_000)
"""One of the ten units of the channel."""
TIMING = Timing(reorg_depth=Blocks(0), grace=Blocks(0), confirmation=Blocks(2))
PARAMS = small_params(replace(small_limits(max_in_flight=Msat(900_000_000)), to_self_delay=Blocks(5)))


def _preset(name: str, title: str, *payments: Payment) -> ChainScenario:
    return ChainScenario(
        name=name,
        title=title,
        params=PARAMS,
        payments=payments,
        timing=TIMING,
        inclusion=Blocks(1),
        horizon=Height(25),
    )


C1 = _preset("C1", "A pays 3 to B", Payment(0, UNIT * 3, Height(16)))
C2 = _preset("C2", "A pays 3 to C, B forwards", Payment(0, UNIT * 3, Height(16), outgoing_expiry=Height(12)))
C3 = _preset(
    "C3",
    "C pays 4 to D, A and B forward",
    Payment(0, UNIT * 4, Height(7), incoming_expiry=Height(11), outgoing_expiry=Height(3)),
)
C4 = _preset(
    "C4",
    "A pays 5 to B; then B pays 3 to C, A forwards",
    Payment(0, UNIT * 5, Height(9)),
    Payment(1, UNIT * 3, Height(16), outgoing_expiry=Height(12)),
)
C5 = _preset(
    "C5",
    "A pays 5 and 3 to B, at the same time",
    Payment(0, UNIT * 5, Height(9)),
    Payment(0, UNIT * 3, Height(9)),
)

PRESETS = (C1, C2, C3, C4, C5)
CORRUPT = ((False, False), (True, False), (False, True), (True, True))
"""Every set of corrupt parties. The mocked neighbours are as free as corrupt ones in all of them."""


def cases(scenario: ChainScenario) -> tuple[ChainScenario, ...]:
    """Return a scenario with each set of corrupt parties."""
    return tuple(replace(scenario, corrupt=corrupt) for corrupt in CORRUPT)
