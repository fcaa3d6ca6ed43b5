"""Bitcoin transactions: values, serialisation, ids and weight; strict parsing.

Byte order: a transaction id is held as the 32 bytes of the hash (as in BOLT messages and in outpoints); only
:func:`txid_to_hex` reverses it for people. Amounts are satoshis. All values are immutable; a signed transaction is a
new value (:meth:`Transaction.with_witness`).

Written for speed: a commitment dance builds dozens of these. The parser accepts exactly what Bitcoin Core's does, and
requires in addition at least one input, one output and amounts within 21 million bitcoins, as consensus does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from struct import Struct

from boltwire.errors import TransactionError
from boltwire.hashes import sha256d

TXID_SIZE = 32
"""Bytes of a transaction id."""

MAX_MONEY_SAT = 2_100_000_000_000_000
"""More satoshis than can exist: the bound of consensus on amounts."""

WITNESS_SCALE_FACTOR = 4
"""Weight of one byte outside of witnesses; a witness byte weighs 1."""

FINAL_SEQUENCE = 0xFFFFFFFF
"""``nSequence`` of an input that has no opinion: no relative delay, no replacement, lock time off."""

RBF_SEQUENCE = 0xFFFFFFFD
"""``nSequence`` of an input that signals replaceability (BIP 125) and has no relative delay."""

_ONE_BYTE = tuple(bytes((value,)) for value in range(0xFD))
_U32 = Struct("<I")
_OUTPOINT = Struct("<32sI")
_AMOUNT = Struct("<q")
_VERSION = Struct("<i")


def compact_size(value: int) -> bytes:
    """Bitcoin's variable-length integer: 1, 3, 5 or 9 bytes, little-endian (BOLT 1's BigSize is big-endian)."""
    if value < 0xFD:
        return _ONE_BYTE[value]
    if value <= 0xFFFF:
        return b"\xfd" + value.to_bytes(2, "little")
    if value <= 0xFFFFFFFF:
        return b"\xfe" + value.to_bytes(4, "little")
    return b"\xff" + value.to_bytes(8, "little")


def txid_to_hex(txid: bytes) -> str:
    """A transaction id as people and ``bitcoind`` write it: hex, bytes reversed."""
    return txid[::-1].hex()


def txid_from_hex(text: str) -> bytes:
    """The inverse of :func:`txid_to_hex`; ValueError unless ``text`` is 64 hex digits."""
    txid = bytes.fromhex(text)[::-1]
    if len(txid) != TXID_SIZE:
        raise ValueError(f"a transaction id takes {TXID_SIZE} bytes, not {len(txid)}")
    return txid


@dataclass(frozen=True, slots=True)
class Outpoint:
    """One output of one transaction."""

    txid: bytes
    """32 bytes, hash order."""

    vout: int
    """Index of the output, from 0."""

    def serialize(self) -> bytes:
        """36 bytes: txid, index little-endian."""
        return _OUTPOINT.pack(self.txid, self.vout)

    def __str__(self) -> str:
        return f"{txid_to_hex(self.txid)}:{self.vout}"


@dataclass(frozen=True, slots=True)
class TxInput:
    """A spent output with its relative lock and what unlocks it."""

    outpoint: Outpoint
    sequence: int = FINAL_SEQUENCE
    script_sig: bytes = b""
    witness: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class TxOutput:
    """An amount (satoshis) and the script that guards it."""

    amount_sat: int
    script_pubkey: bytes

    def serialize(self) -> bytes:
        """8 bytes of amount little-endian, then the script behind its length."""
        script = self.script_pubkey
        return _AMOUNT.pack(self.amount_sat) + compact_size(len(script)) + script


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction, signed or not."""

    inputs: tuple[TxInput, ...]
    outputs: tuple[TxOutput, ...]
    locktime: int = 0
    version: int = 2

    def txid(self) -> bytes:
        """The id: SHA-256 twice over everything but the witnesses, in hash order."""
        return sha256d(self._base())

    def wtxid(self) -> bytes:
        """The hash over everything, witnesses included, in hash order."""
        return sha256d(self.serialize())

    def serialize(self) -> bytes:
        """The bytes for the network, in the witness form only if there is a witness (BIP 144)."""
        witnesses = self._witnesses()
        base = self._base()
        if not witnesses:
            return base
        return base[:4] + b"\x00\x01" + base[4:-4] + witnesses + base[-4:]

    def weight(self) -> int:
        """Weight units: four for a byte outside of witnesses, one for a byte of the witness form (BIP 141)."""
        witnesses = self._witnesses()
        return WITNESS_SCALE_FACTOR * len(self._base()) + (2 + len(witnesses) if witnesses else 0)

    def with_witness(self, index: int, witness: Sequence[bytes]) -> "Transaction":
        """This transaction with the witness stack of one input replaced."""
        inputs = list(self.inputs)
        inputs[index] = replace(inputs[index], witness=tuple(witness))
        return replace(self, inputs=tuple(inputs))

    def _base(self) -> bytes:
        parts = [_VERSION.pack(self.version), compact_size(len(self.inputs))]
        for tx_input in self.inputs:
            script = tx_input.script_sig
            parts += (tx_input.outpoint.serialize(), compact_size(len(script)), script, _U32.pack(tx_input.sequence))
        parts.append(compact_size(len(self.outputs)))
        parts += [output.serialize() for output in self.outputs]
        parts.append(_U32.pack(self.locktime))
        return b"".join(parts)

    def _witnesses(self) -> bytes:
        """The witness part of the serialisation; empty when no input has a witness."""
        if not any(tx_input.witness for tx_input in self.inputs):
            return b""
        return b"".join(serialize_witness(tx_input.witness) for tx_input in self.inputs)


def serialize_witness(witness: Sequence[bytes]) -> bytes:
    """A witness stack: number of items, then each behind its length."""
    return compact_size(len(witness)) + b"".join(compact_size(len(item)) + item for item in witness)


def parse_transaction(data: bytes) -> Transaction:
    """The transaction whose serialisation is exactly ``data``.

    Raises :class:`TransactionError` with offset and field for truncated or trailing bytes, lengths that are not
    minimally encoded, a witness form without witness, no inputs, no outputs, or an amount beyond 21 million bitcoins.
    """
    reader = _Reader(data)
    version = reader.integer(4, "version", signed=True)
    is_witness_form = data[4:6] == b"\x00\x01"
    if is_witness_form:
        reader.offset = 6
    inputs = [_read_input(reader, f"input {i}") for i in range(reader.count("number of inputs"))]
    outputs = [_read_output(reader, f"output {i}") for i in range(reader.count("number of outputs"))]
    if is_witness_form:
        start = reader.offset
        inputs = [replace(item, witness=_read_witness(reader, f"witness {i}")) for i, item in enumerate(inputs)]
        if not any(item.witness for item in inputs):
            raise TransactionError("the witness form is used without any witness", offset=start, field="witness")
    locktime = reader.integer(4, "locktime")
    reader.require_end()
    return Transaction(tuple(inputs), tuple(outputs), locktime, version)


def parse_witness(data: bytes) -> tuple[bytes, ...]:
    """The witness stack whose serialisation is exactly ``data`` (BOLT 2's ``witness_data``); or TransactionError."""
    reader = _Reader(data)
    witness = _read_witness(reader, "witness")
    reader.require_end()
    return witness


def _read_input(reader: "_Reader", field: str) -> TxInput:
    txid = reader.take(TXID_SIZE, f"{field} txid")
    vout = reader.integer(4, f"{field} index")
    script_sig = reader.counted(f"{field} script")
    return TxInput(Outpoint(txid, vout), reader.integer(4, f"{field} sequence"), script_sig)


def _read_output(reader: "_Reader", field: str) -> TxOutput:
    start = reader.offset
    amount = reader.integer(8, f"{field} amount")
    if amount > MAX_MONEY_SAT:
        raise TransactionError(f"{amount} sat is more than can exist", offset=start, field=f"{field} amount")
    return TxOutput(amount, reader.counted(f"{field} script"))


def _read_witness(reader: "_Reader", field: str) -> tuple[bytes, ...]:
    return tuple(reader.counted(f"{field} item {i}") for i in range(reader.size(f"{field} item count")))


class _Reader:
    """A cursor over the bytes of a transaction; every failure names its field."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.offset = 0

    def take(self, size: int, field: str) -> bytes:
        end = self.offset + size
        if end > len(self.data):
            missing = end - len(self.data)
            raise TransactionError(f"truncated, {missing} bytes are missing", offset=self.offset, field=field)
        taken = self.data[self.offset : end]
        self.offset = end
        return bytes(taken)

    def integer(self, size: int, field: str, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size, field), "little", signed=signed)

    def size(self, field: str) -> int:
        start = self.offset
        value = self.integer(1, field)
        if value >= 0xFD:
            value = self.integer(1 << (value - 0xFC), field)
        if self.offset - start != len(compact_size(value)):
            raise TransactionError(f"the length {value} is not minimally encoded", offset=start, field=field)
        return value

    def count(self, field: str) -> int:
        start = self.offset
        value = self.size(field)
        if value == 0:
            raise TransactionError("there must be at least one", offset=start, field=field)
        return value

    def counted(self, field: str) -> bytes:
        return self.take(self.size(field), field)

    def require_end(self) -> None:
        if self.offset != len(self.data):
            extra = len(self.data) - self.offset
            raise TransactionError(f"{extra} bytes follow the end", offset=self.offset, field=None)
