"""What a commitment pays: proved for all amounts, and refuted as soon as the arithmetic is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from boltproofs import payout_theorems
from boltproofs.payout_theorems import PAYOUT_THEOREMS
from boltproofs.run_proof import counterexample, prove_runs
from boltproofs.runs import RunClaim
from boltproofs.solving import Task
from boltspec import fees, outputs
from boltspec.commitment import Commitment, CommittedHtlc
from boltspec.htlc import Side
from boltspec.params import Params
from boltspec.units import Sat, floor_to_sat

CLAIMS = {claim.label: claim for theorem in PAYOUT_THEOREMS for claim in theorem.claims}


def claim(label: str) -> RunClaim:
    """Return the first claim whose label begins like this."""
    return next(found for name, found in CLAIMS.items() if name.startswith(label))


@pytest.mark.parametrize("theorem", PAYOUT_THEOREMS, ids=lambda theorem: theorem.name)
def test_it_holds_and_has_a_witness(theorem: Any) -> None:
    finding = prove_runs(theorem.name, Task()).of(theorem.name)
    assert (finding.counterexample, finding.unknown, finding.witness) == (None, None, True)
    assert finding.obligations >= len(theorem.claims)


def test_an_output_that_is_exactly_worth_it_must_not_be_trimmed(monkeypatch: pytest.MonkeyPatch) -> None:
    def stricter(params: Params, owner: Side, commitment: Commitment, htlc: CommittedHtlc) -> bool:
        fee = fees.second_stage_fee(params, commitment.feerate_per_kw, htlc.offered_by_owner)
        return floor_to_sat(htlc.amount_msat) > params.announced_by(owner).dust_limit_satoshis + fee

    monkeypatch.setattr(payout_theorems, "has_output", stricter)
    assert counterexample(claim("what is trimmed has no output")) is not None


def test_a_node_that_trims_by_its_own_dust_limit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = fees.is_trimmed

    def by_own_limit(params: Params, rate: Any, owner: Side, htlc: Any) -> bool:
        return right(replace(params, remote=params.local), rate, owner, htlc)

    monkeypatch.setattr(payout_theorems, "is_trimmed", by_own_limit)
    assert counterexample(claim("both trim alike")) is not None


def test_a_node_that_takes_every_htlc_for_a_received_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = fees.is_trimmed

    def success_for_all(params: Params, rate: Any, owner: Side, htlc: Any) -> bool:
        return right(params, rate, owner, replace(htlc, offerer=owner.other))

    monkeypatch.setattr(payout_theorems, "is_trimmed", success_for_all)
    assert counterexample(claim("what is trimmed has no output")) is not None


def test_a_fee_that_the_other_pays_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = outputs.main_outputs

    def the_other_pays(params: Params, owner: Side, commitment: Commitment, untrimmed: int) -> Any:
        return right(replace(params, opener=params.opener.other), owner, commitment, untrimmed)

    monkeypatch.setattr(payout_theorems, "main_outputs", the_other_pays)
    assert counterexample(claim("the other gets its whole balance")) is not None
    assert counterexample(claim("the opener gets what is left")) is not None


def test_anchors_that_nobody_pays_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "anchors_cost", lambda _: Sat(0))
    assert counterexample(claim("the opener gets what is left")) is not None


def test_an_amount_below_zero_is_no_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "_main_balance", lambda balance, cost: floor_to_sat(balance) + cost)
    assert counterexample(claim("the fee gives way")) is not None
