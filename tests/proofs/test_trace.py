"""Traces: what is written is read again; what is damaged is refused, with the place."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from boltproofs.families import SCENARIOS
from boltproofs.trace import Trace, TraceError, from_json, load
from boltspec.chain.enforcement import WATCH
from boltspec.chain.world import initial
from boltspec.move import CHAIN, Move

MOVES = (
    Move(0, "send", "update_add_htlc 0"),
    Move(1, "deliver", "UpdateAddHtlc"),
    Move(0, "publish", "commitment 0"),
    Move(CHAIN, "mine", ""),
)
TRACE = Trace(SCENARIOS["C1-A"], frozenset({WATCH}), MOVES)

Damage = Callable[[dict[str, Any]], object]


def test_a_trace_survives_writing_and_reading(tmp_path: Path) -> None:
    TRACE.save(tmp_path / "trace.json")
    assert load(tmp_path / "trace.json") == TRACE


def test_worlds_begin_with_the_initial_one_and_follow_the_moves() -> None:
    worlds = TRACE.worlds()
    assert len(worlds) == len(MOVES) + 1
    assert worlds[0] == initial(TRACE.scenario)
    assert [len(world.talk.wires[0]) for world in worlds[:3]] == [0, 1, 0]
    assert worlds[-1].ledger.height == worlds[-2].ledger.height + type(worlds[-1].ledger.height)(1)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda data: data.pop("moves"), "moves: missing"),
        (lambda data: data.update(extra=1), "extra: unknown field"),
        (lambda data: data.update(format="boltspec-trace-0"), "format: 'boltspec-trace-0' is not 'boltspec-trace-1'"),
        (lambda data: data.update(scenario="C1-carless"), "scenario: unknown name 'C1-carless'; near: C1-careless"),
        (lambda data: data.update(scenario=7), "scenario: 7 has the wrong type"),
        (lambda data: data.update(without=["B05-general-n-1"]), r"without\[0\]: unknown name 'B05-general-n-1'; near"),
        (lambda data: data.update(without=[1]), r"without\[0\]: unknown name 1"),
        (lambda data: data.update(property="PenaltySafty"), "property: unknown name 'PenaltySafty'; near: Penalty"),
        (lambda data: data.update(property="PenaltySafety"), "property: the last move does not break PenaltySafety"),
        (lambda data: data["moves"].pop(0), r"moves\[0\]: not possible in this state: B deliver UpdateAddHtlc"),
        (lambda data: data["moves"].append(7), r"moves\[4\]: a JSON object is expected, not int"),
        (lambda data: data["moves"][2].update(party=2), r"moves\[2\]\.party: 2 is none of 0, 1, -1"),
        (lambda data: data["moves"][2].update(party=True), r"moves\[2\]\.party: True has the wrong type"),
        (lambda data: data["moves"][2].pop("detail"), r"moves\[2\]\.detail: missing"),
        (lambda data: data["moves"][3].update(extra=0), r"moves\[3\]\.extra: unknown field"),
    ],
)
def test_a_damaged_file_is_refused_with_place_and_reason(tmp_path: Path, damage: Damage, complaint: str) -> None:
    data = TRACE.to_json()
    damage(data)
    file = tmp_path / "trace.json"
    file.write_text(json.dumps(data), "utf-8")
    with pytest.raises(TraceError, match=f"trace.json: {complaint}"):
        load(file)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "line 1, column 1: from here on this is no JSON, so no trace; mend the file, or write it anew with "),
        (b'{\n "format": "boltspec-trace-1" 7}', "line 2, column 31: from here on this is no JSON"),
        (b'{"format": "\xff"}', "byte 12: this is no UTF-8 text, so no trace; mend the file"),
        (b"[" * 100_000, "nested too deeply, or a number too long, for a trace; mend the file"),
        (b"1" * 10_000, "nested too deeply, or a number too long, for a trace; mend the file"),
        (b"[]", "a JSON object is expected, not list"),
        (b'"trace"', "a JSON object is expected, not str"),
    ],
    ids=("empty", "without a comma", "no UTF-8", "too deep", "too long a number", "a list", "a text"),
)
def test_what_is_no_json_object_is_refused_with_the_place(tmp_path: Path, content: bytes, complaint: str) -> None:
    file = tmp_path / "trace.json"
    file.write_bytes(content)
    with pytest.raises(TraceError) as refused:
        load(file)
    assert str(refused.value).startswith(f"{file}: {complaint}")


@pytest.mark.parametrize(("name", "reason"), [("none.json", "No such file or directory"), ("", "Is a directory")])
def test_a_file_that_cannot_be_read_is_refused_and_named_once(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(TraceError) as refused:
        load(tmp_path / name)
    assert str(refused.value).startswith(f"{tmp_path / name}: cannot be read: {reason}; mend the file")
    assert str(refused.value).count(str(tmp_path)) == 1


def test_moves_are_possible_only_with_the_rules_of_the_trace_off() -> None:
    revoked = (
        MOVES[0],
        Move(0, "send", "commitment_signed"),
        MOVES[1],
        Move(1, "deliver", "CommitmentSigned"),
        Move(1, "send", "revoke_and_ack"),
        Move(1, "publish", "commitment 0"),
    )
    careless = replace(TRACE, scenario=SCENARIOS["C1-careless"], moves=revoked)
    assert len(replace(careless, without=frozenset({"B02-revoke-and-ack-n-01"})).worlds()) == 7
    with pytest.raises(TraceError, match=r"moves\[5\]: not possible"):
        replace(careless, without=frozenset()).worlds()


def test_names_are_checked_without_running_the_moves() -> None:
    impossible = replace(TRACE, moves=(Move(0, "deliver", "UpdateAddHtlc"),))
    assert from_json(impossible.to_json()) == impossible
