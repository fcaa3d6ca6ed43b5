"""A run of the model for each way of closing: the shortest of those that together take every transition."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from boltproofs.docs.markdown import block
from boltproofs.ladder import ladder
from boltproofs.replay.runs import Run
from boltproofs.replay.scope import covering, explored
from boltspec.chain.conditions import Use
from boltspec.chain.enforcement import Situation
from boltspec.chain.presets import SCENARIOS
from boltspec.chain.world import ChainWorld, standing_of

Wanted = Callable[[ChainWorld], bool]


def _claimed(case: Situation, node: int, use: Use, *, punished: bool = False) -> Wanted:
    """Say whether the last world of a run is the end of such a close, with the HTLC claimed in that way."""

    def wanted(world: ChainWorld) -> bool:
        if world.ledger.closing is None or standing_of(world, node).case is not case:
            return False
        claimed = any(claim.use is use for claim in world.ledger.claims)
        return claimed and punished is any(world.ledger.punished)

    return wanted


def _mutual(world: ChainWorld) -> bool:
    return world.ledger.closing is not None and standing_of(world, 0).case is Situation.MUTUAL


RUNS: dict[str, tuple[str, Wanted]] = {
    "close-mutual-run.inc": ("C1-B", _mutual),
    "close-local-run.inc": ("C1-B", _claimed(Situation.LOCAL, 0, Use.HTLC_TIMEOUT)),
    "close-local-success-run.inc": ("C1-A", _claimed(Situation.LOCAL, 1, Use.HTLC_SUCCESS)),
    "close-remote-run.inc": ("C1-B", _claimed(Situation.REMOTE, 0, Use.CLAIM_EXPIRED)),
    "close-remote-preimage-run.inc": ("C1-A", _claimed(Situation.REMOTE, 1, Use.CLAIM_WITH_PREIMAGE)),
    "close-revoked-run.inc": ("C1-A", _claimed(Situation.REVOKED, 1, Use.HTLC_TIMEOUT, punished=True)),
}
"""File -> the scenario in which the run is looked for, and how it ends."""


@cache
def _maximal(scenario: str) -> tuple[Run, ...]:
    scope = explored(SCENARIOS[scenario], 20_000)
    if scope is None:
        raise ValueError(f"{scenario} is too large for an example")
    return tuple(covering(scope))


def run_of(file: str) -> Run:
    """Return the run that a file shows; ValueError if there is none."""
    scenario, wanted = RUNS[file]
    found = [run for run in _maximal(scenario) if wanted(run.worlds[-1])]
    if not found:
        raise ValueError(f"no run of {scenario} ends as {file} wants it")
    return min(found, key=lambda run: len(run.trace.moves))


def shown(file: str) -> str:
    """Return the run as a ladder."""
    run = run_of(file)
    return block(ladder(run.trace, f"boltspec explore {run.trace.scenario.name}"))
