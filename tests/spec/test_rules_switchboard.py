"""Rules: cited, switched off by id, noticed when they decide something."""

from __future__ import annotations

import pytest

from boltspec.rules import (
    EVERY_RULE,
    Reaction,
    RuleBroken,
    duty,
    noticing,
    require,
    requirements,
    switched_off,
    without,
)
from boltspec.verdict import sends

RULE, OTHER = "B02-adding-htlc-s-05", "B02-adding-htlc-s-06"


def test_a_guard_breaks_off_with_rule_reaction_and_numbers() -> None:
    require(True, RULE)
    with pytest.raises(RuleBroken) as broken:
        require(False, RULE, Reaction.FAIL_CHANNEL, amount_msat=0)
    assert (broken.value.rule, broken.value.reaction) == (RULE, Reaction.FAIL_CHANNEL)
    assert broken.value.numbers == {"amount_msat": 0}


def test_a_rule_is_off_within_the_block_only() -> None:
    with without(frozenset({RULE})):
        require(False, RULE)
        with pytest.raises(RuleBroken):
            require(False, OTHER)
        with without(frozenset({OTHER})):
            require(False, RULE)
            require(False, OTHER)
        assert switched_off() == {RULE}
    with pytest.raises(RuleBroken):
        require(False, RULE)


def test_every_rule_can_be_off_at_once_and_stays_off_in_inner_blocks() -> None:
    with without(EVERY_RULE), without(frozenset({RULE})):
        require(False, OTHER)
        assert not duty(OTHER)
    assert duty(OTHER)


def test_rules_are_on_again_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), without(frozenset({RULE})):
        raise ZeroDivisionError
    assert not switched_off()


def test_failed_guards_and_done_duties_are_noticed() -> None:
    with noticing() as noticed:
        require(True, "B02-adding-htlc-s-07")
        with pytest.raises(RuleBroken):
            require(False, RULE)
        duty("B05-general-n-01")
        with without(frozenset({OTHER})):
            require(False, OTHER)
    assert noticed.deciding == {RULE, "B05-general-n-01"}


@sends
def step(state: tuple[bool, bool], message: None) -> tuple[bool, bool]:
    """Ask two guards."""
    require(state[0], RULE)
    require(state[1], OTHER)
    return state


@pytest.mark.parametrize(
    ("state", "instead", "let_through"),
    [((True, True), set(), False), ((True, False), set(), False), ((False, False), {OTHER}, False),
     ((False, True), set(), True)],
)  # fmt: skip
def test_what_a_missing_guard_lets_through_and_who_stops_it_instead_is_noticed(
    state: tuple[bool, bool], instead: set[str], let_through: bool
) -> None:
    with noticing() as noticed, without(frozenset({RULE})):
        step(state, None)
        step((True, True), None)
    assert (noticed.instead, noticed.let_through) == (instead, let_through)


def test_nobody_takes_notes_of_what_a_corrupt_party_breaks() -> None:
    with noticing() as noticed, without(EVERY_RULE):
        step((False, False), None)
    assert not noticed.let_through


def test_every_requirement_has_a_level_and_a_bolt() -> None:
    rows = requirements()
    assert len(rows) >= 1479
    assert {row.level for row in rows.values()} == {"MUST", "MUST_NOT", "SHOULD", "SHOULD_NOT", "MAY"}
    assert rows["B02-adding-htlc-s-05"].bolt == 2
