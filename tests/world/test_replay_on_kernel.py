"""Traces that a search found, replayed on the embedded chain: thefts punished, thefts that succeed, honest closes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from boltproofs.replay import KernelPool, Lockstep, NoBitcoind, ReplayResult, chains, open_chain, replay, replay_moves
from boltproofs.scenarios import SCENARIOS
from boltproofs.trace import Trace, TraceError
from boltspec.enforcement import knows_secret
from boltspec.messages import CommitmentSigned
from boltspec.move import Move
from boltspec.outputs import PATHS, REVOKE, Kind
from boltspec.scenario import Scenario
from boltspec.world import World

Find = Callable[..., Trace]

WATCHING = frozenset({"B05-general-n-01"})
CHECKING_SECRETS = frozenset({"B02-revoke-and-ack-r-01"})
THIEVES = ("thief-A-offers", "thief-B-takes")


def with_anchors(name: str, option_anchors: bool) -> Scenario:
    scenario = SCENARIOS[name]
    return replace(scenario, params=replace(scenario.params, option_anchors=option_anchors))


def agreed(trace: Trace, pool: KernelPool) -> ReplayResult:
    result = replay(trace, pool.chain(), probing=True)
    assert result.agreed, result.report
    assert len(result.steps) == len(trace.moves)
    assert result.probes, "nothing was on the chain"
    return result


def thief_of(scenario: Scenario) -> int:
    return scenario.corrupt.index(True)


@pytest.mark.parametrize("option_anchors", [True, False])
@pytest.mark.parametrize("name", THIEVES)
def test_revoked_commitment_is_punished(
    kernel: KernelPool, find_trace: Find, name: str, option_anchors: bool
) -> None:
    scenario = with_anchors(name, option_anchors)
    thief = thief_of(scenario)

    def all_taken(world: World) -> bool:
        left = {entry.output.kind for entry in world.ledger.unspent}
        return left == {Kind.TO_REMOTE} and any(paid.by_revocation for paid in world.ledger.paid)

    wallets = agreed(find_trace(scenario, all_taken), kernel).wallets
    assert wallets[thief] == 0
    assert wallets[1 - thief] > 990_000


@pytest.mark.parametrize("option_anchors", [True, False])
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("thief-A-offers", Kind.OFFERED_HTLC),
        ("thief-A-offers", Kind.TIMED_OUT_HTLC),
        ("thief-B-takes", Kind.RECEIVED_HTLC),
        ("thief-B-takes", Kind.SUCCEEDED_HTLC),
    ],
)
def test_htlcs_of_a_revoked_commitment_are_taken_at_either_stage(
    kernel: KernelPool, find_payment: Find, name: str, kind: Kind, option_anchors: bool
) -> None:
    scenario = with_anchors(name, option_anchors)
    result = agreed(find_payment(scenario, kind, by_revocation=True), kernel)
    assert result.wallets[thief_of(scenario)] == 0


@pytest.mark.parametrize("option_anchors", [True, False])
@pytest.mark.parametrize("kind", [kind for kind, paths in PATHS.items() if paths])
@pytest.mark.parametrize("name", ["close-a", "close-b"])
def test_honest_close_pays_every_kind_of_output(
    kernel: KernelPool, find_payment: Find, name: str, kind: Kind, option_anchors: bool
) -> None:
    result = agreed(find_payment(with_anchors(name, option_anchors), kind, by_revocation=False), kernel)
    assert sum(result.wallets) > 0


@pytest.mark.parametrize("option_anchors", [True, False])
@pytest.mark.parametrize("name", THIEVES)
def test_nobody_watching_the_thief_is_paid(
    kernel: KernelPool, find_trace: Find, name: str, option_anchors: bool
) -> None:
    scenario = with_anchors(name, option_anchors)
    thief = thief_of(scenario)

    def stolen(world: World) -> bool:
        closing = world.ledger.closing
        if closing is None or closing.owner != thief:
            return False
        revoked = closing.number < world.nodes[1 - thief].remote_revocations
        return revoked and any(paid.payee == thief for paid in world.ledger.paid)

    result = agreed(find_trace(scenario, stolen, WATCHING), kernel)
    assert result.wallets[thief] > 0
    assert "without B05-general-n-01" in result.report


@pytest.mark.parametrize("name", ["liar-A", "liar-B"])
def test_wrong_secret_makes_the_penalty_impossible(kernel: KernelPool, find_trace: Find, name: str) -> None:
    scenario = SCENARIOS[name]
    thief = thief_of(scenario)

    def unpunishable(world: World) -> bool:
        closing, victim = world.ledger.closing, world.nodes[1 - thief]
        if closing is None or closing.owner != thief or not 0 <= closing.number < victim.remote_revocations:
            return False
        has_to_local = any(entry.output.kind is Kind.TO_LOCAL for entry in world.ledger.unspent)
        return has_to_local and not knows_secret(victim, closing.number)

    trace = find_trace(scenario, unpunishable, CHECKING_SECRETS)
    agreed(trace, kernel)
    twin = Lockstep(scenario, kernel.chain())
    for move, world in zip(trace.moves, trace.worlds()[1:], strict=True):
        twin.step(move, world)
    index = [entry.output.kind for entry in world.ledger.unspent].index(Kind.TO_LOCAL)
    penalty = twin.reality.claim(1 - thief, index, world.ledger.unspent[index], REVOKE)
    refusal = twin.reality.refusal(penalty)
    assert refusal is not None
    assert "script-verify" in refusal


def test_wrong_secret_is_not_repaired_by_later_right_ones(kernel: KernelPool, find_trace: Find) -> None:
    scenario = SCENARIOS["liar-B"]

    def gap(world: World) -> bool:
        return world.nodes[0].remote_revocations == 2 and world.nodes[0].remote_secrets == 0

    trace = find_trace(scenario, gap, CHECKING_SECRETS)
    assert "revoke_and_ack" in [move.detail for move in trace.moves], "a right secret followed"
    assert replay(trace, kernel.chain()).agreed


@pytest.mark.parametrize("option_anchors", [True, False])
def test_trimmed_htlcs_have_no_output(kernel: KernelPool, find_trace: Find, option_anchors: bool) -> None:
    scenario = replace(with_anchors("dance-dust", option_anchors), onchain=True)

    def trimmed(world: World) -> bool:
        closing = world.ledger.closing
        if closing is None:
            return False
        signed = world.history[closing.owner][closing.number].signature.signed
        return signed is not None and len(signed.htlcs) == 2 and len(world.ledger.unspent) == 3

    agreed(find_trace(scenario, trimmed), kernel)


@pytest.mark.parametrize(
    ("main", "htlcs", "extra"),
    [(False, True, 0), (True, False, 0), (True, True, 1)],
    ids=["bad signature", "bad htlc signatures", "bad num_htlcs"],
)
def test_bad_commitment_signed_is_rejected_in_reality_too(
    kernel: KernelPool, find_trace: Find, main: bool, htlcs: bool, extra: int
) -> None:
    def on_the_way(world: World) -> bool:
        match world.wires[0]:
            case (CommitmentSigned(signature, num_htlcs, htlc_signatures),):
                facts = (signature.signed is not None, htlc_signatures.signed is not None, num_htlcs)
                return facts == (main, htlcs, 1 + extra)
        return False

    trace = find_trace(SCENARIOS["liar-A"], on_the_way)
    result = replay(replace(trace, moves=(*trace.moves, Move(1, "deliver", "CommitmentSigned"))), kernel.chain())
    assert result.agreed, result.report
    assert result.steps[-1].note == "rejected"


def test_result_names_blocks_transactions_and_wallets(kernel: KernelPool, find_payment: Find) -> None:
    trace = find_payment(SCENARIOS["thief-B-takes"], Kind.TO_LOCAL, by_revocation=True)
    result = replay_moves(trace.scenario, trace.moves, chain=kernel.chain())
    data = json.loads(json.dumps(result.to_json()))
    assert data["agreed"]
    assert data["disagreement"] is None
    assert [step["action"] for step in data["steps"]] == [move.action for move in trace.moves]
    assert data["wallets_sat"] == {"A": result.wallets[0], "B": 0}
    assert "transaction" in data["steps"][-1]["note"]
    assert result.report.splitlines()[-1].startswith(f"agreed after each of {len(trace.moves)} steps")


def test_same_seed_gives_the_same_transactions(find_payment: Find) -> None:
    trace = find_payment(SCENARIOS["thief-B-takes"], Kind.TO_LOCAL, by_revocation=True)
    assert replay(trace, "kernel") == replay(trace, "kernel")


def test_unknown_chain_is_named() -> None:
    with pytest.raises(ValueError, match="no such chain: mainnet; there are kernel, bitcoind"), open_chain("mainnet"):
        pass


def test_missing_bitcoind_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "find_bitcoind", lambda: None)
    with pytest.raises(NoBitcoind, match=r"\$BITCOIND"), open_chain("bitcoind"):
        pass


def test_named_bitcoind_that_is_no_program_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITCOIND", "/nowhere/bitcoind")
    with pytest.raises(NoBitcoind, match="/nowhere/bitcoind"), open_chain("bitcoind"):
        pass


def test_pool_replaces_a_chain_that_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    with KernelPool() as pool:
        first = pool.chain()
        assert pool.chain() is first
        monkeypatch.setattr(chains, "RENEW_AFTER", first.height())
        assert pool.chain() is not first


def test_impossible_move_is_a_trace_error(kernel: KernelPool) -> None:
    with pytest.raises(TraceError, match=r"moves\[0\]"):
        replay_moves(SCENARIOS["close-a"], [Move(0, "spend", "0 to_local delayed")], chain=kernel.chain())
