"""What is offered to miners: children for commitments, inputs for HTLC transactions, more with every block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boltchain.client.connection import Endpoint
from boltchain.client.node import Acceptance, ChainClient, PackageResult
from boltchain.interface import TransactionRejected
from boltchain.transaction import OutPoint, Txid
from boltnode.onchain.defences import send
from boltnode.onchain.facts import Closed, HtlcFailed
from boltnode.onchain.fees import FLOOR_PER_KW, PATIENCE, RELAXED_MOST, feerate_per_kw
from boltnode.onchain.plans import ClaimPlan
from boltnode.onchain.publishing import Package
from boltnode.onchain.reading import Spender
from boltspec.chain.worth import LEAST_WORTH
from boltwire.transaction import Transaction, parse_transaction

A, B = 0, 1
Preimages = Callable[[int], bytes]
ASKED = 4_000
"""What miners ask for, more than commitments pay: satoshi per 1000 weight units."""


def waiting(duel: Any) -> dict[bytes, Transaction]:
    """A's transactions in the mempool, by id."""
    return {txid: parse_transaction(duel.nodes[A].sent[txid]) for txid in duel.chain.mempool()}


def fee_of(duel: Any, transaction: Transaction, unconfirmed: dict[bytes, Transaction]) -> int:
    spent = 0
    for entry in transaction.inputs:
        parent = unconfirmed.get(entry.outpoint.txid)
        if parent is not None:
            spent += parent.outputs[entry.outpoint.vout].amount_sat
        else:
            spent += duel.chain.utxo(OutPoint(Txid(entry.outpoint.txid), entry.outpoint.vout)).amount_sat
    return spent - sum(output.amount_sat for output in transaction.outputs)


def offered(duel: Any) -> int:
    """The feerate of what waits, taken together: satoshi per 1000 weight units."""
    there = waiting(duel)
    fees = sum(fee_of(duel, transaction, there) for transaction in there.values())
    return fees * 1000 // sum(transaction.weight() for transaction in there.values())


def test_child_pays_for_the_commitment_and_more_with_every_block(anchored: Any, preimages: Preimages) -> None:
    anchored.offer(A, 50_000_000, preimages(1), 30)
    node = anchored.nodes[A]
    node.feerate, node.failed = 10_000, True
    anchored.look()
    assert len(waiting(anchored)) == 2
    before = offered(anchored)
    assert 10_000 <= before <= 10_300
    for _ in range(4):
        anchored.confirm()  # a block that leaves them out
        there = waiting(anchored)
        assert len(there) == 2, node.refused
        assert offered(anchored) >= before * 5 // 4 - 10
        before = offered(anchored)
    assert node.refused == []


def test_htlc_transaction_offers_more_with_every_block_but_not_more_than_it_brings(
    anchored: Any, preimages: Preimages
) -> None:
    htlc_id = anchored.offer(B, 6_000_000, preimages(1), 30)
    node = anchored.nodes[A]
    node.preimages[htlc_id] = preimages(1)
    node.failed, anchored.nodes[B].idle = True, True
    anchored.look()
    anchored.mine()
    built = node.built(node.held[-1])
    htlc = built.outpoint(built.htlc_vouts()[0])
    fees = []
    for _ in range(12):
        (claim,) = (each for each in waiting(anchored).values() if each.inputs[0].outpoint == htlc)
        fees.append(fee_of(anchored, claim, {}))
        anchored.confirm()
    assert fees == sorted(fees)
    assert fees[0] < fees[4]
    assert fees[-1] <= 6_000


def childs_fees(duel: Any, blocks: int) -> list[int]:
    """What the child of A's commitment pays, block by block, while miners leave both out."""
    duel.nodes[A].failed, duel.nodes[A].feerate, duel.nodes[B].idle = True, ASKED, True
    duel.look()
    fees = []
    for _ in range(blocks):
        (child,) = (each for each in waiting(duel).values() if len(each.inputs) > 1)
        there = waiting(duel)
        fees.append(fee_of(duel, child, there))
        assert there.keys() == {child.txid(), child.inputs[0].outpoint.txid}, duel.nodes[A].refused
        duel.confirm()
    assert duel.nodes[A].refused == []
    return fees


@pytest.mark.parametrize("is_received", [False, True], ids=["no HTLC", "HTLC that we cannot claim"])
def test_commitment_without_deadline_waits_and_offers_little_more(
    anchored: Any, preimages: Preimages, is_received: bool
) -> None:
    if is_received:
        anchored.offer(B, 50_000_000, preimages(1), 60)
    fees = childs_fees(anchored, 5 * PATIENCE)
    steps = [fees[at : at + PATIENCE] for at in range(0, len(fees), PATIENCE)]
    assert all(len(set(step)) == 1 for step in steps), "the same until its patience is at an end"
    assert fees[0] < fees[PATIENCE] < fees[2 * PATIENCE]
    assert RELAXED_MOST * ASKED - FLOOR_PER_KW <= offered(anchored) <= RELAXED_MOST * ASKED


def test_commitment_with_deadline_offers_what_its_htlcs_hold_and_no_more(anchored: Any, preimages: Preimages) -> None:
    """What is offered, and what we can claim; not what only the peer can take."""
    anchored.offer(A, 9_000_000, preimages(1), 60)
    claimed = anchored.offer(B, 6_000_000, preimages(2), 60)
    anchored.offer(B, 50_000_000, preimages(3), 60)
    anchored.nodes[A].preimages[claimed] = preimages(2)
    fees = childs_fees(anchored, 20)
    assert fees[0] < fees[1] < fees[2]
    assert 14_000 <= fees[-1] <= 15_000
    assert fees[-1] == fees[-2]


def test_child_of_many_coins_pays_no_more_than_is_at_stake_for_their_weight(
    new_duel: Callable[..., Any], preimages: Preimages
) -> None:
    duel = new_duel(anchors=True, coin_sat=8_000)
    try:
        duel.offer(A, 30_000_000, preimages(1), 60)
        fees = childs_fees(duel, 12)
        assert fees[0] < fees[1]
        assert 20_000 < fees[-1] <= 30_000
    finally:
        duel.chain.close()


def test_commitment_with_a_small_htlc_offers_no_less_than_one_without_deadline(
    anchored: Any, preimages: Preimages
) -> None:
    anchored.offer(A, 1_000_000, preimages(1), 60)
    fees = childs_fees(anchored, 8)
    assert fees[0] > 1_000
    assert fees[0] < fees[1] < fees[2]
    assert RELAXED_MOST * ASKED - FLOOR_PER_KW <= offered(anchored) <= RELAXED_MOST * ASKED


def test_commitment_whose_preimage_comes_is_in_a_hurry_from_then_on(anchored: Any, preimages: Preimages) -> None:
    claimed = anchored.offer(B, 60_000_000, preimages(1), 60)
    before = childs_fees(anchored, 3)
    anchored.nodes[A].preimages[claimed] = preimages(1)
    after = childs_fees(anchored, 8)
    assert before == before[:1] * 3
    assert after == sorted(set(after)), "more with every block"
    assert offered(anchored) > RELAXED_MOST * ASKED


def test_commitment_is_published_alone_when_the_wallet_is_empty(anchored: Any) -> None:
    node = anchored.nodes[A]
    prepared = node.wallet.prepare_all(b"\x00\x14" + bytes(20), 1_000)
    anchored.chain.submit(node.wallet.send(prepared.txid))
    anchored.chain.mine()
    node.failed = True
    anchored.look()
    assert [entry.key for entry in node.unpaid] == ["channel 0/commitment/0"]
    anchored.mine()
    assert Closed(Spender.LOCAL, anchored.closing().txid(), anchored.height) in node.facts


def test_coins_of_a_child_whose_commitment_has_lost_are_free_again(anchored: Any) -> None:
    a, b = anchored.nodes
    a.failed, b.idle = True, True
    anchored.look()
    anchored.confirm(b.published())
    assert a.wallet.balance().committed_sat > 0
    anchored.mine(2)
    assert a.wallet.balance().committed_sat == 0


@pytest.mark.parametrize("blocks_away", [1, 12, 1_000])
def test_node_that_was_away_does_not_offer_as_if_it_had_been_refused(blocks_away: int) -> None:
    """Found by a killed node that came back after 170 blocks: a seventh of its first sweep went to the miners."""
    sweep = ClaimPlan("channel/delayed", (), b"", None, opens=100)
    offer = feerate_per_kw(sweep, 100 + blocks_away, lambda _: 1_000)
    assert offer <= RELAXED_MOST * 1_000
    assert (offer > 1_000) is (blocks_away > 6)
    in_a_hurry = replace(sweep, deadline=2_000)
    assert feerate_per_kw(in_a_hurry, 100 + 12, lambda _: 1_000) > RELAXED_MOST * 1_000


@pytest.mark.parametrize("coin_sat", [330, 590])
def test_one_coin_pays_for_a_small_htlc_although_two_would_pay_more(
    new_duel: Callable[..., Any], preimages: Preimages, coin_sat: int
) -> None:
    """Two coins of 330 would have to pay what it is worth, one the least feerate; what is left of 590 is no change."""
    duel = new_duel(anchors=True, coin_sat=coin_sat)
    try:
        node, value_sat = duel.nodes[A], int(LEAST_WORTH)
        htlc_id = duel.offer(A, value_sat * 1000, preimages(1), 5)
        duel.confirm(node.published())
        duel.mine_until(lambda: HtlcFailed(htlc_id) in node.facts, limit=10)
        (timeout,) = (parse_transaction(raw) for raw in node.sent.values() if len(parse_transaction(raw).inputs) > 1)
        assert len(timeout.inputs) == 2
        assert [output.amount_sat for output in timeout.outputs] == [value_sat]
    finally:
        duel.chain.close()


@pytest.mark.parametrize("server", ["relaying_served_chain", "relaying_bitcoind"])
def test_commitment_and_child_are_relayed(
    request: pytest.FixtureRequest, new_duel: Callable[..., Any], server: str
) -> None:
    chain = request.getfixturevalue(server)
    duel = new_duel(anchors=True, chain=chain, feerate=300)
    package = package_of(duel)

    async def story() -> list[list[bytes]]:
        async with ChainClient(Endpoint(chain.rpc.port, credentials=chain.rpc.credentials)) as client:
            return [await send(client, package) for _ in range(2)]

    assert asyncio.run(story()) == [list(package.transactions)] * 2
    assert {parse_transaction(raw).txid() for raw in package.transactions} <= set(chain.mempool())
    chain.mine()
    assert duel.closing().txid() == parse_transaction(package.transactions[0]).txid()


class FullMempool:
    """A chain client whose mempool takes nothing below its minimum but in packages that pay for it."""

    def __init__(self) -> None:
        self.packages: list[tuple[bytes, ...]] = []

    async def send(self, raw: bytes) -> None:
        raise TransactionRejected("mempool min fee not met")

    async def submit_package(self, *transactions: bytes) -> PackageResult:
        self.packages.append(transactions)
        taken = tuple(Acceptance(Txid(parse_transaction(raw).txid()), None, 100, 100) for raw in transactions)
        return PackageResult(accepted=True, message="success", transactions=taken)


def test_parent_below_the_mempools_minimum_goes_with_its_child(anchored: Any) -> None:
    package, client = package_of(anchored), FullMempool()
    given: Any = client
    assert asyncio.run(send(given, package)) == list(package.transactions)
    assert client.packages == [package.transactions]
    assert asyncio.run(send(given, Package("alone", package.transactions[:1]))) == []
    assert len(client.packages) == 1


def package_of(duel: Any) -> Package:
    """What A broadcasts when it fails the channel."""
    packages: list[Package] = []
    duel.broadcast = lambda _, package: packages.append(package)
    duel.nodes[A].failed = True
    duel.react(duel.nodes[A])
    (package,) = packages
    assert len(package.transactions) == 2
    return package


def test_htlc_transaction_of_many_coins_offers_what_is_worth_it_with_their_weight(
    new_duel: Callable[..., Any], preimages: Preimages
) -> None:
    """The feerate that is worth it with one coin is too much with several; the least feerate is no offer either."""
    duel = new_duel(anchors=True, coin_sat=8_000)
    try:
        node, value_sat = duel.nodes[A], 20_000
        duel.offer(A, value_sat * 1000, preimages(1), 5)
        node.feerate = 20_000
        duel.confirm(node.published())
        duel.mine(4)
        timeouts = [made for made in map(parse_transaction, node.sent.values()) if len(made.inputs) > 2]
        fee = (len(timeouts[0].inputs) - 1) * 8_000 + value_sat - sum(each.amount_sat for each in timeouts[0].outputs)
        assert value_sat // 2 < fee <= value_sat
    finally:
        duel.chain.close()
