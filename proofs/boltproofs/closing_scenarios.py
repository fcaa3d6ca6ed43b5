"""The scenarios of cooperative close, by name: small enough to be searched completely.

The funder A has all but what is pushed to B, of a hundredth of a bitcoin. Fees are a few satoshis, so that every fee of
a range can be tried.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from boltspec.closing.messages import FeeRange
from boltspec.closing.scenario import Bid, CloseScenario, Menu, Offer
from boltspec.closing.scripts import Form, Script, p2wpkh, p2wsh
from boltspec.closing.state import ClosingFeatures, ClosingPolicy
from boltspec.scenario import small_limits, small_params
from boltspec.units import Msat, Sat

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


def _legacy() -> list[CloseScenario]:
    old_b = replace(POLICY_B, script=OLD)
    return [
        replace(
            LEGACY,
            name="legacy-htlcs",
            title="HTLCs are pending when a party wants to close",
            offers=(Offer(0, Msat(50_000_000)), Offer(1, Msat(300_000))),
            starts=(True, False),
        ),
        replace(
            LEGACY,
            name="legacy-asked",
            title="only B wants to close",
            starts=(False, True),
            offers=(Offer(0, Msat(50_000_000)),),
        ),
        replace(
            LEGACY,
            name="legacy-careless",
            title="nothing but their own rules holds them back",
            offers=(Offer(0, Msat(50_000_000)),),
            careless=True,
            menu=FEW,
        ),
        replace(LEGACY, name="legacy-counters", title="every fee and range is tempting", careless=True, menu=MENU),
        replace(
            LEGACY,
            name="legacy-disjoint",
            title="ranges without overlap",
            policies=(POLICY_A, replace(POLICY_B, fee_satoshis=Sat(8), fee_range=fees(7, 9))),
        ),
        replace(
            LEGACY,
            name="legacy-asks-too-much",
            title="B accepts less than A offers",
            policies=(replace(POLICY_A, fee_satoshis=Sat(9), fee_range=fees(8, 9)), POLICY_B),
        ),
        replace(
            LEGACY,
            name="legacy-unfunded",
            title="before the funding messages",
            funded=False,
            careless=True,
            menu=Menu(scripts=(TAPROOT,)),
        ),
        replace(
            LEGACY,
            name="legacy-upfront",
            title="scripts committed to at opening",
            careless=True,
            upfront=(SCRIPT_A, SCRIPT_B),
            menu=Menu(scripts=SCRIPTS),
            features=ClosingFeatures(option_upfront_shutdown_script=True),
        ),
        replace(
            LEGACY,
            name="legacy-upfront-corrupt",
            title="B breaks its commitment",
            corrupt=(False, True),
            abuses=2,
            upfront=(SCRIPT_A, SCRIPT_B),
            menu=Menu(scripts=SCRIPTS),
            features=ClosingFeatures(option_upfront_shutdown_script=True),
        ),
        replace(
            LEGACY, name="legacy-corrupt-funder", title="A is corrupt", corrupt=(True, False), abuses=2, menu=CHOICE
        ),
        replace(
            LEGACY, name="legacy-corrupt-fundee", title="B is corrupt", corrupt=(False, True), abuses=2, menu=CHOICE
        ),
        replace(
            LEGACY,
            name="legacy-corrupt-htlc",
            title="B is corrupt, an HTLC is pending",
            corrupt=(False, True),
            offers=(Offer(1, Msat(40_000_000)),),
            abuses=1,
            menu=Menu(fees=(Sat(4),), scripts=(STRANGER,)),
        ),
        replace(
            LEGACY,
            name="legacy-corrupt-funder-htlc",
            title="A is corrupt, an HTLC is pending",
            corrupt=(True, False),
            offers=(Offer(0, Msat(50_000_000)),),
            abuses=1,
            menu=Menu(fees=(Sat(4),), scripts=(STRANGER,)),
        ),
        replace(LEGACY, name="legacy-dust", title="what B has is dust", push_msat=DUSTY_B),
        replace(
            LEGACY,
            name="legacy-old-script",
            title="B, corrupt, has dust for its old kind of script",
            push_msat=Msat(400_000),
            corrupt=(False, True),
            abuses=1,
            menu=Menu(scripts=(OLD,)),
            policies=(replace(POLICY_A, takes_old_scripts=True), old_b),
        ),
    ]


def _no_ranges() -> list[CloseScenario]:
    menu = Menu(fees=(Sat(3), Sat(5), Sat(9)))
    return [
        replace(WITHOUT_RANGES, name="no-ranges", title="neither announces a range"),
        replace(WITHOUT_RANGES, name="no-ranges-careless", title="every fee is tempting", careless=True, menu=menu),
        replace(
            WITHOUT_RANGES,
            name="no-ranges-corrupt-funder",
            title="A is corrupt",
            corrupt=(True, False),
            abuses=2,
            menu=menu,
        ),
        replace(
            WITHOUT_RANGES,
            name="no-ranges-corrupt-fundee",
            title="B is corrupt",
            corrupt=(False, True),
            abuses=3,
            menu=replace_fees(menu, 8, 9),
        ),
        replace(
            LEGACY,
            name="range-of-one",
            title="only A announces a range",
            policies=(POLICY_A, replace(POLICY_B, sends_fee_range=False)),
            careless=True,
            menu=menu,
        ),
    ]


def replace_fees(menu: Menu, *amounts: int) -> Menu:
    """Return a menu with other fees."""
    return menu._replace(fees=tuple(Sat(amount) for amount in amounts))


def _simple() -> list[CloseScenario]:
    again = ((Bid(SCRIPT_A, Sat(300)), Bid(OTHER_A, Sat(400))), (Bid(SCRIPT_B, Sat(200)), Bid(SCRIPT_B, Sat(250))))
    none: tuple[Bid, ...] = ()
    alone = (BIDS[0], none)
    return [
        replace(
            CLOSE_SIMPLE,
            name="simple-htlcs",
            title="an HTLC is pending",
            careless=False,
            offers=(Offer(0, Msat(50_000_000)),),
            bids=alone,
        ),
        replace(
            CLOSE_SIMPLE,
            name="simple-careless",
            title="every field is tempting, A proposes",
            careless=True,
            menu=TEMPTING,
            bids=alone,
            starts=(True, False),
        ),
        replace(
            CLOSE_SIMPLE,
            name="simple-careless-lesser",
            title="every field is tempting, B proposes",
            careless=True,
            menu=TEMPTING,
            bids=(none, BIDS[1]),
            starts=(True, False),
        ),
        replace(CLOSE_SIMPLE, name="simple-equal", title="both have the same", push_msat=Msat(500_000_000)),
        replace(
            CLOSE_SIMPLE,
            name="simple-again",
            title="A proposes again, with another script",
            bids=again,
            reconnections=1,
        ),
        replace(
            CLOSE_SIMPLE,
            name="simple-corrupt-closee",
            title="B is corrupt, A proposes",
            corrupt=(False, True),
            abuses=1,
            bids=alone,
        ),
        replace(
            CLOSE_SIMPLE,
            name="simple-corrupt-closer",
            title="A is corrupt, B is asked",
            corrupt=(True, False),
            abuses=1,
            bids=alone,
            starts=(True, False),
        ),
        replace(
            CLOSE_SIMPLE,
            name="simple-corrupt-htlc",
            title="A is corrupt, an HTLC is pending",
            corrupt=(True, False),
            abuses=1,
            bids=BIDS,
            starts=(True, False),
            menu=Menu(fees=(Sat(300),)),
            offers=(Offer(0, Msat(50_000_000)),),
        ),
        replace(
            CLOSE_SIMPLE,
            name="simple-upfront-corrupt",
            title="A is corrupt and breaks its commitment",
            corrupt=(True, False),
            abuses=1,
            bids=alone,
            upfront=(SCRIPT_A, None),
            features=replace(SIMPLE, option_upfront_shutdown_script=True),
        ),
        replace(
            CLOSE_SIMPLE,
            name="simple-upfront",
            title="A has committed to a script",
            careless=True,
            bids=alone,
            upfront=(SCRIPT_A, None),
            features=replace(SIMPLE, option_upfront_shutdown_script=True),
        ),
        *_simple_dust(),
    ]


def _simple_dust() -> list[CloseScenario]:
    thrifty_b = replace(POLICY_B, uneconomical_satoshis=Sat(5_000))
    burning = (replace(POLICY_A, script=OP_RETURN_A), replace(POLICY_B, script=OP_RETURN_B))
    poor = ((Bid(SCRIPT_A, Sat(300)),), (Bid(SCRIPT_B, Sat(50)),))
    high = Menu(fees=(Sat(50), Sat(999_700), Sat(1_000_000)))
    return [
        replace(CLOSE_SIMPLE, name="simple-dust", title="what B has is dust", push_msat=DUSTY_B, bids=poor),
        replace(
            CLOSE_SIMPLE,
            name="simple-dust-careless",
            title="the same, every field and fee is tempting",
            push_msat=DUSTY_B,
            bids=(poor[0], ()),
            careless=True,
            menu=high,
            starts=(True, False),
        ),
        replace(
            CLOSE_SIMPLE,
            name="simple-dust-careless-lesser",
            title="the same, B proposes",
            push_msat=DUSTY_B,
            bids=((), poor[1]),
            careless=True,
            menu=replace_fees(high, 50),
            starts=(True, False),
        ),
        replace(
            CLOSE_SIMPLE,
            name="simple-dust-corrupt",
            title="the same, A is corrupt",
            push_msat=DUSTY_B,
            bids=(poor[0], ()),
            corrupt=(True, False),
            abuses=1,
            menu=replace_fees(high, 50, 1_000_000),
        ),
        replace(
            CLOSE_SIMPLE,
            name="simple-thrifty",
            title="what B has is not worth an output",
            push_msat=Msat(3_000_000),
            policies=(POLICY_A, thrifty_b),
            bids=poor,
            starts=(True, False),
        ),
        replace(
            CLOSE_SIMPLE,
            name="simple-burns",
            title="both use OP_RETURN",
            policies=burning,
            bids=((Bid(OP_RETURN_A, Sat(300)),), (Bid(OP_RETURN_B, Sat(200)),)),
        ),
    ]


CLOSE_SCENARIOS: MappingProxyType[str, CloseScenario] = MappingProxyType(
    {scenario.name: scenario for scenario in (LEGACY, *_legacy(), *_no_ranges(), CLOSE_SIMPLE, *_simple())}
)
"""All of them."""
