"""What a node does that knows its own books and the chain is what an honest party of the chain world does there."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import pytest

from boltspec.chain import honest
from boltspec.chain.moves import successors
from boltspec.chain.presets import C1, C2, C3, WITH_RESTORE
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.sight import SELF, Sight, look
from boltspec.chain.world import ChainWorld, Status, initial
from boltspec.rules import without

WORLDS = 3_000


def sight_of(world: ChainWorld, scenario: ChainScenario) -> Sight:
    assert world.talk is not None
    return Sight(
        channel=world.talk.nodes[SELF],
        status=world.status[SELF],
        ledger=world.ledger,
        timing=scenario.timing,
        payments=scenario.payments,
        progress=world.payments,
        held=world.talk.history[SELF][-1],
        agreed=world.agreed,
        unsure=honest.is_unsure(world, SELF),
        batched=scenario.batched,
    )


def worlds(scenario: ChainScenario) -> list[ChainWorld]:
    """The first worlds of a search in which A is honest, and can be shown what a node sees."""
    start = initial(scenario)
    seen, waiting, found = {start}, deque([start]), []
    while waiting and len(seen) < WORLDS:
        world = waiting.popleft()
        if world.talk is not None and world.status[SELF] is not Status.FORGOTTEN and not world.hidden:
            found.append(world)
        for _, after in successors(world, scenario):
            if after not in seen:
                seen.add(after)
                waiting.append(after)
    return found


SCENARIOS = [
    replace(each, every_corrupt_set=False, corrupt=(False, True)) for each in (C1, C2, C3, replace(C1, mutual=True))
] + [replace(WITH_RESTORE, every_corrupt_set=False, corrupt=(False, True))]


def agree(scenario: ChainScenario) -> tuple[int, int]:
    """In how many worlds something was compared, and in how many of them the node wanted something."""
    compared = wanted = 0
    for world in worlds(scenario):
        answer, seen = look(sight_of(world, scenario)), honest.look(world, scenario)
        assert answer.status is seen.status[SELF]
        pooled = {entry.transaction for entry in seen.pool if entry.transaction.signer == SELF}
        assert set(answer.wanted) == pooled
        if world.ledger.closing is not None:
            assert answer.progress == seen.payments
        compared, wanted = compared + 1, wanted + bool(answer.wanted)
    return compared, wanted


@pytest.mark.parametrize("scenario", SCENARIOS, ids=["C1", "C2", "C3", "mutual", "restore"])
def test_node_and_honest_party_do_the_same(scenario: ChainScenario) -> None:
    compared, wanted = agree(scenario)
    assert compared > 500
    assert wanted > 20


def test_node_follows_the_same_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that is off is off for both; one that only the world's party lacks is noticed."""
    with without(frozenset({"B05-local-commit-n-01"})):
        agree(SCENARIOS[0])
    monkeypatch.setattr(honest, "is_valid", lambda *_: False)
    with pytest.raises(AssertionError):
        agree(SCENARIOS[0])
