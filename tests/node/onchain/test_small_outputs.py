"""Outputs that are not worth a claim: they are left on the chain, and nobody waits for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from boltnode.onchain.facts import HtlcClaimed, HtlcFailed, PreimageLearned
from boltspec.chain.worth import LEAST_WORTH
from boltwire.transaction import parse_transaction

A, B = 0, 1
Preimages = Callable[[int], bytes]
SMALL_MSAT = (int(LEAST_WORTH) - 1) * 1000


def go_on_chain(anchored: Any) -> None:
    """A publishes its commitment."""
    anchored.nodes[A].failed = True
    anchored.look()
    anchored.mine()


@pytest.mark.parametrize("offerer", [A, B], ids=["offered", "received"])
def test_htlc_counts_as_timed_out_when_a_timeout_would_be_deep_enough(
    anchored: Any, preimages: Preimages, offerer: int
) -> None:
    htlc_id = anchored.offer(offerer, SMALL_MSAT, preimages(1), 20)
    expiry = anchored.height + 20
    go_on_chain(anchored)
    anchored.mine(expiry + 1 + 2 - 1 - anchored.height)  # one block for the timeout, and R = 2 on it, but for the last
    assert HtlcFailed(htlc_id) not in anchored.nodes[offerer].facts
    anchored.mine()
    assert HtlcFailed(htlc_id) in anchored.nodes[offerer].facts
    books = anchored.end()
    assert sum(books.left.values()) == SMALL_MSAT // 1000 + 330  # and the anchor of B
    assert not any(node.unpaid for node in anchored.nodes)


@pytest.mark.parametrize("offerer", [A, B], ids=["offered", "received"])
def test_preimage_is_not_paid_for_with_more_than_it_brings(anchored: Any, preimages: Preimages, offerer: int) -> None:
    htlc_id = anchored.offer(offerer, SMALL_MSAT, preimages(1), 20)
    anchored.nodes[1 - offerer].preimages[htlc_id] = preimages(1)
    go_on_chain(anchored)
    books = anchored.end()
    assert HtlcClaimed(htlc_id) not in anchored.nodes[1 - offerer].facts
    assert HtlcFailed(htlc_id) in anchored.nodes[offerer].facts
    assert sum(books.left.values()) == SMALL_MSAT // 1000 + 330


def test_preimage_that_the_peer_pays_for_all_the_same_is_learned(anchored: Any, preimages: Preimages) -> None:
    htlc_id, thrifty = anchored.offer(A, SMALL_MSAT, preimages(1), 20), anchored.nodes[A]
    anchored.nodes[B].idle = True
    anchored.confirm(anchored.nodes[B].published())
    anchored.confirm(anchored.nodes[B].second_stage(-1, htlc_id, offered=False, preimage=preimages(1)))
    assert PreimageLearned(htlc_id, preimages(1)) in thrifty.facts
    anchored.end()
    assert HtlcFailed(htlc_id) not in thrifty.facts


def test_htlc_that_is_just_worth_it_is_taken(anchored: Any, preimages: Preimages) -> None:
    for node in anchored.nodes:
        node.feerate = 253
    htlc_id = anchored.offer(A, SMALL_MSAT + 1000, preimages(1), 20)
    go_on_chain(anchored)
    books = anchored.end()
    assert HtlcFailed(htlc_id) in anchored.nodes[A].facts
    assert sum(books.left.values()) == 330


def test_small_balance_is_left(new_duel: Callable[..., Any]) -> None:
    duel = new_duel(anchors=True, pushed_msat=SMALL_MSAT)
    try:
        go_on_chain(duel)
        assert duel.outputs_of(A)["to_remote"] == SMALL_MSAT // 1000
        books = duel.end()
        assert sorted(books.left.values()) == [330, SMALL_MSAT // 1000]
    finally:
        duel.chain.close()


def test_small_outputs_of_a_revoked_commitment_are_punished_together(anchored: Any, preimages: Preimages) -> None:
    for number in (1, 2, 3):
        anchored.offer(B, SMALL_MSAT, preimages(number), 30)
    old = len(anchored.nodes[B].held) - 1
    anchored.offer(A, 50_000_000, preimages(4), 30)
    anchored.nodes[B].idle = True
    anchored.confirm(anchored.nodes[B].published(old))
    books = anchored.end()
    assert books.left == dict.fromkeys(books.left, 330)
    joined = [raw for raw in anchored.nodes[A].sent.values() if len(parse_transaction(raw).inputs) == 3]
    assert len(joined) == 1
    assert books.won(B) == 0
