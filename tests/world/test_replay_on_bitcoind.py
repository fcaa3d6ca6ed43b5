"""The same traces on a real node: what the embedded library says is what ``bitcoind`` says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from boltchain.bitcoind import BitcoindChain
from boltproofs.families import SCENARIOS
from boltproofs.replay import replay
from boltproofs.trace import Trace
from boltspec.chain import transactions
from boltspec.chain.conditions import Kind
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.world import ChainWorld
from boltspec.htlc import Stage
from boltspec.units import Blocks
from boltspec.world import World

Find = Callable[..., Trace]
Made = Callable[..., ChainScenario]


SPENDS = [
    ("thief-B", Kind.TO_LOCAL, True),
    ("thief-A", Kind.TIMED_OUT_HTLC, True),
    ("honest", Kind.TO_LOCAL, False),
    ("honest", Kind.TIMED_OUT_HTLC, False),
    ("honest", Kind.SUCCEEDED_HTLC, False),
    ("honest", Kind.OFFERED_HTLC, False),
    ("honest", Kind.RECEIVED_HTLC, False),
]
"""Scenario, kind of output, and whether the owner of the commitment is punished."""


@pytest.mark.parametrize("option_anchors", [True, False])
@pytest.mark.parametrize("spend", SPENDS, ids=str)
def test_every_kind_of_output_on_a_real_node(
    bitcoind: BitcoindChain, find_spend: Find, made: Made, spend: tuple[str, Kind, bool], option_anchors: bool
) -> None:
    name, kind, by_revocation = spend
    trace = find_spend(made(name, option_anchors), kind, by_revocation)
    result = replay(trace, bitcoind, probing=True)
    assert result.agreed, result.report
    assert result.probes


def test_unwatched_thief_is_paid_on_a_real_node(bitcoind: BitcoindChain, find_trace: Find, made: Made) -> None:
    def stolen(world: ChainWorld) -> bool:
        closing = world.ledger.closing
        return closing is not None and closing.txid == (2, 1, 0, -1) and bool(world.ledger.received[1])

    trace = find_trace(made("thief-B"), stolen, frozenset({"B05-general-n-01"}))
    result = replay(trace, bitcoind, probing=True)
    assert result.agreed, result.report
    assert result.wallets[1] > 0


def test_messages_of_a_resumed_channel_on_a_real_node(bitcoind: BitcoindChain, find_trace: Find) -> None:
    def resumed(world: World) -> bool:
        return world.disconnections == 0 and all(
            node.htlcs.count(lambda htlc: htlc.added is Stage.IRREVOCABLE) == 1 for node in world.nodes
        )

    result = replay(find_trace(SCENARIOS["resume-a"], resumed), bitcoind, probing=True)
    assert result.agreed, result.report
    assert result.probes


def test_wrong_model_is_refuted_by_a_real_node(
    bitcoind: BitcoindChain, find_spend: Find, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "relative_lock", lambda *given: Blocks(0))
    result = replay(find_spend(made("honest"), Kind.TO_LOCAL, by_revocation=False), bitcoind)
    assert result.disagreement is not None
    assert "non-BIP68-final" in result.disagreement.reality
