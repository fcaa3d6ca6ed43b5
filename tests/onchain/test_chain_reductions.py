"""What the search of the chain world leaves out, checked against searches that leave nothing out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from boltproofs.explorer.search import Verdict, search
from boltproofs.families import SCENARIOS, family_of
from boltproofs.families.onchain_reduction import forgetting
from boltspec.chain import moves
from boltspec.chain.moves import successors
from boltspec.chain.presets import C1, C3, MEMPOOL, cases
from boltspec.chain.properties.catalogue import PROPERTIES
from boltspec.chain.properties.property import is_over
from boltspec.chain.scenario import ChainScenario

Helper = Callable[..., Any]
"""A fixture of this folder."""
ONE_THIEF = [*cases(C1)[1:3], *cases(C3)[1:3]]
WITH_LOSS = SCENARIOS["C1-restore-B"]


@pytest.mark.parametrize("scenario", cases(C1)[:3], ids=lambda case: str(case.corrupt))
def test_leaping_reaches_the_same_ends(reached: Helper, scenario: ChainScenario) -> None:
    """Leaping over idle blocks leaves out no outcome: who gets what, and what the parties know."""
    outcomes = []
    for leap in (True, False):
        case = replace(scenario, leap=leap)
        ends = (world for world in reached(case) if is_over(world, case))
        outcomes.append({(end.ledger.received, end.ledger.charged, end.payments) for end in ends})
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0]) > 2


def outcomes_of(reached: Helper, scenario: ChainScenario) -> tuple[int, set[Any]]:
    """How many worlds there are; who gets what, and what the parties know, where nothing changes any more."""
    worlds = list(reached(scenario))
    ends = (world for world in worlds if is_over(world, scenario))
    return len(worlds), {(end.ledger.received, end.ledger.charged, end.payments) for end in ends}


@pytest.mark.parametrize("scenario", [*cases(C1)[:3], *MEMPOOL[1:4]], ids=lambda case: f"{case.name}-{case.corrupt}")
def test_orders_within_a_block_reach_the_same_ends(
    reached: Helper, scenario: ChainScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Talking while the closing block is built, and any order of honest transactions in it, change no outcome."""
    fewer, outcomes = outcomes_of(reached, scenario)
    monkeypatch.setattr(moves, "is_being_closed", lambda _world: False)
    monkeypatch.setattr(moves, "_has_rival", lambda _world, _pooled: True)
    more, same = outcomes_of(reached, scenario)
    assert more > fewer
    assert same == outcomes
    assert len(outcomes) > 1


def test_what_checks_a_reduction_exists() -> None:
    root = Path(__file__).parents[2]
    named = {one.checked_by for name, one_of in SCENARIOS.items() for one in family_of(one_of).reduced(one_of)}
    assert len(named) == 3
    for name in named:
        file, _, test = name.partition("::")
        assert f"def {test}(" in (root / file).read_text("utf-8")


@pytest.mark.parametrize("scenario", [*ONE_THIEF, WITH_LOSS], ids=lambda case: f"{case.name}-{case.corrupt}")
def test_a_search_sees_the_images_of_all_worlds(reached: Helper, scenario: ChainScenario) -> None:
    """As many worlds as an unreduced search has different images, and no more."""
    stands_for = forgetting(scenario)
    images = {stands_for(world) for world in reached(scenario)}
    result = search(scenario)
    assert (result.verdict, result.states) == (Verdict.HOLDS, len(images))


@pytest.mark.parametrize("scenario", [*cases(C1)[1:3], WITH_LOSS], ids=lambda case: f"{case.name}-{case.corrupt}")
def test_a_world_and_its_image_move_alike(reached: Helper, scenario: ChainScenario) -> None:
    """The same labels, and images of what they lead to that stand for the same; the same properties hold."""
    stands_for = forgetting(scenario)
    forgotten = 0
    for world in reached(scenario):
        image = stands_for(world)
        if image is world:
            continue
        forgotten += 1
        here = [(move, stands_for(after)) for move, after in successors(world, scenario)]
        there = [(move, stands_for(after)) for move, after in successors(image, scenario)]
        assert here == there
        assert all(entry.holds(image, scenario) is entry.holds(world, scenario) for entry in PROPERTIES)
    assert forgotten > 100
