"""The funding output, and the commitment number that every spend of it hides (BOLT 3, Commitment Transaction)."""

import hashlib
from dataclasses import dataclass

from boltwire.scripts import funding_script, p2wsh
from boltwire.secp256k1 import PublicKey
from boltwire.transaction import Outpoint, Transaction, TxOutput

COMMITMENT_NUMBER_BITS = 48
"""Bits of a commitment number."""

MAX_COMMITMENT_NUMBER = 2**COMMITMENT_NUMBER_BITS - 1
"""The greatest commitment number; the first one is 0."""

_SEQUENCE_MARK = 0x80 << 24
_LOCKTIME_MARK = 0x20 << 24
_LOW_24 = (1 << 24) - 1


@dataclass(frozen=True, slots=True)
class FundingOutput:
    """The output that a channel lives on: 2-of-2 of the funding keys.

    ``local`` and ``remote`` are the owner and the peer of the commitment transaction that spends it; the output itself
    is the same for both.
    """

    outpoint: Outpoint
    amount_sat: int
    local_funding_pubkey: PublicKey
    remote_funding_pubkey: PublicKey

    def witness_script(self) -> bytes:
        """The 71-byte script behind the output."""
        return funding_script(self.local_funding_pubkey.encoded, self.remote_funding_pubkey.encoded)

    def output(self) -> TxOutput:
        """The output as it stands in the funding transaction."""
        return TxOutput(self.amount_sat, p2wsh(self.witness_script()))


def obscuring_factor(open_payment_basepoint: PublicKey, accept_payment_basepoint: PublicKey) -> int:
    """The 48 bits that a channel's commitment numbers are XORed with.

    The lower 48 bits of SHA256(``payment_basepoint`` from ``open_channel`` || that from ``accept_channel``).
    """
    digest = hashlib.sha256(open_payment_basepoint.encoded + accept_payment_basepoint.encoded).digest()
    return int.from_bytes(digest[-6:], "big")


def commitment_locks(commitment_number: int, factor: int) -> tuple[int, int]:
    """``nSequence`` and ``nLockTime`` of the commitment transaction with this number.

    The upper 24 bits of the obscured number go into the sequence behind 0x80, the lower 24 into the lock time behind
    0x20: values that lock nothing. ValueError unless the number is between 0 and 2^48-1.
    """
    if not 0 <= commitment_number <= MAX_COMMITMENT_NUMBER:
        raise ValueError(f"a commitment number is between 0 and 2^48-1, not {commitment_number}")
    obscured = commitment_number ^ factor
    return _SEQUENCE_MARK | obscured >> 24, _LOCKTIME_MARK | obscured & _LOW_24


def read_commitment_number(transaction: Transaction, factor: int) -> int | None:
    """The number of a commitment transaction seen on the chain; None if its locks are not those of a commitment."""
    sequence, locktime = transaction.inputs[0].sequence, transaction.locktime
    if len(transaction.inputs) != 1 or sequence >> 24 != 0x80 or locktime >> 24 != 0x20:
        return None
    return ((sequence & _LOW_24) << 24 | locktime & _LOW_24) ^ factor
