"""What is sent again after a lost connection, and in which order (BOLT 2, Message Retransmission)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boltproofs.explorer.search import Verdict, search
from boltproofs.families import SCENARIOS
from boltproofs.resumption_scenarios import LOWEST_FEERATE, OUT_OF_SAVING
from boltspec import reestablish
from boltspec.channel import opened
from boltspec.commit import next_commitment_signed
from boltspec.messages import CommitmentSigned, UpdateAddHtlc, UpdateFee
from boltspec.party import send
from boltspec.reestablish import retransmission
from boltspec.scenario import Scenario
from boltspec.verdict import Accepted

GAIN, SAVING = SCENARIOS["resume-gain"], SCENARIOS["resume-saving"]
LOWER = UpdateFee(LOWEST_FEERATE.feerate_per_kw)
OFFER = UpdateAddHtlc(0, OUT_OF_SAVING.amount_msat, OUT_OF_SAVING.payment_hash, OUT_OF_SAVING.cltv_expiry)


def test_offers_come_after_the_feerate_that_leaves_room_for_them() -> None:
    channel = opened(SAVING.params, SAVING.push_msat)
    for message in (LOWER, OFFER):
        sent = send(channel, message)
        assert isinstance(sent, Accepted)
        channel = sent.state
    sent = send(channel, next_commitment_signed(channel))
    assert isinstance(sent, Accepted)
    again = retransmission(replace(sent.state, owes_commitment=True))
    assert again[:2] == (LOWER, OFFER)
    assert isinstance(again[2], CommitmentSigned)


def test_without_the_lower_feerate_the_offer_is_too_much() -> None:
    channel = opened(SAVING.params, SAVING.push_msat)
    assert not isinstance(send(channel, OFFER), Accepted)


@pytest.mark.parametrize("scenario", [GAIN, SAVING], ids=lambda scenario: scenario.name)
def test_offers_first_make_honest_nodes_reject_each_other(scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    right = reestablish._committed_updates
    monkeypatch.setattr(
        reestablish,
        "_committed_updates",
        lambda channel: sorted(right(channel), key=lambda update: not isinstance(update, UpdateAddHtlc)),
    )
    found = search(scenario)
    assert (found.verdict, found.trace is not None and found.trace.property) == (Verdict.VIOLATED, "NeverRejected")
    monkeypatch.undo()
    assert search(scenario).verdict is Verdict.HOLDS
