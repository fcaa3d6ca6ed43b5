"""Runs that tell what revocation is for. They are found by search: nobody has written them down.

A run that leads to something good is found as the counterexample to "this never happens".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from boltproofs.explorer.family import Form, Property
from boltproofs.explorer.search import search
from boltproofs.families import SCENARIOS
from boltproofs.trace import Trace
from boltspec.enforcement import WATCH
from boltspec.outputs import Kind
from boltspec.scenario import Scenario
from boltspec.world import World


def _never_punished(world: World, scenario: Scenario) -> bool:
    """Say that no thief has lost both its balance and an HTLC on a revoked commitment, with nothing left to take."""
    closing, ledger = world.ledger.closing, world.ledger
    if closing is None or not scenario.corrupt[closing.owner]:
        return True
    punished = [payment for payment in ledger.paid if payment.by_revocation]
    left = [entry for entry in ledger.unspent if entry.output.kind is not Kind.TO_REMOTE]
    return bool(left) or len(punished) < 2


NEVER_PUNISHED = Property("NeverPunished", "No thief ever loses everything.", Form.WORLD, _never_punished, felt=False)


@dataclass(frozen=True, slots=True)
class Story:
    """A run to look for."""

    name: str
    title: str
    scenario: str
    without: frozenset[str]
    asked: frozenset[str]
    """Names of properties that the run may break."""
    extra: tuple[Property, ...] = ()
    """Further ones, that the run is the counterexample to."""

    def find(self) -> Trace | None:
        """Return the shortest such run; ``None`` if there is none."""
        trace = search(SCENARIOS[self.scenario], without=self.without, asked=self.asked, extra=self.extra).trace
        if trace is not None and trace.property == NEVER_PUNISHED.name:
            return replace(trace, property=None)
        return trace


STORIES = (
    Story(
        "punished",
        "a revoked commitment is published, and punished",
        "thief-A-offers",
        frozenset(),
        frozenset(),
        (NEVER_PUNISHED,),
    ),
    Story(
        "thief-paid",
        f"the same with nobody watching ({WATCH} off): the thief is paid",
        "thief-A-offers",
        frozenset({WATCH}),
        frozenset({"PenaltySafety"}),
    ),
)
"""The two runs that the main job replays."""
