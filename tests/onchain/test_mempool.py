"""Relay policy, slots of the mempool, and what honest parties pay to get through it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from boltspec.chain import ledger as chain
from boltspec.chain.bidding import Bid, Wallets, bid_for, coin, is_fixed, placed, raised
from boltspec.chain.conditions import Kind, Use, condition
from boltspec.chain.ledger import Ledger, confirm, mine
from boltspec.chain.mempool import Market, Pooled, is_admitted, outbidding, pin, submitted, withdrawal
from boltspec.chain.moves import successors
from boltspec.chain.policy import Priced, dust_limit_sat, has_room, is_relayed, least_replacement_fee, may_replace
from boltspec.chain.presets import MEMPOOL, PARAMS, RISING, SCENARIOS
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.transactions import Form, Outpoint, Transaction, commitment_transaction, joined, spending
from boltspec.commitment import Commitment, CommittedHtlc
from boltspec.rules import without
from boltspec.units import Blocks, FeeratePerKw, Height, Msat, Sat

Helper = Callable[..., Any]
"""A fixture of this folder."""
OFFERS = tuple(CommittedHtlc(True, at, Msat(300_000_000), at, Height(16)) for at in (0, 1))
COMMITMENT = Commitment(1, FeeratePerKw(1_000), Msat(200_000_000), Msat(200_000_000), OFFERS)
PUBLISHED = commitment_transaction(PARAMS, 0, COMMITMENT, htlcs_signed=True)
CLOSED = mine(confirm(chain.opened(PARAMS, Height(10)), PUBLISHED), Height(16))
WITHOUT_ANCHORS = commitment_transaction(
    replace(PARAMS, option_anchors=False), 0, COMMITMENT, htlcs_signed=True
)
MARKET = Market(asked=2, bids=(1, 2, 4), submissions=2)
WALLETS = Wallets(MARKET, option_anchors=True, coins=(1, 1))


def spends(ledger: Ledger, kind: Kind, use: Use, signer: int) -> list[Transaction]:
    found = [entry for entry in ledger.unspent if entry.coin.kind is kind]
    return [spending(PARAMS, entry.outpoint, entry.coin, condition(kind, use), signer) for entry in found]


TIMEOUTS = spends(CLOSED, Kind.OFFERED_HTLC, Use.HTLC_TIMEOUT, signer=0)
CLAIMS = spends(CLOSED, Kind.OFFERED_HTLC, Use.CLAIM_WITH_PREIMAGE, signer=1)


def paying(transaction: Transaction, feerate: int, weight: int = 1, *coins: Outpoint) -> Pooled:
    return Pooled(transaction, feerate >= MARKET.asked, Blocks(0), feerate, weight, coins)


# --- policy ---


@pytest.mark.parametrize(("fee", "size", "relayed"), [(109, 110, False), (110, 110, True)])
def test_a_transaction_is_relayed_from_one_satoshi_per_virtual_byte(fee: int, size: int, relayed: bool) -> None:
    assert is_relayed(fee, size) is relayed


@pytest.mark.parametrize(("fee", "replaces"), [(1_299, False), (1_300, True)])
def test_a_replacement_pays_for_what_it_replaces_and_for_its_own_relay(fee: int, replaces: bool) -> None:
    """400 + 800 satoshis, and one for each of its own 100 virtual bytes."""
    replaced = [Priced(400, 200), Priced(800, 400)]
    assert least_replacement_fee(100, replaced) == 1_300
    assert may_replace(Priced(fee, 100), replaced) is replaces


@pytest.mark.parametrize(("fee", "replaces"), [(4_000, False), (4_001, True)])
def test_a_replacement_has_a_higher_feerate_than_each_that_it_conflicts_with(fee: int, replaces: bool) -> None:
    assert may_replace(Priced(fee, 1_000), [Priced(400, 100)]) is replaces


def test_descendants_are_paid_for_but_their_feerate_does_not_matter() -> None:
    child = Priced(5_000, 100)
    assert not may_replace(Priced(5_299, 100), [Priced(200, 100)], [child])
    assert may_replace(Priced(5_300, 100), [Priced(200, 100)], [child])
    assert may_replace(Priced(20_000, 1_000), [Priced(200, 100)], [Priced(5_000, 10)])


@pytest.mark.parametrize(("number", "replaces"), [(100, True), (101, False)])
def test_no_more_than_a_hundred_transactions_are_replaced(number: int, replaces: bool) -> None:
    assert may_replace(Priced(1_000_000, 100), [Priced(100, 100)], [Priced(100, 100)] * (number - 1)) is replaces


@pytest.mark.parametrize(
    ("relatives", "size", "room"),
    [(25, 101_000, True), (26, 101_000, False), (25, 101_001, False)],
)
def test_limits_on_relatives(relatives: int, size: int, room: bool) -> None:
    assert has_room(relatives, size) is room


@pytest.mark.parametrize(("output_size", "amount"), [(43, 330), (31, 294)])
def test_dust_limits_of_witness_outputs(output_size: int, amount: int) -> None:
    """P2WSH and P2WPKH, as BOLT 3 lists them."""
    assert dust_limit_sat(output_size) == amount


# --- slots ---


def test_a_pin_keeps_out_what_pays_as_much_as_miners_ask_for_and_not_what_pays_more() -> None:
    """It weighs 3 at the least feerate: 3, and 1 for relay, is more than 2 and no more than 4."""
    pool = submitted((), pin(CLAIMS[0], MARKET, coin(1, 0)))
    assert [entry.pays_enough for entry in pool] == [False]
    assert submitted(pool, paying(TIMEOUTS[0], 2)) == pool
    assert submitted(pool, paying(TIMEOUTS[0], 4)) == (paying(TIMEOUTS[0], 4),)


def test_other_slots_are_not_touched() -> None:
    pool = submitted((), pin(CLAIMS[0], MARKET, coin(1, 0)))
    assert len(submitted(pool, paying(TIMEOUTS[1], 1))) == 2


def test_a_coin_of_a_wallet_is_a_slot_too() -> None:
    pool = submitted((), paying(TIMEOUTS[0], 2, 1, coin(0, 0)))
    assert submitted(pool, paying(TIMEOUTS[1], 2, 1, coin(0, 0))) == pool
    assert len(submitted(pool, paying(TIMEOUTS[1], 2, 1, coin(0, 1)))) == 2


def test_a_timeout_is_cycled_out_of_the_mempool() -> None:
    """A claim replaces it, and a spend of the coin that paid for the claim replaces that."""
    pool = submitted((), paying(TIMEOUTS[0], 2))
    claim = outbidding(CLAIMS[0], MARKET, coin(1, 0), pool)
    assert claim is not None
    claimed = submitted(pool, claim)
    assert claimed == (claim,)
    withdrawn = submitted(claimed, withdrawal(claim))
    assert [entry.transaction.txid.form for entry in withdrawn] == [Form.WALLET]
    assert is_admitted(withdrawn, paying(TIMEOUTS[0], 1).slots, 1, 1), "the HTLC's slot is free"


def test_nobody_outbids_an_empty_slot() -> None:
    assert outbidding(CLAIMS[0], MARKET, coin(1, 0), ()) is None


def test_a_batch_takes_all_its_slots() -> None:
    batch = joined(tuple(CLAIMS))
    pool = submitted((), paying(batch, 2, 2))
    assert submitted(pool, paying(TIMEOUTS[0], 4)) == pool, "5 are needed: 4, and 1 for relay"
    assert submitted(pool, paying(TIMEOUTS[0], 5)) == (paying(TIMEOUTS[0], 5),)


@pytest.mark.parametrize(("weight", "can"), [(1, False), (2, True)])
def test_a_light_pin_is_in_nobodys_way(weight: int, can: bool) -> None:
    market = replace(MARKET, pinning_weight=weight)
    assert market.can_pin is can
    pool = submitted((), pin(CLAIMS[0], market, coin(1, 0)))
    assert is_admitted(pool, paying(TIMEOUTS[0], 2).slots, MARKET.asked, 1) is not can


# --- bids ---


def bids_of(*transactions: Transaction) -> tuple[Bid, ...]:
    return tuple(bid_for((), one, option_anchors=True)._replace(sent=True) for one in transactions)


def without_the_transaction(bid: Bid) -> Bid:
    """What is offered, and broadcast, after another block."""
    return raised(bid, MARKET)._replace(sent=True)


def test_a_bid_goes_up_with_every_block_to_what_is_at_stake() -> None:
    (bid,) = bids_of(TIMEOUTS[0])
    steps = [bid.step]
    for _ in range(3):
        bid = without_the_transaction(bid)
        steps.append(bid.step)
    assert steps == [0, 1, 2, 2]


def test_without_the_rule_it_stops_where_miners_are_content() -> None:
    (bid,) = bids_of(TIMEOUTS[0])
    with without(frozenset({"D05-general-n-04"})):
        after = without_the_transaction(without_the_transaction(without_the_transaction(bid)))
        assert after.step == 1
    with without(frozenset({"D05-general-n-03"})):
        assert raised(bid, MARKET) == bid


def test_what_is_left_of_a_batch_offers_no_less() -> None:
    (whole,) = bids_of(joined(tuple(CLAIMS)))
    rest = bid_for((raised(whole, MARKET),), CLAIMS[1], option_anchors=True)
    assert (rest.step, rest.sent) == (1, False)
    with without(frozenset({"D05-general-n-05"})):
        assert bid_for((raised(whole, MARKET),), CLAIMS[1], option_anchors=True).step == 0


def test_what_was_bid_is_remembered_while_a_reorganisation_may_bring_it_back() -> None:
    """The commitment was overtaken by the peer's; should that be undone, the fee goes on from where it was."""
    (bid,) = bids_of(PUBLISHED)
    high = without_the_transaction(bid)
    assert placed((), (high,), WALLETS, []) == ((), ())
    _, kept = placed((), (high,), WALLETS._replace(remember=True), [])
    assert [(one.step, one.sent) for one in kept] == [(1, False)]
    assert raised(kept[0], MARKET) == kept[0], "nothing is raised that is not broadcast"
    pool, _ = placed((), kept, WALLETS, [PUBLISHED])
    assert [entry.feerate for entry in pool] == [2]


def test_a_coin_pays_for_one_transaction_at_a_time() -> None:
    pool, bids = placed((), (), WALLETS, TIMEOUTS)
    assert [entry.coins for entry in pool] == [(coin(0, 0),)]
    assert len(bids) == 1
    pool, _ = placed(pool, bids, WALLETS._replace(coins=(2, 2)), TIMEOUTS)
    assert [entry.coins for entry in pool] == [(coin(0, 0),), (coin(0, 1),)]


def test_claims_need_no_coin() -> None:
    pool, _ = placed((), (), WALLETS._replace(coins=(0, 0)), CLAIMS)
    assert [entry.coins for entry in pool] == [(), ()]


def test_what_was_driven_out_is_broadcast_again() -> None:
    pool, bids = placed((), (), WALLETS, TIMEOUTS[:1])
    assert placed((), bids, WALLETS, TIMEOUTS[:1])[0] == pool
    with without(frozenset({"D05-general-n-01"})):
        assert placed((), bids, WALLETS, TIMEOUTS[:1])[0] == ()


def test_without_anchors_nothing_can_be_added_to_what_was_agreed_on() -> None:
    plain = WALLETS._replace(option_anchors=False)
    (entry,), bids = placed((), (), plain, [WITHOUT_ANCHORS])
    assert (entry.feerate, entry.coins) == (MARKET.asked, ())
    assert plain.feerate(without_the_transaction(bids[0])) == MARKET.asked


def test_a_commitment_in_which_its_owner_has_nothing_cannot_be_bumped() -> None:
    """It has no anchor of its owner's, so nothing can be added to its fee, and no coin is taken."""
    empty = commitment_transaction(
        PARAMS, 1, Commitment(0, FeeratePerKw(1_000), Msat(0), Msat(1_000_000_000), ()), htlcs_signed=True
    )
    assert is_fixed(empty, option_anchors=True)
    assert not is_fixed(PUBLISHED, option_anchors=True)
    pool, (bid,) = placed((), (), WALLETS, [empty])
    assert [(entry.feerate, entry.coins) for entry in pool] == [(MARKET.asked, ())]
    assert raised(bid, MARKET) == bid


@pytest.mark.parametrize("rule", ["B05-htlc-tx-b-01", "B05-htlc-tx-l-02", "B05-htlc-tx-n-01"])
def test_an_htlc_transaction_to_which_nothing_is_added_is_not_relayed(rule: str) -> None:
    with without(frozenset({rule})):
        assert placed((), (), WALLETS, TIMEOUTS)[0] == ()


# --- worlds ---


def test_no_two_transactions_take_the_same_slot(reached: Helper) -> None:
    for scenario in MEMPOOL:
        for world in reached(scenario):
            slots = [slot for entry in world.pool for slot in entry.slots]
            assert len(slots) == len(set(slots)), world.pool


def test_who_drives_something_out_pays_more_than_it_did(reached: Helper) -> None:
    """So each cycle costs an attacker more than the victim's transaction would have cost the victim."""
    driven_out = 0
    scenario = SCENARIOS["C3-cycling-B"]
    for world in reached(scenario):
        for move, after in successors(world, scenario):
            gone = [entry for entry in world.pool if entry not in after.pool]
            if move.action == "submit" and gone:
                (new,) = (entry for entry in after.pool if entry not in world.pool)
                assert new.priced.fee > sum(entry.priced.fee for entry in gone)
                driven_out += 1
    assert driven_out > 5


def test_a_pinned_timeout_gets_through_in_the_block_after_the_next(run: Helper) -> None:
    """At the height of the expiry it is refused with a feerate of 2; then it offers 4."""
    scenario = SCENARIOS["C3-pinning-B"]
    pinned = ("B publish commitment 1", "chain mine", "B submit pin 0 received_htlc htlc_success", "chain mine")
    at_expiry = run(scenario, *pinned)
    assert (at_expiry.ledger.height, [entry.feerate for entry in at_expiry.pool]) == (5, [1])
    later = run(scenario, *pinned, "chain mine")
    assert [(entry.transaction.signer, entry.feerate) for entry in later.pool] == [(0, 4)]
    last = run(scenario, *pinned, "chain mine 2")
    assert Kind.RECEIVED_HTLC not in {entry.coin.kind for entry in last.ledger.unspent}


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (RISING, None),
        (replace(RISING, bids=(1, 2)), "UnilateralExit"),
        (replace(RISING, bids=(1, 1, 2, 4)), "ResolveAll"),
        (replace(RISING, pinning_weight=4), "UnilateralExit"),
        (replace(RISING, coins=0), "UnilateralExit"),
    ],
    ids=["enough", "too little at stake", "too slow", "heavier pins", "no coin"],
)
def test_what_a_market_demands(search: Helper, change: Market, broken: str | None) -> None:
    """3 blocks for each of two transactions; one step above what a pin pays; a coin."""
    assert search(replace(SCENARIOS["C3-rising-B"], market=change)).broken == broken


def test_one_coin_is_too_few_for_two_htlcs_at_once(search: Helper) -> None:
    scenario = SCENARIOS["C5-stalling-B"]
    assert scenario.market is not None
    assert search(replace(scenario, market=replace(scenario.market, coins=1))).broken is not None


@pytest.mark.parametrize(("option_anchors", "gets_in"), [(True, True), (False, False)])
def test_without_anchors_a_pin_cannot_be_beaten(option_anchors: bool, gets_in: bool) -> None:
    """What option_anchors is for: nothing can be added to a timeout that pays what was agreed on."""
    wallets = WALLETS._replace(option_anchors=option_anchors)
    pool, bids = placed(submitted((), pin(CLAIMS[0], MARKET, coin(1, 0))), (), wallets, TIMEOUTS[:1])
    for _ in range(3):
        bids = tuple(raised(bid, MARKET) for bid in bids)
        pool, bids = placed(pool, bids, wallets, TIMEOUTS[:1])
    assert (TIMEOUTS[0] in [entry.transaction for entry in pool]) is gets_in


# --- beside the mempool ---


def test_the_offerer_settles_in_time_with_a_peer_that_stays_away(run: Helper) -> None:
    """The preimage waits while there is time to enforce it on the incoming channel, and not a block longer."""
    scenario = replace(SCENARIOS["C3-away-B"], silent=True, leap=False)
    learnt = run(scenario, "B publish commitment 1", "chain mine", "B spend 0 received_htlc htlc_success", "chain mine")
    assert (learnt.payments[0].known[0], learnt.payments[0].upstream.name) == (True, "PENDING")
    moves = ("B publish commitment 1", "chain mine", "B spend 0 received_htlc htlc_success")
    assert run(scenario, *moves, "chain mine 6").payments[0].upstream.name == "PENDING"
    assert run(scenario, *moves, "chain mine 7").payments[0].upstream.name == "FULFILLED"
    assert run(scenario, *moves, "chain mine", "A settle 0").payments[0].upstream.name == "FULFILLED"


def test_a_trimmed_htlc_is_part_of_the_fee_and_of_what_was_paid(run: Helper) -> None:
    scenario = SCENARIOS["C3-trimmed-B"]
    world = run(scenario, "B publish commitment 1", "chain mine")
    assert world.ledger.closing is not None
    assert [entry.amount_sat for entry in world.ledger.closing.trimmed] == [Sat(300)]
    assert world.ledger.closing.outputs_for == ()


def test_a_fee_is_siphoned_only_where_htlc_transactions_pay_one(reached: Helper) -> None:
    scenario = SCENARIOS["C5-A"]
    assert not any(_siphons(world, scenario) for world in reached(scenario))
    with without(frozenset({"B03-fee-calculation-b-01"})):
        assert any(_siphons(world, scenario) for world in reached(scenario))


def _siphons(world: Any, scenario: ChainScenario) -> bool:
    return any(move.detail.endswith("siphoned") for move, _ in successors(world, scenario))
