"""The scenarios that are searched, by name.

Small enough to be searched completely, large enough that every rule of the specification has something to forbid in
one of them. Amounts are realistic, so that each trace can be replayed on a real chain; expiries are close, since the
steps compare them with nothing but each other and the chain's height.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from boltspec.htlc import REMOTE
from boltspec.params import LOCKTIME_THRESHOLD, Limits, Params
from boltspec.scenario import FeeWish, Scenario, Wish, small_limits, small_params
from boltspec.units import FeeratePerKw, Height, Msat

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

HIGHER_FEERATE = FeeWish(0, FeeratePerKw(2_000))

NOTHING = Wish(0, Msat(0), payment_hash=5, cltv_expiry=Height(6))
LAWLESS = (
    NOTHING,
    Wish(0, Msat(999), payment_hash=5, cltv_expiry=Height(6)),
    Wish(0, Msat(500_000_001), payment_hash=5, cltv_expiry=Height(6)),
    replace(FROM_A, cltv_expiry=Height(LOCKTIME_THRESHOLD)),
    replace(FROM_A, id_offset=1),
)
"""Offers of A that are just beyond a limit: amount zero, below the minimum, above the value in flight, an expiry that
is no height, a first id that is not zero."""
WRONG_ID = replace(SECOND_FROM_A, id_offset=1)
"""An offer of A that skips an id."""


def _without_buffer(params: Params) -> Params:
    """Return the constants for an opener that keeps nothing back for a higher feerate."""
    return replace(params, policy=replace(params.policy, fee_spike_multiple=0))


def _with_limits(params: Params, limits: Limits) -> Params:
    return replace(params, local=limits, remote=limits)


ROOMY = _without_buffer(_with_limits(ANCHORS, small_limits(max_in_flight=Msat(1_000_000_000))))
"""The whole capacity may be in flight: reserve and fees alone bound an offer."""
TOO_MUCH = Msat(600_000_000 - 10_000_000 - 896_000 + 1)
"""One more than A can offer without anchors: it has 600,000 sat, keeps 10,000 and pays 896 for a commitment with one
HTLC (724 + 172 weight units at 1 sat each)."""
TOO_MUCH_WITH_ANCHORS = Msat(600_000_000 - 10_000_000 - 1_296_000 - 660_000 + 1)
"""The same with anchors: 1,296 sat for the commitment, 660 for the anchors."""
RESERVE_OF_B = Wish(1, Msat(390_000_001), payment_hash=5, cltv_expiry=Height(6))
"""An offer of B, which has 400,000 sat and must keep 10,000."""


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
    base = Scenario(
        "thief-A",
        "A cheats and lies once; one HTLC from each side",
        ANCHORS,
        PUSH,
        (FROM_A, FROM_B),
        corrupt=(True, False),
        abuses=1,
        onchain=True,
    )
    single = replace(base, name="thief-A-offers", title="A cheats and offers one HTLC", wishes=(FROM_A,), abuses=0)
    return [
        base,
        replace(base, name="thief-B", title="B cheats and lies once; one HTLC from each side", corrupt=(False, True)),
        single,
        replace(single, name="thief-B-takes", title="B cheats and is offered one HTLC", corrupt=(False, True)),
        replace(
            single,
            name="thief-A-static",
            title="A cheats and offers one HTLC, without anchors",
            params=STATIC_REMOTEKEY,
        ),
    ]


def _careless() -> list[Scenario]:
    """Both parties are honest, yet want to send whatever comes to mind: their own rules hold them back."""
    one_at_a_time = replace(ANCHORS, local=small_limits(1), remote=small_limits(1))
    base = Scenario(
        "careless",
        "honest parties are tempted to send what is forbidden; one HTLC from each side",
        ANCHORS,
        PUSH,
        (FROM_A, FROM_B),
        careless=True,
    )
    offers = (*LAWLESS, FROM_A, SECOND_FROM_A, WRONG_ID)
    return [
        base,
        replace(
            base,
            name="careless-close",
            title="an HTLC from A; both are tempted to publish old states",
            wishes=(FROM_A,),
            onchain=True,
        ),
        replace(
            base,
            name="careless-offers",
            title="A is tempted by offers that break limits",
            params=one_at_a_time,
            wishes=offers,
        ),
        replace(
            base,
            name="careless-no-minimum",
            title="A is tempted to offer nothing where there is no minimum",
            params=_with_limits(ANCHORS, replace(small_limits(), htlc_minimum_msat=Msat(0))),
            wishes=(NOTHING,),
        ),
        replace(
            base,
            name="careless-anchors",
            title="A is tempted to offer 1 msat more than it can pay for",
            params=ROOMY,
            wishes=(_from_a(TOO_MUCH_WITH_ANCHORS),),
        ),
        replace(
            base,
            name="careless-fee",
            title="the same without anchors",
            params=replace(ROOMY, option_anchors=False),
            wishes=(_from_a(TOO_MUCH),),
        ),
        replace(
            base,
            name="careless-reserve",
            title="B is tempted to offer 1 msat of its reserve",
            params=ROOMY,
            wishes=(RESERVE_OF_B,),
        ),
    ]


def _liars() -> list[Scenario]:
    """One party is corrupt and sends one message that the rules forbid: the other's rules must stop it."""
    one_at_a_time = replace(ANCHORS, local=small_limits(1), remote=small_limits(1))
    base = Scenario(
        "liar-offers",
        "A lies once, and wants to break every limit",
        one_at_a_time,
        PUSH,
        (*LAWLESS, FROM_A, SECOND_FROM_A, WRONG_ID),
        corrupt=(True, False),
        abuses=1,
    )
    return [
        base,
        replace(
            base,
            name="liar-fee",
            title="A lies once, and wants to offer 1 msat more than it can pay for",
            params=ROOMY,
            wishes=(_from_a(TOO_MUCH_WITH_ANCHORS),),
        ),
        replace(
            base,
            name="liar-reserve",
            title="B lies once, and wants to offer 1 msat of its reserve",
            params=ROOMY,
            wishes=(RESERVE_OF_B,),
            corrupt=(False, True),
        ),
        replace(
            base,
            name="liar-A",
            title="A cheats, offers one HTLC and lies once",
            params=ANCHORS,
            wishes=(FROM_A,),
            onchain=True,
        ),
        replace(
            base,
            name="liar-B",
            title="B cheats, is offered one HTLC and lies once",
            params=ANCHORS,
            wishes=(FROM_A,),
            corrupt=(False, True),
            onchain=True,
        ),
    ]


def _resumptions() -> list[Scenario]:
    """Both parties are honest; the connection is lost, a party crashes or loses its data."""
    base = Scenario(
        "resume-a", "one HTLC from A, the connection is lost once", ANCHORS, PUSH, (FROM_A,), disconnections=1
    )
    return [
        base,
        replace(base, name="crash-a", title="one HTLC from A, either party crashes once", disconnections=0, crashes=1),
        replace(
            base,
            name="restore-a",
            title="one HTLC from A, either party loses its data once; either side closes",
            disconnections=0,
            restores=1,
            onchain=True,
        ),
    ]


def _fee_changes() -> list[Scenario]:
    """The opener changes the feerate while HTLCs come and go."""
    base = Scenario("fees", "A raises the feerate; an HTLC from B", ANCHORS, PUSH, (HIGHER_FEERATE, FROM_B))
    return [
        base,
        replace(
            base,
            name="fees-close",
            title="A raises the feerate, either side closes",
            onchain=True,
            wishes=(HIGHER_FEERATE,),
        ),
    ]


_LIST = (*_dances(), *_closings(), *_thieves(), *_careless(), *_liars(), *_resumptions(), *_fee_changes())
SCENARIOS: MappingProxyType[str, Scenario] = MappingProxyType({scenario.name: scenario for scenario in _LIST})
"""All scenarios, by name."""

LARGE = frozenset({"dance-3", "close", "thief-A", "thief-B"})
"""Those with more than 5,000 worlds: searched once, not again for every rule."""
SMALL: tuple[str, ...] = tuple(name for name in SCENARIOS if name not in LARGE)
"""Names of the others."""
