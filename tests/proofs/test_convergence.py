"""ReestablishConverges holds, and does not where a rule of retransmission is missing."""

import pytest

from boltproofs.convergence import LOSSY, convergence


@pytest.mark.parametrize("name", LOSSY)
def test_a_resumed_channel_is_as_if_nothing_had_been_lost(name: str) -> None:
    found = convergence(name)
    assert found.strange == ()
    assert found.resumed > 30
    assert found.holds


@pytest.mark.parametrize(
    "rule",
    [
        "B02-retransmission-n-02",
        "B02-retransmission-n-06",
        "B02-retransmission-n-12",
        "B02-retransmission-n-14",
        "D02-retransmission-s-02",
    ],
)
def test_without_a_rule_of_retransmission_it_is_not(rule: str) -> None:
    found = convergence("resume-a", frozenset({rule}))
    assert found.strange
    assert not found.holds
