"""The pages of the four closes show what the model does: every output, every way, the right blocks, the right rules."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from boltproofs.docs import close_drawing, close_runs, closes
from boltproofs.docs.source import ROOT
from boltspec.chain.conditions import CONDITIONS, Kind, Use
from boltspec.chain.enforcement import RESOLUTIONS, Situation
from boltspec.chain.properties.catalogue import PROPERTIES
from boltspec.units import Sat

LETTER = 6.8
"""Pixels of a letter of the small text, at most on average."""
EVERY = tuple(Situation)


def texts(case: Situation) -> list[tuple[float, str]]:
    """Where texts begin, and what they say; those that are centred begin at -1."""
    figure = close_drawing.drawing(case)
    svg = ElementTree.fromstring(figure[figure.index("<svg") : figure.index("</svg>") + 6])
    return [
        (float(element.attrib["x"]) if element.attrib["text-anchor"] == "start" else -1.0, element.text or "")
        for element in svg.iter()
        if element.tag.endswith("text")
    ]


def branches(case: Situation) -> list[tuple[Kind, closes.Branch]]:
    found = []
    for output in closes.close(case).outputs:
        for branch in output.branches:
            found.append((output.coin.kind, branch))
            found += [(branch.way.leads_to, further) for further in branch.further]
    return found


def rows(case: Situation) -> list[list[str]]:
    lines = closes.spends(case).splitlines()[2:]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]


@pytest.mark.parametrize("case", EVERY)
def test_every_way_that_is_possible_is_drawn_and_tabled(case: Situation) -> None:
    shown = branches(case)
    for kind in {output.coin.kind for output in closes.close(case).outputs}:
        possible = [way.use for way in CONDITIONS[kind] if case is Situation.REVOKED or not way.secret]
        drawn = [branch.way.use for at, branch in shown if at is kind]
        assert sorted(drawn) == sorted(possible)
    lines = [line for _, line in texts(case)]
    for _, branch in shown:
        assert f"{close_drawing.who(branch)}" in lines
    assert len(rows(case)) == len(shown) + sum(not output.branches for output in closes.close(case).outputs)


@pytest.mark.parametrize("case", EVERY[1:])
def test_what_the_node_does_is_what_the_specification_resolves(case: Situation) -> None:
    told = {(kind, branch.way.use): branch.rules for kind, branch in branches(case) if branch.rules}
    asked = {(kind, use): rules for (at, kind), ways in RESOLUTIONS.items() if at is case for rules, use in ways}
    assert told == asked
    for (_, use), rules in asked.items():
        assert any(f"`{use.value}`" in row and all(rule in " ".join(row) for rule in rules) for row in rows(case))


@pytest.mark.parametrize("case", EVERY)
def test_outputs_and_fee_add_up_to_the_funding_output(case: Situation) -> None:
    found = closes.close(case)
    paid = sum((output.coin.amount_sat for output in found.outputs), Sat(0))
    assert paid + found.transaction.fee_sat == closes.PARAMS.funding_satoshis


def test_the_blocks_are_those_of_the_scripts() -> None:
    """To_self_delay 4, expiries 130 and 120, a lock of one block on HTLC outputs with anchors."""
    first = {(case, kind, branch.way.use): int(branch.first) for case in EVERY for kind, branch in branches(case)}
    assert first[Situation.LOCAL, Kind.TO_LOCAL, Use.DELAYED] == 104
    assert first[Situation.LOCAL, Kind.OFFERED_HTLC, Use.HTLC_TIMEOUT] == 131
    assert first[Situation.LOCAL, Kind.TIMED_OUT_HTLC, Use.DELAYED] == 135
    assert first[Situation.REMOTE, Kind.OFFERED_HTLC, Use.CLAIM_WITH_PREIMAGE] == 101
    assert first[Situation.REVOKED, Kind.TO_LOCAL, Use.REVOCATION] == 100
    assert first[Situation.REVOKED, Kind.TIMED_OUT_HTLC, Use.REVOCATION] == 121
    before = [row[6] for row in rows(Situation.REVOKED) if row[0].startswith("`to_local`") and len(row) > 6]
    assert before[0] == "block 104, its peer's first"


@pytest.mark.parametrize("case", EVERY)
def test_no_text_runs_into_the_next_column(case: Situation) -> None:
    for x, text in texts(case):
        if x >= 0:
            room = close_drawing.WIDTH - x if x > 700 else 580 - x
            assert LETTER * len(text) <= room, text


def test_only_penalties_are_red_and_only_a_revoked_close_has_them() -> None:
    counts = {case: close_drawing.drawing(case).count('class="penalty"') for case in EVERY}
    assert counts == {case: 5 if case is Situation.REVOKED else 0 for case in EVERY}


@pytest.mark.parametrize("file", close_runs.RUNS)
def test_runs_end_as_they_should_and_keep_every_property(file: str) -> None:
    run = close_runs.run_of(file)
    assert close_runs.RUNS[file][1](run.worlds[-1])
    assert run.trace.worlds() == run.worlds
    for world in run.worlds:
        assert all(one.holds(world, run.trace.scenario) for one in PROPERTIES)


def test_a_run_that_does_not_exist_is_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(close_runs.RUNS, "none.inc", ("C1-A", lambda _world: False))
    with pytest.raises(ValueError, match="no run of C1-A"):
        close_runs.run_of("none.inc")


@pytest.mark.parametrize("case", EVERY)
def test_each_close_has_a_page_with_its_drawing_and_its_table(case: Situation) -> None:
    page = (ROOT / "docs" / "closes" / f"{case.name.lower()}.md").read_text("utf-8")
    included = set(re.findall(r"include\} \.\./generated/(\S+)", page))
    name = case.name.lower()
    assert {f"close-{name}.inc", f"close-{name}-spends.inc", f"close-{name}-run.inc"} <= included
