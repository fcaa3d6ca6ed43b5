"""Every requirement of BOLT 12 is cited by a test here, or stands in the table of exemptions with its reason."""

from __future__ import annotations

import csv
import re
from importlib.resources import files
from pathlib import Path

HERE = Path(__file__).parent
CITATION = re.compile(r"B12-[a-z0-9-]+-[a-z]-\d\d")


def required() -> set[str]:
    with files("boltspec").joinpath("requirements", "bolt12.tsv").open(encoding="utf-8") as table:
        return {row["id"] for row in csv.DictReader(table, delimiter="\t")}


def exempted() -> dict[str, str]:
    with (HERE / "exemptions.tsv").open(encoding="utf-8") as table:
        return {row["id"]: row["reason"] for row in csv.DictReader(table, delimiter="\t")}


def cited() -> set[str]:
    tests = (path for path in HERE.glob("test_*.py") if path != Path(__file__))
    return {found for path in tests for found in CITATION.findall(path.read_text(encoding="utf-8"))}


def test_no_requirement_is_silently_missing() -> None:
    assert required() - cited() - exempted().keys() == set()


def test_only_requirements_are_cited_or_exempted() -> None:
    assert (cited() | exempted().keys()) - required() == set()


def test_exemptions_have_a_reason_and_are_needed() -> None:
    assert exempted().keys() & cited() == set()
    assert all(len(reason) > 20 for reason in exempted().values())
