"""A node that has lost data, with a payment under way in what it has left: it is never told that it has failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from boltnode.onchain.facts import Closed, Fact, HtlcFailed, OutcomeUnknown, PreimageLearned, Resolved
from boltnode.onchain.reading import Spender
from boltwire.funding_spend import funding_spend_witness, sign_funding_spend
from boltwire.per_commitment_secrets import SecretStore
from boltwire.transaction import Transaction, TxInput, TxOutput

A, B = 0, 1
AMOUNT_MSAT = 50_000_000

Preimages = Callable[[int], bytes]


def forgetting(duel: Any, preimages: Preimages, *, settles: bool) -> int:
    """A offers an HTLC, and forgets what came after: B was paid, or another HTLC; its id."""
    a = duel.nodes[A]
    htlc_id: int = duel.offer(A, AMOUNT_MSAT, preimages(1), 20)
    kept = (a.channel, list(a.held), dict(a.signed), dict(a.points))
    if settles:
        duel.fulfil(B, htlc_id)
        duel._settle(B)
    else:
        duel.offer(A, 20_000_000, preimages(2), 30)
    a.channel, a.held, a.signed, a.points = kept
    a.secrets, a.unsure, a.failed = SecretStore(), True, True
    duel.nodes[B].idle = True
    return htlc_id


def facts_until_resolved(duel: Any) -> list[Fact]:
    """All that A is told until nothing is left."""
    told: list[Fact] = []
    for _ in range(110):
        told += duel.nodes[A].facts
        if Resolved() in told:
            return told
        duel.mine()
    raise AssertionError("it never ends")


def test_payment_that_was_forgotten_to_be_made_has_an_unknown_outcome(duel: Any, preimages: Preimages) -> None:
    """B was paid off chain: its newest commitment says nothing of the HTLC."""
    htlc_id = forgetting(duel, preimages, settles=True)
    duel.confirm(duel.nodes[B].published())
    assert Closed(Spender.LATER, duel.closing().txid(), duel.height) in duel.nodes[A].facts
    duel.mine(99)
    assert OutcomeUnknown(htlc_id) not in duel.nodes[A].facts, "it may still come to light"
    told = facts_until_resolved(duel)
    assert OutcomeUnknown(htlc_id) in told
    assert HtlcFailed(htlc_id) not in told


def test_preimage_is_read_off_the_spend_of_a_commitment_that_was_forgotten(duel: Any, preimages: Preimages) -> None:
    htlc_id, b = forgetting(duel, preimages, settles=False), duel.nodes[B]
    duel.confirm(b.published())
    duel.confirm(b.second_stage(-1, htlc_id, offered=False, preimage=preimages(1)))
    assert PreimageLearned(htlc_id, preimages(1)) in duel.nodes[A].facts
    told = facts_until_resolved(duel)
    assert OutcomeUnknown(htlc_id) not in told
    assert HtlcFailed(htlc_id) not in told


def test_preimage_is_forgotten_with_the_block_that_showed_it(duel: Any, preimages: Preimages) -> None:
    htlc_id, b = forgetting(duel, preimages, settles=False), duel.nodes[B]
    duel.confirm(b.published())
    duel.confirm(b.second_stage(-1, htlc_id, offered=False, preimage=preimages(1)))
    duel.reorganise(1)
    assert PreimageLearned(htlc_id, preimages(1)) not in duel.nodes[A].facts


@pytest.mark.parametrize("depth", [3, 101])
def test_channel_that_was_closed_together_since_leaves_an_unknown_outcome(
    duel: Any, preimages: Preimages, depth: int
) -> None:
    """Nothing is closed together while there is an HTLC: what A has left is old."""
    htlc_id = forgetting(duel, preimages, settles=True)
    nodes, funding = duel.nodes, duel.nodes[A].terms.funding_output
    outputs = (TxOutput(450_000, nodes[B].sweep_script), TxOutput(549_000, nodes[A].sweep_script))
    made = Transaction((TxInput(duel.funding, 0xFFFFFFFD),), outputs)
    signatures = [sign_funding_spend(made, funding, node.keys.funding_key) for node in nodes]
    duel.confirm(made.with_witness(0, funding_spend_witness(funding, *signatures)))
    assert Closed(Spender.MUTUAL, duel.closing().txid(), duel.height) in nodes[A].facts
    duel.mine(depth - 1)
    assert HtlcFailed(htlc_id) not in nodes[A].facts
    assert (OutcomeUnknown(htlc_id) in nodes[A].facts) is (Resolved() in nodes[A].facts) is (depth == 101)
