"""Replay at scale: many distinct traces on the embedded chain, on all cores.

Small scenarios are replayed whole (:mod:`boltproofs.replay.scope`), of large ones a random sample. What is sampled
depends on the seed, the scenario and the number of the run alone, so that the same seed replays the same traces on any
number of cores. Traces that were drawn twice are counted once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from random import Random
from typing import Any, NamedTuple

from boltproofs.families import SCENARIOS
from boltproofs.families.dance import DANCE
from boltproofs.families.onchain import ONCHAIN
from boltproofs.replay.chains import KernelPool
from boltproofs.replay.drive import replay_run
from boltproofs.replay.result import ReplayResult
from boltproofs.replay.runs import Run, drawn, every
from boltproofs.replay.scope import Extent, Scope, covering, explored
from boltproofs.replay.shrinking import shrunk
from boltproofs.trace import Trace

CHUNK = 100
"""Runs of one task at most, where they are sampled."""
LEAST_SAMPLE = 100
"""How many runs of each large scenario are drawn in any case."""
MOST_ROUNDS = 50
"""Rounds of samples after which it is given up to find more distinct traces."""


class Task(NamedTuple):
    """Runs of one scenario for one process."""

    scenario: str
    seed: int = 0
    first: int = 0
    """Number of the first run: it says what is drawn."""
    runs: int = 0
    """How many are drawn; 0 for the whole of a small scenario, and for none of a large one."""


class Whole(NamedTuple):
    """The numbers of a scenario that was replayed whole."""

    extent: Extent
    transitions: int
    runs: int
    """How many maximal runs it has."""


@dataclass(frozen=True, slots=True)
class Disagreed:
    """A trace on which model and chain disagree, made short."""

    trace: Trace
    report: str


@dataclass
class Outcome:
    """What came of the replays so far."""

    digests: dict[str, set[bytes]] = field(default_factory=dict)
    """By scenario, what tells the runs apart that were replayed."""
    whole: dict[str, Whole] = field(default_factory=dict)
    """The scenarios that were replayed whole."""
    covered: Counter[str] = field(default_factory=Counter)
    processor_seconds: float = 0.0
    steps: int = 0
    probes: int = 0
    disagreed: list[Disagreed] = field(default_factory=list)

    @property
    def traces(self) -> int:
        """Number of distinct traces."""
        return sum(map(len, self.digests.values()))

    def add(self, other: Outcome) -> None:
        """Take in what came of another task."""
        for name, digests in other.digests.items():
            self.digests.setdefault(name, set()).update(digests)
        self.whole.update(other.whole)
        self.covered.update(other.covered)
        self.processor_seconds += other.processor_seconds
        self.steps += other.steps
        self.probes += other.probes
        self.disagreed += other.disagreed


def replayed() -> tuple[str, ...]:
    """Return the names of all scenarios that are replayed: of all families whose moves can be made real."""
    return (*DANCE.scenarios, *ONCHAIN.scenarios)


def run_task(task: Task) -> Outcome:
    """Replay the runs of a task; stops at its first disagreement."""
    started, outcome = time.process_time(), Outcome()
    scenario: Any = SCENARIOS[task.scenario]
    scope = None if task.runs else explored(scenario)
    runs = _drawn(task) if scope is None else _whole(scope)
    with KernelPool() as pool:
        if _agree(runs, task.scenario, outcome, pool) and scope is not None:
            outcome.whole[task.scenario] = Whole(scope.extent, scope.transitions, scope.runs)
    outcome.processor_seconds = time.process_time() - started
    return outcome


def _agree(runs: Iterator[Run], scenario: str, outcome: Outcome, pool: KernelPool) -> bool:
    """Replay runs, each distinct one once; say whether model and chain agree on all."""
    digests = outcome.digests.setdefault(scenario, set())
    for run in runs:
        if run.digest in digests:
            continue
        result = replay_run(run.trace, run.worlds, pool.chain(), probing=True)
        digests.add(run.digest)
        outcome.covered.update(result.covered)
        outcome.steps += len(result.steps)
        outcome.probes += result.probes
        if not result.agreed:
            outcome.disagreed.append(_shortest(run.trace, pool))
            return False
    return True


def _whole(scope: Scope) -> Iterator[Run]:
    return every(scope.scenario) if scope.extent is Extent.RUNS else covering(scope)


def _drawn(task: Task) -> Iterator[Run]:
    scenario: Any = SCENARIOS[task.scenario]
    for number in range(task.first, task.first + task.runs):
        yield drawn(scenario, Random(f"{task.seed}/{task.scenario}/{number}"))  # noqa: S311


def _shortest(trace: Trace, pool: KernelPool) -> Disagreed:
    short = shrunk(trace, pool)
    result: ReplayResult = replay_run(short, short.worlds(), pool.chain(), probing=True)
    return Disagreed(short, result.report)


def replay_many(
    traces: int,
    seed: int,
    processes: int,
    scenarios: Sequence[str] | None = None,
    progress: Callable[[Outcome], None] = lambda _outcome: None,
) -> Outcome:
    """Replay small scenarios whole, and of the others at least so many that there are ``traces`` distinct traces.

    Stops at the first disagreement. Fewer are replayed if a round of samples has found no new one; the number of
    distinct traces tells.
    """
    names = replayed() if scenarios is None else tuple(scenarios)
    outcome = Outcome()
    with _mapping(processes) as run_all:
        _take_in(outcome, run_all(run_task, [Task(name) for name in names]), progress)
        large = [name for name in names if name not in outcome.whole]
        first = 0
        for _ in range(MOST_ROUNDS if large else 0):
            before, share = outcome.traces, max(LEAST_SAMPLE, -(-(traces - outcome.traces) // len(large)))
            if outcome.disagreed or (first and before >= traces):
                break
            _take_in(outcome, run_all(run_task, _round(large, seed, first, share)), progress)
            first += share
            if outcome.traces == before:
                break
    return outcome


def _take_in(outcome: Outcome, coming: Iterator[Outcome], progress: Callable[[Outcome], None]) -> None:
    """Take in what comes of tasks, up to the first disagreement."""
    for done in coming:
        outcome.add(done)
        progress(outcome)
        if outcome.disagreed:
            return


@contextmanager
def _mapping(processes: int) -> Iterator[Callable[..., Iterator[Outcome]]]:
    """Yield a ``map`` over so many processes, what waits in the end being dropped; with one it is this process."""
    if processes == 1:
        yield map
        return
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)


def _round(names: Sequence[str], seed: int, first: int, share: int) -> list[Task]:
    """Return the tasks of a round of samples, ``share`` of each scenario from the number ``first`` on."""
    ends = range(0, share, CHUNK)
    return [Task(name, seed, first + start, min(CHUNK, share - start)) for name in names for start in ends]
