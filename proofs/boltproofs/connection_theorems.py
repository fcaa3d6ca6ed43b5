"""Theorems about the single connection of two nodes: both keep the same one, whatever their ids and clocks are.

A node compares two connections when it has both, in the order in which they were there for it; the other node may have
had them in the other order.
"""

from __future__ import annotations

from typing import NamedTuple

from boltproofs.runs import RunClaim, RunTheorem, Values, choose
from boltspec.connection.single import Made, keeps_older
from boltspec.htlc import LOCAL, REMOTE, Side


class Kept(NamedTuple):
    """Whose connection A and B keep, each as it sees that itself, and who made the newer one as A sees it."""

    first: Side
    second: Side
    newer: Side


def _kept(values: Values, node: str, older: Side, newer: Side, tie_break_ms: int) -> Side | None:
    """Return whose connection a node keeps; ``None`` if the newer one is not there after the older."""
    before, after = values(f"{node}.older"), values(f"{node}.newer")
    if not before <= after:
        return None
    lesser = values("A.id") < values("B.id") if node == "A" else values("B.id") < values("A.id")
    connections = Made(older, before), Made(newer, after)
    return older if keeps_older(*connections, local_is_lesser=lesser, tie_break_ms=tie_break_ms) else newer


def _is_simultaneous(values: Values, node: str, tie_break_ms: int) -> bool:
    return bool(values(f"{node}.newer") - values(f"{node}.older") < tie_break_ms)


def _both_connect(values: Values) -> Kept | None:
    """Each node has connected to the other, and both find that simultaneous, in either order."""
    tie_break = values("tie_break_ms")
    if values("A.id") == values("B.id"):
        return None
    at_a = choose(values, "A had first", (LOCAL, REMOTE))
    at_b = choose(values, "B had first", (LOCAL, REMOTE))
    first = _kept(values, "A", at_a, at_a.other, tie_break)
    second = _kept(values, "B", at_b, at_b.other, tie_break)
    if first is None or second is None:
        return None
    both = _is_simultaneous(values, "A", tie_break) and _is_simultaneous(values, "B", tie_break)
    return Kept(first, second, at_a.other) if both else None


def _one_comes_later(values: Values) -> Kept | None:
    """A connection is lost, one of the nodes has not noticed, and a new one is made by either: to both it is later."""
    tie_break = values("tie_break_ms")
    older = choose(values, "A made the older", (LOCAL, REMOTE))
    newer = choose(values, "A made the newer", (LOCAL, REMOTE))
    first = _kept(values, "A", older, newer, tie_break)
    second = _kept(values, "B", older.other, newer.other, tie_break)
    if first is None or second is None:
        return None
    apart = not _is_simultaneous(values, "A", tie_break) and not _is_simultaneous(values, "B", tie_break)
    return Kept(first, second, newer) if apart or older is newer else None


def _is_the_same(kept: Kept) -> bool:
    return kept.first is not kept.second


def _is_the_newer(kept: Kept) -> bool:
    return _is_the_same(kept) and kept.first is kept.newer


CONNECTION_THEOREMS: tuple[RunTheorem, ...] = (
    RunTheorem(
        name="BothKeepOneConnection",
        sentence="Of two connections both nodes keep the same one; a node that has lost one gets through with another.",
        claims=(
            RunClaim("each connects to the other", _both_connect, _is_the_same, ("D01-connection-n-01",)),
            RunClaim("one comes later", _one_comes_later, _is_the_newer, ("D01-connection-n-02",)),
        ),
        unbounded=("node ids", "times", "how long connections are simultaneous"),
        bounded="both nodes find two connections simultaneous, or neither does",
    ),
)  # fmt: skip
"""One."""
