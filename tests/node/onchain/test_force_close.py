"""Closing alone: our commitment, theirs, every HTLC in both; the chain's unspent outputs are the judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from boltnode.onchain.facts import Closed, HtlcClaimed, HtlcFailed, PreimageLearned, Resolved
from boltnode.onchain.reading import Spender

A, B = 0, 1
Preimages = Callable[[int], bytes]


def amounts(duel: Any) -> dict[str, int]:
    """The outputs of the confirmed commitment by role; roles occur once in these tests."""
    owner = next(node for node in duel.nodes if node.built(node.held[-1]).txid == duel.closing().txid())
    return {entry.role.value: entry.output.amount_sat for entry in owner.built(owner.held[-1]).outputs}


def end(duel: Any) -> Any:
    """Until both nodes have nothing left to watch; then the books."""
    duel.mine_until(lambda: all(Resolved() in node.facts for node in duel.nodes if not node.idle), limit=200)
    return duel.audit()


def test_local_commitment_without_htlcs(duel: Any) -> None:
    duel.nodes[A].failed = True
    duel.look()
    duel.mine()
    out = amounts(duel)
    assert Closed(Spender.LOCAL, duel.closing().txid(), duel.height) in duel.nodes[A].facts
    assert Closed(Spender.REMOTE, duel.closing().txid(), duel.height) in duel.nodes[B].facts
    books = end(duel)
    anchor = 330 if duel.anchors else 0  # A's anchor went into the child that paid for the commitment
    assert books.won(A) == out["to_local"] + anchor
    assert books.won(B) == out["to_remote"]
    assert sum(books.left.values()) == anchor


def test_offered_htlc_times_out_on_local_commitment(duel: Any, preimages: Preimages) -> None:
    htlc_id = duel.offer(A, 50_000_000, preimages(1), 10)
    duel.nodes[A].failed = True
    duel.look()
    duel.mine()
    out = amounts(duel)
    assert HtlcFailed(htlc_id) not in duel.nodes[A].facts
    books = end(duel)
    assert HtlcFailed(htlc_id) in duel.nodes[A].facts
    assert books.won(A) == out["to_local"] + out["offered_htlc"] + out.get("to_local_anchor", 0)
    assert books.won(B) == out["to_remote"]


def test_offered_htlc_is_claimed_on_local_commitment(duel: Any, preimages: Preimages) -> None:
    htlc_id = duel.offer(A, 50_000_000, preimages(1), 20)
    duel.nodes[B].preimages[htlc_id] = preimages(1)
    duel.nodes[A].failed = True
    duel.look()
    duel.mine()
    out = amounts(duel)
    books = end(duel)
    assert PreimageLearned(htlc_id, preimages(1)) in duel.nodes[A].facts
    assert HtlcClaimed(htlc_id) in duel.nodes[B].facts
    assert books.won(A) == out["to_local"] + out.get("to_local_anchor", 0)
    assert books.won(B) == out["to_remote"] + out["offered_htlc"]


def test_received_htlc_is_claimed_on_local_commitment(duel: Any, preimages: Preimages) -> None:
    htlc_id = duel.offer(B, 50_000_000, preimages(1), 20)
    duel.nodes[A].preimages[htlc_id] = preimages(1)
    duel.nodes[A].failed = True
    duel.look()
    duel.mine()
    out = amounts(duel)
    books = end(duel)
    assert HtlcClaimed(htlc_id) in duel.nodes[A].facts
    assert PreimageLearned(htlc_id, preimages(1)) in duel.nodes[B].facts
    assert books.won(A) == out["to_local"] + out["received_htlc"] + out.get("to_local_anchor", 0)
    assert books.won(B) == out["to_remote"]


def test_received_htlc_expires_on_local_commitment(duel: Any, preimages: Preimages) -> None:
    htlc_id = duel.offer(B, 50_000_000, preimages(1), 10)
    duel.nodes[A].failed = True
    duel.look()
    duel.mine()
    out = amounts(duel)
    books = end(duel)
    assert HtlcFailed(htlc_id) in duel.nodes[B].facts
    assert books.won(A) == out["to_local"] + out.get("to_local_anchor", 0)
    assert books.won(B) == out["to_remote"] + out["received_htlc"]
