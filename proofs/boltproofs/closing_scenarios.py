"""The scenarios of cooperative close, by name: small enough to be searched completely.

The funder A has all but what is pushed to B, of a hundredth of a bitcoin. Fees are a few satoshis, so that every fee of
a range can be tried.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from boltspec.closing.messages import FeeRange
from boltspec.closing.scenario import Bid, CloseScenario, Menu, Offer
from boltspec.closing.scripts import Form, Script, p2wpkh, p2wsh
from boltspec.closing.state import ClosingFeatures, ClosingPolicy
from boltspec.scenario import small_limits, small_params
from boltspec.units import FeeratePerKw, Msat, Sat

PARAMS = small_params(small_limits())
PUSH = Msat(400_000_000)
SCRIPT_A, SCRIPT_B = p2wpkh("A"), p2wsh("B")
OTHER_A, OTHER_B = p2wpkh("A2"), p2wsh("B2")
STRANGER = p2wpkh("stranger")
OLD = Script(Form.P2PKH, 20, "old")
UNKNOWN = Script(Form.OTHER, 9, "unknown")
TAPROOT = Script(Form.WITNESS_LATER, 32, "taproot")
OP_RETURN_A = Script(Form.OP_RETURN, 6, "A burns")
OP_RETURN_B = Script(Form.OP_RETURN_PUSHDATA1, 80, "B burns")

SIMPLE = ClosingFeatures(option_simple_close=True)
SCRIPTS = (STRANGER, OLD, UNKNOWN)


def fees(low: int, high: int) -> FeeRange:
    """Return a range of fees."""
    return FeeRange(Sat(low), Sat(high))


POLICY_A = ClosingPolicy(SCRIPT_A, Sat(4), fees(2, 6))
POLICY_B = ClosingPolicy(SCRIPT_B, Sat(5), fees(3, 7))
MENU = Menu(fees=(Sat(1), Sat(4), Sat(5), Sat(7), Sat(9)), ranges=(fees(1, 5), fees(8, 9)), scripts=(OLD, UNKNOWN))
CHOICE = Menu(fees=(Sat(5), Sat(9)), ranges=(fees(1, 5), fees(8, 9)), scripts=(STRANGER, UNKNOWN))
FEW = Menu(fees=(Sat(4), Sat(5)), ranges=(fees(4, 4),), scripts=(OLD, UNKNOWN))
BIDS = ((Bid(SCRIPT_A, Sat(300)),), (Bid(SCRIPT_B, Sat(200)),))
SIMPLE_MENU = Menu(fees=(Sat(300),), scripts=(STRANGER, UNKNOWN))
TEMPTING = Menu(fees=(Sat(300),), scripts=(OLD, UNKNOWN))

LEGACY = CloseScenario("legacy", "both announce ranges", PARAMS, PUSH, ClosingFeatures(), (POLICY_A, POLICY_B))


def _without_ranges(scenario: CloseScenario) -> CloseScenario:
    first, second = (replace(policy, sends_fee_range=False) for policy in scenario.policies)
    return replace(scenario, policies=(first, second))


WITHOUT_RANGES = replace(
    _without_ranges(LEGACY),
    policies=(
        replace(POLICY_A, fee_satoshis=Sat(2), fee_range=fees(1, 6), sends_fee_range=False),
        replace(POLICY_B, fee_satoshis=Sat(9), fee_range=fees(5, 9), sends_fee_range=False),
    ),
)
CLOSE_SIMPLE = CloseScenario(
    "simple", "both propose once", PARAMS, PUSH, SIMPLE, (POLICY_A, POLICY_B), bids=BIDS, menu=SIMPLE_MENU
)
DUSTY_B = Msat(200_999)
"""Dust, whatever the script."""


A_IS_CORRUPT, B_IS_CORRUPT = (True, False), (False, True)
ONLY_A_STARTS, ONLY_B_STARTS = (True, False), (False, True)
FIVE_LEFT, FOUR_LEFT, ONE_LEFT = Msat(999_995_000), Msat(999_996_000), Msat(999_999_000)
"""Pushed to B: it leaves A so many satoshis."""
ANEW = (FeeratePerKw(1_200),)
HTLC_FROM_A, HTLC_FROM_B = Offer(0, Msat(50_000_000)), Offer(1, Msat(40_000_000))
UPFRONT: dict[str, Any] = {
    "upfront": (SCRIPT_A, SCRIPT_B),
    "menu": Menu(scripts=SCRIPTS),
    "features": ClosingFeatures(option_upfront_shutdown_script=True),
}
"""Both have committed to their scripts."""


def _legacy(name: str, title: str, **changes: Any) -> CloseScenario:
    return replace(LEGACY, name=f"legacy-{name}", title=title, **changes)


OF_LEGACY = (
    _legacy("htlcs", "HTLCs are pending when a party wants to close",
            offers=(HTLC_FROM_A, Offer(1, Msat(300_000))), starts=ONLY_A_STARTS),
    _legacy("poor-funder", "A has as much as its fee and less than B wants", push_msat=FOUR_LEFT),
    _legacy("broke-funder", "A cannot pay the least fee that it is prepared to", push_msat=ONE_LEFT),
    _legacy("feerate", "an HTLC is pending, and A changes the feerate", offers=(HTLC_FROM_A,), feerates_per_kw=ANEW,
            starts=ONLY_A_STARTS),
    _legacy("asked", "only B wants to close", starts=ONLY_B_STARTS, offers=(HTLC_FROM_A,)),
    _legacy("careless", "nothing but their own rules holds them back", offers=(HTLC_FROM_A,), careless=True, menu=FEW),
    _legacy("counters", "every fee and range is tempting", careless=True, menu=MENU),
    _legacy("disjoint", "ranges without overlap",
            policies=(POLICY_A, replace(POLICY_B, fee_satoshis=Sat(8), fee_range=fees(7, 9)))),
    _legacy("asks-too-much", "B accepts less than A offers",
            policies=(replace(POLICY_A, fee_satoshis=Sat(9), fee_range=fees(8, 9)), POLICY_B)),
    _legacy("unfunded", "before the funding messages", funded=False, careless=True, menu=Menu(scripts=(TAPROOT,))),
    _legacy("upfront", "scripts committed to at opening", careless=True, **UPFRONT),
    _legacy("upfront-corrupt", "B breaks its commitment", corrupt=B_IS_CORRUPT, abuses=2, **UPFRONT),
    _legacy("corrupt-funder", "A is corrupt", corrupt=A_IS_CORRUPT, abuses=2, menu=CHOICE),
    _legacy("corrupt-fundee", "B is corrupt", corrupt=B_IS_CORRUPT, abuses=2, menu=CHOICE),
    _legacy("corrupt-htlc", "B is corrupt, an HTLC is pending", corrupt=B_IS_CORRUPT, abuses=1,
            offers=(HTLC_FROM_B,), menu=Menu(fees=(Sat(4),), scripts=(STRANGER,))),
    _legacy("corrupt-funder-htlc", "A is corrupt, an HTLC is pending", corrupt=A_IS_CORRUPT, abuses=1,
            offers=(HTLC_FROM_A,), menu=Menu(fees=(Sat(4),), scripts=(STRANGER,))),
    _legacy("dust", "what B has is dust", push_msat=DUSTY_B),
    _legacy("old-script", "B, corrupt, has dust for its old kind of script", push_msat=Msat(400_000),
            corrupt=B_IS_CORRUPT, abuses=1, menu=Menu(scripts=(OLD,)),
            policies=(replace(POLICY_A, takes_old_scripts=True), replace(POLICY_B, script=OLD))),
)  # fmt: skip
"""Negotiated by ``closing_signed``."""


def _with_fees(*amounts: int) -> Menu:
    return Menu(fees=tuple(Sat(amount) for amount in amounts))


def _no_ranges(name: str, title: str, **changes: Any) -> CloseScenario:
    return replace(WITHOUT_RANGES, name=f"no-ranges{name}", title=title, **changes)


OF_NO_RANGES = (
    _no_ranges("", "neither announces a range"),
    _no_ranges("-poor-funder", "the same, and A has no more than B wants at least", push_msat=FIVE_LEFT),
    _no_ranges("-careless", "every fee is tempting", careless=True, menu=_with_fees(3, 5, 9)),
    _no_ranges("-corrupt-funder", "A is corrupt", corrupt=A_IS_CORRUPT, abuses=2, menu=_with_fees(3, 5, 9)),
    _no_ranges("-corrupt-fundee", "B is corrupt", corrupt=B_IS_CORRUPT, abuses=3, menu=_with_fees(8, 9)),
    replace(LEGACY, name="range-of-one", title="only A announces a range", careless=True, menu=_with_fees(3, 5, 9),
            policies=(POLICY_A, replace(POLICY_B, sends_fee_range=False))),
)  # fmt: skip
"""The same where a party, or both, counters from fee to fee."""

NO_BID: tuple[Bid, ...] = ()
ONLY_A_BIDS, ONLY_B_BIDS = (BIDS[0], NO_BID), (NO_BID, BIDS[1])
BIDS_OF_A_AGAIN = (
    (Bid(SCRIPT_A, Sat(300)), Bid(OTHER_A, Sat(400))), (Bid(SCRIPT_B, Sat(200)), Bid(SCRIPT_B, Sat(250)))
)  # fmt: skip
POOR_BIDS = ((Bid(SCRIPT_A, Sat(300)),), (Bid(SCRIPT_B, Sat(50)),))
ONLY_A_BIDS_POORLY, ONLY_B_BIDS_POORLY = (POOR_BIDS[0], NO_BID), (NO_BID, POOR_BIDS[1])
UPFRONT_OF_A: dict[str, Any] = {
    "upfront": (SCRIPT_A, None),
    "features": replace(SIMPLE, option_upfront_shutdown_script=True),
}


def _simple(name: str, title: str, **changes: Any) -> CloseScenario:
    return replace(CLOSE_SIMPLE, name=f"simple-{name}", title=title, **changes)


OF_SIMPLE = (
    _simple("htlcs", "an HTLC is pending", offers=(HTLC_FROM_A,), bids=ONLY_A_BIDS),
    _simple("feerate", "an HTLC is pending, A changes the feerate and B proposes", offers=(HTLC_FROM_A,),
            feerates_per_kw=ANEW, bids=ONLY_B_BIDS),
    _simple("careless", "every field is tempting, A proposes", careless=True, menu=TEMPTING, bids=ONLY_A_BIDS,
            starts=ONLY_A_STARTS),
    _simple("careless-lesser", "every field is tempting, B proposes", careless=True, menu=TEMPTING, bids=ONLY_B_BIDS,
            starts=ONLY_A_STARTS),
    _simple("equal", "both have the same", push_msat=Msat(500_000_000)),
    _simple("again", "A proposes again, with another script", bids=BIDS_OF_A_AGAIN, reconnections=1),
    _simple("corrupt-closee", "B is corrupt, A proposes", corrupt=B_IS_CORRUPT, abuses=1, bids=ONLY_A_BIDS),
    _simple("corrupt-closer", "A is corrupt, B is asked", corrupt=A_IS_CORRUPT, abuses=1, bids=ONLY_A_BIDS,
            starts=ONLY_A_STARTS),
    _simple("corrupt-htlc", "A is corrupt, an HTLC is pending", corrupt=A_IS_CORRUPT, abuses=1, starts=ONLY_A_STARTS,
            menu=_with_fees(300), offers=(HTLC_FROM_A,)),
    _simple("upfront-corrupt", "A is corrupt and breaks its commitment", corrupt=A_IS_CORRUPT, abuses=1,
            bids=ONLY_A_BIDS, **UPFRONT_OF_A),
    _simple("upfront", "A has committed to a script", careless=True, bids=ONLY_A_BIDS, **UPFRONT_OF_A),
    _simple("dust", "what B has is dust", push_msat=DUSTY_B, bids=POOR_BIDS),
    _simple("dust-careless", "the same, every field and fee is tempting", push_msat=DUSTY_B, careless=True,
            bids=ONLY_A_BIDS_POORLY, menu=_with_fees(50, 999_700, 1_000_000), starts=ONLY_A_STARTS),
    _simple("dust-careless-lesser", "the same, B proposes", push_msat=DUSTY_B, careless=True,
            bids=ONLY_B_BIDS_POORLY, menu=_with_fees(50), starts=ONLY_A_STARTS),
    _simple("dust-corrupt", "the same, A is corrupt", push_msat=DUSTY_B, corrupt=A_IS_CORRUPT, abuses=1,
            bids=ONLY_A_BIDS_POORLY, menu=_with_fees(50, 1_000_000)),
    _simple("thrifty", "what B has is not worth an output", push_msat=Msat(3_000_000), bids=POOR_BIDS,
            starts=ONLY_A_STARTS, policies=(POLICY_A, replace(POLICY_B, uneconomical_satoshis=Sat(5_000)))),
    _simple("burns", "both use OP_RETURN", bids=((Bid(OP_RETURN_A, Sat(300)),), (Bid(OP_RETURN_B, Sat(200)),)),
            policies=(replace(POLICY_A, script=OP_RETURN_A), replace(POLICY_B, script=OP_RETURN_B))),
)  # fmt: skip
"""Proposed by ``closing_complete``."""

CLOSE_SCENARIOS: MappingProxyType[str, CloseScenario] = MappingProxyType(
    {scenario.name: scenario for scenario in (LEGACY, *OF_LEGACY, *OF_NO_RANGES, CLOSE_SIMPLE, *OF_SIMPLE)}
)
"""All of them."""
