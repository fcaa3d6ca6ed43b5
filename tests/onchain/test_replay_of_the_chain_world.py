"""Runs of the chain world on real consensus agree with the model; and a model that is made wrong is caught."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from boltproofs.cli import command
from boltproofs.replay import KernelPool
from boltproofs.replay.drive import replay_run
from boltproofs.replay.result import ReplayResult
from boltproofs.replay.runs import drawn, every
from boltproofs.replay.scale import Task, exhausted, replay_many, replayed, run_task
from boltproofs.replay.shrinking import shrunk
from boltproofs.replay_job import main
from boltspec.chain import transactions
from boltspec.chain.conditions import Lock, Use, first_block, relative_lock
from boltspec.chain.presets import SCENARIOS
from boltspec.fees import commitment_fee, second_stage_fee
from boltspec.units import Blocks, Height, Sat

RUNS = 12
MOST_RUNS = 400


@pytest.fixture(scope="module")
def pool() -> Iterator[KernelPool]:
    with KernelPool() as kernel:
        yield kernel


def first_disagreement(name: str, pool: KernelPool) -> ReplayResult:
    """Replay sampled runs until one disagrees."""
    for number in range(MOST_RUNS):
        run = drawn(SCENARIOS[name], Random(f"planted/{number}"))
        result = replay_run(run.trace, run.worlds, pool.chain(), probing=True)
        if not result.agreed:
            return result
    pytest.fail(f"{MOST_RUNS} runs of a wrong model agree with consensus")


# --- the right model ---


def test_sampled_runs_of_every_scenario_agree_and_use_every_way_to_spend() -> None:
    covered: Counter[str] = Counter()
    for name in SCENARIOS:
        outcome = run_task(Task(name, 7, 0, RUNS, sampled=True))
        assert not outcome.disagreed, outcome.disagreed[0].report
        covered.update(outcome.covered)
    never_confirmed = {Use.DIRECT, Use.FEE_BUMP, Use.CLEAN_UP}  # the model counts them as received, or leaves them
    for use in Use:
        assert covered[f"confirmed {use}"] or use in never_confirmed, use
        assert covered[f"tried open {use}"] or use in (Use.COMMITMENT, Use.CLOSING), use
    for use in (Use.DELAYED, Use.DIRECT, Use.HTLC_TIMEOUT, Use.CLAIM_EXPIRED, Use.CLEAN_UP):
        assert covered[f"tried early {use}"], use
    for use in (Use.REVOCATION, Use.CLAIM_WITH_PREIMAGE):
        assert covered[f"tried guessed {use}"], use
    assert covered["confirmed on a new branch"]


@pytest.mark.parametrize("name", ["C1-A", "C1-B"])
def test_first_runs_in_order_agree(name: str) -> None:
    outcome = run_task(Task(name, 0, 0, 3 * RUNS, sampled=False))
    assert not outcome.disagreed
    assert outcome.traces == 3 * RUNS, "each run is another one"


def test_every_run_is_maximal() -> None:
    scenario = SCENARIOS["C1-A"]
    for run, _ in zip(every(scenario), range(50), strict=False):
        assert not list(run.trace.family().successors(run.worlds[-1], scenario, run.trace.family().steps))


def test_every_run_of_a_scenario_that_ends_is_found() -> None:
    """With no payment and the horizon at once, the runs can be counted by a recursion that shares no code."""
    scenario = replace(SCENARIOS["C1-A"], payments=(), horizon=Height(1))
    family = next(every(scenario)).trace.family()

    def count(world: object) -> int:
        return sum(count(after) for _, after in family.successors(world, scenario, family.steps)) or 1

    found = [run.digest for run in every(scenario)]
    assert len(found) == len(set(found)) == count(family.initial(scenario))


def test_same_seed_draws_the_same_runs() -> None:
    once, again, other = (run_task(Task("C3", seed, 0, 5, sampled=True)).digests["C3"] for seed in (1, 1, 2))
    assert once == again != other


def test_all_scenarios_of_the_chain_world_are_replayed() -> None:
    assert set(SCENARIOS) <= set(replayed())
    assert {"C1-A", "close-a"} <= set(exhausted())


# --- wrong models ---


@pytest.mark.parametrize(
    ("off_by", "expected"), [(-1, "non-BIP68-final"), (1, "reality: it can")], ids=["a block early", "a block late"]
)
def test_delay_that_is_off_by_one(
    pool: KernelPool, monkeypatch: pytest.MonkeyPatch, off_by: int, expected: str
) -> None:
    def wrong(lock: Lock, option_anchors: bool, to_self_delay: Blocks) -> Blocks:
        right = relative_lock(lock, option_anchors, to_self_delay)
        return right + Blocks(off_by) if lock is Lock.TO_SELF_DELAY else right

    monkeypatch.setattr("boltspec.chain.transactions.relative_lock", wrong)
    assert expected in first_disagreement("C1-A", pool).report


def test_expiry_that_is_a_block_early(pool: KernelPool, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(confirmed: Height, sequence: Blocks, locktime: Height) -> Height:
        return first_block(confirmed, sequence, locktime + Blocks(-1))

    for place in ("boltspec.chain.ledger", "boltspec.chain.honest", "boltproofs.replay.arbiter.locks"):
        monkeypatch.setattr(f"{place}.first_block", wrong)
    assert "bad-txns-nonfinal, non-final transaction" in first_disagreement("C1", pool).report


def test_expiry_that_is_a_block_late(pool: KernelPool, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(confirmed: Height, sequence: Blocks, locktime: Height) -> Height:
        return first_block(confirmed, sequence, locktime if locktime < Height(0) else locktime + Blocks(1))

    for place in ("boltspec.chain.ledger", "boltspec.chain.honest", "boltproofs.replay.arbiter.locks"):
        monkeypatch.setattr(f"{place}.first_block", wrong)
    assert "reality: it can" in first_disagreement("C1", pool).report


def test_second_stage_fee_that_is_off_by_one(pool: KernelPool, monkeypatch: pytest.MonkeyPatch) -> None:
    place = "boltspec.chain.transactions.second_stage_fee"
    monkeypatch.setattr(place, lambda *given: second_stage_fee(*given) + Sat(1))
    result = first_disagreement("C1", pool)
    assert result.disagreement is not None
    assert "succeeded_htlc" in result.disagreement.what or "timed_out_htlc" in result.disagreement.what


def test_closing_fee_that_is_off_by_one(pool: KernelPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boltspec.chain.moves.commitment_fee", lambda *given: commitment_fee(*given) + Sat(1))
    result = first_disagreement("C1-B", pool)
    assert result.disagreement is not None
    assert result.disagreement.what == "outputs of the closing transaction"


def test_output_that_is_missing(pool: KernelPool, monkeypatch: pytest.MonkeyPatch) -> None:
    right = transactions.commitment_transaction

    def wrong(*given: object) -> transactions.Transaction:
        made = right(*given)  # type: ignore[arg-type]
        return made._replace(outputs=made.outputs[:-1])

    monkeypatch.setattr("boltspec.chain.honest.commitment_transaction", wrong)
    result = first_disagreement("C1", pool)
    assert result.disagreement is not None
    assert result.disagreement.what.startswith("outputs of commitment")


def test_payout_to_the_wrong_party(pool: KernelPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boltspec.chain.ledger._received", lambda transaction: (Sat(1), Sat(0)))
    result = first_disagreement("C1", pool)
    assert result.disagreement is not None
    assert result.disagreement.what == "what A received"


def test_branch_whose_transactions_come_too_early(pool: KernelPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thief's delay is over at once in the model: on a new branch consensus refuses all of the branch."""
    monkeypatch.setattr("boltproofs.replay.arbiter.twin.ChainTwin._probe", lambda *given: None)
    monkeypatch.setattr("boltspec.chain.transactions.relative_lock", lambda *given: Blocks(0))
    for number in range(MOST_RUNS):
        run = drawn(SCENARIOS["C3-reorganisation"], Random(f"branch/{number}"))
        result = replay_run(run.trace, run.worlds, pool.chain())
        if result.disagreement is not None and result.disagreement.what == "a branch":
            assert "non-BIP68-final" in result.disagreement.reality
            return
    pytest.fail("no branch was refused")


# --- the minimal test file ---


def test_disagreement_leaves_a_minimal_trace_that_the_command_shows_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("boltspec.chain.moves.commitment_fee", lambda *given: commitment_fee(*given) + Sat(1))
    monkeypatch.setattr("boltproofs.replay_job.directory", lambda: tmp_path)
    run = CliRunner().invoke(main, ["--traces", "200", "--workers", "1", "--scenario", "C1-B", "--json", "-"])
    assert run.exit_code == 1
    data = json.loads(run.stdout)
    assert not data["agreed"]
    file = tmp_path / "disagreement-0.json"
    moves = json.loads(file.read_text())["moves"]
    assert [move["action"] for move in moves] in (["agree", "mine"], ["agree", "publish"])
    again = CliRunner().invoke(command, ["replay", "--probing", str(file)])
    assert again.exit_code == 1
    assert "outputs of the closing transaction" in again.stdout
    monkeypatch.undo()
    assert CliRunner().invoke(command, ["replay", "--probing", str(file)]).exit_code == 0, "the right model agrees"


def test_trace_that_agrees_cannot_be_shrunk(pool: KernelPool) -> None:
    with pytest.raises(ValueError, match="agree on this trace"):
        shrunk(drawn(SCENARIOS["C1-A"], Random(3)).trace, pool)


def test_too_few_distinct_traces_are_told() -> None:
    outcome = replay_many(5, 1, 1, ["careless-fee"])
    assert outcome.traces == 1, "that world has a single run"
    assert CliRunner().invoke(main, ["--traces", "5", "--workers", "1", "--scenario", "careless-fee"]).exit_code == 1
