"""Every transaction that the wallet makes is taken by every chain, and pays exactly what it should."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from boltchain.addresses import address_of
from boltchain.interface import Chain, TransactionRejected
from boltchain.spending import Draft, SigningKey, p2wsh_script
from boltchain.transaction import SEQUENCE_FINAL, Input, OutPoint, Output, Transaction, parse_transaction
from boltchain.wallet.coins import Balance, Status
from boltchain.wallet.draft import ForeignInput, Parent
from boltchain.wallet.keys import KeyKind
from boltchain.wallet.reserve import MAX_NEW_RESERVE_COINS, Reserve
from boltchain.wallet.selection import InsufficientFunds
from boltchain.wallet.wallet import outpoint_of

NewTeller = Callable[..., Any]
FEERATE = 1_000
"""Satoshi per 1000 weight units: 4 satoshi per vbyte."""
BITCOIN = 100_000_000
STRANGER = SigningKey(b"\x07" * 32)
OP_TRUE = b"\x51"


def exact_fee_sat(transaction: Transaction, feerate: int = FEERATE) -> int:
    return -(-feerate * transaction.weight // 1000)


def to_stranger(amount_sat: int) -> list[Output]:
    return [Output(amount_sat, STRANGER.script_pubkey)]


@pytest.mark.parametrize("coin_kind", KeyKind)
@pytest.mark.parametrize("change_kind", KeyKind)
def test_payment_is_mined_and_pays_the_feerate_to_the_satoshi(
    teller: NewTeller, coin_kind: KeyKind, change_kind: KeyKind
) -> None:
    t = teller(kind=change_kind)
    t.deposit(BITCOIN, kind=coin_kind)
    prepared = t.wallet.prepare(to_stranger(70_000), FEERATE, label="test")
    assert prepared.fee_sat == exact_fee_sat(prepared.transaction)
    assert prepared.change_vout == 1
    assert prepared.transaction.outputs[1].amount_sat == BITCOIN - 70_000 - prepared.fee_sat
    t.send(prepared)
    t.mine()
    assert t.chain.utxo(OutPoint(prepared.txid, 0)) is not None
    assert t.wallet.balance() == Balance(spendable_sat=BITCOIN - 70_000 - prepared.fee_sat)


def test_inputs_of_both_kinds_are_signed_together(teller: NewTeller) -> None:
    t = teller()
    for kind in (*KeyKind, *KeyKind):
        t.deposit(10_000, kind=kind)
    prepared = t.wallet.prepare(to_stranger(30_500), FEERATE)
    assert len(prepared.transaction.inputs) == 4
    assert prepared.fee_sat == exact_fee_sat(prepared.transaction)
    t.send(prepared)


def test_coins_that_fit_leave_no_change(teller: NewTeller) -> None:
    t = teller()
    t.deposit(BITCOIN, 40_000, 30_000)
    prepared = t.wallet.prepare(to_stranger(69_000), FEERATE)
    assert prepared.change_vout is None
    assert len(prepared.transaction.inputs) == 2
    assert exact_fee_sat(prepared.transaction) <= prepared.fee_sat == 1_000
    t.send(prepared)


@pytest.mark.parametrize(("beyond_sat", "change_sat"), [(0, 330), (1, None)])
def test_change_is_made_from_the_dust_limit_on(teller: NewTeller, beyond_sat: int, change_sat: int | None) -> None:
    t = teller()
    t.deposit(100_000)
    fee_with_change_sat = 568
    amount_sat = 100_000 - fee_with_change_sat - 330 + beyond_sat
    prepared = t.wallet.prepare(to_stranger(amount_sat), FEERATE)
    change = [output.amount_sat for output in prepared.transaction.outputs[1:]]
    assert change == ([] if change_sat is None else [change_sat])
    assert prepared.fee_sat == 100_000 - amount_sat - sum(change)
    t.send(prepared)


def test_output_that_is_dust_is_refused(teller: NewTeller) -> None:
    t = teller()
    t.deposit(100_000)
    with pytest.raises(ValueError, match=r"329 sat is dust: this kind needs at least 330 sat"):
        t.wallet.prepare([Output(329, b"\x51\x20" + bytes(32))], FEERATE)
    t.send(t.wallet.prepare([Output(330, b"\x51\x20" + bytes(32))], FEERATE))


def test_too_little_money_is_told_with_the_amounts(teller: NewTeller) -> None:
    t = teller()
    t.deposit(50_000)
    with pytest.raises(InsufficientFunds, match=r"5\d{4} sat are needed with fees, and 49\d{3} sat can be used"):
        t.wallet.prepare(to_stranger(50_000), FEERATE)
    assert t.wallet.balance() == Balance(spendable_sat=50_000)


def test_feerate_below_relay_is_refused(teller: NewTeller) -> None:
    t = teller()
    t.deposit(50_000)
    with pytest.raises(ValueError, match="252 sat per kw are not relayed"):
        t.wallet.prepare(to_stranger(10_000), 252)
    t.send(t.wallet.prepare(to_stranger(10_000), 253))


def test_coins_of_a_prepared_payment_are_taken_until_it_is_abandoned(teller: NewTeller) -> None:
    t = teller()
    t.deposit(50_000)
    prepared = t.wallet.prepare(to_stranger(10_000), FEERATE)
    assert t.wallet.balance() == Balance(committed_sat=50_000)
    with pytest.raises(InsufficientFunds):
        t.wallet.prepare(to_stranger(10_000), FEERATE)
    t.restart()
    with pytest.raises(InsufficientFunds):
        t.wallet.prepare(to_stranger(10_000), FEERATE)
    assert t.wallet.to_send() == [], "what is prepared must not leave"
    t.wallet.abandon(prepared.txid)
    t.restart()
    assert t.wallet.balance() == Balance(spendable_sat=50_000)
    with pytest.raises(LookupError):
        t.wallet.send(prepared.txid)


def test_sent_payment_cannot_be_abandoned_and_is_sent_again_after_a_restart(teller: NewTeller) -> None:
    t = teller()
    t.deposit(50_000)
    prepared = t.wallet.prepare(to_stranger(10_000), FEERATE)
    raw = t.wallet.send(prepared.txid)
    t.restart()
    with pytest.raises(ValueError, match="may have been sent"):
        t.wallet.abandon(prepared.txid)
    assert t.wallet.to_send() == [raw]
    t.chain.submit(raw)
    t.mine()
    assert t.wallet.to_send() == []
    assert t.wallet.transaction(prepared.txid).status is Status.CONFIRMED


def test_unconfirmed_change_is_spent_only_if_allowed_and_parents_are_sent_first(teller: NewTeller) -> None:
    t = teller()
    t.deposit(90_000)
    first = t.wallet.prepare(to_stranger(10_000), FEERATE)
    t.send(first)
    with pytest.raises(InsufficientFunds):
        t.wallet.prepare(to_stranger(10_000), FEERATE)
    second = t.wallet.prepare(to_stranger(10_000), FEERATE, unconfirmed=True)
    t.send(second)
    t.restart()
    assert t.wallet.to_send() == [first.transaction.raw, second.transaction.raw]
    t.mine()
    assert t.wallet.balance().spendable_sat == 90_000 - 20_000 - first.fee_sat - second.fee_sat


def test_addresses_are_never_given_out_twice(teller: NewTeller) -> None:
    t = teller()
    t.deposit(10_000, 10_000, 10_000)
    addresses = [t.wallet.new_address(kind) for kind in KeyKind for _ in range(3)]
    t.restart()
    addresses += [t.wallet.new_address(kind) for kind in KeyKind]
    for _ in range(3):
        prepared = t.wallet.prepare(to_stranger(5_000), FEERATE)
        addresses.append(address_of(prepared.transaction.outputs[1].script_pubkey, "regtest"))
    assert len(set(addresses)) == len(addresses)


def test_everything_goes_in_one_output(teller: NewTeller) -> None:
    t = teller()
    t.deposit(90_000, 50_000, 20)
    prepared = t.wallet.prepare_all(STRANGER.script_pubkey, FEERATE)
    (output,) = prepared.transaction.outputs
    assert output.amount_sat == 140_000 - exact_fee_sat(prepared.transaction)
    t.send(prepared)
    t.mine()
    assert t.wallet.balance() == Balance(spendable_sat=20), "a coin that is worth less than its input stays"


def test_wallet_made_anew_from_its_seed_finds_the_coins(teller: NewTeller) -> None:
    t = teller()
    t.deposit(90_000, 50_000)
    t.send(t.wallet.prepare(to_stranger(10_000), FEERATE))
    t.mine()
    balance = t.wallet.balance()
    told = t.told[0]
    t.store.rows.clear()
    t.told = [told]
    t.wallet = t._open(told)
    t.catch_up()
    assert t.wallet.balance() == balance


# --- raising fees -----------------------------------------------------------------------------------------------------


def test_bumped_payment_replaces_the_first_and_pays_the_same(teller: NewTeller) -> None:
    t = teller()
    t.deposit(90_000)
    first = t.wallet.prepare(to_stranger(10_000), FEERATE)
    t.send(first)
    second = t.wallet.bump(first.txid, 3 * FEERATE)
    assert second.fee_sat == exact_fee_sat(second.transaction, 3 * FEERATE)
    t.send(second)
    assert t.chain.mempool() == [second.txid]
    assert t.wallet.balance() == Balance(committed_sat=90_000, unconfirmed_sat=80_000 - second.fee_sat)
    t.restart()
    assert t.wallet.to_send() == [second.transaction.raw]
    with pytest.raises(ValueError, match="was replaced already"):
        t.wallet.bump(first.txid, 4 * FEERATE)
    t.mine()
    assert t.wallet.balance() == Balance(spendable_sat=80_000 - second.fee_sat)
    assert t.wallet.transaction(first.txid) is None


def test_bump_that_asks_for_less_still_pays_what_replacing_costs(teller: NewTeller) -> None:
    t = teller()
    t.deposit(90_000)
    first = t.wallet.prepare(to_stranger(10_000), FEERATE)
    t.send(first)
    t.send(t.wallet.bump(first.txid, FEERATE))


def test_bump_adds_coins_when_change_does_not_suffice(teller: NewTeller) -> None:
    t = teller()
    t.deposit(11_300, 50_000)
    first = t.wallet.prepare(to_stranger(10_500), FEERATE)
    assert len(first.transaction.inputs) == 1
    t.send(first)
    second = t.wallet.bump(first.txid, 10 * FEERATE)
    assert len(second.transaction.inputs) == 2
    t.send(second)
    t.mine()
    assert t.chain.transaction_height(second.txid) is not None


def test_first_payment_may_still_win_against_its_replacement(teller: NewTeller) -> None:
    t = teller()
    t.deposit(90_000)
    first = t.wallet.prepare(to_stranger(10_000), FEERATE)
    t.send(first)
    second = t.wallet.bump(first.txid, 3 * FEERATE)
    t.wallet.send(second.txid)
    t.mine()
    assert t.wallet.balance() == Balance(spendable_sat=80_000 - first.fee_sat)
    assert t.wallet.transaction(second.txid) is None
    t.send(t.wallet.prepare(to_stranger(10_000), FEERATE))


def test_abandoned_bump_leaves_the_first_payment_alone(teller: NewTeller) -> None:
    t = teller()
    t.deposit(90_000)
    first = t.wallet.prepare(to_stranger(10_000), FEERATE)
    t.send(first)
    t.wallet.abandon(t.wallet.bump(first.txid, 3 * FEERATE).txid)
    assert t.wallet.to_send() == [first.transaction.raw]
    assert t.wallet.balance().spendable_sat == 0
    t.mine()
    assert t.wallet.balance() == Balance(spendable_sat=80_000 - first.fee_sat)


def test_payment_whose_id_matters_is_not_bumped(teller: NewTeller) -> None:
    t = teller()
    t.deposit(90_000)
    funding = t.wallet.prepare(to_stranger(10_000), FEERATE, replaceable=False)
    t.send(funding)
    with pytest.raises(ValueError, match="made to keep its id"):
        t.wallet.bump(funding.txid, 3 * FEERATE)


def test_payment_whose_change_is_spent_is_not_bumped(teller: NewTeller) -> None:
    t = teller()
    t.deposit(90_000)
    first = t.wallet.prepare(to_stranger(10_000), FEERATE)
    t.send(first)
    t.send(t.wallet.prepare(to_stranger(10_000), FEERATE, unconfirmed=True))
    with pytest.raises(ValueError, match="is spent already"):
        t.wallet.bump(first.txid, 3 * FEERATE)


# --- what others sign -------------------------------------------------------------------------------------------------


def open_coin(chain: Chain, amount_sat: int) -> ForeignInput:
    """An output that anybody can spend, as an input for the wallet to use."""
    output = Output(amount_sat, p2wsh_script(OP_TRUE))
    return ForeignInput(chain.fund(output.script_pubkey, amount_sat), output, 1 + 2, sign_open)


def sign_open(draft: Draft, index: int, spent: Sequence[Output]) -> list[bytes]:
    assert spent[index].script_pubkey == p2wsh_script(OP_TRUE)
    return [OP_TRUE]


def key_input(key: SigningKey, outpoint: OutPoint, amount_sat: int, sequence: int = 0xFFFFFFFD) -> ForeignInput:
    def sign(draft: Draft, index: int, spent: Sequence[Output]) -> list[bytes]:
        return key.witness(draft, index, spent[index].amount_sat)

    return ForeignInput(outpoint, Output(amount_sat, key.script_pubkey), 1 + 73 + 34, sign, sequence)


def test_sweep_brings_foreign_outputs_home(teller: NewTeller) -> None:
    t = teller()
    inputs = [open_coin(t.chain, 20_000), open_coin(t.chain, 30_000)]
    prepared = t.wallet.sweep(inputs, FEERATE)
    assert prepared.fee_sat == exact_fee_sat(prepared.transaction)
    t.send(prepared)
    t.mine()
    assert t.wallet.balance() == Balance(spendable_sat=50_000 - prepared.fee_sat)


def test_sweep_that_would_leave_dust_is_refused(teller: NewTeller) -> None:
    t = teller()
    with pytest.raises(InsufficientFunds):
        t.wallet.sweep([open_coin(t.chain, 700)], FEERATE)


def test_sweep_is_replaced_by_one_that_pays_more(teller: NewTeller) -> None:
    t = teller()
    inputs = [open_coin(t.chain, 20_000)]
    first = t.wallet.sweep(inputs, FEERATE)
    t.send(first)
    second = t.wallet.sweep(inputs, FEERATE, replaces=first.txid)
    t.send(second)
    assert t.chain.mempool() == [second.txid]


def test_coins_are_added_to_a_foreign_input_whose_output_keeps_its_place(teller: NewTeller) -> None:
    t = teller(reserve=Reserve(1, 50_000))
    t.deposit(60_000)
    coin = open_coin(t.chain, 20_000)
    prepared = t.wallet.prepare(to_stranger(20_000), FEERATE, foreign=[coin], use_reserve=True)
    assert prepared.transaction.inputs[0].previous == coin.outpoint
    assert prepared.transaction.outputs[0] == to_stranger(20_000)[0]
    assert prepared.fee_sat == exact_fee_sat(prepared.transaction)
    t.send(prepared)


def test_witness_that_weighs_more_than_was_said_is_refused(teller: NewTeller) -> None:
    t = teller()
    coin = open_coin(t.chain, 20_000)
    lying = ForeignInput(coin.outpoint, coin.output, 2, sign_open)
    with pytest.raises(ValueError, match="weighs more than was said"):
        t.wallet.sweep([lying], FEERATE)


def anchored_parent(chain: Chain) -> tuple[Transaction, ForeignInput]:
    """A transaction that pays no fee, with an output of 330 satoshi that anybody can spend."""
    coin = chain.fund(STRANGER.script_pubkey, 100_330)
    outputs = (Output(330, p2wsh_script(OP_TRUE)), Output(100_000, STRANGER.script_pubkey))
    draft = Draft((Input(coin, SEQUENCE_FINAL),), outputs)
    parent = parse_transaction(draft.with_witnesses([STRANGER.witness(draft, 0, 100_330)]))
    return parent, ForeignInput(OutPoint(parent.txid, 0), outputs[0], 1 + 2, sign_open)


def test_child_pays_for_its_parent_and_is_replaced_by_one_that_pays_more(teller: NewTeller) -> None:
    t = teller(reserve=Reserve(1, 50_000))
    t.deposit(500_000)
    t.send(t.wallet.prepare(to_stranger(10_000), FEERATE))
    t.mine()
    assert t.wallet.balance().reserve_sat == 50_000
    parent, anchor = anchored_parent(t.chain)
    t.catch_up()
    t.chain.submit(parent.raw)
    weight = Parent(parent.weight, 0)
    child = t.wallet.prepare_child(anchor, weight, FEERATE)
    assert child.fee_sat == -(-FEERATE * (parent.weight + child.transaction.weight) // 1000)
    assert t.wallet.balance().reserve_sat == 0, "the reserve is for this"
    t.send(child)
    dearer = t.wallet.prepare_child(anchor, weight, 5 * FEERATE, replaces=child.txid)
    assert dearer.fee_sat == -(-5 * FEERATE * (parent.weight + dearer.transaction.weight) // 1000)
    t.send(dearer)
    assert t.chain.mempool() == [parent.txid, dearer.txid]
    t.mine()
    assert t.chain.transaction_height(dearer.txid) is not None


def test_child_takes_other_coins_when_the_reserve_is_too_small(teller: NewTeller) -> None:
    t = teller(reserve=Reserve(1, 1_000))
    t.deposit(500_000)
    t.send(t.wallet.prepare(to_stranger(10_000), FEERATE))
    t.mine()
    parent, anchor = anchored_parent(t.chain)
    t.chain.submit(parent.raw)
    t.send(t.wallet.prepare_child(anchor, Parent(parent.weight, 0), 10 * FEERATE))


# --- the reserve ------------------------------------------------------------------------------------------------------


def test_first_payment_makes_the_reserve_and_later_ones_leave_it_alone(teller: NewTeller) -> None:
    t = teller(reserve=Reserve(3, 20_000))
    t.deposit(500_000)
    first = t.wallet.prepare(to_stranger(100_000), FEERATE)
    amounts = [output.amount_sat for output in first.transaction.outputs]
    assert amounts[:4] == [100_000, 20_000, 20_000, 20_000]
    assert first.fee_sat == exact_fee_sat(first.transaction)
    t.send(first)
    t.mine()
    t.restart()
    assert t.wallet.balance().reserve_sat == 60_000
    second = t.wallet.prepare(to_stranger(100_000), FEERATE)
    assert len(second.transaction.outputs) == 2, "the reserve is complete"
    t.send(second)
    t.mine()
    with pytest.raises(InsufficientFunds):
        t.wallet.prepare(to_stranger(300_000 - 60_000), FEERATE)
    everything = t.wallet.prepare_all(STRANGER.script_pubkey, FEERATE)
    t.send(everything)
    t.mine()
    assert t.wallet.balance() == Balance(reserve_sat=60_000)
    t.send(t.wallet.prepare_all(STRANGER.script_pubkey, FEERATE, include_reserve=True))
    t.mine()
    assert t.wallet.balance() == Balance()


def test_reserve_that_is_set_anew_frees_what_it_does_not_need(teller: NewTeller) -> None:
    t = teller(reserve=Reserve(3, 20_000))
    t.deposit(500_000)
    t.send(t.wallet.prepare(to_stranger(100_000), FEERATE))
    t.mine()
    t.wallet.reserve = Reserve(1, 20_000)
    assert t.wallet.balance().reserve_sat == 20_000
    assert sum(t.wallet.is_kept(coin) for coin in t.wallet.coins) == 1
    t.send(t.wallet.prepare_all(STRANGER.script_pubkey, FEERATE))
    t.mine()
    assert t.wallet.balance() == Balance(reserve_sat=20_000)
    t.wallet.reserve = Reserve()
    t.send(t.wallet.prepare_all(STRANGER.script_pubkey, FEERATE))
    t.mine()
    assert t.wallet.balance() == Balance()


def test_payment_makes_many_coins_of_a_reserve_and_puts_the_rest_into_the_last(teller: NewTeller) -> None:
    t = teller(reserve=Reserve(MAX_NEW_RESERVE_COINS + 5, 1_000))
    t.deposit(500_000)
    first = t.wallet.prepare(to_stranger(10_000), FEERATE)
    made = [output.amount_sat for output in first.transaction.outputs][1 : 1 + MAX_NEW_RESERVE_COINS]
    assert made == [1_000] * (MAX_NEW_RESERVE_COINS - 1) + [6_000]
    t.send(first)
    t.mine()
    assert t.wallet.balance().reserve_sat == t.wallet.reserve.amount_sat
    assert len(t.wallet.prepare(to_stranger(10_000), FEERATE).transaction.outputs) == 2, "it is complete"


def test_payment_that_would_not_leave_the_reserve_is_refused(teller: NewTeller) -> None:
    t = teller(reserve=Reserve(2, 30_000))
    t.deposit(100_000)
    with pytest.raises(InsufficientFunds):
        t.wallet.prepare(to_stranger(50_000), FEERATE)
    t.send(t.wallet.prepare(to_stranger(38_000), FEERATE))


# --- the chain moves --------------------------------------------------------------------------------------------------


def test_coins_vanish_with_their_block_and_come_back(teller: NewTeller) -> None:
    t = teller()
    t.deposit(70_000)
    t.reorganise(1)
    assert t.wallet.balance() == Balance(unconfirmed_sat=70_000)
    assert t.wallet.spendable() == []
    t.mine()
    assert t.wallet.balance() == Balance(spendable_sat=70_000)


def test_payment_waits_again_after_a_reorganisation_and_is_sent_again(teller: NewTeller) -> None:
    t = teller()
    t.deposit(70_000)
    prepared = t.wallet.prepare(to_stranger(10_000), FEERATE)
    t.send(prepared)
    t.mine()
    t.reorganise(1)
    assert t.wallet.to_send() == [prepared.transaction.raw]
    assert t.wallet.balance() == Balance(committed_sat=70_000, unconfirmed_sat=60_000 - prepared.fee_sat)
    t.restart()
    t.mine()
    assert t.wallet.balance() == Balance(spendable_sat=60_000 - prepared.fee_sat)


def test_payment_dies_with_the_coinbase_that_it_spends(teller: NewTeller) -> None:
    t = teller()
    script = t.wallet.new_script()
    t.chain.mine(transactions=[])
    chain_rpc = getattr(t.chain, "rpc", None)
    if chain_rpc is None:
        return  # the embedded chain mines to its faucet only
    chain_rpc.call("generatetodescriptor", 1, f"raw({script.hex()})")
    t.catch_up()
    assert t.wallet.balance().immature_sat > 0
    t.mine(99)
    assert t.wallet.balance().spendable_sat > 0
    t.send(t.wallet.prepare(to_stranger(1_000), FEERATE))
    t.mine()
    t.reorganise(101)
    assert t.wallet.balance() == Balance()
    assert t.wallet.transactions == []


def test_foreign_payment_is_noted_before_it_confirms(teller: NewTeller) -> None:
    t = teller()
    coin = t.chain.fund(STRANGER.script_pubkey, 80_000)
    t.catch_up()
    draft = Draft((Input(coin, SEQUENCE_FINAL),), (Output(79_000, t.wallet.new_script()),))
    raw = draft.with_witnesses([STRANGER.witness(draft, 0, 80_000)])
    assert t.wallet.note(raw)
    assert not t.wallet.note(raw), "known already"
    assert t.wallet.balance() == Balance(unconfirmed_sat=79_000)
    assert t.wallet.spendable(unconfirmed=True) == [], "its sender may still undo it"
    rival = Draft((Input(coin, SEQUENCE_FINAL),), (Output(70_000, STRANGER.script_pubkey),))
    t.chain.mine(transactions=[rival.with_witnesses([STRANGER.witness(rival, 0, 80_000)])])
    t.catch_up()
    assert t.wallet.balance() == Balance()


def test_foreign_transaction_that_does_not_touch_the_wallet_is_not_kept(teller: NewTeller) -> None:
    t = teller()
    coin = t.chain.fund(STRANGER.script_pubkey, 80_000)
    t.catch_up()
    draft = Draft((Input(coin, SEQUENCE_FINAL),), (Output(79_000, STRANGER.script_pubkey),))
    assert not t.wallet.note(draft.with_witnesses([STRANGER.witness(draft, 0, 80_000)]))
    assert t.wallet.transactions == []


def test_output_is_found_by_its_script(teller: NewTeller) -> None:
    t = teller()
    t.deposit(70_000)
    prepared = t.wallet.prepare(to_stranger(10_000), FEERATE)
    assert outpoint_of(prepared, STRANGER.script_pubkey) == OutPoint(prepared.txid, 0)
    with pytest.raises(LookupError):
        outpoint_of(prepared, b"\x51")


def test_changed_transaction_is_refused_by_the_chain(teller: NewTeller) -> None:
    """The check that all others rely on can fail: a signature covers every amount."""
    t = teller()
    for kind in KeyKind:
        t.deposit(70_000, kind=kind)
        prepared = t.wallet.prepare(to_stranger(10_000), FEERATE)
        amount = (10_000).to_bytes(8, "little")
        assert prepared.transaction.raw.count(amount) == 1
        with pytest.raises(TransactionRejected, match="script-verify-flag-failed"):
            t.chain.submit(prepared.transaction.raw.replace(amount, (9_999).to_bytes(8, "little")))
        t.wallet.abandon(prepared.txid)
        t.send(t.wallet.prepare_all(STRANGER.script_pubkey, FEERATE))
        t.mine()
