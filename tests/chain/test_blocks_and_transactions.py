"""Parsing and building, against python-bitcointx and Bitcoin's first block; the books of the ledger."""

from __future__ import annotations

import pytest
from bitcointx.core import CTransaction, x
from bitcointx.core.script import SIGHASH_ALL, SIGVERSION_WITNESS_V0, CScript, SignatureHash
from hypothesis import given
from hypothesis import strategies as st

from boltchain.block import build_block, build_coinbase, merkle_root, parse_block, subsidy_sat
from boltchain.embedded import GENESIS
from boltchain.interface import Utxo
from boltchain.ledger import Ledger
from boltchain.serialization import Reader, compact_size, double_sha256
from boltchain.spending import Draft, SigningKey
from boltchain.transaction import Input, OutPoint, Output, Txid, display, from_display, parse_transaction

hashes = st.binary(min_size=32, max_size=32)
outpoints = st.builds(OutPoint, hashes.map(Txid), st.integers(0, 2**32 - 1))
inputs = st.builds(Input, outpoints, st.integers(0, 2**32 - 1))
outputs = st.builds(Output, st.integers(0, 21 * 10**14), st.binary(max_size=300))
witnesses = st.lists(st.binary(max_size=80), min_size=1, max_size=3)


@given(st.data(), st.lists(inputs, min_size=1, max_size=3), st.lists(outputs, max_size=3), st.integers(0, 2**32 - 1))
def test_drafts_parse_as_python_bitcointx_parses_them(
    data: st.DataObject, spent: list[Input], created: list[Output], locktime: int
) -> None:
    stacks = data.draw(st.lists(witnesses, min_size=len(spent), max_size=len(spent)))
    raw = Draft(tuple(spent), tuple(created), locktime).with_witnesses(stacks)
    ours, theirs = parse_transaction(raw), CTransaction.deserialize(raw)
    assert ours.txid == theirs.GetTxid()
    assert ours.vsize == theirs.get_virtual_size()
    assert ours.locktime == theirs.nLockTime == locktime
    assert ours.inputs == tuple(spent)
    assert ours.outputs == tuple(created)
    assert [(i.prevout.hash, i.prevout.n, i.nSequence) for i in theirs.vin] == [
        (i.previous.txid, i.previous.vout, i.sequence) for i in spent
    ]


def test_draft_needs_one_witness_stack_per_input() -> None:
    draft = Draft((Input(OutPoint(Txid(bytes(32)), 0), 0),), ())
    with pytest.raises(ValueError, match="1 inputs need as many witness stacks, got 2"):
        draft.with_witnesses([[], []])


@given(st.binary(max_size=200))
def test_arbitrary_bytes_parse_or_raise_value_error(raw: bytes) -> None:
    try:
        transaction = parse_transaction(raw)
    except ValueError:
        return
    assert transaction.raw == raw


@pytest.mark.parametrize("size", [0, 0xFC, 0xFD, 0xFFFF, 0x10000, 0xFFFFFFFF, 0x100000000, 2**64 - 1])
def test_compact_sizes_read_back(size: int) -> None:
    reader = Reader(compact_size(size))
    assert reader.compact_size() == size
    reader.end()


def test_first_transaction_of_the_mainnet_is_recognised() -> None:
    coinbase = GENESIS.transactions[0]
    assert display(coinbase.txid) == "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"
    assert coinbase.is_coinbase


def test_display_order_is_reversed_and_checked() -> None:
    text = "00" * 31 + "ff"
    assert from_display(text) == b"\xff" + bytes(31)
    assert display(from_display(text)) == text
    with pytest.raises(ValueError, match="64 hexadecimal digits, got 62"):
        from_display("00" * 31)


def test_blocks_read_back() -> None:
    key = SigningKey(b"\x01" * 32)
    draft = Draft((Input(OutPoint(Txid(b"\x02" * 32), 1), 0),), (Output(5, key.script_pubkey),))
    spend = parse_transaction(draft.with_witnesses([key.witness(draft, 0, 9)]))
    coinbase = build_coinbase(17, 3, (50, b"\x51"), [spend])
    block = build_block(GENESIS.hash, 1_400_000_000, [coinbase, spend])
    assert parse_block(block.raw) == block
    with pytest.raises(ValueError, match="1 bytes left over"):
        parse_block(block.raw + b"\x00")
    with pytest.raises(ValueError, match="cut short"):
        parse_block(block.raw[:-1])


def test_merkle_root_repeats_an_odd_last_hash() -> None:
    a, b, c = (bytes([n]) * 32 for n in range(3))
    expected = double_sha256(double_sha256(a + b) + double_sha256(c + c))
    assert merkle_root([a, b, c]) == expected
    assert merkle_root([a]) == a


@pytest.mark.parametrize(("height", "sat"), [(1, 50 * 10**8), (149, 50 * 10**8), (150, 25 * 10**8), (10_000, 0)])
def test_regtest_subsidy_halves_every_150_blocks(height: int, sat: int) -> None:
    assert subsidy_sat(height) == sat


def test_signature_digest_is_the_one_of_python_bitcointx() -> None:
    key = SigningKey(b"\x03" * 32)
    draft = Draft((Input(OutPoint(Txid(b"\x05" * 32), 7), 3),), (Output(11, key.script_pubkey),), 12)
    unsigned = CTransaction.deserialize(draft.with_witnesses([[b"\x00"]]))
    code = x("76a914") + key.script_pubkey[2:] + x("88ac")
    theirs = SignatureHash(CScript(code), unsigned, 0, SIGHASH_ALL, amount=99, sigversion=SIGVERSION_WITNESS_V0)
    assert draft.digest(0, code, 99) == theirs


def test_ledger_takes_a_block_back_exactly() -> None:
    ledger = Ledger(GENESIS)
    first = build_block(GENESIS.hash, 1_400_000_000, [build_coinbase(1, 0, (50, b"\x51"), [])])
    ledger.connect(first)
    coin = OutPoint(first.transactions[0].txid, 0)
    one = parse_transaction(Draft((Input(coin, 0),), (Output(40, b"\x52"),)).with_witnesses([[b"\x01"]]))
    middle = OutPoint(one.txid, 0)
    two = parse_transaction(Draft((Input(middle, 0),), (Output(30, b"\x53"),)).with_witnesses([[b"\x01"]]))
    second = build_block(first.hash, 1_400_000_600, [build_coinbase(2, 0, (60, b"\x51"), [one, two]), one, two])
    ledger.connect(second)
    assert (ledger.utxo(coin), ledger.utxo(middle)) == (None, None)
    assert (ledger.spender(coin), ledger.spender(middle)) == (one.txid, two.txid)
    assert ledger.disconnect() == second
    assert ledger.utxo(coin) == Utxo(50, b"\x51", 1, coinbase=True)
    assert ledger.utxo(middle) is None
    assert ledger.spender(coin) is None
    assert ledger.transaction_height(two.txid) is None
    with pytest.raises(ValueError, match="does not build on the tip"):
        ledger.connect(build_block(second.hash, 1_400_001_200, [build_coinbase(2, 0, (60, b"\x51"), [])]))
    ledger.disconnect()
    with pytest.raises(ValueError, match="genesis"):
        ledger.disconnect()
