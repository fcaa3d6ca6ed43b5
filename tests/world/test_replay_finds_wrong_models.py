"""A model that is made wrong on purpose is caught by the chain: the comparison can fail, and says why.

What is wrong about locks, heights, payouts and branches is planted in ``tests/onchain``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from boltproofs.explorer.search import Verdict, search
from boltproofs.families import SCENARIOS
from boltproofs.replay import KernelPool, replay
from boltproofs.replay.party import Party
from boltproofs.trace import Trace
from boltspec.chain.conditions import Kind
from boltspec.chain.enforcement import RESOLUTIONS, Situation
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.world import ChainWorld, standing_of
from boltspec.channel import Channel
from boltspec.fees import commitment_fee
from boltspec.messages import Signature
from boltspec.move import Move
from boltspec.params import Params
from boltspec.units import Blocks, FeeratePerKw, Sat
from boltspec.world import World

Find = Callable[..., Trace]
Made = Callable[..., ChainScenario]


def refuted(trace: Trace, pool: KernelPool, *, probing: bool = False) -> str:
    """Replay a trace of a wrong model and give the report of the disagreement."""
    result = replay(trace, pool.chain(), probing=probing)
    assert not result.agreed, result.report
    assert result.to_json()["disagreement"] is not None
    return result.report


def test_fee_that_is_one_satoshi_off(
    kernel: KernelPool, find_spend: Find, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(params: Params, feerate: FeeratePerKw, untrimmed: int) -> Sat:
        return commitment_fee(params, feerate, untrimmed) + Sat(1)

    monkeypatch.setattr("boltspec.outputs.commitment_fee", wrong)
    report = refuted(find_spend(made("honest"), Kind.TO_LOCAL, by_revocation=False), kernel)
    assert "about:   outputs of commitment" in report


def test_feerate_that_is_forgotten(kernel: KernelPool, find_trace: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commitment at the second feerate, in the model still at the first."""

    def first(params: Params, feerate: FeeratePerKw, untrimmed: int) -> Sat:
        return commitment_fee(params, params.feerate_per_kw, untrimmed)

    def changed(world: ChainWorld) -> bool:
        return world.ledger.closing is not None and world.ledger.closing.txid.number > 0

    trace = find_trace(SCENARIOS["C1-feerate-A"], changed)
    assert replay(trace, kernel.chain(), probing=True).agreed
    monkeypatch.setattr("boltspec.outputs.commitment_fee", first)
    assert "about:   outputs of commitment" in refuted(find_trace(SCENARIOS["C1-feerate-A"], changed), kernel)


def test_trimming_that_is_forgotten(kernel: KernelPool, find_trace: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boltspec.outputs.has_output", lambda *given: True)
    scenario = SCENARIOS["C3-trimmed-B"]
    trace = find_trace(scenario, lambda world: world.ledger.closing is not None and world.ledger.closing.outputs_for)
    assert "about:   outputs of commitment" in refuted(trace, kernel)


def test_fee_of_the_second_stage_that_is_forgotten(
    kernel: KernelPool, find_trace: Find, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boltspec.chain.transactions.second_stage_fee", lambda *given: Sat(0))

    def reached(world: ChainWorld) -> bool:
        return any(entry.coin.kind is Kind.TIMED_OUT_HTLC for entry in world.ledger.unspent)

    assert "about:   timed_out_htlc" in refuted(find_trace(made("honest", False), reached), kernel)


def test_secret_that_nobody_gave(
    kernel: KernelPool, find_trace: Find, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boltspec.chain.enforcement.knows_secret", lambda *given: True)

    def honest_punished(world: ChainWorld) -> bool:
        return world.ledger.punished[0]

    report = refuted(find_trace(made("thief-B"), honest_punished), kernel)
    assert "B spending to_local by revocation" in report
    assert "reality: there is no such transaction: the per-commitment secret is needed" in report


def test_penalty_that_is_left_out_is_found_by_the_search_and_by_the_replay(
    kernel: KernelPool, find_trace: Find, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search says that the thief is paid, and on the chain it is: nothing but the victim's rule was in its way."""
    monkeypatch.setitem(RESOLUTIONS, (Situation.REVOKED, Kind.TO_LOCAL), ())

    assert search(made("thief-A")).verdict is Verdict.VIOLATED

    def paid(world: ChainWorld) -> bool:
        gained = world.ledger.received[0] > Sat(500_000)
        return gained and standing_of(world, 1).case is Situation.REVOKED

    result = replay(find_trace(made("thief-A"), paid), kernel.chain(), probing=True)
    assert result.agreed, result.report
    assert result.wallets[0] > 500_000
    assert result.covered["tried open revocation"], "the penalty was there to be taken"


def test_signature_that_is_always_good(
    kernel: KernelPool, find_trace: Find, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Signature, "covers", lambda self, signed: True)

    def taken(world: ChainWorld) -> bool:
        return world.talk is not None and any(held.signature.signed is None for held in world.talk.history[1])

    report = refuted(find_trace(made("liar-A"), taken), kernel)
    assert "reality: signature is not the funding key's" in report


def test_nodes_that_disagree_about_a_delay(
    kernel: KernelPool, find_trace: Find, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delays are no part of the facts that the model signs, but of the bytes: the receiver rebuilds other bytes."""
    params = made("honest").params
    scenario = replace(made("honest"), params=replace(params, local=replace(params.local, to_self_delay=Blocks(7))))
    trace = find_trace(scenario, lambda world: world.ledger.closing is not None)
    assert replay(trace, kernel.chain()).agreed
    monkeypatch.setattr(Params, "mirrored", lambda self: replace(self, opener=self.opener.other))
    report = refuted(trace, kernel)
    assert "about:   commitment 0 of A" in report
    assert "reality: signature is not the funding key's" in report




@pytest.mark.parametrize(
    ("kept", "told"), [("held", "the newest commitment that A holds"), ("_secrets", "whether A can derive the secret")]
)
def test_restart_that_forgets_too_little(
    kernel: KernelPool, find_trace: Find, monkeypatch: pytest.MonkeyPatch, kept: str, told: str
) -> None:
    def rich(world: World) -> bool:
        return world.nodes[0].local_commitment_number == 1 and world.nodes[0].remote_secrets == 1

    had = find_trace(SCENARIOS["restore-b"], rich)
    trace = replace(had, moves=(*had.moves, Move(0, "restore", "")))
    assert replay(trace, kernel.chain()).agreed
    right = Party.restart

    def wrong(self: Party, channel: Channel) -> None:
        before = getattr(self, kept)
        right(self, channel)
        setattr(self, kept, before)

    monkeypatch.setattr(Party, "restart", wrong)
    assert f"about:   {told}" in refuted(trace, kernel)
