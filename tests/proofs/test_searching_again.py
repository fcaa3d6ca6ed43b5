"""Searching again without some rules: the same comes out as when everything is looked at anew."""

import pytest

from boltproofs.explorer.again import Seen
from boltproofs.explorer.search import Result, Verdict, recorded, search, survey
from boltproofs.explorer.shard import Bounds
from boltproofs.families import SCENARIOS
from boltspec.rules import noticing

BOUNDS = Bounds(states=20_000)
RULE = "B02-commitment-signed-r-03"
"""What A does against it is refused in some worlds only."""
SMALL = (
    "dance-a",
    "liar-fee-means",
    "liar-B",
    "open-private",
    "open-careless",
    "legacy",
    "simple-careless",
    "corrupt-keeper",
    "life-failed",
    "C1-A",
)
"""Some of every family."""


def _found(result: Result) -> tuple[object, ...]:
    return result.states, result.transitions, result.depth, result.verdict, result.stopped, result.trace


@pytest.mark.parametrize("name", SMALL)
def test_without_each_rule_in_turn_the_same_is_found(name: str) -> None:
    with noticing() as noticed:
        _, record = recorded(SCENARIOS[name])
    assert noticed.deciding
    for rule in sorted(noticed.deciding):
        off = frozenset({rule})
        with noticing() as again:
            found = search(SCENARIOS[name], without=off, bounds=BOUNDS, known=record)
        with noticing() as anew:
            wanted = search(SCENARIOS[name], without=off, bounds=BOUNDS)
        assert _found(found) == _found(wanted), rule
        assert (again.instead, again.let_through) == (anew.instead, anew.let_through), rule
        assert again.deciding | record.watched == anew.deciding | record.watched, rule


def test_without_several_rules_the_same_breaks() -> None:
    scenario = SCENARIOS["liar-A"]
    _, record = recorded(scenario)
    off = frozenset({"B02-removing-htlc-n-03", "B02-commitment-signed-r-03"})
    assert survey(scenario, off, BOUNDS, record) == survey(scenario, off, BOUNDS)
    assert survey(scenario, off, BOUNDS, record).broken


def test_the_record_of_a_search_says_what_the_plain_search_says() -> None:
    result, _ = recorded(SCENARIOS["liar-A"])
    assert _found(result) == _found(search(SCENARIOS["liar-A"]))


def test_most_is_taken_from_the_record() -> None:
    scenario = SCENARIOS["liar-A"]
    _, record = recorded(scenario)
    anew = [one for one in record.worlds.values() if RULE in one.rules]
    assert 0 < len(anew) < len(record.worlds) / 2


def test_a_record_that_leaves_out_what_a_rule_decides_hides_the_attack() -> None:
    scenario, off = SCENARIOS["liar-A"], frozenset({RULE})
    _, record = recorded(scenario)
    assert search(scenario, without=off, known=record, bounds=BOUNDS).verdict is Verdict.VIOLATED
    for fingerprint, seen in record.worlds.items():
        record.worlds[fingerprint] = Seen(frozenset(), seen.neighbours)
    assert search(scenario, without=off, known=record, bounds=BOUNDS).verdict is Verdict.HOLDS


def test_a_rule_that_a_property_asks_makes_the_record_useless() -> None:
    scenario = SCENARIOS["open-private"]
    _, record = recorded(scenario)
    assert record.watched
    for rule in record.watched:
        off = frozenset({rule})
        with_record = search(scenario, without=off, known=record, bounds=BOUNDS)
        assert _found(with_record) == _found(search(scenario, without=off, bounds=BOUNDS))
