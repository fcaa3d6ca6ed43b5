"""What callers of RPC methods hand in, checked and made into values; what is wrong is a `Failure` that says which."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from boltchain.addresses import script_of
from boltchain.block import Block, parse_block
from boltchain.descriptors import script_of_descriptor
from boltchain.kernel import decodes_transaction
from boltchain.server.answers import NETWORK
from boltchain.server.chainstate import IndexEntry
from boltchain.server.node import RegtestNode
from boltchain.transaction import Transaction, from_display, parse_transaction

MISC, TYPE, NOT_FOUND, PARAMETER, DATABASE = -1, -3, -5, -8, -20
DECODING, VERIFY, REJECTED, ALREADY_CONFIRMED, METHOD_UNKNOWN = -22, -25, -26, -27, -32601
"""Bitcoin Core's error codes."""


class Failure(Exception):
    """A call failed: Bitcoin Core's code, and a message for people."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def as_text(value: Any, name: str) -> str:
    """A string."""
    if not isinstance(value, str):
        raise Failure(TYPE, f"{name} must be a string, not {type(value).__name__}")
    return value


def as_number(value: Any, name: str, low: int = 0, high: int = 2**31 - 1) -> int:
    """An integer between `low` and `high`, both included."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise Failure(TYPE, f"{name} must be an integer, not {type(value).__name__}")
    if not low <= value <= high:
        raise Failure(PARAMETER, f"{name} must be between {low} and {high}, not {value}")
    return value


def as_amount(value: Any, name: str) -> Decimal:
    """An amount of bitcoin, as a number or a string."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise Failure(TYPE, f"{name} must be an amount, not {type(value).__name__}")
    try:
        amount = Decimal(value)
    except InvalidOperation as failure:
        raise Failure(TYPE, f"{name} must be an amount, not {value!r}") from failure
    if not 0 <= amount <= 21_000_000:
        raise Failure(TYPE, f"{name} must be between 0 and 21000000 bitcoin, not {value}")
    return amount


def as_hash(value: Any, name: str) -> bytes:
    """A hash of 64 hexadecimal digits, in internal byte order."""
    try:
        return from_display(as_text(value, name))
    except ValueError as failure:
        raise Failure(PARAMETER, f"{name}: {failure}") from failure


def as_list(value: Any, name: str) -> list[Any]:
    """An array."""
    if not isinstance(value, list):
        raise Failure(TYPE, f"{name} must be an array, not {type(value).__name__}")
    return value


def as_transaction(value: Any, name: str = "hexstring") -> Transaction:
    """A serialized transaction in hexadecimal."""
    text = as_text(value, name)
    try:
        raw = bytes.fromhex(text)
        parsed = parse_transaction(raw)
    except ValueError as failure:
        raise Failure(DECODING, f"TX decode failed: {failure}") from failure
    if not decodes_transaction(raw):
        raise Failure(DECODING, "TX decode failed")
    return parsed


def as_block(value: Any) -> Block:
    """A serialized block in hexadecimal."""
    try:
        return parse_block(bytes.fromhex(as_text(value, "hexdata")))
    except ValueError as failure:
        raise Failure(DECODING, f"Block decode failed: {failure}") from failure


def as_address(value: Any) -> bytes:
    """The script of an address."""
    try:
        return script_of(as_text(value, "address"), NETWORK)
    except ValueError as failure:
        raise Failure(NOT_FOUND, f"Error: Invalid address: {failure}") from failure


def as_output_script(value: Any, name: str) -> bytes:
    """The script of a descriptor or an address."""
    text = as_text(value, name)
    try:
        return script_of_descriptor(text, NETWORK) if "(" in text else script_of(text, NETWORK)
    except ValueError as failure:
        raise Failure(NOT_FOUND, f"Error: Invalid address or descriptor: {failure}") from failure


def as_entry(node: RegtestNode, value: Any, name: str = "blockhash") -> IndexEntry:
    """A block that is known, by its hash."""
    entry = node.chain.entry(as_hash(value, name))
    if entry is None:
        raise Failure(NOT_FOUND, "Block not found")
    return entry
