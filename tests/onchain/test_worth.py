"""Outputs that are not worth a claim: what that is, which are left alone, and what becomes of the HTLC in one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boltspec.chain import broadcasting
from boltspec.chain.conditions import Kind
from boltspec.chain.enforcement import Situation
from boltspec.chain.fee_reserve import HTLC_SUCCESS_WEIGHT_ANCHORS
from boltspec.chain.ledger import Confirmed, Ledger
from boltspec.chain.presets import SCENARIOS, SMALL_HTLC
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.transactions import Coin, Form, Outpoint, Txid
from boltspec.chain.worth import LEAST_OUTPUT, LEAST_WORTH, left_alone, timed_out_at
from boltspec.commitment import CommittedHtlc
from boltspec.rules import without
from boltspec.units import Height, Msat, Sat
from boltwire.fees import dust_threshold, fee_for_weight
from boltwire.scripts import p2tr
from boltwire.weights import COMMON_WEIGHT, INPUT_WEIGHT, output_weight, witness_weight

Helper = Callable[..., Any]
"""A fixture of this folder."""
GIVE_UP = "D05-general-n-07"
LEAST = SMALL_HTLC.uneconomical_satoshis
SMALL, LARGE = LEAST - Sat(1), LEAST


def ledger(*outputs: tuple[Kind, Sat]) -> Ledger:
    """Outputs of a commitment of A's in block 3; each HTLC expires at 9."""
    entries = []
    for vout, (kind, amount) in enumerate(outputs):
        is_htlc = kind in (Kind.OFFERED_HTLC, Kind.RECEIVED_HTLC, Kind.TIMED_OUT_HTLC)
        htlc = CommittedHtlc(kind is not Kind.RECEIVED_HTLC, vout, Msat(400_000), vout, Height(9)) if is_htlc else None
        entries.append(
            Confirmed(Outpoint(Txid(Form.COMMITMENT, 0, 1), vout), Coin(kind, amount, 0, 1, htlc), Height(3))
        )
    return Ledger(Height(5), tuple(entries))


def left(case: Situation, *outputs: tuple[Kind, Sat], option_anchors: bool = True) -> list[int]:
    scenario = replace(SMALL_HTLC, params=replace(SMALL_HTLC.params, option_anchors=option_anchors))
    return [entry.outpoint.vout for entry in left_alone(ledger(*outputs), case, scenario)]


def test_least_worth_pays_for_the_heaviest_claim_and_leaves_an_output() -> None:
    """The real penalty on a received HTLC, at what is relayed; and an HTLC transaction before a claim."""
    script = p2tr(b"\x02" * 32)
    received_htlc = 140 + 3
    claim = COMMON_WEIGHT + INPUT_WEIGHT + witness_weight((72, 33, received_htlc)) + output_weight(len(script))
    assert dust_threshold(script) == int(LEAST_OUTPUT)
    assert abs(int(LEAST_WORTH) - (dust_threshold(script) + fee_for_weight(253, claim))) <= 1
    coin_and_change = INPUT_WEIGHT + witness_weight((72, 33)) + output_weight(len(script))
    both = fee_for_weight(253, HTLC_SUCCESS_WEIGHT_ANCHORS + coin_and_change) + fee_for_weight(253, claim)
    assert both < int(LEAST_WORTH)


@pytest.mark.parametrize(
    ("case", "kinds"),
    [
        (Situation.LOCAL, (Kind.TO_LOCAL, Kind.OFFERED_HTLC, Kind.RECEIVED_HTLC, Kind.TIMED_OUT_HTLC)),
        (Situation.REMOTE, (Kind.OFFERED_HTLC, Kind.RECEIVED_HTLC)),
    ],
)
def test_what_is_small_is_left_alone_and_nothing_else(case: Situation, kinds: tuple[Kind, ...]) -> None:
    everything = [(kind, amount) for kind in kinds for amount in (SMALL, LARGE)]
    assert left(case, *everything) == list(range(0, len(everything), 2))


def test_what_needs_no_claim_is_not_spoken_of() -> None:
    assert left(Situation.REMOTE, (Kind.TO_LOCAL, SMALL), (Kind.TO_LOCAL_ANCHOR, Sat(330))) == []


def test_htlc_transaction_without_anchors_is_paid_for() -> None:
    outputs = ((Kind.OFFERED_HTLC, SMALL), (Kind.TIMED_OUT_HTLC, SMALL))
    assert left(Situation.LOCAL, *outputs, option_anchors=False) == [1]
    assert left(Situation.REMOTE, *outputs, option_anchors=False) == [0]


def test_small_outputs_of_a_revoked_commitment_count_together() -> None:
    assert left(Situation.REVOKED, (Kind.OFFERED_HTLC, SMALL), (Kind.TO_LOCAL, LARGE)) == [0]
    assert left(Situation.REVOKED, (Kind.OFFERED_HTLC, SMALL), (Kind.RECEIVED_HTLC, SMALL)) == []


def test_timeout_could_be_confirmed_in_the_block_above_the_expiry_or_the_commitment() -> None:
    entry = ledger((Kind.OFFERED_HTLC, SMALL)).unspent[0]
    assert timed_out_at(entry) == Height(10)
    assert timed_out_at(entry._replace(height=Height(12))) == Height(13)


@pytest.mark.parametrize("name", ["C3-small-A", "C3-small-B", "C5-small-A"])
def test_no_property_breaks(search: Helper, name: str) -> None:
    assert search(SCENARIOS[name]).broken is None


def test_htlc_that_is_not_given_up_is_waited_for_to_no_end(search: Helper) -> None:
    with without(frozenset({GIVE_UP})):
        assert search(SCENARIOS["C3-small-B"]).broken == "ForceCloseEnds"


def test_thief_would_keep_small_outputs_that_are_left_alone_one_by_one(
    search: Helper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def each_by_itself(ledger: Ledger, case: Situation, scenario: ChainScenario) -> tuple[Confirmed, ...]:
        alone = (replace(ledger, unspent=(entry,)) for entry in ledger.unspent)
        return tuple(entry for one in alone for entry in left_alone(one, case, scenario))

    monkeypatch.setattr(broadcasting, "left_alone", each_by_itself)
    assert search(SCENARIOS["C5-small-A"]).broken == "PenaltySafety"
