"""Runs that tell what revocation is for. They are found by search: nobody has written them down.

A run that leads to something good is found as the counterexample to "this never happens".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from boltproofs.explorer.family import Form, Property
from boltproofs.explorer.search import search
from boltproofs.families import SCENARIOS
from boltproofs.trace import Trace
from boltspec.chain.conditions import Kind, Use
from boltspec.chain.enforcement import WATCH, Situation
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.world import ChainWorld, standing_of
from boltspec.units import Sat

ANCHORS = (Kind.TO_LOCAL_ANCHOR, Kind.TO_REMOTE_ANCHOR)


def _never_punished(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say that no thief has lost both its balance and an HTLC on a revoked commitment, with nothing left to take."""
    closing, ledger = world.ledger.closing, world.ledger
    if closing is None or not (closing.txid.seat >= 0 and scenario.corrupt[closing.txid.seat]):
        return True
    left = [entry for entry in ledger.unspent if entry.coin.kind not in ANCHORS]
    htlc = any(claim.use is Use.REVOCATION for claim in ledger.claims)
    return bool(left) or not (htlc and ledger.punished[closing.txid.seat]) or ledger.filled


NEVER_PUNISHED = Property("NeverPunished", "No thief ever loses everything.", Form.WORLD, _never_punished, felt=False)


def _never_paid(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say that no thief gets anything out of a revoked commitment."""
    closing = world.ledger.closing
    if closing is None or closing.txid.seat < 0 or not scenario.corrupt[closing.txid.seat]:
        return True
    thief, victim = closing.txid.seat, 1 - closing.txid.seat
    revoked = standing_of(world, victim).case is Situation.REVOKED
    return not (revoked and world.ledger.received[thief] > Sat(0)) or world.ledger.filled


NEVER_PAID = Property("NeverPaid", "No thief is ever paid.", Form.WORLD, _never_paid, felt=False)


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
    breaks: str | None = None
    """The property of the family that a counterexample to a further one breaks as well."""

    def find(self) -> Trace | None:
        """Return the shortest such run; ``None`` if there is none."""
        trace = search(SCENARIOS[self.scenario], without=self.without, asked=self.asked, extra=self.extra).trace
        if trace is not None and trace.property in {one.name for one in self.extra}:
            return replace(trace, property=self.breaks)
        return trace


STORIES = (
    Story(
        "punished",
        "a revoked commitment is published, and punished",
        "C1-A",
        frozenset(),
        frozenset(),
        (NEVER_PUNISHED,),
    ),
    Story(
        "thief-paid",
        f"the same with nobody watching ({WATCH} off): the thief is paid",
        "C1-A",
        frozenset({WATCH}),
        frozenset(),
        (NEVER_PAID,),
        "PenaltySafety",
    ),
)
"""The two runs that the main job replays."""
