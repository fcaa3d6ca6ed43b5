"""A model that is made wrong on purpose is caught by the chain: the comparison can fail, and says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from boltproofs.replay import KernelPool, replay
from boltproofs.scenarios import SCENARIOS
from boltproofs.trace import Trace
from boltspec.fees import commitment_fee
from boltspec.ledger import mine
from boltspec.messages import Signature
from boltspec.outputs import Kind, Output, outputs
from boltspec.params import Params
from boltspec.units import Blocks, FeeratePerKw, Sat
from boltspec.world import World

Find = Callable[..., Trace]
HONEST = SCENARIOS["close-a"]
STATIC = replace(HONEST, params=replace(HONEST.params, option_anchors=False))


def refuted(trace: Trace, pool: KernelPool, *, probing: bool = False) -> str:
    """Replay a trace of a wrong model and give the report of the disagreement."""
    result = replay(trace, pool.chain(), probing=probing)
    assert not result.agreed, result.report
    assert result.to_json()["disagreement"] is not None
    return result.report


@pytest.mark.parametrize("kind", [Kind.TO_LOCAL, Kind.TIMED_OUT_HTLC, Kind.SUCCEEDED_HTLC])
def test_delay_that_ends_a_block_early(
    kernel: KernelPool, find_payment: Find, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    right = HONEST.params.remote.to_self_delay
    monkeypatch.setattr("boltspec.world._delay_on_owner", lambda state: right - Blocks(1))
    trace = find_payment(HONEST, kind, by_revocation=False)
    assert "non-BIP68-final" in refuted(trace, kernel)


@pytest.mark.parametrize("kind", [Kind.TIMED_OUT_HTLC, Kind.RECEIVED_HTLC])
def test_expiry_that_is_forgotten(
    kernel: KernelPool, find_payment: Find, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    monkeypatch.setattr("boltspec.world.is_open", lambda *given: True)
    trace = find_payment(HONEST, kind, by_revocation=False)
    assert "reality: consensus: bad-txns-nonfinal" in refuted(trace, kernel)


def test_lock_that_the_chain_does_not_have(
    kernel: KernelPool, find_payment: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = find_payment(HONEST, Kind.TO_LOCAL, by_revocation=False)
    monkeypatch.setattr("boltproofs.replay.comparison.is_open", lambda *given: False)
    report = refuted(trace, kernel, probing=True)
    assert "model:   that it cannot: the delay of 4 blocks is not over" in report


def test_fee_that_is_one_satoshi_off(kernel: KernelPool, find_payment: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(params: Params, feerate: FeeratePerKw, untrimmed: int) -> Sat:
        return commitment_fee(params, feerate, untrimmed) + Sat(1)

    monkeypatch.setattr("boltspec.outputs.commitment_fee", wrong)
    report = refuted(find_payment(HONEST, Kind.TO_LOCAL, by_revocation=False), kernel)
    assert "about:   outputs of the commitment" in report


def test_trimming_that_is_forgotten(kernel: KernelPool, find_trace: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boltspec.outputs.has_output", lambda *given: True)
    scenario = replace(SCENARIOS["dance-dust"], onchain=True)
    trace = find_trace(scenario, lambda state: len(state.ledger.unspent) == 4)
    assert "about:   outputs of the commitment" in refuted(trace, kernel)


def test_output_that_the_model_overlooks(kernel: KernelPool, find_trace: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boltspec.ledger.outputs", lambda *given: outputs(*given)[:-1])
    trace = find_trace(HONEST, lambda state: state.ledger.closing is not None)
    assert "about:   outputs of the commitment" in refuted(trace, kernel)


def test_fee_of_the_second_stage_that_is_forgotten(
    kernel: KernelPool, find_trace: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    def same_amount(params: Params, feerate: FeeratePerKw, output: Output, kind: Kind) -> Output:
        return replace(output, kind=kind)

    monkeypatch.setattr("boltspec.ledger.second_stage", same_amount)

    def reached(state: World) -> bool:
        return any(entry.output.kind is Kind.TIMED_OUT_HTLC for entry in state.ledger.unspent)

    assert "about:   timed_out_htlc" in refuted(find_trace(STATIC, reached), kernel)


def test_secret_that_nobody_gave(kernel: KernelPool, find_trace: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boltspec.world.knows_secret", lambda *given: True)

    def honest_punished(state: World) -> bool:
        return any(paid.by_revocation and paid.payee == 1 for paid in state.ledger.paid)

    report = refuted(find_trace(SCENARIOS["thief-B-takes"], honest_punished), kernel)
    assert "by revocation" in report
    assert "script-verify" in report


def test_signature_that_is_always_good(kernel: KernelPool, find_trace: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Signature, "covers", lambda self, signed: True)

    def taken(state: World) -> bool:
        return any(message.signature.signed is None for message in state.history[1])

    report = refuted(find_trace(SCENARIOS["liar-A"], taken), kernel)
    assert "reality: signature is not the funding key's" in report


def test_nodes_that_disagree_about_a_delay(
    kernel: KernelPool, find_trace: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Delays are no part of the facts that the model signs, but of the bytes: the receiver rebuilds other bytes."""
    params = HONEST.params
    scenario = replace(HONEST, params=replace(params, local=replace(params.local, to_self_delay=Blocks(5))))
    trace = find_trace(scenario, lambda state: state.ledger.closing is not None)
    assert replay(trace, kernel.chain()).agreed
    monkeypatch.setattr(Params, "mirrored", lambda self: replace(self, opener=self.opener.other))
    report = refuted(trace, kernel)
    assert "about:   commitment 0 of A" in report
    assert "reality: signature is not the funding key's" in report


def test_height_that_runs_ahead(kernel: KernelPool, find_trace: Find, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boltspec.world.mine", lambda state: mine(mine(state)))
    trace = find_trace(HONEST, lambda state: state.ledger.closing is not None and state.ledger.height > 1)
    assert "about:   height" in refuted(trace, kernel)
