"""Processes that share a list: everything is done once, in order, and neighbours by the same process."""

from __future__ import annotations

import os

import pytest

from boltproofs.crew import Crew, _stretches


def double(number: int) -> tuple[int, int]:
    return 2 * number, os.getpid()


def fail(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_everything_is_done_once_and_in_order(workers: int) -> None:
    with Crew(workers) as crew:
        done = crew.map(double, range(11))
        extra = crew.submit(double, 50).result()
    assert [number for number, _ in done] == [2 * number for number in range(11)]
    assert extra[0] == 100
    assert len({process for _, process in done}) <= workers


def test_each_has_a_stretch_of_its_own() -> None:
    assert [list(one) for one in _stretches(7, 2)] == [[0, 1, 2], [3, 4, 5, 6]]
    assert [list(one) for one in _stretches(1, 3)] == [[], [], [0]]
    assert sum(map(len, _stretches(0, 2))) == 0


def test_what_fails_is_raised() -> None:
    with Crew(2) as crew, pytest.raises(ValueError, match="three"):
        crew.map(fail, range(5))
    with Crew(2) as crew:
        assert crew.map(fail, []) == []
