"""Coins that are kept back have a close confirmed in time while miners ask for more with every block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from boltchain.transaction import OutPoint, Txid
from boltchain.wallet.reserve import Reserve
from boltnode.onchain.facts import HtlcClaimed
from boltspec.chain.fee_reserve import CHILD_WEIGHT, PAID_HTLC_WEIGHT, Need, coin_sat, coins_needed
from boltspec.fees import HTLC_OUTPUT_WEIGHT
from boltspec.units import FeeratePerKw
from boltwire.transaction import Transaction, parse_transaction

A, B = 0, 1
ANYWHERE = b"\x00\x14" + bytes(20)
DEFENDED = 10_000
FIRST_ASKED, RISE = 3_000, 380
"""Miners ask for so much, and for so much more with each block: satoshi per 1000 weight units."""


def spend_all(duel: Any, *, keeps: bool) -> None:
    """A spends all that its wallet lets it spend, with or without what its channel needs."""
    node = duel.nodes[A]
    needed = Need(coins_needed(node.channel), coin_sat(FeeratePerKw(DEFENDED)))
    if keeps:
        node.wallet.reserve = Reserve(needed.coins, int(needed.coin_sat))
    prepared = node.wallet.prepare_all(ANYWHERE, 1_000)
    duel.chain.submit(node.wallet.send(prepared.txid))
    duel.chain.mine()
    duel.look()
    assert node.wallet.balance().reserve_sat == (needed.coins * int(needed.coin_sat) if keeps else 0)
    assert node.wallet.balance().spendable_sat == 0


def waiting(duel: Any) -> list[Transaction]:
    return [parse_transaction(duel.nodes[A].sent[txid]) for txid in duel.chain.mempool()]


def offered(duel: Any) -> int:
    """The feerate of all that waits."""
    there = waiting(duel)
    made = {entry.txid(): entry for entry in there}
    fees = sum(_spent(duel, made, entry) - sum(output.amount_sat for output in entry.outputs) for entry in there)
    return fees * 1000 // sum(entry.weight() for entry in there)


def _spent(duel: Any, made: dict[bytes, Transaction], transaction: Transaction) -> int:
    amounts = 0
    for entry in transaction.inputs:
        parent, vout = made.get(entry.outpoint.txid), entry.outpoint.vout
        if parent is not None:
            amounts += parent.outputs[vout].amount_sat
        else:
            amounts += duel.chain.utxo(OutPoint(Txid(entry.outpoint.txid), vout)).amount_sat
    return amounts


def mine_for_the_best(duel: Any, asked: int) -> None:
    """A block of miners who take nothing for less."""
    if waiting(duel) and offered(duel) >= asked:
        duel.mine()
    else:
        duel.confirm()


@pytest.mark.parametrize("keeps", [True, False], ids=["with the reserve", "without it"])
def test_htlc_is_claimed_before_it_expires_under_rising_feerates(
    anchored: Any, preimages: Callable[[int], bytes], keeps: bool
) -> None:
    """A has shown the preimage, B falls silent: A has to be on the chain with it before the expiry."""
    node = anchored.nodes[A]
    htlc_id = anchored.offer(B, 50_000_000, preimages(1), 20)
    expiry = int(node.channel.htlcs.items[0].cltv_expiry)
    node.preimages[htlc_id] = preimages(1)
    anchored.fulfil(A, htlc_id)
    anchored.nodes[B].idle = True
    spend_all(anchored, keeps=keeps)
    asked = FIRST_ASKED
    while anchored.height < expiry - 1:
        node.feerate = asked  # the estimate is what the last block has asked for
        asked += RISE
        mine_for_the_best(anchored, asked)
    assert node.failed, "it had to go on chain by its deadline"
    assert FIRST_ASKED < asked < DEFENDED
    assert (HtlcClaimed(htlc_id) in node.facts) is keeps
    funding = OutPoint(Txid(anchored.funding.txid), anchored.funding.vout)
    assert (anchored.chain.utxo(funding) is None) is keeps, "not even the commitment is confirmed without coins"


def test_transactions_weigh_no_more_than_the_coins_are_kept_for(
    anchored: Any, preimages: Callable[[int], bytes]
) -> None:
    node = anchored.nodes[A]
    htlc_id = anchored.offer(B, 50_000_000, preimages(1), 20)
    node.preimages[htlc_id] = preimages(1)
    spend_all(anchored, keeps=True)
    node.failed, anchored.nodes[B].idle = True, True
    anchored.look()
    _, child = waiting(anchored)
    assert CHILD_WEIGHT - 60 < child.weight() <= CHILD_WEIGHT
    anchored.mine()
    (claim,) = waiting(anchored)
    assert PAID_HTLC_WEIGHT - 80 < claim.weight() + HTLC_OUTPUT_WEIGHT <= PAID_HTLC_WEIGHT
