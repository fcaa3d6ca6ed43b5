"""A chain for many replays, and traces found by searching the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from boltproofs.explorer.family import Form, Property
from boltproofs.explorer.search import search
from boltproofs.replay import KernelPool
from boltproofs.trace import Trace
from boltspec.chain.conditions import Kind
from boltspec.chain.ledger import find
from boltspec.chain.presets import SCENARIOS
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.world import ChainWorld

NO_RULES: frozenset[str] = frozenset()
LIARS = {f"liar-{name}": SCENARIOS[f"C1-liar-{name}"] for name in ("A", "B")}
THIEVES = {f"thief-{name}": replace(LIARS[f"liar-{name}"], abuses=0) for name in ("A", "B")}
HONEST = replace(THIEVES["thief-A"], name="C1-honest", title="A pays 3 to B, who has 4", corrupt=(False, False))
WORLDS = {**LIARS, **THIEVES, "honest": HONEST}
"""A pays B; both have something to begin with. One of them lies once, or publishes what it has revoked, or neither."""


@pytest.fixture(scope="session")
def made() -> Callable[..., ChainScenario]:
    """``made(name, option_anchors)``: the scenario of one of these names, or another one of the chain world."""

    def make(name: str, option_anchors: bool = True) -> ChainScenario:
        scenario = WORLDS.get(name) or SCENARIOS[name]
        return replace(scenario, params=replace(scenario.params, option_anchors=option_anchors))

    return make


@pytest.fixture(scope="session")
def kernel() -> Iterator[KernelPool]:
    """An embedded chain that is replaced by a new one before it gets slow."""
    with KernelPool() as pool:
        yield pool


@pytest.fixture(scope="session")
def find_trace() -> Callable[..., Trace]:
    """``find_trace(scenario, goal, off=rules)``: the shortest trace to a world that fulfils the goal."""

    def find_it(scenario: Any, goal: Callable[[Any], bool], off: frozenset[str] = NO_RULES) -> Trace:
        return _counterexample(scenario, off, Form.WORLD, lambda world, _: not goal(world))

    return find_it


@pytest.fixture(scope="session")
def find_spend() -> Callable[..., Trace]:
    """``find_spend(scenario, kind, by_revocation, off=rules)``: the shortest trace to the spend of such an output."""

    def find_it(scenario: ChainScenario, kind: Kind, by_revocation: bool, off: frozenset[str] = NO_RULES) -> Trace:
        def never(before: ChainWorld, after: ChainWorld, _: object) -> bool:
            return not any(
                entry.coin.kind is kind
                and find(after.ledger, entry.outpoint) is None
                and after.ledger.punished[entry.coin.seat] is by_revocation
                for entry in before.ledger.unspent
            )

        return _counterexample(scenario, off, Form.MOVE, never)

    return find_it


def _counterexample(scenario: Any, off: frozenset[str], form: Form, never: Callable[..., bool]) -> Trace:
    wanted = Property("Never", "It never comes to this.", form, never, felt=False)
    trace = search(scenario, without=off, asked=(), extra=(wanted,)).trace
    if trace is None:
        pytest.fail(f"{scenario.name} never comes to this")
    return replace(trace, property=None)
