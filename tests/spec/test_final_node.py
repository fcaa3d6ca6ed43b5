"""The last node of a payment: what it takes, each time with the nearest that it fails, and the code for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from boltproofs.citations import cited, rules_of_modules
from boltspec import final_node, onion
from boltspec.final_node import PRESCRIBED, Asked, Failed, Failure, Incoming, Node, judge
from boltspec.rules import exemptions, requirements, without
from boltspec.units import Blocks, Height, Msat
from boltspec.verdict import Accepted
from boltwire.onion.failures import FailureCode

UNKNOWN = Failure.INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS
NODE = Node(Height(1_000), now=5_000, least_final_delta=Blocks(18), most_dust_exposure_msat=Msat(50_000))
ASKED = Asked(
    payment_secret=7, amount_msat=Msat(10_000), min_final_cltv_expiry_delta=Blocks(24), expires_at=5_000
)  # fmt: skip
PAYS = Incoming(
    amount_msat=Msat(10_000),
    cltv_expiry=Height(1_024),
    amt_to_forward=Msat(10_000),
    outgoing_cltv_value=Height(1_024),
    payment_secret=7,
    total_msat=Msat(10_000),
)
FAR = Height(1_100)


def paying(amount_that_is_sent: int, /, **changes: Any) -> Incoming:
    amount = Msat(amount_that_is_sent)
    right = replace(PAYS, amount_msat=amount, amt_to_forward=amount, total_msat=amount)
    return replace(right, **changes)


NEAREST = [
    ("B04-payload-z-09", PAYS, replace(PAYS, cltv_expiry=Height(1_023), outgoing_cltv_value=Height(1_023)), UNKNOWN),
    ("B04-failure-messages-z-16", PAYS, replace(PAYS, payment_secret=8), UNKNOWN),
    ("B04-failure-messages-z-16", PAYS, replace(PAYS, payment_secret=None, total_msat=None), UNKNOWN),
    ("B04-failure-messages-z-18", PAYS, paying(9_999), UNKNOWN),
    ("B04-failure-messages-z-22", paying(20_000), paying(20_001), UNKNOWN),
    ("B04-mpp-z-02", PAYS, replace(PAYS, total_msat=Msat(10_001)), UNKNOWN),
    ("B04-mpp-z-02", paying(10_001), paying(10_001, total_msat=Msat(10_000)), UNKNOWN),
    ("B04-payload-z-08", replace(PAYS, cltv_expiry=FAR, outgoing_cltv_value=FAR),
     replace(PAYS, cltv_expiry=FAR, outgoing_cltv_value=Height(1_101)), Failure.FINAL_INCORRECT_CLTV_EXPIRY),
    ("B04-payload-z-07", paying(10_001), paying(10_001, amount_msat=Msat(10_000)), Failure.FINAL_INCORRECT_HTLC_AMOUNT),
    ("B04-payload-d-13", PAYS, replace(PAYS, has_path_key=True), Failure.INVALID_ONION_PAYLOAD),
    ("B04-payload-d-14", PAYS, replace(PAYS, amt_to_forward=None), Failure.INVALID_ONION_PAYLOAD),
    ("B04-payload-d-14", PAYS, replace(PAYS, outgoing_cltv_value=None), Failure.INVALID_ONION_PAYLOAD),
    ("D04-failure-messages-t-01", PAYS, replace(PAYS, is_final=False), Failure.UNKNOWN_NEXT_PEER),
    ("B02-dust-exposure-r-01", replace(PAYS, remote_exposure_msat=Msat(50_000)),
     replace(PAYS, remote_exposure_msat=Msat(50_001)), Failure.TEMPORARY_NODE_FAILURE),
    ("B02-dust-exposure-r-03", replace(PAYS, local_exposure_msat=Msat(50_000)),
     replace(PAYS, local_exposure_msat=Msat(50_001)), Failure.TEMPORARY_NODE_FAILURE),
]  # fmt: skip
"""Rule, an HTLC that is taken, the nearest that is not, and the code for that."""


@pytest.mark.parametrize(("rule", "taken", "failed", "code"), NEAREST)
def test_final_node_takes_an_htlc_and_fails_the_nearest(
    rule: str, taken: Incoming, failed: Incoming, code: Failure
) -> None:
    assert judge(taken, ASKED, NODE) == Accepted(ASKED)
    assert judge(failed, ASKED, NODE) == Failed(rule, code)
    with without(frozenset({rule})):
        assert judge(failed, ASKED, NODE) != Failed(rule, code)


def test_final_node_fails_what_it_could_not_defend() -> None:
    undefended = Failed("D04-failure-messages-g-01", Failure.TEMPORARY_NODE_FAILURE)
    assert judge(PAYS, ASKED, replace(NODE, is_defended=False)) == undefended


def test_final_node_fails_an_unknown_hash() -> None:
    assert judge(PAYS, None, NODE) == Failed("B04-failure-messages-z-20", UNKNOWN)


def test_final_node_takes_a_payment_in_the_last_second_of_its_invoice_and_none_later() -> None:
    assert judge(PAYS, ASKED, NODE) == Accepted(ASKED)
    assert judge(PAYS, ASKED, replace(NODE, now=5_001)) == Failed("B11-payer-payee-v-01", UNKNOWN)


@pytest.mark.parametrize(("delta", "rule"), [(24, None), (25, "B04-failure-messages-z-24")])
def test_final_node_needs_its_own_blocks_whatever_an_invoice_asks_for(delta: int, rule: str | None) -> None:
    """B04-failure-messages-z-24, B04-failure-messages-z-25."""
    asked, node = replace(ASKED, min_final_cltv_expiry_delta=Blocks(0)), replace(NODE, least_final_delta=Blocks(delta))
    assert judge(PAYS, asked, node) == (Accepted(asked) if rule is None else Failed(rule, UNKNOWN))


@pytest.mark.parametrize("amount_msat", [1, 10_000, 1_000_000])
def test_final_node_takes_any_amount_where_the_payer_chooses(amount_msat: int) -> None:
    asked = replace(ASKED, amount_msat=None)
    assert judge(paying(amount_msat), asked, NODE) == Accepted(asked)


@pytest.mark.parametrize(("wrong", "code"), [
    ({"total_msat": Msat(9_999), "amt_to_forward": Msat(9_999)}, UNKNOWN),
    ({"is_final": False}, Failure.UNKNOWN_NEXT_PEER),
    ({"amt_to_forward": None}, Failure.INVALID_ONION_PAYLOAD),
])  # fmt: skip
def test_of_several_failures_the_first_of_the_list_is_told(wrong: dict[str, Any], code: Failure) -> None:
    """B04-failure-messages-g-05: though less money and less time arrive than were sent, too."""
    also: dict[str, Any] = {"amount_msat": Msat(1), "cltv_expiry": Height(1_030), "outgoing_cltv_value": Height(1_031)}
    verdict = judge(replace(PAYS, **{**also, **wrong}), ASKED, NODE)
    assert isinstance(verdict, Failed)
    assert verdict.failure is code
    assert judge(replace(PAYS, **also), ASKED, NODE) == Failed("B04-payload-z-08", Failure.FINAL_INCORRECT_CLTV_EXPIRY)


@pytest.mark.parametrize("rule", sorted(PRESCRIBED))
def test_a_code_is_said_because_a_requirement_names_it(rule: str) -> None:
    prescribing, failure = PRESCRIBED[rule]
    assert final_node.failure_for(rule) is failure
    with without(frozenset({prescribing})):
        assert final_node.failure_for(rule) is Failure.PERMANENT_NODE_FAILURE


def test_every_reason_to_fail_has_a_code_and_every_code_is_one_of_bolt_4() -> None:
    guards = rules_of_modules("final_node") - {prescribing for prescribing, _ in PRESCRIBED.values()}
    assert guards == set(PRESCRIBED)
    assert {failure.name for failure in Failure} <= {code.name for code in FailureCode}


FORBIDDEN = (
    "invalid_onion_version", "invalid_onion_hmac", "invalid_onion_key", "temporary_channel_failure",
    "permanent_channel_failure", "required_channel_feature_missing", "amount_below_minimum", "fee_insufficient",
    "incorrect_cltv_expiry", "expiry_too_soon", "expiry_too_far", "channel_disabled",
)  # fmt: skip
"""B04-failure-messages-z-01 to B04-failure-messages-z-13 but -z-07, which the test after this one looks at."""


@pytest.mark.parametrize("name", FORBIDDEN)
def test_final_node_has_no_code_that_is_reserved_to_others(name: str) -> None:
    assert name.upper() in FailureCode.__members__
    assert name.upper() not in Failure.__members__


def test_unknown_next_peer_is_never_told_by_a_final_node() -> None:
    """B04-failure-messages-z-07: it stands in the table once, for an onion that goes on."""
    assert [rule for rule, (_, code) in PRESCRIBED.items() if code is Failure.UNKNOWN_NEXT_PEER] == [
        "D04-failure-messages-t-01"
    ]


ELSEWHERE = {"basic_mpp", "option_route_blinding", "option_onion_messages"}


def test_every_requirement_on_a_final_node_is_specified() -> None:
    source = cited([Path(final_node.__file__), Path(onion.__file__)])
    wanted = {
        row.id
        for row in requirements().values()
        if row.bolt == 4 and row.role == "final" and row.feature not in ELSEWHERE and row.klass in ("state", "policy")
    }
    ranged = {f"B04-failure-messages-z-{number:02}" for number in range(1, 14)}
    assert len(wanted) > 25
    assert wanted - ranged - source - exemptions().keys() == set()
