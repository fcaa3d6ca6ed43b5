"""Crash points: after a crash a node starts from what it had made durable, and everything that is shown holds of it.

Two facts carry this. What others hold of a node, signatures and secrets, it had made durable before they got it
(``DurableBeforeSent``, an inductive theorem): so its books never fall behind what can be used against it. And the state
that it starts from, which is the durable one less what no signature covers (:func:`boltspec.reestablish.disconnected`),
has all invariants again; the theorems speak of every state that has them.

In whichever state the crash finds a node, the number of its past states plays no part.
"""

from __future__ import annotations

from collections.abc import Iterator

import z3

from boltproofs.arbitrary import CASES
from boltproofs.collection import as_formula
from boltproofs.execution import DEFINED, entered, paths
from boltproofs.induction import settle
from boltproofs.solving import QUERY_TIMEOUT_MS
from boltspec.properties import accounting, revocation
from boltspec.properties.property import ChannelProperty
from boltspec.reestablish import disconnected

KEPT: tuple[ChannelProperty, ...] = (
    accounting.STAGE_ORDER,
    accounting.ONE_UNACKED_COMMIT,
    accounting.CONSERVATION,
    accounting.NON_NEGATIVE,
    revocation.REVOKE_AFTER_NEW,
    revocation.SECRETS_HELD,
)
"""The invariants that balance security rests on."""


def obligations() -> Iterator[tuple[str, z3.Solver]]:
    """Yield what has to be impossible: that a node starts again in a state without one of the invariants."""
    for case in CASES:
        setting = settle(case, QUERY_TIMEOUT_MS)
        assumed = [setting.statements[goal.name].formula for goal in KEPT]
        known = z3.Solver()
        known.add(*setting.solver.assertions(), *assumed)
        for number, (after, run) in enumerate(paths(lambda s=setting: disconnected(s.channel), known)):  # type: ignore[misc]
            for goal in KEPT:
                solver = z3.Solver()
                solver.set(timeout=QUERY_TIMEOUT_MS)
                with entered(run):
                    holds = as_formula(lambda g=goal, a=after: g.holds(a))  # type: ignore[misc]
                solver.add(*known.assertions(), *run.assumptions)
                solver.add(DEFINED.facts)
                solver.add(z3.Not(holds))
                yield f"{goal.name} after a restart ({case}, path {number})", solver
