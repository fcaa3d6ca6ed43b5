"""A thief publishes a revoked commitment and spends what it can of it, in blocks of its own: it ends with nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from boltnode.onchain.facts import Closed, Resolved
from boltnode.onchain.reading import Spender
from boltspec.rules import without

A, B = 0, 1
Preimages = Callable[[int], bytes]


def all_but_the_commitments_fee(out: dict[str, int]) -> int:
    return sum(amount for role, amount in out.items() if not role.endswith("anchor"))


def test_everything_is_taken_from_a_revoked_commitment(duel: Any) -> None:
    duel.prepare_cheat()
    out = duel.outputs_of(B, duel.old)
    assert set(out) >= {"to_local", "to_remote", "offered_htlc", "received_htlc"}
    duel.confirm(duel.nodes[B].published(duel.old))
    assert Closed(Spender.REVOKED, duel.closing().txid(), duel.height) in duel.nodes[A].facts
    duel.mine()
    story = duel.react(duel.nodes[A]).story
    assert story.ledger.punished == (False, True)
    assert story.last_height == duel.height
    duel.mine(99)
    assert Resolved() not in duel.nodes[A].facts
    duel.mine()  # all claims are 100 blocks deep
    assert Resolved() in duel.nodes[A].facts
    books = duel.audit()
    assert books.won(A) == all_but_the_commitments_fee(out)
    assert books.won(B) == 0


@pytest.mark.parametrize("in_the_same_block", [True, False], ids=["same block", "a block later"])
def test_htlc_transactions_of_a_thief_are_punished(duel: Any, preimages: Preimages, in_the_same_block: bool) -> None:
    offered, received = duel.prepare_cheat()
    out = duel.outputs_of(B, duel.old)
    thief = duel.nodes[B]
    commitment = thief.published(duel.old)
    success = thief.second_stage(duel.old, offered, offered=False, preimage=preimages(1))
    timeout = thief.second_stage(duel.old, received, offered=True)
    while duel.height < timeout.locktime:
        duel.mine()
    if in_the_same_block and not duel.anchors:
        duel.confirm(commitment, success, timeout)
    else:
        duel.confirm(commitment)
        duel.confirm(success, timeout)
    duel.mine()
    duel.mine_until(lambda: Resolved() in duel.nodes[A].facts, limit=150)
    books = duel.audit()
    assert books.won(B) == 0
    fees = books.other_fees - (1_000_000 - sum(out.values()))  # what the thief's transactions pay without anchors
    assert books.won(A) == all_but_the_commitments_fee(out) - fees
    assert (fees == 0) is duel.anchors


def test_thief_that_waits_for_the_delay_is_punished_before_it_ends(duel: Any) -> None:
    duel.prepare_cheat()
    duel.nodes[A].feerate = 200  # too little at first; it is raised
    duel.confirm(duel.nodes[B].published(duel.old))
    first = dict(duel.nodes[A].sent)
    for _ in range(3):
        duel.confirm()  # empty blocks: miners leave the penalties out
    assert len(duel.nodes[A].sent) > len(first)
    duel.mine()
    books = duel.audit()
    assert books.won(B) == 0


def test_without_the_penalty_the_thief_gets_away(anchored: Any) -> None:
    """The check can fail: with the duty to take ``to_local`` switched off, it stays where the thief can take it."""
    anchored.prepare_cheat()
    with without(frozenset({"B05-revoked-commit-l-03"})):
        anchored.confirm(anchored.nodes[B].published(anchored.old))
        anchored.mine(3)
        books = anchored.audit()
    assert anchored.outputs_of(B, anchored.old)["to_local"] in books.left.values()


def test_penalty_is_made_anew_after_a_reorganisation(duel: Any) -> None:
    duel.prepare_cheat()
    duel.confirm(duel.nodes[B].published(duel.old))
    duel.mine()
    assert duel.audit().won(B) == 0
    duel.reorganise(1)  # the penalties are undone, and wait again
    duel.mine()
    duel.mine_until(lambda: Resolved() in duel.nodes[A].facts, limit=150)
    assert duel.audit().won(A) == all_but_the_commitments_fee(duel.outputs_of(B, duel.old))


def test_htlc_transactions_that_a_thief_has_combined_are_punished(anchored: Any, preimages: Preimages) -> None:
    """With anchors one transaction can hold several of them: each output has the number of its input."""
    first = anchored.offer(A, 60_000_000, preimages(1), 30)
    second = anchored.offer(A, 50_000_000, preimages(1), 30)  # the same hash
    a, thief = anchored.nodes
    old = len(thief.held) - 1
    for htlc_id in (first, second):
        anchored.fulfil(B, htlc_id)
    anchored.commit(B)
    anchored.commit(A)
    thief.idle = True
    out = thief.built(thief.held[old]).outputs
    claims = [thief.second_stage(old, each, offered=False, preimage=preimages(1)) for each in (first, second)]
    anchored.confirm(thief.published(old))
    anchored.confirm(thief.combined(old, (second, first), preimages(1)))
    assert all(anchored.chain.check(claim.serialize()) is not None for claim in claims)  # they are spent already
    anchored.mine()
    anchored.mine_until(lambda: Resolved() in a.facts, limit=150)
    books = anchored.audit()
    assert books.won(B) == 0
    assert books.won(A) == sum(entry.output.amount_sat for entry in out if not entry.role.value.endswith("anchor"))
