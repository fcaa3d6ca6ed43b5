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
from boltspec.chain.mempool import Market
from boltspec.chain.scenario import ChainScenario, Payment
from boltspec.scenario import FeeWish, small_limits, small_params
from boltspec.units import Blocks, FeeratePerKw, Height, Msat, Sat

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

PLAIN = replace(
    C3,
    name="C3-plain",
    title="C pays 4 to D, A and B forward; no anchors",
    params=replace(PARAMS, option_anchors=False),
)
"""HTLC transactions pay a fee, out of the HTLC; claims need no block between them and the commitment."""
TRIMMED = replace(
    C3,
    name="C3-trimmed",
    title="C pays D less than an output is worth; A and B forward",
    payments=(replace(C3.payments[0], amount_msat=Msat(300_000)),),
)

SMALL_HTLC = replace(
    C3,
    title="C pays D what is worth no claim; A and B forward",
    payments=(replace(C3.payments[0], amount_msat=Msat(400_000)),),
    uneconomical_satoshis=Sat(500),
)
"""Above the dust limit of 354, so there is an output."""
SMALL_HTLCS = replace(
    C5,
    params=small_params(replace(PARAMS.local, max_accepted_htlcs=3)),
    payments=tuple(replace(C5.payments[0], amount_msat=Msat(amount)) for amount in (400_000, 400_000, 300_000)),
    uneconomical_satoshis=Sat(500),
)
"""The first two are worth a claim together. The third has no output: it is there to have their commitment revoked."""

# --- one set of corrupt parties each: small enough to be searched again without each rule ---

A, B = (True, False), (False, True)


def _one(scenario: ChainScenario, corrupt: tuple[bool, bool], name: str, title: str) -> ChainScenario:
    return replace(scenario, name=name, title=title, corrupt=corrupt, every_corrupt_set=False)


def _silent(scenario: ChainScenario, corrupt: tuple[bool, bool], name: str, title: str) -> ChainScenario:
    return replace(_one(scenario, corrupt, name, title), silent=True)


TWICE = replace(C5, payments=(C5.payments[0], replace(C5.payments[1], amount_msat=Msat(300_000))))
"""The second HTLC is trimmed: it is there to make another commitment after the one with the first."""
AWAY = replace(C3, payments=(replace(C3.payments[0], incoming_away=True),))
OWN_INVOICE = replace(C2, payments=(replace(C2.payments[0], own_invoice=True),))
SHORT_REORGANISATION = replace(WITH_REORGANISATION, payments=(Payment(0, UNIT * 4, Height(6)),), horizon=Height(7))


# --- fees, wallets and the mempool: the peer is silent once all HTLCs are committed ---


def _bidding(name: str, title: str, confirmation: int, market: Market, *payments: Payment) -> ChainScenario:
    """Return a scenario with B corrupt; ``confirmation`` is S, for which the market leaves as many blocks."""
    return ChainScenario(
        name=name,
        title=title,
        params=PARAMS,
        payments=payments,
        timing=Timing(reorg_depth=Blocks(0), grace=Blocks(0), confirmation=Blocks(confirmation)),
        inclusion=Blocks((confirmation + 1) // 2),
        horizon=Height(6),
        corrupt=B,
        silent=True,
        market=market,
    )


def _forwarded(amount: int, confirmation: int) -> Payment:
    """Return a payment that expires at 5, from an HTLC that expires 2S blocks later."""
    return Payment(0, UNIT * amount, Height(5), incoming_expiry=Height(5 + 2 * confirmation))


PINNED_HTLC = Market(asked=2, bids=(2, 4), submissions=1, commitments=False)
"""A claim on an HTLC can be kept out of the mempool, once."""
CYCLED_HTLC = Market(asked=2, bids=(2,), submissions=2, commitments=False, pinning_weight=1)
"""A claim on an HTLC can be taken out of the mempool, once: that takes two transactions."""
RISING = Market(asked=2, bids=(1, 2, 4), submissions=2)
"""A node begins below what miners ask for; commitments and claims can be pinned."""
MEMPOOL = (
    _bidding("C3-rising-B", "A forwards 4 to B; fees have to be raised", 5, RISING, _forwarded(4, 5)),
    _bidding("C3-pinning-B", "A forwards 4 to B, who can pin a claim", 3, PINNED_HTLC, _forwarded(4, 3)),
    _bidding("C3-cycling-B", "A forwards 4 to B, who can replace a claim", 3, CYCLED_HTLC, _forwarded(4, 3)),
    replace(
        _bidding("C2-cycling-A", "A pays 4 over B, and can replace what it spends", 2, CYCLED_HTLC),
        payments=(Payment(0, UNIT * 4, Height(7), outgoing_expiry=Height(3)),),
        corrupt=A,
    ),
    replace(
        _bidding(
            "C5-stalling-B",
            "A forwards 4 and 3 to B, and takes both back in one transaction",
            5,
            Market(asked=2, bids=(1, 2), coins=2),
            _forwarded(4, 5),
            _forwarded(3, 5),
        ),
        batched=True,
    ),
)
WITH_MARKET = replace(
    C3,
    name="C3-mempool",
    title="C pays 4 to D, A and B forward; fees have to be raised, transactions can be pinned and replaced",
    payments=(Payment(0, UNIT * 4, Height(12), incoming_expiry=Height(22), outgoing_expiry=Height(2)),),
    timing=Timing(reorg_depth=Blocks(0), grace=Blocks(0), confirmation=Blocks(5)),
    inclusion=Blocks(3),
    horizon=Height(16),
    market=RISING,
)
_RISING = MEMPOOL[0]
MARKET_AND_REORGANISATION = replace(
    _RISING,
    name="C3-rising-reorganisation-B",
    title="A forwards 4 to B; fees have to be raised, a block may be undone",
    payments=(replace(_RISING.payments[0], incoming_expiry=Height(18)),),
    timing=replace(_RISING.timing, reorg_depth=Blocks(1)),
    horizon=Height(7),
    reorganisations=1,
)
"""3R+2G+2S = 13 blocks between hops."""
MARKET_AND_CRASH = replace(
    _one(WITH_CRASH, A, "C1-mempool-crash-A", "A pays 3 to B; fees have to be raised, B may crash"),
    timing=WITH_MARKET.timing,
    inclusion=WITH_MARKET.inclusion,
    market=RISING,
)

# --- a party that lies as well ---

LIARS = tuple(
    replace(
        _one(C1, corrupt, f"C1-liar-{name}", f"A pays 3 to B, who has 4; {name} lies once"),
        push_msat=UNIT * 4,
        abuses=1,
    )
    for corrupt, name in ((A, "A"), (B, "B"))
)
"""Both have something to lose."""
CROSSING = replace(
    C5, payments=(Payment(0, UNIT * 3, Height(9)), Payment(1, UNIT * 2, Height(9))), push_msat=UNIT * 4
)
"""An HTLC from each side, in one commitment."""
CROSSING_SILENT = (
    _silent(CROSSING, A, "C5-crossing-A", "A pays 3 to B and B 2 to A, at the same time; A falls silent"),
    _silent(CROSSING, B, "C5-crossing-B", "The same, and it is B who falls silent"),
)
LIARS_AND_DISCONNECTION = tuple(
    replace(one, name=one.name.replace("liar", "disconnection-liar"), title=f"{one.title}; the connection may be lost",
            disconnections=1)
    for one in LIARS
)  # fmt: skip

# --- the small ones ---

SMALL = (
    _one(C1, A, "C1-A", "A pays 3 to B"),
    _one(replace(C1, mutual=True), B, "C1-B", "A pays 3 to B; they may close together"),
    _one(C3, A, "C3-A", "C pays 4 to D, A and B forward"),
    _one(C3, B, "C3-B", "C pays 4 to D, A and B forward"),
    _one(replace(C1, batched=True), A, "C1-batched-A", "A pays 3 to B; B punishes in one transaction"),
    _one(replace(C1, batched=True, pinned=True), A, "C1-pinned-A", "The same, and A can pin it"),
    _one(replace(C1, careless=True), (False, False), "C1-careless", "A pays 3 to B; both are tempted"),
    _one(replace(C1, careless=True), A, "C1-careless-A", "A pays 3 to B; B is tempted"),
    replace(
        _one(C1, A, "C1-feerate-A", "A has the feerate doubled, then halved again"),
        payments=(),
        feerates=(FeeWish(0, FeeratePerKw(2_000)), FeeWish(0, FeeratePerKw(1_000))),
    ),
    _one(OWN_INVOICE, A, "C2-own-invoice-A", "A sends 3 over B with the hash of an invoice of B's"),
    _one(AWAY, B, "C3-away-B", "C pays 4 to D, A and B forward; C is away when A learns the preimage"),
    _silent(SHORT_REORGANISATION, B, "C1-reorganisation-B", "A pays 4 to B, who falls silent; a block may be undone"),
    _one(WITH_CRASH, A, "C1-crash-A", WITH_CRASH.title),
    _one(WITH_RESTORE, B, "C1-restore-B", WITH_RESTORE.title),
    _silent(WITH_EVICTION, A, "C3-eviction-A", WITH_EVICTION.title),
    _silent(WITH_EVICTION, B, "C3-eviction-B", WITH_EVICTION.title),
    _silent(TWICE, A, "C5-A", "A pays 5 to B, then next to nothing, and falls silent"),
    _silent(TWICE, B, "C5-B", "The same, and it is B who falls silent"),
    _silent(TRIMMED, B, "C3-trimmed-B", TRIMMED.title),
    _silent(SMALL_HTLC, A, "C3-small-A", SMALL_HTLC.title),
    _silent(SMALL_HTLC, B, "C3-small-B", SMALL_HTLC.title),
    _silent(SMALL_HTLCS, A, "C5-small-A", "A pays 400 satoshis to B, twice, then less, and falls silent"),
    *CROSSING_SILENT,
    *MEMPOOL,
)
WITH_SHORT_DELTA = _one(
    replace(C3, payments=(replace(C3.payments[0], incoming_expiry=Height(10)),)),
    B,
    "C3-short-delta-B",
    "C pays 4 to D, A and B forward, with a block too few in between",
)
"""Not safe, and not among the scenarios that must hold."""
ONCE = (C1, C2, C3, PLAIN, *LIARS)
"""Scenarios that are searched by ``make verify``, and not again for every rule."""
DEEP = (
    C4,
    C5,
    WITH_REORGANISATION,
    WITH_EVICTION,
    WITH_DISCONNECTION,
    WITH_CRASH,
    WITH_RESTORE,
    TRIMMED,
    WITH_MARKET,
    MARKET_AND_REORGANISATION,
    MARKET_AND_CRASH,
    *LIARS_AND_DISCONNECTION,
)
"""Scenarios that are searched when they are asked for."""
SCENARIOS: Mapping[str, ChainScenario] = MappingProxyType({one.name: one for one in (*SMALL, *ONCE, *DEEP)})
"""All scenarios, by name."""

CORRUPT = ((False, False), (True, False), (False, True), (True, True))
"""Every set of corrupt parties. The mocked neighbours are as free as corrupt ones in all of them."""


def cases(scenario: ChainScenario) -> tuple[ChainScenario, ...]:
    """Return a scenario with each set of corrupt parties."""
    return tuple(replace(scenario, corrupt=corrupt, every_corrupt_set=False) for corrupt in CORRUPT)
