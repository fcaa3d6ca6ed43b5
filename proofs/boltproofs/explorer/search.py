"""The search: level by level, until a property breaks, nothing new is found, or a bound is hit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum

from boltproofs.explorer.again import Again, Record, Recording
from boltproofs.explorer.digest import collision_probability
from boltproofs.explorer.family import Property, Reduced, Scenario
from boltproofs.explorer.saved import Progressed, Saved
from boltproofs.explorer.shard import ROOT, Bounds, Shard, Stop, Task, Violation, collector_off
from boltproofs.explorer.team import Alone, Processes, Team
from boltproofs.families import family_of
from boltproofs.trace import Trace
from boltspec.move import Move
from boltspec.rules import note


class Verdict(StrEnum):
    """What came of a search."""

    HOLDS = "holds"
    """Every reachable world was seen; no property broke."""
    VIOLATED = "violated"
    UNKNOWN = "unknown"
    """A bound was hit first."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a search, and what it covered."""

    scenario: Scenario
    without: frozenset[str]
    states: int
    transitions: int
    depth: int
    """Moves from the initial world to the farthest worlds seen."""
    seconds: float
    workers: int
    verdict: Verdict
    stopped: Stop | None
    """Which bound was hit, if the verdict is unknown."""
    trace: Trace | None
    """The shortest way to break a property."""

    @property
    def collision_probability(self) -> float:
        """A bound on the probability that two worlds were taken for one."""
        return collision_probability(self.states)

    @property
    def reduced(self) -> tuple[Reduced, ...]:
        """What the search left out, and what checks that it could."""
        return family_of(self.scenario).reduced(self.scenario)

    def to_json(self) -> dict[str, object]:
        """Return the result as a JSON object."""
        return {
            "scenario": self.scenario.name,
            "without": sorted(self.without),
            "states": self.states,
            "transitions": self.transitions,
            "depth": self.depth,
            "seconds": round(self.seconds, 3),
            "workers": self.workers,
            "verdict": self.verdict.value,
            "stopped": self.stopped.value if self.stopped else None,
            "collision_probability": self.collision_probability,
            "reduced": [entry.to_json() for entry in self.reduced],
            "trace": self.trace.to_json() if self.trace else None,
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search has come."""

    scenario: str
    depth: int
    states: int
    transitions: int
    waiting: int
    seconds: float


def search(
    scenario: Scenario,
    *,
    without: frozenset[str] = frozenset(),
    asked: Iterable[str] | None = None,
    extra: tuple[Property, ...] = (),
    bounds: Bounds = Bounds(),  # noqa: B008  # immutable
    workers: int = 1,
    progress: Callable[[Progress], None] | None = None,
    saved: Saved | None = None,
    known: Record | None = None,
) -> Result:
    """Search a scenario with some rules off.

    ``asked`` names the properties that are looked at (all of the family by default), ``extra`` are further ones;
    ``progress`` is called after each level. With ``saved`` the search begins where an interrupted one has ended, and is
    written to the file between levels; :class:`boltproofs.explorer.saved.SavedError` if that file cannot be used.
    ``known`` is what :func:`recorded` has found in this scenario: all that a rule has no say in is taken from there.
    """
    if workers < 1:
        raise ValueError("a search needs at least one worker")
    family, names = family_of(scenario), None if asked is None else frozenset(asked)
    if unknown := (names or frozenset()) - {one.name for one in family.properties}:
        raise ValueError(f"no properties of {family.name}: {', '.join(sorted(unknown))}")
    task = Task(family, scenario, without, bounds, names, extra, workers)
    team = nullcontext(_alone(task, known)) if workers == 1 else Processes(task)
    with team as shards, collector_off():
        return _Run(task, shards, progress, saved).run()


def _alone(task: Task, known: Record | None) -> Alone:
    return Alone(task, Again(task, known) if known is not None and known.answers(task) else None)


def recorded(scenario: Scenario) -> tuple[Result, Record]:
    """Search a scenario with every rule on, and return what was found for searches without some of them."""
    task, record = Task(family_of(scenario), scenario, frozenset()), Record()
    with collector_off():
        result = _Run(task, Alone(task, Recording(task, record)), None).run()
    note(record.watched)
    return result, record


@dataclass(frozen=True, slots=True)
class Survey:
    """All that breaks in a scenario."""

    broken: frozenset[str]
    """Names of properties that break somewhere."""
    complete: bool
    """Every reachable world was seen."""


def survey(scenario: Scenario, without: frozenset[str], bounds: Bounds, known: Record | None = None) -> Survey:
    """Search on behind broken properties, and return all that break; ``known`` as for :func:`search`."""
    team = _alone(Task(family_of(scenario), scenario, without, bounds), known)
    run = _Run(team.task, team, None)
    stopped = None
    with collector_off():
        broken = {violation.property for violation in team.begin()}
        while stopped is None and team.waiting():
            violations, stopped = run.level()
            broken |= {violation.property for violation in violations}
    return Survey(frozenset(broken), stopped is None)


class _Run:
    def __init__(
        self, task: Task, team: Team, progress: Callable[[Progress], None] | None, saved: Saved | None = None
    ) -> None:
        self._task = task
        self._team = team
        self._progress = progress
        self._saved = saved
        self._before = 0.0
        self._started = time.monotonic()
        self._transitions = 0
        self._depth = 0

    def run(self) -> Result:
        violations = [] if self._resumed() else self._team.begin()
        stopped = None
        while not violations and stopped is None and self._team.waiting():
            violations, stopped = self.level()
            if not violations:
                self._save(stopped)
        if stopped is Stop.DEPTH and not violations:
            violations = [one for level in self._team.expand(None, ends_only=True) for one in level.violations]
        if self._saved is not None and (violations or stopped is None):
            self._saved.remove()
        if violations:
            # The worlds of one level are equally far away; which of them is shown does not depend on their order.
            first = min(violations, key=lambda one: (not one.at_end, one.fingerprint))
            return self._result(Verdict.VIOLATED, None, self._trace(first))
        return self._result(Verdict.UNKNOWN if stopped else Verdict.HOLDS, stopped, None)

    def _resumed(self) -> bool:
        """Begin where an interrupted search has ended, if there is one."""
        found = None if self._saved is None else self._saved.read(self._task)
        if found is None:
            return False
        progressed, snapshots = found
        self._transitions, self._depth = progressed.transitions, progressed.depth
        self._before = progressed.seconds
        self._team.restore(snapshots)
        return True

    def _save(self, stopped: Stop | None) -> None:
        """Write the search down, now and then and when it stops between levels: within one it has no whole state."""
        whole = stopped in (None, Stop.STATES, Stop.DEPTH)
        if self._saved is not None and whole and (stopped or self._saved.is_due()):
            progressed = Progressed(self._transitions, self._depth, self._seconds())
            self._saved.write(self._task, progressed, self._team.snapshots())

    def level(self) -> tuple[list[Violation], Stop | None]:
        """Expand one level; return what broke, and why the search must end here."""
        levels = self._team.expand(self._seconds_left())
        self._transitions += sum(level.transitions for level in levels)
        violations = [violation for level in levels for violation in level.violations]
        violations += self._team.absorb()
        self._depth += 1 if self._team.waiting() else 0
        if self._progress is not None:
            self._progress(self._report())
        return violations, next((level.stopped for level in levels if level.stopped), None) or self._bound_hit()

    def _bound_hit(self) -> Stop | None:
        bounds = self._task.bounds
        if bounds.states is not None and self._team.states() > bounds.states:
            return Stop.STATES
        if bounds.depth is not None and self._depth >= bounds.depth and self._team.waiting():
            return Stop.DEPTH
        return None

    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._started

    def _seconds_left(self) -> float | None:
        limit = self._task.bounds.seconds
        return None if limit is None else limit - (time.monotonic() - self._started)

    def _report(self) -> Progress:
        team = self._team
        name = self._task.scenario.name
        return Progress(name, self._depth, team.states(), self._transitions, team.waiting(), self._seconds())

    def _result(self, verdict: Verdict, stopped: Stop | None, trace: Trace | None) -> Result:
        task = self._task
        return Result(
            scenario=task.scenario,
            without=task.without,
            states=self._team.states(),
            transitions=self._transitions,
            depth=self._depth,
            seconds=self._seconds(),
            workers=task.shards,
            verdict=verdict,
            stopped=stopped,
            trace=trace,
        )

    def _trace(self, violation: Violation) -> Trace:
        """Walk back to the initial world, then forward again along the fingerprints, collecting moves."""
        path = [violation.fingerprint] if violation.move is None else []
        last = () if violation.move is None else (violation.move,)
        fingerprint = violation.parent
        while fingerprint != ROOT:
            path.append(fingerprint)
            fingerprint = self._team.parent(fingerprint)
        moves: list[Move] = []
        guide = Shard(self._task)
        world = self._task.family.initial(self._task.scenario)
        for target in reversed(path[:-1]):
            move, world = next((move, after) for move, found, after in guide.moves_from(world) if found == target)
            moves.append(move)
        return Trace(self._task.scenario, self._task.without, (*moves, *last), violation.property)
