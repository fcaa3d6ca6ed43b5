"""Runs of the chain world on real consensus agree with the model; and a model that is made wrong is caught."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from boltproofs.cli import command
from boltproofs.families import SCENARIOS as ALL_SCENARIOS
from boltproofs.replay import KernelPool
from boltproofs.replay.drive import replay_run
from boltproofs.replay.keyring import payment_preimage
from boltproofs.replay.result import ReplayResult
from boltproofs.replay.runs import drawn, every, remembering
from boltproofs.replay.scale import Task, replay_many, replayed, run_task
from boltproofs.replay.scope import Extent, covering, explored
from boltproofs.replay.shrinking import shrunk
from boltproofs.replay_job import main
from boltspec.chain import transactions
from boltspec.chain.conditions import CONDITIONS, Keys, Kind, Lock, Use, first_block, relative_lock
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
        outcome = run_task(Task(name, 7, 0, RUNS))
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


def test_a_small_scenario_is_replayed_whole_and_agrees() -> None:
    name = "liar-fee-means"
    outcome = run_task(Task(name))
    assert not outcome.disagreed
    assert outcome.whole[name] == (Extent.RUNS, 303, 817)
    assert outcome.traces == 817, "each run is another one"


@pytest.mark.parametrize("name", ["C1-A", "careless-offers", "liar-fee"])
def test_covering_runs_take_every_transition_and_are_maximal(name: str) -> None:
    scope = explored(ALL_SCENARIOS[name])
    assert scope is not None
    runs = list(covering(scope))
    assert len({run.digest for run in runs}) == len(runs)
    taken = {
        (before, move, after)
        for run in runs
        for before, move, after in zip(run.worlds, run.trace.moves, run.worlds[1:], strict=False)
    }
    family, steps = runs[0].trace.family(), remembering(scope.scenario)
    possible = {(world, *edge) for world in scope.worlds for edge in family.successors(world, scope.scenario, steps)}
    assert taken == possible
    assert all(not list(family.successors(run.worlds[-1], scope.scenario, steps)) for run in runs)
    assert all(run.trace.worlds() == run.worlds for run in runs[:5])


def test_runs_are_counted_as_they_are_found() -> None:
    for name in ("liar-fee", "careless-dust-remote", "careless-fee"):
        scope = explored(ALL_SCENARIOS[name])
        assert scope is not None
        assert scope.runs == len(list(every(scope.scenario)))


def test_a_scenario_with_one_transition_more_than_allowed_is_large() -> None:
    scenario = ALL_SCENARIOS["careless-dust-remote"]
    assert explored(scenario, 42) is not None
    assert explored(scenario, 41) is None


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
    once, again, other = (run_task(Task("C3", seed, 0, 5)).digests["C3"] for seed in (1, 1, 2))
    assert once == again != other


def test_all_scenarios_of_the_chain_world_are_replayed() -> None:
    assert set(SCENARIOS) <= set(replayed())


def test_a_large_scenario_is_sampled_until_there_are_enough_traces() -> None:
    outcome = replay_many(12, 1, 1, ["liar-fee", "C3"])
    assert set(outcome.whole) == {"liar-fee"}
    assert len(outcome.digests["liar-fee"]) == 8
    assert 50 <= len(outcome.digests["C3"]) <= 100, "a hundred are drawn; what was drawn twice counts once"


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

    for place in ("boltspec.chain.ledger", "boltspec.chain.claims", "boltproofs.replay.arbiter.locks"):
        monkeypatch.setattr(f"{place}.first_block", wrong)
    assert "bad-txns-nonfinal, non-final transaction" in first_disagreement("C1", pool).report


def test_expiry_that_is_a_block_late(pool: KernelPool, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(confirmed: Height, sequence: Blocks, locktime: Height) -> Height:
        return first_block(confirmed, sequence, locktime if locktime < Height(0) else locktime + Blocks(1))

    for place in ("boltspec.chain.ledger", "boltspec.chain.claims", "boltproofs.replay.arbiter.locks"):
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

    monkeypatch.setattr("boltspec.chain.leaving.commitment_transaction", wrong)
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


def a_block_early(lock: Lock, option_anchors: bool, to_self_delay: Blocks) -> Blocks:
    """A delay that is over too early in the model."""
    right = relative_lock(lock, option_anchors, to_self_delay)
    return right + Blocks(-1) if lock is Lock.TO_SELF_DELAY else right


def a_closing_satoshi_short(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("boltspec.chain.moves.commitment_fee", lambda *given: commitment_fee(*given) + Sat(1))


def a_delay_too_short(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("boltspec.chain.transactions.relative_lock", a_block_early)


def a_preimage_of_another_hash(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("boltproofs.replay.arbiter.locks.payment_preimage", lambda _: payment_preimage(7))


def a_thief_who_punishes_itself(patch: pytest.MonkeyPatch) -> None:
    penalty, delayed = CONDITIONS[Kind.TO_LOCAL]
    patch.setitem(CONDITIONS, Kind.TO_LOCAL, (penalty._replace(keys=Keys.OWNER, secret=False), delayed))


class Planted(NamedTuple):
    """An error, and what is told of it."""

    plant: Callable[[pytest.MonkeyPatch], None]
    scenario: str
    moves: int
    """Of the shortest trace that shows it."""
    model: str
    reality: str


@pytest.mark.parametrize(
    "planted",
    [
        Planted(a_closing_satoshi_short, "C1-B", 2, "998875 sat", "998876 sat"),
        Planted(a_delay_too_short, "C1-A", 3, "that it can", "a non-BIP68-final transaction"),
        Planted(a_preimage_of_another_hash, "C1-B", 6, "that it can: the locks", "script-verify-flag-failed"),
        Planted(a_thief_who_punishes_itself, "C1-A", 2, "that it can", "there is no such transaction"),
    ],
    ids=["another amount", "a lock that is not open", "a script that fails", "a key that does not fit"],
)
def test_a_disagreement_is_told_with_both_reasons_and_a_minimal_test_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, planted: Planted
) -> None:
    planted.plant(monkeypatch)
    monkeypatch.setattr("boltproofs.replay_job.directory", lambda: tmp_path)
    run = CliRunner().invoke(main, ["--workers", "1", "--scenario", planted.scenario])
    assert run.exit_code == 1
    assert "1 disagreements" in run.stdout, "it stops at the first one"
    told = {line.split(":")[0].strip(): line for line in run.stdout.splitlines()}
    assert planted.model in told["model"]
    assert planted.reality in told["reality"]

    file = tmp_path / "disagreement-0.json"
    assert len(json.loads(file.read_text())["moves"]) == planted.moves, "nothing more can be left out"
    again = CliRunner().invoke(command, ["replay", "--probing", str(file)])
    assert again.exit_code == 1
    assert told["model"] in again.stdout.splitlines()
    assert planted.reality in again.stdout, "for the same reason"
    monkeypatch.undo()
    assert CliRunner().invoke(command, ["replay", "--probing", str(file)]).exit_code == 0, "the right model agrees"


def test_trace_that_agrees_cannot_be_shrunk(pool: KernelPool) -> None:
    with pytest.raises(ValueError, match="agree on this trace"):
        shrunk(drawn(SCENARIOS["C1-A"], Random(3)).trace, pool)


def test_too_few_distinct_traces_are_told() -> None:
    outcome = replay_many(5, 1, 1, ["careless-fee"])
    assert outcome.traces == 1, "that world has a single run"
    assert CliRunner().invoke(main, ["--traces", "5", "--workers", "1", "--scenario", "careless-fee"]).exit_code == 1
