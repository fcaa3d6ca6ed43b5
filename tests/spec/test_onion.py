"""An onion that cannot be read: with which code its HTLC is given back, and the nearest onion that is read."""

from __future__ import annotations

import pytest

from boltspec.messages import BADONION
from boltspec.onion import CODES, BadOnion, Fault, Malformed, Onion, judge_onion
from boltspec.rules import requirements, without
from boltspec.verdict import Accepted
from boltwire.onion.failures import FailureCode

FAULTS = [
    (Fault.VERSION, "B04-onion-decryption-d-01", BadOnion.INVALID_ONION_VERSION),
    (Fault.KEY, "B04-onion-decryption-d-02", BadOnion.INVALID_ONION_KEY),
    (Fault.HMAC, "B04-onion-decryption-d-06", BadOnion.INVALID_ONION_HMAC),
]


def test_onion_without_a_fault_is_read() -> None:
    assert judge_onion(Onion()) == Accepted(Onion())


@pytest.mark.parametrize(("fault", "rule", "code"), FAULTS)
def test_each_fault_is_answered_with_its_code(fault: Fault, rule: str, code: BadOnion) -> None:
    assert judge_onion(Onion(fault)) == Malformed(rule, code)
    with without(frozenset({rule})):
        assert judge_onion(Onion(fault)) == Accepted(Onion(fault))
    with without(frozenset({"B02-adding-htlc-r-11"})):
        assert judge_onion(Onion(fault)) == Accepted(Onion(fault))


@pytest.mark.parametrize("fault", [None, *Fault])
def test_whatever_is_wrong_on_a_blinded_path_is_answered_alike(fault: Fault | None) -> None:
    """B02-removing-htlc-m-05, B04-failure-messages-g-01."""
    verdict = judge_onion(Onion(fault, has_path_key=True))
    assert isinstance(verdict, Malformed)
    assert verdict.failure is BadOnion.INVALID_ONION_BLINDING
    with without(frozenset({"B02-removing-htlc-m-05"})):
        other = judge_onion(Onion(fault, has_path_key=True))
    assert isinstance(other, Malformed)
    assert other.failure is CODES[other.rule]


def test_path_key_alone_is_a_reason() -> None:
    blinded = Onion(has_path_key=True)
    assert judge_onion(blinded) == Malformed("D04-payload-z-01", BadOnion.INVALID_ONION_BLINDING)
    with without(frozenset({"D04-payload-z-01"})):
        assert judge_onion(blinded) == Accepted(blinded)


def test_codes_are_those_of_bolt_4_with_its_flag() -> None:
    assert {code.name for code in BadOnion} == {code.name for code in FailureCode if code & BADONION}
    assert CODES.keys() <= requirements().keys()
