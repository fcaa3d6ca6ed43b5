"""Bitcoin transactions as a chain sees them: identity, what is spent, what is created.

Only what is needed to follow a chain is parsed: outpoints, sequences, outputs, lock time, witness presence. Scripts and
signatures stay opaque; Bitcoin Core's own code judges them. Hashes are in internal byte order (as in a serialized
outpoint), which is the reverse of what block explorers and `bitcoin-cli` show; `display` and `from_display` convert.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NewType

from boltchain.serialization import Reader, double_sha256

Txid = NewType("Txid", bytes)
"""Transaction id: 32 bytes, internal byte order."""

COINBASE_VOUT = 0xFFFFFFFF
"""Output index of the null outpoint, which marks a coinbase input."""

SEQUENCE_FINAL = 0xFFFFFFFF
"""Sequence of an input that has no relative lock and disables the lock time."""


def display(hash_: bytes) -> str:
    """Show a 32-byte internal hash as Bitcoin tools print it: reversed, in hexadecimal."""
    return hash_[::-1].hex()


def from_display(text: str) -> bytes:
    """Read a hash as Bitcoin tools print it. ValueError unless it is 64 hexadecimal digits."""
    if len(text) != 64:
        msg = f"a hash has 64 hexadecimal digits, got {len(text)}: {text!r}"
        raise ValueError(msg)
    return bytes.fromhex(text)[::-1]


@dataclass(frozen=True, slots=True)
class OutPoint:
    """A transaction output: 32-byte `txid` in internal order and index `vout`."""

    txid: Txid
    vout: int

    def __str__(self) -> str:
        return f"{display(self.txid)}:{self.vout}"

    def serialize(self) -> bytes:
        """The 36 bytes that stand for this outpoint in a transaction input."""
        return self.txid + struct.pack("<I", self.vout)


@dataclass(frozen=True, slots=True)
class Input:
    """What one input spends, and its sequence number (BIP 68: relative lock)."""

    previous: OutPoint
    sequence: int


@dataclass(frozen=True, slots=True)
class Output:
    """One output: amount in satoshi and the script that guards it."""

    amount_sat: int
    script_pubkey: bytes


@dataclass(frozen=True, slots=True)
class Transaction:
    """A parsed transaction together with its serialization `raw` (with witnesses, where it has any)."""

    raw: bytes
    txid: Txid
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    locktime: int
    weight: int
    """BIP 141 weight: three times the size without witnesses plus the full size."""

    @property
    def version(self) -> int:
        """The version, which decides whether relative locks count (2 and above, BIP 68)."""
        return int.from_bytes(self.raw[:4], "little")

    @property
    def wtxid(self) -> bytes:
        """Hash of the serialization with witnesses (BIP 141): 32 bytes, internal byte order."""
        return double_sha256(self.raw)

    @property
    def vsize(self) -> int:
        """Virtual size in vbytes, rounded up."""
        return (self.weight + 3) // 4

    @property
    def is_coinbase(self) -> bool:
        """Whether this is the first transaction of a block, which spends nothing."""
        return self.inputs[0].previous.vout == COINBASE_VOUT and self.inputs[0].previous.txid == bytes(32)


def _read_input(reader: Reader) -> Input:
    previous = OutPoint(Txid(reader.take(32)), reader.uint(4))
    reader.sized()  # scriptSig: judged by consensus code only
    return Input(previous, reader.uint(4))


def _read_output(reader: Reader) -> Output:
    amount = int.from_bytes(reader.take(8), "little", signed=True)
    return Output(amount, reader.sized())


def _skip_witnesses(reader: Reader, inputs: int) -> None:
    for _ in range(inputs):
        for _ in range(reader.compact_size()):
            reader.sized()


def read_transaction(reader: Reader) -> Transaction:
    """Parse one transaction at the reader's offset. ValueError if bytes end early or it has no inputs."""
    start = reader.offset
    version = reader.take(4)
    has_witness = reader.data[start + 4 : start + 6] == b"\x00\x01"
    if has_witness:
        reader.take(2)
    body_start = reader.offset
    inputs = tuple([_read_input(reader) for _ in range(reader.compact_size())])
    outputs = tuple([_read_output(reader) for _ in range(reader.compact_size())])
    body = reader.data[body_start : reader.offset]
    if has_witness:
        _skip_witnesses(reader, len(inputs))
    locktime = reader.take(4)
    if not inputs:
        msg = f"transaction without inputs at offset {start}"
        raise ValueError(msg)
    stripped = version + body + locktime
    raw = reader.data[start : reader.offset]
    weight = 3 * len(stripped) + len(raw)
    txid = Txid(double_sha256(stripped))
    return Transaction(raw, txid, inputs, outputs, int.from_bytes(locktime, "little"), weight)


def parse_transaction(raw: bytes) -> Transaction:
    """Parse exactly one serialized transaction. ValueError if bytes are missing or left over."""
    reader = Reader(raw)
    transaction = read_transaction(reader)
    reader.end()
    return transaction
