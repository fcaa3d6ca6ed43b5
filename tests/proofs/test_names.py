"""Names: those that an unknown one is the beginning of come before those that look like it."""

from __future__ import annotations

from boltproofs.names import MOST_LISTED, hint, nearest

NAMES = ("B05-revoked-commit-l-04", "B05-revoked-commit-l-01", "B05-unilateral", "B02-revoked", "B05-general-n-01")


def test_what_begins_with_an_unknown_name_comes_first() -> None:
    assert nearest("B05-revoked", NAMES)[:2] == ["B05-revoked-commit-l-01", "B05-revoked-commit-l-04"]


def test_a_misspelt_beginning_gets_what_looks_most_like_it() -> None:
    assert nearest("B05-revokd", NAMES)[0] == "B02-revoked"


def test_no_name_is_called_near_twice_and_no_more_than_three_are() -> None:
    assert nearest("B05", NAMES) == ["B05-general-n-01", "B05-revoked-commit-l-01", "B05-revoked-commit-l-04"]


def test_without_a_near_name_all_are_listed_if_they_are_few() -> None:
    assert hint("", ("one", "two")) == "; known: one, two"
    assert hint("?", [f"name {number}" for number in range(MOST_LISTED + 1)]) == ""
