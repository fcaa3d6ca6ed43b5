"""Serialisation, ids, weights and digests against python-bitcointx; what the parser refuses, and where."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import bitcointx
import coincurve._libsecp256k1  # type: ignore[import-not-found]
import pytest
from hypothesis import given
from hypothesis import strategies as st

bitcointx.set_custom_secp256k1_path(coincurve._libsecp256k1.__file__)

from bitcointx.core import CTransaction  # noqa: E402 - reads the path that is set above
from bitcointx.core.script import SIGVERSION_WITNESS_V0, CScript, SIGHASH_Type, SignatureHash  # noqa: E402

from boltwire.errors import TransactionError  # noqa: E402
from boltwire.sighash import SIGHASH_ALL, SIGHASH_SINGLE_ANYONECANPAY, SegwitDigests  # noqa: E402
from boltwire.transaction import (  # noqa: E402
    MAX_MONEY_SAT,
    Outpoint,
    Transaction,
    TxInput,
    TxOutput,
    compact_size,
    parse_transaction,
    parse_witness,
    serialize_witness,
    txid_from_hex,
    txid_to_hex,
)

u32 = st.integers(0, 2**32 - 1)
scripts = st.binary(max_size=80)
witnesses = st.lists(st.binary(max_size=300), max_size=4).map(tuple)
inputs = st.builds(TxInput, st.builds(Outpoint, st.binary(min_size=32, max_size=32), u32), u32, scripts, witnesses)
outputs = st.builds(TxOutput, st.integers(0, MAX_MONEY_SAT), scripts)
transactions = st.builds(
    Transaction,
    st.lists(inputs, min_size=1, max_size=4).map(tuple),
    st.lists(outputs, min_size=1, max_size=4).map(tuple),
    u32,
    st.integers(-(2**31), 2**31 - 1),
)

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bolt03_commitments.json").read_text())
SIGNED = bytes.fromhex(VECTORS["variants"][0]["cases"][1]["commit_tx"])


@given(transactions)
def test_serialisation_and_ids_are_those_of_bitcointx(transaction: Transaction) -> None:
    raw = transaction.serialize()
    other = CTransaction.deserialize(raw)
    assert other.serialize() == raw
    assert other.GetTxid() == transaction.txid()
    assert other.GetHash() == transaction.wtxid()
    stripped = len(other.serialize(include_witness=False))
    assert transaction.weight() == 3 * stripped + len(raw)


@given(transactions)
def test_parsing_gives_back_what_was_serialised(transaction: Transaction) -> None:
    assert parse_transaction(transaction.serialize()) == transaction


@pytest.mark.parametrize("sighash_type", [SIGHASH_ALL, SIGHASH_SINGLE_ANYONECANPAY])
@given(transaction=transactions, script=scripts, amount=st.integers(0, MAX_MONEY_SAT), data=st.data())
def test_digests_are_those_of_bitcointx(
    transaction: Transaction, script: bytes, amount: int, sighash_type: int, data: st.DataObject
) -> None:
    """B03-appendix-b-b-01"""
    signable = len(transaction.inputs)
    if sighash_type == SIGHASH_SINGLE_ANYONECANPAY:
        signable = min(signable, len(transaction.outputs))
    index = data.draw(st.integers(0, signable - 1))
    # python-bitcointx packs the lock time as a signed number when it hashes: from 2^31 upwards it cannot compare.
    transaction = replace(transaction, locktime=transaction.locktime >> 1)
    other = CTransaction.deserialize(transaction.serialize())
    hash_type = SIGHASH_Type(sighash_type)
    expected = SignatureHash(CScript(script), other, index, hash_type, amount, SIGVERSION_WITNESS_V0)
    assert SegwitDigests(transaction).digest(index, script, amount, sighash_type) == expected


def test_single_needs_an_output_of_the_same_index() -> None:
    tx_input = TxInput(Outpoint(bytes(32), 0))
    digests = SegwitDigests(Transaction((tx_input, tx_input), (TxOutput(1, b""),)))
    assert len(digests.digest(0, b"", 0, SIGHASH_SINGLE_ANYONECANPAY)) == 32
    with pytest.raises(ValueError, match="no output of the same index"):
        digests.digest(1, b"", 0, SIGHASH_SINGLE_ANYONECANPAY)


def test_other_sighash_types_are_refused() -> None:
    digests = SegwitDigests(parse_transaction(SIGNED))
    with pytest.raises(ValueError, match="0x02 is not used"):
        digests.digest(0, b"", 0, 2)


@given(st.binary(max_size=200))
def test_parser_of_any_bytes_gives_a_transaction_or_an_error(data: bytes) -> None:
    try:
        transaction = parse_transaction(data)
    except TransactionError:
        return
    assert transaction.serialize() == data


@given(st.integers(0, len(SIGNED) - 1))
def test_truncation_is_refused_with_its_place(size: int) -> None:
    with pytest.raises(TransactionError) as caught:
        parse_transaction(SIGNED[:size])
    assert caught.value.offset is not None
    assert caught.value.offset <= size


@pytest.mark.parametrize(
    ("raw", "reason", "offset", "field"),
    [
        (SIGNED + b"\x00", "1 bytes follow the end", len(SIGNED), None),
        (bytes.fromhex("02000000" "00" "00000000"), "at least one", 4, "number of inputs"),
        (SIGNED[:4] + b"\x00\x00" + SIGNED[6:], "at least one", 4, "number of inputs"),
        (SIGNED[:4] + b"\x00\x02" + SIGNED[6:], "at least one", 4, "number of inputs"),
        (SIGNED[:6] + b"\xfd\x01\x00" + SIGNED[7:], "not minimally encoded", 6, "number of inputs"),
        (SIGNED[:48] + b"\x00" + SIGNED[49:], "at least one", 48, "number of outputs"),
        (
            SIGNED[:49] + (MAX_MONEY_SAT + 1).to_bytes(8, "little") + SIGNED[57:],
            "more than can exist",
            49,
            "output 0 amount",
        ),
        (SIGNED[:57] + b"\xff" + b"\xff" * 8 + SIGNED[66:], "truncated", 66, "output 0 script"),
    ],
)  # fmt: skip
def test_malformed_transaction_is_refused_with_its_place(
    raw: bytes, reason: str, offset: int, field: str | None
) -> None:
    with pytest.raises(TransactionError, match=reason) as caught:
        parse_transaction(raw)
    assert (caught.value.offset, caught.value.field) == (offset, field)


def test_witness_form_without_witness_is_refused() -> None:
    base = Transaction((TxInput(Outpoint(bytes(32), 0)),), (TxOutput(1, b""),)).serialize()
    raw = base[:4] + b"\x00\x01" + base[4:-4] + b"\x00" + base[-4:]
    with pytest.raises(TransactionError, match="without any witness") as caught:
        parse_transaction(raw)
    assert caught.value.offset == len(raw) - 5


def test_greatest_amount_is_accepted() -> None:
    transaction = Transaction((TxInput(Outpoint(bytes(32), 0)),), (TxOutput(MAX_MONEY_SAT, b""),))
    assert parse_transaction(transaction.serialize()) == transaction


@given(witnesses)
def test_witness_stack_survives_the_wire(witness: tuple[bytes, ...]) -> None:
    raw = serialize_witness(witness)
    assert parse_witness(raw) == witness
    with pytest.raises(TransactionError, match="follow the end"):
        parse_witness(raw + b"\x00")


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "00"),
        (0xFC, "fc"),
        (0xFD, "fdfd00"),
        (0xFFFF, "fdffff"),
        (0x10000, "fe00000100"),
        (0xFFFFFFFF, "feffffffff"),
        (0x100000000, "ff0000000001000000"),
    ],
)
def test_compact_size_is_the_shortest(value: int, encoded: str) -> None:
    assert compact_size(value).hex() == encoded


def test_txid_for_people_is_reversed() -> None:
    text = VECTORS["funding"]["funding_txid"]
    assert txid_to_hex(txid_from_hex(text)) == text
    assert txid_from_hex(text)[0] == int(text[-2:], 16)
    assert str(Outpoint(txid_from_hex(text), 7)) == f"{text}:7"
    with pytest.raises(ValueError, match="32 bytes"):
        txid_from_hex(text[2:])
