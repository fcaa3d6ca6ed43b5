"""The same traces on a real node: what the embedded library says is what ``bitcoind`` says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from boltchain.bitcoind import BitcoindChain
from boltproofs.replay import replay
from boltproofs.scenarios import SCENARIOS
from boltproofs.trace import Trace
from boltspec.outputs import Kind
from boltspec.world import World

Find = Callable[..., Trace]


PAYMENTS = [
    ("thief-B-takes", Kind.TO_LOCAL, True),
    ("thief-A-offers", Kind.TIMED_OUT_HTLC, True),
    ("close-a", Kind.TO_LOCAL, False),
    ("close-a", Kind.TIMED_OUT_HTLC, False),
    ("close-a", Kind.SUCCEEDED_HTLC, False),
    ("close-a", Kind.OFFERED_HTLC, False),
    ("close-a", Kind.RECEIVED_HTLC, False),
]
"""Scenario, kind of output, and whether it is taken as a penalty."""


@pytest.mark.parametrize("option_anchors", [True, False])
@pytest.mark.parametrize("payment", PAYMENTS, ids=str)
def test_every_kind_of_output_on_a_real_node(
    bitcoind: BitcoindChain, find_payment: Find, payment: tuple[str, Kind, bool], option_anchors: bool
) -> None:
    name, kind, by_revocation = payment
    scenario = SCENARIOS[name]
    scenario = replace(scenario, params=replace(scenario.params, option_anchors=option_anchors))
    result = replay(find_payment(scenario, kind, by_revocation), bitcoind, probing=True)
    assert result.agreed, result.report
    assert result.probes


def test_unwatched_thief_is_paid_on_a_real_node(bitcoind: BitcoindChain, find_trace: Find) -> None:
    def stolen(world: World) -> bool:
        closing = world.ledger.closing
        revoked = closing is not None and closing.number < world.nodes[0].remote_revocations
        return revoked and any(paid.payee == 1 for paid in world.ledger.paid)

    trace = find_trace(SCENARIOS["thief-B-takes"], stolen, frozenset({"B05-general-n-01"}))
    result = replay(trace, bitcoind, probing=True)
    assert result.agreed, result.report
    assert result.wallets[1] > 0


def test_wrong_model_is_refuted_by_a_real_node(
    bitcoind: BitcoindChain, find_payment: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boltspec.world.is_open", lambda *given: True)
    result = replay(find_payment(SCENARIOS["close-a"], Kind.TO_LOCAL, by_revocation=False), bitcoind)
    assert result.disagreement is not None
    assert "non-BIP68-final" in result.disagreement.reality
