"""One party breaks any one rule at any time of a life: what the honest one keeps, and which rules it keeps it by."""

from __future__ import annotations

from collections import Counter

import pytest

from boltproofs.explorer.search import Verdict, search
from boltproofs.life_scenarios import LIFE_SCENARIOS
from boltspec.lifetime.scenario import LifeScenario
from boltspec.lifetime.state import End
from boltspec.lifetime.temptations import abuses
from boltspec.lifetime.world import World, initial, successors

CORRUPT = ("life-corrupt-A", "life-corrupt-B")
REFUTED = (
    ("life-corrupt-A", "B02-adding-htlc-r-01", "TermsLawful"),
    ("life-corrupt-A", "B02-commitment-signed-r-01", "RevokeAfterNew"),
    ("life-corrupt-A", "D02-revoke-and-ack-r-01", "OneUnackedCommit"),
    ("life-corrupt-A", "D02-channel-ready-b-01", "UsedWhenReady"),
    ("life-corrupt-B", "D02-channel-ready-b-01", "UsedWhenReady"),
)
NAMES = {
    "OpenChannel", "AcceptChannel", "FundingCreated", "FundingSigned", "ChannelReady", "ChannelReestablish",
    "UpdateAddHtlc", "UpdateFulfillHtlc", "UpdateFailHtlc", "UpdateFailMalformedHtlc", "UpdateFee",
    "CommitmentSigned", "RevokeAndAck", "Shutdown", "ClosingSigned", "ClosingComplete", "ClosingSig",
}  # fmt: skip
"""Every message but error and warning, which nothing forbids."""
LEAST_WORLDS, MOST_WORLDS = 5_000, 20_000


@pytest.mark.parametrize("name", CORRUPT)
def test_an_honest_party_keeps_what_holds_whatever_rule_its_peer_breaks(name: str) -> None:
    result = search(LIFE_SCENARIOS[name])
    assert result.verdict is Verdict.HOLDS
    assert LEAST_WORLDS < result.states < MOST_WORLDS


@pytest.mark.parametrize(("name", "rule", "broken"), REFUTED)
def test_without_a_receivers_rule_the_peer_breaks_a_property(name: str, rule: str, broken: str) -> None:
    result = search(LIFE_SCENARIOS[name], without=frozenset({rule}))
    assert result.verdict is Verdict.VIOLATED
    assert result.trace is not None
    assert result.trace.property == broken
    assert any(move.action == "abuse" for move in result.trace.moves)


def honest_worlds(scenario: LifeScenario) -> list[World]:
    """Return the worlds in which nobody has broken a rule yet."""
    found, open_worlds = set[World](), [initial(scenario)]
    while open_worlds:
        world = open_worlds.pop()
        if world not in found and world.abuses == scenario.abuses:
            found.add(world)
            open_worlds.extend(after for _, after in successors(world, scenario))
    return list(found)


@pytest.mark.parametrize("name", CORRUPT)
def test_messages_of_every_phase_are_tempting_in_every_phase(name: str) -> None:
    """Each type of message is forbidden somewhere before there is a channel, and somewhere while there is one."""
    scenario = LIFE_SCENARIOS[name]
    party = scenario.corrupt.index(True)
    early, late = Counter[type](), Counter[type]()
    for world in honest_worlds(scenario):
        life = world.nodes[party]
        if life.end is End.NONE:
            kinds = (type(message) for _, message, _ in abuses(scenario, party, life))
            (early if life.closing is None else late).update(kinds)
    assert {kind.__name__ for kind in early} >= NAMES
    assert {kind.__name__ for kind in late} >= NAMES
