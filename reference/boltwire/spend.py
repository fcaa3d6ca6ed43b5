"""Spending outputs by one signature each: the transaction that sweeps them to an address of ours.

Every claim of a peer on a confirmed commitment transaction, apart from the HTLC transactions, is a :class:`Spend`:
:mod:`boltwire.sweep` makes those of an honest close, :mod:`boltwire.penalty` those of a revoked one, and
:func:`build_spend` puts any of them into one transaction (BOLT 5 allows one for all, B05-revoked-commit-l-13,
B05-revoked-commit-l-15, and asks for separate ones when time runs out, B05-revoked-commit-l-14).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from boltwire.fees import dust_threshold, fee_for_weight
from boltwire.secp256k1 import PrivateKey
from boltwire.sighash import SegwitDigests, sign_for_witness
from boltwire.transaction import RBF_SEQUENCE, Outpoint, Transaction, TxInput, TxOutput
from boltwire.weights import COMMON_WEIGHT, EXPECTED_SIGNATURE_SIZE, INPUT_WEIGHT, output_weight, witness_weight
from boltwire.witnesses import Witness


class SpendError(ValueError):
    """Spends that cannot be put into a transaction, or whose fee would leave dust or nothing."""


@dataclass(frozen=True, slots=True)
class Spend:
    """An output and the means to spend it: the witness is a signature of ``key`` followed by ``witness_tail``."""

    outpoint: Outpoint
    amount_sat: int
    script_code: bytes
    """What BIP 143 hashes: the witness script, or the p2pkh form of a p2wpkh key."""

    key: PrivateKey
    witness_tail: Witness
    sequence: int = RBF_SEQUENCE
    """``nSequence``: the relative delay that the script demands, else replaceable without delay."""

    locktime: int = 0
    """Least ``nLockTime`` (a height) that the script demands."""

    def weight(self) -> int:
        """Expected weight of the input and its witness."""
        return INPUT_WEIGHT + witness_weight((EXPECTED_SIGNATURE_SIZE, *map(len, self.witness_tail)))


def spend_weight(spends: Sequence[Spend], script_pubkey: bytes) -> int:
    """Expected weight of the transaction of :func:`build_spend` (up to 252 spends)."""
    return COMMON_WEIGHT + output_weight(len(script_pubkey)) + sum(spend.weight() for spend in spends)


def build_spend(spends: Sequence[Spend], script_pubkey: bytes, feerate_per_kw: int) -> Transaction:
    """The signed transaction that moves all ``spends`` to ``script_pubkey``, less the fee.

    Raises :class:`SpendError` without spends, for the same output twice, and when what is left is below the dust
    threshold of ``script_pubkey``.
    """
    if not spends or len({spend.outpoint for spend in spends}) != len(spends):
        raise SpendError("one or more different outputs must be spent")
    fee = fee_for_weight(feerate_per_kw, spend_weight(spends, script_pubkey))
    amount = sum(spend.amount_sat for spend in spends) - fee
    if amount < dust_threshold(script_pubkey):
        raise SpendError(f"{amount} sat would be left after a fee of {fee} sat, which is dust")
    inputs = tuple(TxInput(spend.outpoint, spend.sequence) for spend in spends)
    locktime = max(spend.locktime for spend in spends)
    return sign_spends(Transaction(inputs, (TxOutput(amount, script_pubkey),), locktime), spends)


def sign_spends(transaction: Transaction, spends: Sequence[Spend]) -> Transaction:
    """``transaction`` with the witnesses of those inputs that are ``spends``; the others are left as they are.

    Raises :class:`SpendError` when a spend is not among the inputs or has another sequence there, or when the lock time
    is lower than it needs.
    """
    digests = SegwitDigests(transaction)
    inputs = list(transaction.inputs)
    positions = {tx_input.outpoint: index for index, tx_input in enumerate(inputs)}
    for spend in spends:
        index = positions.get(spend.outpoint)
        if index is None or inputs[index].sequence != spend.sequence:
            raise SpendError(f"no input spends {spend.outpoint} with sequence {spend.sequence}")
        if transaction.locktime < spend.locktime:
            raise SpendError(f"spending {spend.outpoint} needs a lock time of at least {spend.locktime}")
        signature = sign_for_witness(spend.key, digests.digest(index, spend.script_code, spend.amount_sat))
        inputs[index] = TxInput(spend.outpoint, spend.sequence, witness=(signature, *spend.witness_tail))
    return Transaction(tuple(inputs), transaction.outputs, transaction.locktime, transaction.version)
