"""Closing alone: our commitment, theirs, every HTLC in both; the chain's unspent outputs are the judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from boltchain.transaction import OutPoint, Txid
from boltnode.onchain.facts import Closed, HtlcClaimed, HtlcFailed, PreimageLearned, Resolved
from boltnode.onchain.reading import Spender
from boltwire.funding_spend import funding_spend_witness, sign_funding_spend
from boltwire.per_commitment_secrets import SecretStore
from boltwire.scripts import p2wpkh
from boltwire.transaction import Transaction, TxInput, TxOutput

A, B = 0, 1
Preimages = Callable[[int], bytes]


def amounts(duel: Any) -> dict[str, int]:
    """The outputs of the confirmed commitment by role; roles occur once in these tests."""
    owner = next(node for node in duel.nodes if node.built(node.held[-1]).txid == duel.closing().txid())
    return {entry.role.value: entry.output.amount_sat for entry in owner.built(owner.held[-1]).outputs}


def test_local_commitment_without_htlcs(duel: Any) -> None:
    duel.nodes[A].failed = True
    duel.look()
    duel.mine()
    out = amounts(duel)
    assert Closed(Spender.LOCAL, duel.closing().txid(), duel.height) in duel.nodes[A].facts
    assert Closed(Spender.REMOTE, duel.closing().txid(), duel.height) in duel.nodes[B].facts
    books = duel.end()
    anchor = 330 if duel.anchors else 0  # A's anchor went into the child that paid for the commitment
    assert books.won(A) == out["to_local"] + anchor
    assert books.won(B) == out["to_remote"]
    assert sum(books.left.values()) == anchor


@pytest.mark.parametrize("is_claimed", [True, False], ids=["claimed", "expired"])
@pytest.mark.parametrize("offerer", [A, B], ids=["offered", "received"])
def test_htlc_on_local_commitment(duel: Any, preimages: Preimages, offerer: int, is_claimed: bool) -> None:
    """Its amount goes to the recipient if that knows the preimage, else back; the offerer's node is told which."""
    recipient = 1 - offerer
    htlc_id = duel.offer(offerer, 50_000_000, preimages(1), 20)
    if is_claimed:
        duel.nodes[recipient].preimages[htlc_id] = preimages(1)
    duel.nodes[A].failed = True
    duel.look()
    duel.mine()
    out = amounts(duel)
    told = (PreimageLearned(htlc_id, preimages(1)), HtlcFailed(htlc_id))
    assert not set(told) & set(duel.nodes[offerer].facts)
    books = duel.end()
    assert [fact for fact in told if fact in duel.nodes[offerer].facts] == [told[0] if is_claimed else told[1]]
    assert (HtlcClaimed(htlc_id) in duel.nodes[recipient].facts) is is_claimed
    due = [out["to_local"] + out.get("to_local_anchor", 0), out["to_remote"]]
    due[recipient if is_claimed else offerer] += out["offered_htlc" if offerer == A else "received_htlc"]
    assert [books.won(A), books.won(B)] == due


def test_previous_commitment_that_is_not_revoked_is_no_cheat(duel: Any, preimages: Preimages) -> None:
    """B has signed, and not yet received the revocation: A's old commitment is as good as its new one."""
    duel.offer(A, 50_000_000, preimages(1), 20)
    before = len(duel.nodes[B].held) - 1
    htlc_id = duel.add(A, 30_000_000, preimages(2), 20)
    duel.commit(A, revoke=False)
    duel.nodes[B].idle = True
    duel.confirm(duel.nodes[B].published(before))
    assert Closed(Spender.REMOTE, duel.closing().txid(), duel.height) in duel.nodes[A].facts
    assert HtlcFailed(htlc_id) not in duel.nodes[A].facts
    duel.mine()
    assert HtlcFailed(htlc_id) not in duel.nodes[A].facts
    duel.mine()  # the commitment without that HTLC is as deep as reorganisations go
    assert HtlcFailed(htlc_id) in duel.nodes[A].facts


def test_htlc_that_is_trimmed_is_failed_after_reasonable_depth(duel: Any, preimages: Preimages) -> None:
    htlc_id = duel.offer(A, 300_000, preimages(1), 20)
    duel.nodes[A].failed = True
    duel.look()
    duel.mine()
    assert HtlcFailed(htlc_id) not in duel.nodes[A].facts
    duel.mine()
    assert HtlcFailed(htlc_id) not in duel.nodes[A].facts
    duel.mine()
    assert HtlcFailed(htlc_id) in duel.nodes[A].facts


# --- deadlines ---


def test_channel_is_failed_for_an_offered_htlc_that_has_expired(duel: Any, preimages: Preimages) -> None:
    htlc_id = duel.offer(A, 50_000_000, preimages(1), 5)
    duel.mine(5)
    assert not duel.nodes[A].failed
    assert duel.chain.mempool() == []
    duel.mine()  # expiry and one block of grace
    assert duel.nodes[A].failed
    assert not duel.nodes[B].failed
    duel.mine()
    assert Closed(Spender.LOCAL, duel.closing().txid(), duel.height) in duel.nodes[A].facts
    duel.end()
    assert HtlcFailed(htlc_id) in duel.nodes[A].facts


def test_channel_is_failed_in_time_for_a_fulfilled_htlc(duel: Any, preimages: Preimages) -> None:
    htlc_id = duel.offer(A, 50_000_000, preimages(1), 12)
    duel.nodes[B].preimages[htlc_id] = preimages(1)
    duel.fulfil(B, htlc_id)  # and A does not answer
    duel.nodes[A].idle = True
    duel.mine(3)  # 12 - (2R + G + S) blocks
    assert not duel.nodes[B].failed
    duel.mine()
    assert duel.nodes[B].failed
    duel.mine()
    out = duel.outputs_of(B)
    books = duel.end()
    assert books.won(B) == out["to_local"] + out["received_htlc"] + out.get("to_local_anchor", 0)


def test_claim_that_was_decided_is_enforced_even_when_its_deadline_is_past(duel: Any, preimages: Preimages) -> None:
    """The invoice counts as paid, so there is nothing to lose by showing the preimage late."""
    htlc_id = duel.offer(A, 50_000_000, preimages(1), 12)
    duel.nodes[B].preimages[htlc_id] = preimages(1)
    duel.nodes[B].idle = True
    duel.mine(4)
    duel.nodes[A].failed = True
    duel.look()
    duel.mine()
    duel.nodes[B].idle = False
    duel.end()
    assert HtlcClaimed(htlc_id) in duel.nodes[B].facts
    assert PreimageLearned(htlc_id, preimages(1)) in duel.nodes[A].facts


# --- other spends ---


def test_closing_transaction_is_recognised(duel: Any) -> None:
    closing = mutual(duel)
    duel.confirm(closing)
    for node in duel.nodes:
        assert Closed(Spender.MUTUAL, closing.txid(), duel.height) in node.facts
    books = duel.end()
    assert books.gained == [599_000, 400_000]
    assert books.left == {}


def test_closing_transaction_is_preferred_to_the_commitment(duel: Any) -> None:
    closing = mutual(duel)
    duel.nodes[A].closing = closing.serialize()
    duel.nodes[A].failed = True
    duel.look()
    duel.mine()
    assert duel.closing().txid() == closing.txid()


def mutual(duel: Any) -> Transaction:
    a, b = duel.nodes
    return signed_by_both(duel, TxOutput(400_000, b.sweep_script), TxOutput(599_000, a.sweep_script))


def signed_by_both(duel: Any, *outputs: TxOutput) -> Transaction:
    """A spend of the funding output that is no commitment."""
    made = Transaction((TxInput(duel.funding, 0xFFFFFFFD),), outputs)
    funding = duel.nodes[A].terms.funding_output
    signatures = [sign_funding_spend(made, funding, node.keys.funding_key) for node in duel.nodes]
    return made.with_witness(0, funding_spend_witness(funding, *signatures))


def test_unknown_spend_is_told_of(duel: Any) -> None:
    a, made = duel.nodes[A], signed_by_both(duel, TxOutput(999_000, p2wpkh(b"\2" * 33)))
    duel.confirm(made)
    assert Closed(Spender.UNKNOWN, made.txid(), duel.height) in a.facts
    assert a.sent == {}
    assert a.failed
    duel.mine(99)
    assert Resolved() not in a.facts
    duel.mine()
    assert Resolved() in a.facts


def test_balance_is_found_in_a_commitment_that_was_forgotten(duel: Any, preimages: Preimages) -> None:
    """A has lost all data since the channel was opened; B publishes its newest commitment."""
    a, b = duel.nodes
    before = (a.channel, list(a.held), dict(a.signed), dict(a.points))
    duel.offer(A, 50_000_000, preimages(1), 20)
    a.channel, a.held, a.signed, a.points = before
    a.secrets, a.unsure, a.failed = SecretStore(), True, True
    duel.look()
    assert a.sent == {}  # what it holds is revoked, for all that it knows
    duel.confirm(b.published())
    assert Closed(Spender.LATER, duel.closing().txid(), duel.height) in a.facts
    out = duel.outputs_of(B)
    duel.mine(2)
    assert duel.audit().won(A) == out["to_remote"]
    duel.mine(100)
    assert Resolved() in a.facts


def test_channel_is_kept_while_its_balance_is_not_in_the_wallet(duel: Any) -> None:
    a, b = duel.nodes
    a.idle, b.idle = True, True
    duel.confirm(b.published())
    duel.mine(100)
    duel.react(a)  # it makes the sweep now
    assert Resolved() not in a.facts
    duel.mine()
    assert duel.audit().won(A) > 500_000
    duel.mine(99)
    duel.react(a)
    assert Resolved() not in a.facts
    duel.mine()
    duel.react(a)
    assert Resolved() in a.facts


# --- reorganisations ---


def test_commitment_is_published_again_after_a_reorganisation(duel: Any, preimages: Preimages) -> None:
    htlc_id = duel.offer(A, 50_000_000, preimages(1), 20)
    duel.nodes[B].preimages[htlc_id] = preimages(1)
    duel.nodes[A].failed = True
    duel.look()
    duel.mine()
    duel.mine()
    duel.reorganise(2)
    assert not any(isinstance(fact, Closed) for fact in duel.nodes[A].facts)
    duel.mine()
    out = amounts(duel)
    books = duel.end()
    assert books.won(A) == out["to_local"] + out.get("to_local_anchor", 0)
    assert books.won(B) == out["to_remote"] + out["offered_htlc"]


def test_htlc_is_not_failed_while_a_reorganisation_can_undo_its_timeout(duel: Any, preimages: Preimages) -> None:
    htlc_id = duel.offer(A, 50_000_000, preimages(1), 5)
    duel.nodes[A].failed = True
    duel.look()
    duel.mine_until(lambda: duel.audit().gained[A] > 0 or _is_timed_out(duel))
    assert HtlcFailed(htlc_id) not in duel.nodes[A].facts
    duel.reorganise(1)
    assert HtlcFailed(htlc_id) not in duel.nodes[A].facts
    duel.end()
    assert HtlcFailed(htlc_id) in duel.nodes[A].facts


def _is_timed_out(duel: Any) -> bool:
    built = duel.nodes[A].built(duel.nodes[A].held[-1])
    return duel.chain.spender(OutPoint(Txid(built.txid), built.htlc_vouts()[0])) is not None


def test_two_htlcs_with_the_same_hash_are_told_apart(duel: Any, preimages: Preimages) -> None:
    """One is claimed, the other expires: the preimage is known to A by then, and the second is still its own."""
    claimed = duel.offer(A, 50_000_000, preimages(1), 30)
    expired = duel.offer(A, 40_000_000, preimages(1), 8)
    duel.nodes[B].preimages[claimed] = preimages(1)
    duel.nodes[A].failed = True
    duel.look()
    duel.mine()
    duel.end()
    assert PreimageLearned(claimed, preimages(1)) in duel.nodes[A].facts
    assert HtlcFailed(expired) in duel.nodes[A].facts
    assert HtlcFailed(claimed) not in duel.nodes[A].facts
