"""Every requirement of BOLT 4 on bytes and keys is met somewhere in the code and named by a test, or exempt."""

import csv
import re
from pathlib import Path

import pytest

import boltspec
import boltwire.onion

REQUIREMENT = re.compile(r"B04-[a-z0-9-]+-[a-z]-\d\d")
RANGE = re.compile(rf"({REQUIREMENT.pattern}) to ({REQUIREMENT.pattern})")
HERE = Path(__file__).parent
REQUIREMENTS = Path(boltspec.__path__[0]) / "requirements" / "bolt04.tsv"
CODE = Path(boltwire.onion.__path__[0])


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


ALL_IDS = [row["id"] for row in rows(REQUIREMENTS)]
OF_BYTES = [row["id"] for row in rows(REQUIREMENTS) if row["class"] in ("wire", "crypto")]
EXEMPT = {row["id"]: row["reason"] for row in rows(HERE / "exemptions.tsv")}


def cited(files: list[Path]) -> set[str]:
    """The ids in these files; "x-01 to x-03" stands for all three."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    found = set(REQUIREMENT.findall(text))
    for first, last in RANGE.findall(re.sub(r"\s+", " ", text)):
        start, stop = ALL_IDS.index(first), ALL_IDS.index(last)
        found |= {id_ for id_ in ALL_IDS[start : stop + 1] if id_[:-2] == first[:-2]}
    return found


CITED_BY_CODE = cited(sorted(CODE.glob("*.py")))
CITED_BY_TESTS = cited([file for file in sorted(HERE.glob("test_*.py")) if file != Path(__file__)])


@pytest.mark.parametrize("requirement", [id_ for id_ in OF_BYTES if id_ not in EXEMPT])
def test_requirement_is_met_and_tested(requirement: str) -> None:
    assert requirement in CITED_BY_CODE
    assert requirement in CITED_BY_TESTS


def test_cited_requirements_exist() -> None:
    assert sorted((CITED_BY_CODE | CITED_BY_TESTS) - set(ALL_IDS)) == []


def test_exemptions_are_of_bytes_have_reasons_and_are_needed() -> None:
    assert sorted(set(EXEMPT) - set(OF_BYTES)) == []
    assert all(len(reason) > 20 for reason in EXEMPT.values())
    assert sorted(set(EXEMPT) & CITED_BY_TESTS) == []
