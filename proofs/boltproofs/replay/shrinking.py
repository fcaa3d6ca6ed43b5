"""Making a trace on which model and chain disagree as short as it can be: a test that somebody can read."""

from __future__ import annotations

from dataclasses import replace

from boltproofs.replay.chains import KernelPool
from boltproofs.replay.drive import replay_run
from boltproofs.trace import Trace, TraceError


def shrunk(trace: Trace, pool: KernelPool) -> Trace:
    """Return a shortest trace that is got by leaving moves out and still ends in a disagreement.

    No single stretch of moves can be left out of it. ValueError if the trace does not disagree.
    """
    best = _cut(trace, pool)
    if best is None:
        raise ValueError("model and chain agree on this trace")
    length = len(best.moves)
    while length:
        shorter = _without_a_stretch(best, length, pool)
        if shorter is None:
            length -= 1
        else:
            best, length = shorter, min(length, len(shorter.moves))
    return best


def _without_a_stretch(trace: Trace, length: int, pool: KernelPool) -> Trace | None:
    for start in range(len(trace.moves) - length, -1, -1):
        moves = trace.moves[:start] + trace.moves[start + length :]
        if (found := _cut(replace(trace, moves=moves), pool)) is not None:
            return found
    return None


def _cut(trace: Trace, pool: KernelPool) -> Trace | None:
    """Return the trace up to the disagreement; ``None`` if there is none, or if the model does not allow the moves."""
    try:
        worlds = trace.worlds()
    except TraceError:
        return None
    result = replay_run(trace, worlds, pool.chain(), probing=True)
    if result.agreed:
        return None
    return replace(trace, moves=trace.moves[: len(result.steps) + 1])
