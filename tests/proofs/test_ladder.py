"""Ladders: what a reader needs is on them, within the width."""

from __future__ import annotations

import pytest

from boltproofs.explorer.search import search
from boltproofs.families import SCENARIOS
from boltproofs.ladder import WIDTH, ladder
from boltproofs.trace import Trace
from boltspec.chain.enforcement import WATCH
from boltspec.move import Move


def attack(name: str, rule: str, broken: str = "PenaltySafety") -> Trace:
    trace = search(SCENARIOS[name], without=frozenset({rule}), asked={broken}).trace
    assert trace is not None
    return trace


def test_the_paid_thief() -> None:
    text = ladder(attack("C1-A", WATCH))
    lines = text.splitlines()
    assert lines[0] == "C1-A: A pays 3 to B"
    assert lines[1].startswith(f"switched off: {WATCH} (MUST)")
    assert "A (corrupt)" in text
    for part in (
        "update_add_htlc (id 0, amount_msat",
        "update_add_htlc arrives -->",
        "<-- revoke_and_ack (secret 0)",
        "htlc A0 added: IRREVOCABLE",
        "# A publish commitment 0",
        "+ to_local 998216 sat",
        "height 6",
        "broken: PenaltySafety.",
        "unspent: to_local 998216 sat since block 2",
        f"again: boltspec explore C1-A --without {WATCH} --property PenaltySafety",
    ):
        assert part in text, part


def test_a_rejection_shows_the_receivers_rule_and_numbers() -> None:
    text = ladder(attack("careless-reserve", "D02-adding-htlc-s-01", "NeverRejected"))
    assert "rejected: B02-adding-htlc-r-02" in text
    assert "left_msat -1" in text
    assert "A rejects what honest B sent: B02-adding-htlc-r-02" in text


def test_a_forbidden_message_is_marked_and_the_broken_node_shown() -> None:
    text = ladder(attack("liar-fee", "D02-revoke-and-ack-r-01", "OneUnackedCommit"))
    assert "(forbidden)" in text
    assert "B: commitments 0 (local) 0 (remote), revoked 0 (local) 1 (remote)" in text


def test_the_command_to_see_it_again_can_be_given() -> None:
    trace = Trace(SCENARIOS["dance-a"], frozenset(), (Move(0, "send", "update_add_htlc 0"),))
    assert ladder(trace, "boltspec replay x.json").endswith("end of the trace\nagain: boltspec replay x.json")


@pytest.mark.parametrize(
    ("name", "rule", "broken"),
    [
        ("C1-A", WATCH, "PenaltySafety"),
        ("C1-liar-A", "B02-revoke-and-ack-r-01", "PenaltySafety"),
        ("careless", "B02-commitment-signed-s-04", "NeverRejected"),
        ("open-corrupt-accepter", "B02-accept-channel-r-02", "ReserveAboveDust"),
        ("open-static-remotekey", "B02-funding-signed-f-03", "EstablishmentCompletes"),
        ("simple-corrupt-closer", "B02-closing-complete-k-02", "MutualCloseCorrect"),
        ("legacy-disjoint", "B02-closing-signed-f-01", "CloseTerminates"),
    ],
)
def test_no_line_is_wider_than_the_ladder(name: str, rule: str, broken: str) -> None:
    *lines, command = ladder(attack(name, rule, broken)).splitlines()
    assert command.startswith("again: boltspec explore ")
    assert max(map(len, lines)) <= WIDTH == 100
