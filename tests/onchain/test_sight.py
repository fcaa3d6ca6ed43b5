"""What a node does that knows its own books and the chain is what an honest party of the chain world does there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boltspec.chain import broadcasting, honest, leaving
from boltspec.chain.conditions import Kind
from boltspec.chain.moves import successors
from boltspec.chain.payments import Downstream
from boltspec.chain.presets import C1, C2, C3, WITH_RESTORE
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.sight import SELF, Sight, is_resolved, look
from boltspec.chain.world import ChainWorld, Status, initial
from boltspec.rules import without
from boltspec.units import Height, Msat

Helper = Callable[..., Any]
"""A fixture of this folder."""
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
        unsure=leaving.is_unsure(world, SELF),
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


def seen_by_a(run: Helper, scenario: ChainScenario, *labels: str) -> Sight:
    return sight_of(run(scenario, *labels), scenario)


def at(sight: Sight, height: int) -> Sight:
    return replace(sight, ledger=replace(sight.ledger, height=Height(height)))


@pytest.mark.parametrize(("height", "resolved"), [(101, False), (102, True)])
def test_a_channel_is_watched_until_its_closing_is_a_hundred_blocks_deep(
    run: Helper, height: int, resolved: bool
) -> None:
    sight = seen_by_a(run, SCENARIOS[3], "chain agree on a closing transaction", "chain mine")
    assert sight.ledger.closing is not None
    assert is_resolved(at(sight, height), sight.ledger.closing.height) is resolved


def test_an_open_channel_is_watched(run: Helper) -> None:
    assert not is_resolved(at(seen_by_a(run, SCENARIOS[0]), 1_000), Height(1))


def test_an_output_that_is_still_to_be_taken_is_watched_however_long_it_takes(run: Helper) -> None:
    sight = seen_by_a(run, SCENARIOS[0], "A fail channel", "chain mine")
    assert Kind.TO_LOCAL in {entry.coin.kind for entry in sight.ledger.unspent}
    assert not is_resolved(at(sight, 1_000), Height(2))


@pytest.mark.parametrize(("height", "resolved"), [(15, False), (16, True)])
def test_an_htlc_whose_preimage_nobody_shows_is_watched_until_it_expires(
    run: Helper, height: int, resolved: bool
) -> None:
    """B offers it, to be forwarded; A never learns the preimage, and B may take it back from 16 on."""
    payment = replace(C2.payments[0], offerer=1)
    scenario = replace(SCENARIOS[1], payments=(payment,), push_msat=Msat(500_000_000))
    offered = ("B send update_add_htlc 0", "B send commitment_signed", "A deliver UpdateAddHtlc")
    committed = ("A deliver CommitmentSigned", "A send revoke_and_ack", "A send commitment_signed")
    taken = ("B deliver RevokeAndAck", "B deliver CommitmentSigned", "B send revoke_and_ack", "A deliver RevokeAndAck")
    sight = seen_by_a(run, scenario, *offered, *committed, *taken, "B publish commitment 1", "chain mine")
    assert Kind.OFFERED_HTLC in {entry.coin.kind for entry in sight.ledger.unspent}
    assert is_resolved(at(sight, height), Height(height - 100)) is resolved
    knows = replace(sight, progress=(sight.progress[0]._replace(known=(True, True), downstream=Downstream.FULFILLED),))
    assert not is_resolved(at(knows, height), Height(height - 100))


def test_node_follows_the_same_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that is off is off for both; one that only the world's party lacks is noticed."""
    with without(frozenset({"B05-local-commit-n-01"})):
        agree(SCENARIOS[0])
    monkeypatch.setattr(broadcasting, "way_out", lambda *_: ())
    with pytest.raises(AssertionError):
        agree(SCENARIOS[0])
