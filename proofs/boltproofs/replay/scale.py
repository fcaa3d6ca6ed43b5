"""Replay at scale: many distinct traces on the embedded chain, on all cores.

Small scenarios give their first maximal runs, in the order of the moves; large ones a random sample. What is sampled
depends on the seed, the scenario and the number of the run alone, so that the same seed replays the same traces on any
number of cores.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
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
from boltproofs.replay.shrinking import shrunk
from boltproofs.trace import Trace

CHUNK = 100
"""Runs of one task."""
MOST_ROUNDS = 50
"""Rounds of samples after which it is given up to find more distinct traces."""


class Task(NamedTuple):
    """Runs of one scenario for one process."""

    scenario: str
    seed: int
    first: int
    """Number of the first run; that of a sample says what is drawn."""
    runs: int
    """How many."""
    sampled: bool
    """A random sample; else the first maximal runs in the order of the moves."""


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
        self.covered.update(other.covered)
        self.processor_seconds += other.processor_seconds
        self.steps += other.steps
        self.probes += other.probes
        self.disagreed += other.disagreed


def exhausted() -> tuple[str, ...]:
    """Return the names of the scenarios of which the first maximal runs are replayed: the small ones."""
    return tuple(name for name in replayed() if name not in DANCE.large | ONCHAIN.large | ONCHAIN.deep)


def replayed() -> tuple[str, ...]:
    """Return the names of all scenarios that are replayed.

    Left out are scenarios of the dance with lost connections and crashes, for which that replay has no bytes; the chain
    world has crashes too, and these are replayed.
    """
    names = [name for name, one in DANCE.scenarios.items() if not (one.disconnections or one.crashes or one.restores)]
    return (*names, *ONCHAIN.scenarios)


def run_task(task: Task) -> Outcome:
    """Replay the runs of a task; stops at its first disagreement."""
    started, outcome = time.process_time(), Outcome()
    digests = outcome.digests.setdefault(task.scenario, set())
    with KernelPool() as pool:
        for run in _runs(task):
            if run.digest in digests:
                continue
            result = replay_run(run.trace, run.worlds, pool.chain(), probing=True)
            digests.add(run.digest)
            outcome.covered.update(result.covered)
            outcome.steps += len(result.steps)
            outcome.probes += result.probes
            if not result.agreed:
                outcome.disagreed.append(_shortest(run.trace, pool))
                break
    outcome.processor_seconds = time.process_time() - started
    return outcome


def _runs(task: Task) -> Iterator[Run]:
    scenario: Any = SCENARIOS[task.scenario]
    if not task.sampled:
        return islice(every(scenario), task.first, task.first + task.runs)
    numbers = range(task.first, task.first + task.runs)
    return (drawn(scenario, Random(f"{task.seed}/{task.scenario}/{number}")) for number in numbers)  # noqa: S311


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
    """Replay at least so many distinct traces; stops after the first round with a disagreement.

    Fewer are replayed if a round has found no new one; the number of distinct traces tells.
    """
    names = replayed() if scenarios is None else tuple(scenarios)
    share = -(-traces // (2 * len(names)))
    outcome = Outcome()
    with _mapping(processes) as run_all:
        for number in range(MOST_ROUNDS):
            before = outcome.traces
            for done in run_all(run_task, _round(names, number, share, seed)):
                outcome.add(done)
                progress(outcome)
            if outcome.traces >= traces or outcome.traces == before or outcome.disagreed:
                break
    return outcome


@contextmanager
def _mapping(processes: int) -> Iterator[Callable[..., Iterator[Outcome]]]:
    """Yield a ``map`` over so many processes; with one it is this process."""
    if processes == 1:
        yield map
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield pool.map


def _round(names: Sequence[str], number: int, share: int, seed: int) -> Iterable[Task]:
    """Return the tasks of a round: small scenarios in order in the first one, and a sample of each in all of them."""
    for name in names:
        if number == 0 and name in exhausted():
            yield Task(name, seed, 0, share, sampled=False)
        for start in range(0, share, CHUNK):
            yield Task(name, seed, number * share + start, min(CHUNK, share - start), sampled=True)
