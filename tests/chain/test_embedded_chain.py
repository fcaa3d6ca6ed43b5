"""What only the embedded chain promises."""

from __future__ import annotations

import tempfile
import time
from itertools import pairwise
from pathlib import Path

import pytest

from boltchain.embedded import BLOCK_INTERVAL, GENESIS, EmbeddedChain
from boltchain.faucet import FAUCET_SCRIPT
from boltchain.interface import TransactionRejected
from boltchain.spending import Draft, SigningKey
from boltchain.transaction import SEQUENCE_FINAL, Input, OutPoint, Output, Transaction, display, parse_transaction

COIN_SAT = 100_000


def pay(key: SigningKey, outpoint: OutPoint, fee_sat: int, sequence: int = SEQUENCE_FINAL - 2) -> Transaction:
    """Spend a coin of `key` back to `key`."""
    draft = Draft((Input(outpoint, sequence),), (Output(COIN_SAT - fee_sat, key.script_pubkey),))
    return parse_transaction(draft.with_witnesses([key.witness(draft, 0, COIN_SAT)]))


def test_branch_with_transactions_replaces_blocks() -> None:
    with EmbeddedChain() as chain:
        key = SigningKey(bytes(31) + b"\x07")
        coin = chain.fund(key.script_pubkey, COIN_SAT)
        old, new = pay(key, coin, 1_000), pay(key, coin, 2_000)
        chain.mine(transactions=[old.raw])
        height = chain.height()
        chain.replace_blocks(1, [[], [new.raw]])
        assert chain.height() == height + 1
        assert chain.spender(coin) == new.txid
        assert chain.transaction_height(new.txid) == height + 1
        assert chain.transaction_height(old.txid) is None


def test_branch_that_is_invalid_changes_nothing() -> None:
    with EmbeddedChain() as chain:
        key = SigningKey(bytes(31) + b"\x07")
        coin = chain.fund(key.script_pubkey, COIN_SAT)
        chain.mine(transactions=[])
        tip = chain.tip()
        locked = pay(key, coin, 1_000, sequence=4)  # the branch's last block is the third after the coin's
        for blocks, reason in (([[], [], [locked.raw]], "non-BIP68-final"), ([[locked.raw]] * 2, "missingorspent")):
            with pytest.raises(TransactionRejected, match=reason):
                chain.replace_blocks(1, blocks)
            assert chain.tip() == tip
            assert chain.utxo(coin) is not None
        chain.mine()
        assert chain.check(locked.raw) is not None
        chain.mine()
        assert chain.check(locked.raw) is None
        chain.replace_blocks(1, [[], [locked.raw]])
        assert chain.spender(coin) is not None


@pytest.mark.parametrize("depth", [0, 2, 10**6])
def test_branch_that_is_not_longer_is_refused(depth: int) -> None:
    with EmbeddedChain() as chain, pytest.raises(ValueError, match="cannot replace"):
        chain.replace_blocks(depth, [[], []])


def test_genesis_is_the_one_of_regtest() -> None:
    assert display(GENESIS.hash) == "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"


def test_close_removes_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    chain = EmbeddedChain()
    assert list(tmp_path.iterdir())
    chain.close()
    assert not list(tmp_path.iterdir())
    chain.close()


def test_two_chains_live_side_by_side_and_are_equal_until_used_differently() -> None:
    with EmbeddedChain() as one, EmbeddedChain() as other:
        assert one.tip() == other.tip()
        one.mine(3)
        other.mine(2)
        assert (one.height(), one.tip()) != (other.height(), other.tip())
        other.mine()
        assert one.tip() == other.tip()
        one.fund(b"\x51", 1)
        other.fund(b"\x52", 1)
        assert one.tip() != other.tip()


def test_blocks_are_ten_minutes_apart(embedded_chain: EmbeddedChain) -> None:
    medians = []
    for _ in range(3):
        embedded_chain.mine()
        medians.append(embedded_chain.median_time_past())
    assert [later - earlier for earlier, later in pairwise(medians)] == [BLOCK_INTERVAL] * 2


def test_block_times_stay_valid_when_the_clock_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedChain() as chain:
        stopped = chain.median_time_past() + BLOCK_INTERVAL
        monkeypatch.setattr(time, "time", lambda: float(stopped))
        height = chain.height()
        chain.mine(40)
        assert chain.height() == height + 40
        assert stopped <= chain.median_time_past() < stopped + 40


def test_fees_return_to_the_faucet(embedded_chain: EmbeddedChain) -> None:
    coin = embedded_chain.fund(FAUCET_SCRIPT, 5_000)
    draft = Draft((Input(coin, SEQUENCE_FINAL),), (Output(1_000, b"\x51"),))
    spend = draft.with_witnesses([[b"\x51"]])
    embedded_chain.mine(transactions=[spend])
    fees_sat = coinbase_sat(embedded_chain, embedded_chain.height())
    embedded_chain.mine()
    assert fees_sat - coinbase_sat(embedded_chain, embedded_chain.height()) == 4_000


def coinbase_sat(chain: EmbeddedChain, height: int) -> int:
    return parse_transaction(chain.block(height)[0]).outputs[0].amount_sat


def test_checks_leave_no_trace_in_the_chain(embedded_chain: EmbeddedChain) -> None:
    coin = embedded_chain.fund(FAUCET_SCRIPT, 5_000)
    tip = embedded_chain.tip()
    draft = Draft((Input(coin, SEQUENCE_FINAL),), (Output(5_000, b"\x51"),))
    good, bad = draft.with_witnesses([[b"\x51"]]), draft.with_witnesses([[b"\x52"]])
    for _ in range(3):
        assert embedded_chain.check(good) is None
        assert embedded_chain.check(bad) is not None
    assert embedded_chain.tip() == tip
    embedded_chain.mine(transactions=[good])
    assert embedded_chain.spender(coin) is not None


def test_outputs_that_nobody_can_spend_are_no_utxos(embedded_chain: EmbeddedChain) -> None:
    outpoint = embedded_chain.fund(b"\x6a\x01\x07", 0)
    assert embedded_chain.transaction_height(outpoint.txid) == embedded_chain.height()
    assert embedded_chain.utxo(outpoint) is None


def test_mempool_larger_than_a_block_is_mined_in_several(embedded_chain: EmbeddedChain) -> None:
    ballast = tuple(Output(0, b"\x6a" + b"\x4d\x08\x02" + bytes(520)) for _ in range(700))
    coins = [embedded_chain.fund(FAUCET_SCRIPT, 1_000) for _ in range(3)]
    txids = [
        embedded_chain.submit(Draft((Input(coin, SEQUENCE_FINAL),), ballast).with_witnesses([[b"\x51"]]))
        for coin in coins
    ]
    embedded_chain.mine()
    assert embedded_chain.mempool() == txids[2:]
    embedded_chain.mine()
    assert embedded_chain.mempool() == []


def test_block_above_the_weight_limit_is_refused_with_the_reason(embedded_chain: EmbeddedChain) -> None:
    coin = embedded_chain.fund(FAUCET_SCRIPT, 1_000)
    ballast = tuple(Output(0, b"\x6a" + b"\x4d\x08\x02" + bytes(520)) for _ in range(1_900))
    heavy = Draft((Input(coin, SEQUENCE_FINAL),), ballast).with_witnesses([[b"\x51"]])
    with pytest.raises(TransactionRejected, match="bad-blk-length"):
        embedded_chain.mine(transactions=[heavy])
