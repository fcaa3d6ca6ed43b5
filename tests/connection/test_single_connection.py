"""Which of two connections is kept: for both nodes the same one."""

from __future__ import annotations

from itertools import product

import pytest

from boltspec.connection.single import Made, keeps_older
from boltspec.htlc import LOCAL, REMOTE, Side

TIE_BREAK_MS = 10_000


def kept(older: Side, newer: Side, apart_ms: int, *, local_is_lesser: bool) -> Side:
    """Who made the connection that a node keeps."""
    first, second = Made(older, 5_000), Made(newer, 5_000 + apart_ms)
    stays = keeps_older(first, second, local_is_lesser=local_is_lesser, tie_break_ms=TIE_BREAK_MS)
    return older if stays else newer


@pytest.mark.parametrize(("at_a", "at_b", "apart_ms"), [*product(Side, Side, (0, TIE_BREAK_MS - 1))])
def test_both_keep_that_of_the_lesser_node_if_each_has_made_one(at_a: Side, at_b: Side, apart_ms: int) -> None:
    """D01-connection-n-01, whichever of the two each of them had first."""
    assert kept(at_a, at_a.other, apart_ms, local_is_lesser=True) is LOCAL
    assert kept(at_b, at_b.other, apart_ms, local_is_lesser=False) is REMOTE


@pytest.mark.parametrize(("older", "lesser"), [*product(Side, (True, False))])
def test_later_one_replaces_what_was_there(older: Side, lesser: bool) -> None:
    """D01-connection-n-02."""
    assert kept(older, older.other, TIE_BREAK_MS, local_is_lesser=lesser) is older.other


@pytest.mark.parametrize(("maker", "lesser"), [*product(Side, (True, False))])
def test_second_one_of_the_same_node_replaces_its_first(maker: Side, lesser: bool) -> None:
    """However soon it comes: whoever has a connection does not make another one."""
    first, second = Made(maker, 5_000), Made(maker, 5_000)
    assert not keeps_older(first, second, local_is_lesser=lesser, tie_break_ms=TIE_BREAK_MS)
