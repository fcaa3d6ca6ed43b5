"""The attack catalogue: each attack is found without its rule and prevented by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boltproofs.attacks import Attack, look_for
from boltproofs.families import family_of
from boltproofs.known_attacks import ATTACKS
from boltspec.rules import requirements


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_search_finds_the_attack_and_the_rule_prevents_it(attack: Attack) -> None:
    (found,) = look_for([attack])
    assert found.holds
    assert found.weakened.trace is not None
    assert found.weakened.trace.property == attack.property
    assert found.to_json()["moves"] == [str(move) for move in found.weakened.trace.moves]


def test_an_attack_that_needs_another_rule_to_be_missing_is_not_found() -> None:
    """The catalogue can be wrong: a rule that does not prevent the attack."""
    cycling = next(attack for attack in ATTACKS if attack.name == "replacement-cycling")
    (found,) = look_for([replace(cycling, without=frozenset({"B05-local-commit-n-01"}))])
    assert not found.holds
    assert found.to_json()["found"] is False


def test_an_attack_on_constants_that_is_not_prevented_is_noticed() -> None:
    short = next(attack for attack in ATTACKS if attack.name == "insufficient-cltv-delta")
    (found,) = look_for([replace(short, remedy=short.scenario)])
    assert not found.holds


def test_names_are_unique_and_rules_and_properties_exist() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    assert {rule for attack in ATTACKS for rule in attack.without} <= requirements().keys()
    for attack in ATTACKS:
        assert attack.property in {entry.name for entry in family_of(attack.scenario).properties}
