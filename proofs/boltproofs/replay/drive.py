"""Replaying a whole trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from boltchain.interface import Chain
from boltproofs.explorer.family import World
from boltproofs.replay.arbiter.twin import ChainTwin
from boltproofs.replay.chains import name_of, open_chain
from boltproofs.replay.disagreement import Disagreement
from boltproofs.replay.lockstep import Lockstep
from boltproofs.replay.result import ReplayResult, ReplayStep
from boltproofs.trace import Trace
from boltspec.chain.scenario import ChainScenario
from boltspec.move import Move
from boltspec.scenario import Scenario

NO_RULES: frozenset[str] = frozenset()
"""Switches no rule off."""


def replay(trace: Trace, chain: Chain | str = "kernel", *, probing: bool = False) -> ReplayResult:
    """Replay a trace on a chain: one that is open, or one of :data:`~boltproofs.replay.chains.CHAINS` by name.

    Model and chain are compared after every step; ``probing`` also tries every path of every output each time.
    Raises ``TraceError`` when a move is not possible in the model, ``NoBitcoind`` when there is none to replay on.
    """
    if isinstance(chain, str):
        with open_chain(chain) as opened:
            return _replay(trace, opened, probing)
    return _replay(trace, chain, probing)


def replay_moves(
    scenario: Scenario,
    moves: Iterable[Move],
    without: frozenset[str] = NO_RULES,
    chain: Chain | str = "kernel",
    *,
    probing: bool = False,
) -> ReplayResult:
    """Replay the moves of a scenario, with rules switched off; see :func:`replay`."""
    return replay(Trace(scenario, without, tuple(moves)), chain, probing=probing)


def _replay(trace: Trace, chain: Chain, probing: bool) -> ReplayResult:
    return replay_run(trace, trace.worlds(), chain, probing=probing)


def replay_run(trace: Trace, worlds: Sequence[World], chain: Chain, *, probing: bool = False) -> ReplayResult:
    """Replay a trace whose worlds are known, the initial one first; see :func:`replay`."""
    steps: list[ReplayStep] = []
    twin: Lockstep | ChainTwin | None = None
    failed: Move | None = None
    found: Disagreement | None = None
    try:
        kind = ChainTwin if isinstance(trace.scenario, ChainScenario) else Lockstep
        twin = kind(trace.scenario, chain, probing=probing)
        for move, after in zip(trace.moves, worlds[1:], strict=True):
            failed = move
            steps.append(ReplayStep(move, twin.step(move, after)))
        failed = None
        twin.finish()
    except Disagreement as disagreement:
        found = disagreement
    return ReplayResult(
        scenario=trace.scenario.name,
        without=trace.without,
        chain=name_of(chain),
        steps=tuple(steps),
        wallets=(0, 0) if twin is None else twin.wallets(),
        probes=0 if twin is None else twin.probes,
        disagreement=found,
        failed=failed,
        covered=Counter() if twin is None else twin.covered,
    )
