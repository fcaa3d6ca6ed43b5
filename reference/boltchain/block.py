"""Building and reading blocks: coinbase, merkle root, witness commitment, proof of work at regtest difficulty."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from boltchain.serialization import Reader, compact_size, double_sha256
from boltchain.transaction import Transaction, display, parse_transaction, read_transaction

HEADER_SIZE = 80
"""Size of a block header in bytes."""

REGTEST_BITS = 0x207FFFFF
"""Regtest's target in compact form: every second hash passes."""

MAX_MONEY_SAT = 2_100_000_000_000_000
"""The largest amount that any output may state."""

MAX_BLOCK_WEIGHT = 4_000_000
"""Consensus limit of a block's weight (BIP 141)."""

_BLOCK_VERSION = 0x20000000
_WITNESS_COMMITMENT_HEADER = b"\x6a\x24\xaa\x21\xa9\xed"
_WITNESS_RESERVED_VALUE = bytes(32)
_HIGHEST_BYTE_LIMIT = 0x7F


@dataclass(frozen=True, slots=True)
class Block:
    """A block: its hash, its header's time in Unix seconds, its transactions with the coinbase first."""

    hash: bytes
    previous: bytes
    time: int
    transactions: tuple[Transaction, ...]
    raw: bytes


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block by its height and its hash (32 bytes, internal order)."""

    height: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.height} ({display(self.hash)})"


def subsidy_sat(height: int) -> int:
    """New coins of a regtest block: 50 bitcoin, halved every 150 blocks."""
    return (50 * 100_000_000) >> (height // 150)


@cache
def _height_push(height: int) -> bytes:
    """The script push of the height that must open a coinbase (BIP 34)."""
    if 1 <= height <= 16:
        return bytes((0x50 + height,))
    encoded = height.to_bytes(height.bit_length() // 8 + 1, "little")
    return bytes((len(encoded),)) + encoded


def witness_commitment(transactions: Sequence[Transaction]) -> bytes:
    """The script that commits a block's coinbase to the witnesses of the other transactions (BIP 141)."""
    root = merkle_root([bytes(32), *(double_sha256(transaction.raw) for transaction in transactions)])
    return _WITNESS_COMMITMENT_HEADER + double_sha256(root + _WITNESS_RESERVED_VALUE)


def build_coinbase(
    height: int, unique: int, reward: tuple[int, bytes], transactions: Sequence[Transaction]
) -> Transaction:
    """The coinbase of a block at `height` that pays `reward` (satoshi, script) and commits to `transactions`.

    `unique` (64 bits) keeps two otherwise equal blocks apart.
    """
    signature_script = _height_push(height) + b"\x08" + struct.pack("<Q", unique)
    outputs = [_output(*reward)]
    if transactions:
        outputs.append(_output(0, witness_commitment(transactions)))
    body = b"\x01" + bytes(32) + b"\xff\xff\xff\xff" + compact_size(len(signature_script)) + signature_script
    body += b"\xff\xff\xff\xff" + compact_size(len(outputs)) + b"".join(outputs)
    if not transactions:
        return parse_transaction(b"\x02\x00\x00\x00" + body + bytes(4))
    witness = b"\x01\x20" + _WITNESS_RESERVED_VALUE
    return parse_transaction(b"\x02\x00\x00\x00\x00\x01" + body + witness + bytes(4))


def _output(amount_sat: int, script_pubkey: bytes) -> bytes:
    return struct.pack("<q", amount_sat) + compact_size(len(script_pubkey)) + script_pubkey


def merkle_root(hashes: Sequence[bytes]) -> bytes:
    """Root of Bitcoin's merkle tree: pairs are hashed together, an odd last one with itself."""
    level = list(hashes)
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        level = [double_sha256(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def build_block(previous: bytes, time: int, transactions: Sequence[Transaction]) -> Block:
    """Assemble a block on `previous` from complete `transactions`, coinbase first, and find its proof of work."""
    root = merkle_root([transaction.txid for transaction in transactions])
    fixed = struct.pack("<i", _BLOCK_VERSION) + previous + root + struct.pack("<II", time, REGTEST_BITS)
    nonce = 0
    while (hash_ := double_sha256(header := fixed + struct.pack("<I", nonce)))[31] >= _HIGHEST_BYTE_LIMIT:
        nonce += 1
    body = compact_size(len(transactions)) + b"".join(transaction.raw for transaction in transactions)
    return Block(hash_, previous, time, tuple(transactions), header + body)


def parse_block(raw: bytes) -> Block:
    """Parse a serialized block. ValueError if bytes are missing or left over."""
    reader = Reader(raw)
    header = reader.take(HEADER_SIZE)
    transactions = tuple([read_transaction(reader) for _ in range(reader.compact_size())])
    reader.end()
    time = int.from_bytes(header[68:72], "little")
    return Block(double_sha256(header), header[4:36], time, transactions, raw)
