"""Every requirement about bytes and cryptography of BOLTs 1, 2, 7, 8 and 9 is met somewhere, tested, or exempt.

The exemptions are data, each with the reason that holds; one that is no longer needed fails the test as well.
"""

import csv
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "spec" / "boltspec" / "requirements"
ID = re.compile(r"B\d\d-[a-z0-9-]+-[a-z]-\d\d")
BOLTS = ("01", "02", "07", "08", "09")


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def cited(files: Iterable[Path]) -> set[str]:
    return {id_ for path in files for id_ in ID.findall(path.read_text())}


WANTED = {
    row["id"] for bolt in BOLTS for row in table(REQUIREMENTS / f"bolt{bolt}.tsv") if row["class"] in ("wire", "crypto")
}
EXEMPT = {row["id"]: row["reason"] for row in table(Path(__file__).with_name("requirement_exemptions.tsv"))}
IN_CODE = cited((ROOT / "reference" / "boltwire").rglob("*.py"))
IN_TESTS = cited((ROOT / "tests" / "wire").rglob("test_*.py"))


def test_the_requirements_are_found() -> None:
    assert len(WANTED) > 200
    assert {"B01-tlv-r-02", "B08-encrypt-s-01"} <= WANTED


@pytest.mark.parametrize("id_", sorted(WANTED - EXEMPT.keys()))
def test_requirement_is_cited_and_tested(id_: str) -> None:
    assert id_ in IN_CODE, "cited nowhere in reference/boltwire"
    assert id_ in IN_TESTS, "named by no test in tests/wire"


@pytest.mark.parametrize("id_", sorted(EXEMPT))
def test_exemption_is_needed_and_has_a_reason(id_: str) -> None:
    assert id_ in WANTED, "not a wire or crypto requirement of these BOLTs"
    assert not (id_ in IN_CODE and id_ in IN_TESTS), "cited and tested, hence not exempt"
    assert len(EXEMPT[id_].split()) >= 5
