"""The scenarios C1 to C5: one channel, every set of corrupt parties, mocked neighbours.

Payments, heights and delays are those of the best published exhaustive search (arXiv 2505.15568), its unit of money
being 100,000 satoshis here, so that amounts are realistic. There a transaction takes effect when it is published, and
an honest user acts 3 blocks before an HTLC's expiry at the latest; here a transaction needs a block. With R = 0, G = 0
and S = 2 (a block for the commitment, one for the claim) the distance of 4 blocks between hops is just 3R+2G+2S, and a
recipient goes on chain S blocks before the expiry at the latest: less time than there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

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
        every_corrupt_set=True,
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
"""The scenarios that can be compared."""

# --- one more possibility each ---

WITH_REORGANISATION = ChainScenario(
    name="C3-reorganisation",
    title="C pays 4 to D, A and B forward; a block may be undone",
    params=PARAMS,
    payments=(Payment(0, UNIT * 4, Height(10), incoming_expiry=Height(17), outgoing_expiry=Height(3)),),
    timing=Timing(reorg_depth=Blocks(1), grace=Blocks(0), confirmation=Blocks(2)),
    inclusion=Blocks(1),
    horizon=Height(12),
    every_corrupt_set=True,
    reorganisations=1,
)
"""3R+2G+2S = 7 blocks between hops."""
WITH_EVICTION = ChainScenario(
    name="C3-eviction",
    title="C pays 4 to D, A and B forward; a transaction may be driven out of the mempool",
    params=PARAMS,
    payments=(Payment(0, UNIT * 4, Height(8), incoming_expiry=Height(14), outgoing_expiry=Height(2)),),
    timing=Timing(reorg_depth=Blocks(0), grace=Blocks(0), confirmation=Blocks(3)),
    inclusion=Blocks(1),
    horizon=Height(12),
    every_corrupt_set=True,
    evictions=1,
)
"""One block more for a commitment and a claim together: S = 3."""
WITH_DISCONNECTION = replace(
    C1, name="C1-disconnection", title="A pays 3 to B; the connection may be lost", disconnections=1
)
WITH_CRASH = replace(C1, name="C1-crash", title="A pays 3 to B; a party may crash", crashes=1)
WITH_RESTORE = replace(C1, name="C1-restore", title="A pays 3 to B; a party loses its data", restores=1)

# --- one set of corrupt parties each: small enough to be searched again without each rule ---

A, B = (True, False), (False, True)


def _one(scenario: ChainScenario, corrupt: tuple[bool, bool], name: str, title: str) -> ChainScenario:
    return replace(scenario, name=name, title=title, corrupt=corrupt, every_corrupt_set=False)


OWN_INVOICE = replace(C2, payments=(replace(C2.payments[0], own_invoice=True),))
SHORT_REORGANISATION = replace(WITH_REORGANISATION, payments=(Payment(0, UNIT * 4, Height(6)),), horizon=Height(7))
SMALL = (
    _one(C1, A, "C1-A", "A pays 3 to B"),
    _one(replace(C1, mutual=True), B, "C1-B", "A pays 3 to B; they may close together"),
    _one(C3, A, "C3-A", "C pays 4 to D, A and B forward"),
    _one(C3, B, "C3-B", "C pays 4 to D, A and B forward"),
    _one(replace(C1, batched=True), A, "C1-batched-A", "A pays 3 to B; B punishes in one transaction"),
    _one(replace(C1, batched=True, pinned=True), A, "C1-pinned-A", "The same, and A can pin it"),
    _one(replace(C1, careless=True), (False, False), "C1-careless", "A pays 3 to B; both are tempted"),
    _one(replace(C1, careless=True), A, "C1-careless-A", "A pays 3 to B; B is tempted"),
    _one(OWN_INVOICE, A, "C2-own-invoice-A", "A sends 3 over B with the hash of an invoice of B's"),
    _one(SHORT_REORGANISATION, B, "C1-reorganisation-B", "A pays 4 to B; a block may be undone"),
    _one(WITH_CRASH, A, "C1-crash-A", WITH_CRASH.title),
    _one(WITH_RESTORE, B, "C1-restore-B", WITH_RESTORE.title),
    _one(WITH_EVICTION, A, "C3-eviction-A", WITH_EVICTION.title),
    _one(WITH_EVICTION, B, "C3-eviction-B", WITH_EVICTION.title),
)
WITH_SHORT_DELTA = _one(
    replace(C3, payments=(replace(C3.payments[0], incoming_expiry=Height(10)),)),
    B,
    "C3-short-delta-B",
    "C pays 4 to D, A and B forward, with a block too few in between",
)
"""Not safe, and not among the scenarios that must hold."""
DEEP = (C4, C5, WITH_REORGANISATION, WITH_EVICTION, WITH_DISCONNECTION, WITH_CRASH, WITH_RESTORE)
"""Scenarios that are searched when they are asked for."""
SCENARIOS: Mapping[str, ChainScenario] = MappingProxyType({one.name: one for one in (*SMALL, C1, C2, C3, *DEEP)})
"""All scenarios, by name."""

CORRUPT = ((False, False), (True, False), (False, True), (True, True))
"""Every set of corrupt parties. The mocked neighbours are as free as corrupt ones in all of them."""


def cases(scenario: ChainScenario) -> tuple[ChainScenario, ...]:
    """Return a scenario with each set of corrupt parties."""
    return tuple(replace(scenario, corrupt=corrupt, every_corrupt_set=False) for corrupt in CORRUPT)
