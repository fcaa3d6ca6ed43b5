"""What every chain promises, checked on each implementation alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from boltchain.interface import Chain, FaucetEmpty, TransactionRejected, Utxo
from boltchain.spending import Draft, SigningKey, p2wsh_script
from boltchain.transaction import SEQUENCE_FINAL, Input, OutPoint, Output, Transaction, Txid, parse_transaction

COIN_SAT = 100_000
FEE_SAT = 1_000
SIGNATURE_SPREAD = 1
"""By how many virtual bytes two transactions of the same form may differ: signatures are 70 to 72 bytes long."""
NO_RELATIVE_LOCK = 0xFFFFFFFD
TIME_LOCK_UNIT = 1 << 22
NO_SUCH_OUTPUT = OutPoint(Txid(b"\x07" * 32), 0)


def pay(
    key: SigningKey,
    outpoint: OutPoint,
    fee_sat: int = FEE_SAT,
    *,
    amount_sat: int = COIN_SAT,
    sequence: int = NO_RELATIVE_LOCK,
    locktime: int = 0,
) -> Transaction:
    """Spend a coin of `key` back to `key`."""
    draft = Draft((Input(outpoint, sequence),), (Output(amount_sat - fee_sat, key.script_pubkey),), locktime)
    return parse_transaction(draft.with_witnesses([key.witness(draft, 0, amount_sat)]))


def corrupt_signature(transaction: Transaction) -> bytes:
    """The same transaction with another amount: its signature no longer covers what it says."""
    amount = transaction.outputs[0].amount_sat
    changed = amount.to_bytes(8, "little")
    assert transaction.raw.count(changed) == 1
    return transaction.raw.replace(changed, (amount - 1).to_bytes(8, "little"))


def output(transaction: Transaction) -> OutPoint:
    return OutPoint(transaction.txid, 0)


def test_implements_the_interface(chain: Chain) -> None:
    assert isinstance(chain, Chain)


def test_mine_adds_the_wanted_number_of_blocks(chain: Chain) -> None:
    height, tip, median = chain.height(), chain.tip(), chain.median_time_past()
    chain.mine(12)
    assert chain.height() == height + 12
    assert chain.tip() != tip
    assert chain.median_time_past() > median


def test_fund_creates_a_confirmed_output_in_one_block(chain: Chain, key: SigningKey) -> None:
    height = chain.height()
    outpoint = chain.fund(key.script_pubkey, COIN_SAT)
    assert chain.height() == height + 1
    assert chain.utxo(outpoint) == Utxo(COIN_SAT, key.script_pubkey, height + 1, coinbase=False)
    assert chain.transaction_height(outpoint.txid) == height + 1
    assert chain.spender(outpoint) is None


def test_fund_spends_more_than_one_faucet_coin_if_it_must(chain: Chain, key: SigningKey) -> None:
    amount_sat = 8_000_000_000
    outpoint = chain.fund(key.script_pubkey, amount_sat)
    utxo = chain.utxo(outpoint)
    assert utxo is not None
    assert utxo.amount_sat == amount_sat


def test_fund_tells_when_the_faucet_is_empty(chain: Chain, key: SigningKey) -> None:
    height = chain.height()
    with pytest.raises(FaucetEmpty, match="2000000000000000 sat wanted"):
        chain.fund(key.script_pubkey, 2_000_000_000_000_000)
    assert chain.height() == height


def test_submit_and_mine_spend_a_key_hash_output(chain: Chain, key: SigningKey) -> None:
    coin = chain.fund(key.script_pubkey, COIN_SAT)
    spend = pay(key, coin)
    assert chain.check(spend.raw) is None
    assert chain.submit(spend.raw) == spend.txid
    assert chain.mempool() == [spend.txid]
    assert chain.utxo(coin) is not None, "the mempool must not count"
    assert chain.transaction_height(spend.txid) is None
    chain.mine()
    assert chain.mempool() == []
    assert chain.utxo(coin) is None
    assert chain.spender(coin) == spend.txid
    assert chain.transaction_height(spend.txid) == chain.height()
    assert chain.utxo(output(spend)) == Utxo(COIN_SAT - FEE_SAT, key.script_pubkey, chain.height(), coinbase=False)
    assert spend.raw in chain.block(chain.height())


def test_submitting_twice_changes_nothing(chain: Chain, key: SigningKey) -> None:
    spend = pay(key, chain.fund(key.script_pubkey, COIN_SAT))
    assert chain.submit(spend.raw) == chain.submit(spend.raw)
    assert chain.mempool() == [spend.txid]


def test_submit_refuses_a_confirmed_transaction(chain: Chain, key: SigningKey) -> None:
    spend = pay(key, chain.fund(key.script_pubkey, COIN_SAT))
    chain.mine(transactions=[spend.raw])
    with pytest.raises(TransactionRejected):
        chain.submit(spend.raw)


def test_witness_script_output_is_spent_only_by_its_script(chain: Chain, key: SigningKey) -> None:
    witness_script = b"\x21" + key.public + b"\xac"  # <key> OP_CHECKSIG
    coin = chain.fund(p2wsh_script(witness_script), COIN_SAT)
    draft = Draft((Input(coin, SEQUENCE_FINAL),), (Output(COIN_SAT - FEE_SAT, key.script_pubkey),))
    signature = key.sign(draft.digest(0, witness_script, COIN_SAT))
    wrong = chain.check(draft.with_witnesses([[signature, witness_script + b"\x61"]]))
    assert wrong is not None
    assert "Witness program hash mismatch" in wrong
    assert chain.check(draft.with_witnesses([[signature, witness_script]])) is None


def test_signature_over_something_else_is_refused_with_the_reason(chain: Chain, key: SigningKey) -> None:
    coin = chain.fund(key.script_pubkey, COIN_SAT)
    bad = corrupt_signature(pay(key, coin))
    for refuse in (chain.check, lambda raw: reason_of_submit(chain, raw), lambda raw: reason_of_mine(chain, raw)):
        reason = refuse(bad)
        assert reason is not None
        assert "script-verify-flag-failed" in reason
    assert chain.utxo(coin) is not None
    assert chain.mempool() == []


def reason_of_submit(chain: Chain, raw: bytes) -> str:
    with pytest.raises(TransactionRejected) as rejected:
        chain.submit(raw)
    return rejected.value.reason


def reason_of_mine(chain: Chain, raw: bytes) -> str:
    height = chain.height()
    with pytest.raises(TransactionRejected) as rejected:
        chain.mine(transactions=[raw])
    assert chain.height() == height, "a refused block must change nothing"
    return rejected.value.reason


@pytest.mark.parametrize("damage", [lambda raw: raw[:-1], lambda raw: raw + b"\x00", lambda _: b"", lambda _: b"junk"])
def test_bytes_that_are_no_transaction_are_refused(
    chain: Chain, key: SigningKey, damage: Callable[[bytes], bytes]
) -> None:
    raw = damage(pay(key, chain.fund(key.script_pubkey, COIN_SAT)).raw)
    reason = chain.check(raw)
    assert reason is not None
    assert "decode failed" in reason
    assert "decode failed" in reason_of_submit(chain, raw)
    assert "decode failed" in reason_of_mine(chain, raw)


def test_missing_inputs_are_refused(chain: Chain, key: SigningKey) -> None:
    spend = pay(key, NO_SUCH_OUTPUT)
    for reason in (chain.check(spend.raw), reason_of_submit(chain, spend.raw), reason_of_mine(chain, spend.raw)):
        assert reason is not None
        assert reason.startswith("bad-txns-inputs-missingorspent")


def test_spending_one_satoshi_too_much_is_refused(chain: Chain, key: SigningKey) -> None:
    coin = chain.fund(key.script_pubkey, COIN_SAT)
    assert chain.check(pay(key, coin, fee_sat=0).raw) is None
    reason = chain.check(pay(key, coin, fee_sat=-1).raw)
    assert reason is not None
    assert reason.startswith("bad-txns-in-belowout")


def test_absolute_lock_opens_in_the_block_above_its_height(chain: Chain, key: SigningKey) -> None:
    coin = chain.fund(key.script_pubkey, COIN_SAT)
    lock = chain.height() + 1
    spend = pay(key, coin, locktime=lock)
    assert chain.check(spend.raw) == "bad-txns-nonfinal, non-final transaction"
    assert "nonfinal" in reason_of_submit(chain, spend.raw).replace("non-final", "nonfinal")
    assert chain.check(pay(key, coin, locktime=lock, sequence=SEQUENCE_FINAL).raw) is None, "final inputs disable it"
    chain.mine()
    assert chain.check(spend.raw) is None
    chain.submit(spend.raw)


def test_absolute_lock_by_time_compares_with_the_median_time(chain: Chain, key: SigningKey) -> None:
    coin = chain.fund(key.script_pubkey, COIN_SAT)
    median = chain.median_time_past()
    assert chain.check(pay(key, coin, locktime=median - 1).raw) is None
    reason = chain.check(pay(key, coin, locktime=median).raw)
    assert reason is not None
    assert reason.startswith("bad-txns-nonfinal")


@pytest.mark.parametrize("delay", [1, 2, 5])
def test_relative_lock_opens_after_that_many_blocks(chain: Chain, key: SigningKey, delay: int) -> None:
    spend = pay(key, chain.fund(key.script_pubkey, COIN_SAT), sequence=delay)
    if delay > 1:
        chain.mine(delay - 2)
        reason = chain.check(spend.raw)
        assert reason is not None
        assert reason.startswith("bad-txns-nonfinal")
        with pytest.raises(TransactionRejected):
            chain.submit(spend.raw)
        chain.mine()
    assert chain.check(spend.raw) is None
    chain.submit(spend.raw)


def test_relative_lock_by_time_is_closed_in_the_next_block(chain: Chain, key: SigningKey) -> None:
    coin = chain.fund(key.script_pubkey, COIN_SAT)
    assert chain.check(pay(key, coin, sequence=TIME_LOCK_UNIT).raw) is None
    reason = chain.check(pay(key, coin, sequence=TIME_LOCK_UNIT + 10).raw)
    assert reason is not None
    assert reason.startswith("bad-txns-nonfinal")


def locked_spend(key: SigningKey, coin: OutPoint, script: bytes, *, sequence: int, locktime: int = 0) -> bytes:
    draft = Draft((Input(coin, sequence),), (Output(COIN_SAT - FEE_SAT, key.script_pubkey),), locktime)
    return draft.with_witnesses([[key.sign(draft.digest(0, script, COIN_SAT)), script]])


def test_script_with_relative_lock_demands_the_input_to_be_locked(chain: Chain, key: SigningKey) -> None:
    script = b"\x53\xb2\x75\x21" + key.public + b"\xac"  # 3 OP_CHECKSEQUENCEVERIFY OP_DROP <key> OP_CHECKSIG
    coin = chain.fund(p2wsh_script(script), COIN_SAT)
    chain.mine(2)
    too_early = chain.check(locked_spend(key, coin, script, sequence=2))
    assert too_early is not None
    assert "Locktime requirement not satisfied" in too_early
    assert chain.check(locked_spend(key, coin, script, sequence=3)) is None


def test_script_with_absolute_lock_demands_the_transaction_to_be_locked(chain: Chain, key: SigningKey) -> None:
    coin_height = chain.height() + 1
    push = b"\x03" + coin_height.to_bytes(3, "little")
    script = push + b"\xb1\x75\x21" + key.public + b"\xac"  # <height> OP_CHECKLOCKTIMEVERIFY OP_DROP <key> OP_CHECKSIG
    coin = chain.fund(p2wsh_script(script), COIN_SAT)
    below = chain.check(locked_spend(key, coin, script, sequence=NO_RELATIVE_LOCK, locktime=coin_height - 1))
    assert below is not None
    assert "Locktime requirement not satisfied" in below
    assert chain.check(locked_spend(key, coin, script, sequence=NO_RELATIVE_LOCK, locktime=coin_height)) is None


def test_coinbase_outputs_mature_after_a_hundred_blocks(chain: Chain) -> None:
    chain.mine(100)
    young = chain.height() - 98
    assert coinbase_spend_reason(chain, young) == "bad-txns-premature-spend-of-coinbase"
    assert coinbase_spend_reason(chain, young - 1) is None


def coinbase_spend_reason(chain: Chain, height: int) -> str | None:
    """Why the coinbase output at `height`, which anybody may spend, cannot be spent in the next block."""
    coinbase = parse_transaction(chain.block(height)[0])
    assert chain.utxo(output(coinbase)) == Utxo(
        coinbase.outputs[0].amount_sat, coinbase.outputs[0].script_pubkey, height, coinbase=True
    )
    draft = Draft((Input(output(coinbase), SEQUENCE_FINAL),), (Output(0, b"\x51"),))
    reason = chain.check(draft.with_witnesses([[b"\x51"]]))
    return reason and reason.split(",")[0]


def test_child_of_an_unconfirmed_transaction_is_mined_with_it(chain: Chain, key: SigningKey) -> None:
    parent = pay(key, chain.fund(key.script_pubkey, COIN_SAT))
    child = pay(key, output(parent), amount_sat=COIN_SAT - FEE_SAT)
    assert chain.check(child.raw) is not None
    assert chain.check(child.raw, after=[parent.raw]) is None
    with pytest.raises(TransactionRejected):
        chain.submit(child.raw)
    chain.submit(parent.raw)
    chain.submit(child.raw)
    assert chain.mempool() == [parent.txid, child.txid]
    chain.mine()
    assert chain.transaction_height(child.txid) == chain.transaction_height(parent.txid) == chain.height()
    assert chain.spender(output(parent)) == child.txid


def test_conflict_that_pays_no_more_is_refused(chain: Chain, key: SigningKey) -> None:
    coin = chain.fund(key.script_pubkey, COIN_SAT)
    first = pay(key, coin)
    chain.submit(first.raw)
    just_short = pay(key, coin, FEE_SAT + first.vsize - SIGNATURE_SPREAD - 1)
    assert reason_of_submit(chain, just_short.raw).startswith("insufficient fee")
    assert chain.mempool() == [first.txid]


def test_conflict_that_pays_for_all_that_it_replaces_takes_their_place(chain: Chain, key: SigningKey) -> None:
    coin = chain.fund(key.script_pubkey, COIN_SAT)
    first = pay(key, coin)
    child = pay(key, output(first), amount_sat=COIN_SAT - FEE_SAT)
    chain.submit(first.raw)
    chain.submit(child.raw)
    enough_sat = 2 * FEE_SAT + first.vsize
    just_short = pay(key, coin, enough_sat - SIGNATURE_SPREAD - 1)
    assert reason_of_submit(chain, just_short.raw).startswith("insufficient fee")
    winner = pay(key, coin, enough_sat + SIGNATURE_SPREAD)
    chain.submit(winner.raw)
    assert chain.mempool() == [winner.txid]


def test_confirmed_conflict_evicts_the_waiting_one_and_its_child(chain: Chain, key: SigningKey) -> None:
    coin = chain.fund(key.script_pubkey, COIN_SAT)
    loser, winner = pay(key, coin, 5 * FEE_SAT), pay(key, coin, FEE_SAT)
    chain.submit(loser.raw)
    chain.submit(pay(key, output(loser), amount_sat=COIN_SAT - 5 * FEE_SAT).raw)
    chain.mine(transactions=[winner.raw])
    assert chain.mempool() == []
    assert chain.spender(coin) == winner.txid


def test_given_transactions_are_mined_exactly_as_listed(chain: Chain, key: SigningKey) -> None:
    waiting = pay(key, chain.fund(key.script_pubkey, COIN_SAT))
    parent = pay(key, chain.fund(key.script_pubkey, COIN_SAT), fee_sat=0)
    child = pay(key, output(parent), fee_sat=0)
    chain.submit(waiting.raw)
    height = chain.height()
    chain.mine(transactions=[parent.raw, child.raw])
    assert chain.height() == height + 1
    assert chain.block(height + 1)[1:] == [parent.raw, child.raw]
    assert chain.mempool() == [waiting.txid]


def test_given_transactions_in_the_wrong_order_are_refused(chain: Chain, key: SigningKey) -> None:
    parent = pay(key, chain.fund(key.script_pubkey, COIN_SAT))
    child = pay(key, output(parent), amount_sat=COIN_SAT - FEE_SAT)
    with pytest.raises(TransactionRejected, match="missingorspent"):
        chain.mine(transactions=[child.raw, parent.raw])


def test_double_spend_inside_a_block_is_refused(chain: Chain, key: SigningKey) -> None:
    coin = chain.fund(key.script_pubkey, COIN_SAT)
    with pytest.raises(TransactionRejected, match="missingorspent"):
        chain.mine(transactions=[pay(key, coin).raw, pay(key, coin, 2 * FEE_SAT).raw])


def test_given_transactions_fill_one_block_only(chain: Chain) -> None:
    with pytest.raises(ValueError, match="one block, not 2"):
        chain.mine(2, transactions=[])


def test_reorganisation_returns_transactions_to_the_mempool(chain: Chain, key: SigningKey) -> None:
    coin = chain.fund(key.script_pubkey, COIN_SAT)
    parent = pay(key, coin)
    child = pay(key, output(parent), amount_sat=COIN_SAT - FEE_SAT)
    chain.mine(transactions=[parent.raw])
    chain.mine(transactions=[child.raw])
    height, tip = chain.height(), chain.tip()
    chain.reorganise(2)
    assert chain.height() == height + 1
    assert chain.tip() != tip
    assert chain.utxo(coin) is not None
    assert chain.spender(coin) is None
    assert chain.utxo(output(child)) is None
    assert chain.transaction_height(parent.txid) is None
    assert chain.mempool() == [parent.txid, child.txid]
    chain.mine()
    assert chain.spender(coin) == parent.txid
    assert chain.utxo(output(child)) is not None


def test_reorganisation_lets_a_conflicting_transaction_win(chain: Chain, key: SigningKey) -> None:
    coin = chain.fund(key.script_pubkey, COIN_SAT)
    first, second = pay(key, coin), pay(key, coin, 2 * FEE_SAT)
    chain.mine(transactions=[first.raw])
    chain.reorganise(1)
    chain.mine(transactions=[second.raw])
    assert chain.spender(coin) == second.txid
    assert chain.mempool() == []


def test_reorganisation_drops_what_hangs_on_a_vanished_coinbase(chain: Chain) -> None:
    chain.mine(100)
    coinbase = parse_transaction(chain.block(chain.height() - 99)[0])
    draft = Draft((Input(output(coinbase), SEQUENCE_FINAL),), (Output(0, b"\x6a" + b"\x20" + bytes(32)),))
    spend = draft.with_witnesses([[b"\x51"]])
    chain.mine(transactions=[spend])
    chain.reorganise(101)
    assert chain.utxo(output(coinbase)) is None
    assert chain.mempool() == []


def test_relative_lock_counts_again_after_a_reorganisation(chain: Chain, key: SigningKey) -> None:
    coin = chain.fund(key.script_pubkey, COIN_SAT)
    chain.mine(2)
    spend = pay(key, coin, sequence=3)
    chain.submit(spend.raw)
    chain.reorganise(3)
    assert chain.utxo(coin) is None
    assert chain.mempool() == [coin.txid], "the funding waits again; its child is locked again"
    chain.mine(3)
    assert chain.check(spend.raw) is None


def test_faucet_pays_on_after_a_reorganisation(chain: Chain, key: SigningKey) -> None:
    chain.fund(key.script_pubkey, COIN_SAT)
    chain.reorganise(1)
    outpoint = chain.fund(key.script_pubkey, COIN_SAT + 1)
    assert chain.utxo(outpoint) is not None


@pytest.mark.parametrize("depth", [0, -1, 10**6])
def test_reorganisation_of_an_impossible_depth_is_refused(chain: Chain, depth: int) -> None:
    tip = chain.tip()
    with pytest.raises(ValueError, match="cannot disconnect"):
        chain.reorganise(depth)
    assert chain.tip() == tip


def test_unknown_things_are_none_or_lookup_errors(chain: Chain) -> None:
    assert chain.utxo(NO_SUCH_OUTPUT) is None
    assert chain.spender(NO_SUCH_OUTPUT) is None
    assert chain.transaction_height(NO_SUCH_OUTPUT.txid) is None
    for height in (chain.height() + 1, -1):
        with pytest.raises(LookupError):
            chain.block(height)
