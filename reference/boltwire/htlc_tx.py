"""HTLC-success and HTLC-timeout: how the owner of a commitment transaction resolves an HTLC output (BOLT 3).

Local resolves an HTLC that it received by HTLC-success (with the preimage) and one that it offered by HTLC-timeout
(once expired). Both peers sign: remote's signature arrives in ``commitment_signed``, local's is made when needed. The
output is delayed and revocable exactly as ``to_local``.

With anchors the transaction pays no fee and must be given further inputs (B05-htlc-tx-l-02): remote's signature covers
only its own input and output (``SIGHASH_SINGLE|SIGHASH_ANYONECANPAY``), so :func:`combine` can merge several of them
with inputs and outputs of a wallet. Local's signature always covers everything (B05-htlc-tx-l-01).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from boltwire.commitment import BuiltCommitment, HtlcOutput
from boltwire.commitment_format import CommitmentFormat
from boltwire.fees import htlc_fee
from boltwire.scripts import p2wsh
from boltwire.secp256k1 import PrivateKey
from boltwire.sighash import (
    SIGHASH_ALL,
    SIGHASH_SINGLE_ANYONECANPAY,
    SegwitDigests,
    sign_for_witness,
    witness_signature,
)
from boltwire.transaction import Outpoint, Transaction, TxInput, TxOutput
from boltwire.witnesses import Witness, htlc_success_witness, htlc_timeout_witness


@dataclass(frozen=True, slots=True)
class HtlcTransaction:
    """An unsigned HTLC-success or HTLC-timeout transaction and what its signatures need."""

    commitment_format: CommitmentFormat
    htlc: HtlcOutput
    transaction: Transaction
    """One input, one output; with anchors to be combined with others before it is broadcast."""

    spent_amount_sat: int
    spent_script: bytes
    """The witness script of the HTLC output."""

    output_script: bytes
    """The witness script of this transaction's output."""

    @property
    def remote_sighash(self) -> int:
        """The sighash type of remote's signature (B05-htlc-tx-b-01)."""
        return SIGHASH_SINGLE_ANYONECANPAY if self.commitment_format.has_anchors else SIGHASH_ALL

    def remote_digest(self) -> bytes:
        """The 32 bytes that remote signs, and local verifies, for ``htlc_signature`` of ``commitment_signed``."""
        return self._digest(self.transaction, 0, self.remote_sighash)

    def _digest(self, transaction: Transaction, index: int, sighash: int) -> bytes:
        return SegwitDigests(transaction).digest(index, self.spent_script, self.spent_amount_sat, sighash)

    def witness(
        self,
        transaction: Transaction,
        index: int,
        remote_signature: bytes,
        local_htlc_key: PrivateKey,
        payment_preimage: bytes | None = None,
    ) -> Witness:
        """The witness of input ``index`` of ``transaction``, which is this one or one that :func:`combine` made of it.

        ``remote_signature`` is the 64 bytes of ``commitment_signed``; the preimage is needed exactly for an HTLC that
        local received (ValueError otherwise).
        """
        if (payment_preimage is None) is not self.htlc.offered:
            raise ValueError("HTLC-success needs the preimage, HTLC-timeout has none")
        local_item = sign_for_witness(local_htlc_key, self._digest(transaction, index, SIGHASH_ALL))
        remote_item = witness_signature(remote_signature, self.remote_sighash)
        if payment_preimage is None:
            return htlc_timeout_witness(remote_item, local_item, self.spent_script)
        return htlc_success_witness(remote_item, local_item, payment_preimage, self.spent_script)

    def complete(
        self, remote_signature: bytes, local_htlc_key: PrivateKey, payment_preimage: bytes | None = None
    ) -> Transaction:
        """The signed transaction on its own; see :meth:`witness`. With anchors it is valid but pays no fee."""
        witness = self.witness(self.transaction, 0, remote_signature, local_htlc_key, payment_preimage)
        return self.transaction.with_witness(0, witness)


def build_htlc_transaction(commitment: BuiltCommitment, vout: int) -> HtlcTransaction:
    """The HTLC transaction that spends output ``vout``; ValueError if that output is not an HTLC."""
    htlc, spent = commitment.htlc_at(vout), commitment.outputs[vout]
    terms = commitment.params.terms
    fee = htlc_fee(terms.commitment_format, commitment.params.feerate_per_kw, offered=htlc.offered)
    tx_input = TxInput(commitment.outpoint(vout), terms.commitment_format.htlc_sequence)
    output = TxOutput(spent.output.amount_sat - fee, p2wsh(commitment.delayed_script))
    transaction = Transaction((tx_input,), (output,), htlc.cltv_expiry if htlc.offered else 0)
    return HtlcTransaction(
        terms.commitment_format,
        htlc,
        transaction,
        spent.output.amount_sat,
        spent.witness_script,
        commitment.delayed_script,
    )


def build_htlc_transactions(commitment: BuiltCommitment) -> tuple[HtlcTransaction, ...]:
    """The HTLC transactions of all untrimmed HTLCs, in the order of the outputs: that of ``htlc_signature``."""
    return tuple(build_htlc_transaction(commitment, vout) for vout in commitment.htlc_vouts())


def combine(
    htlc_transactions: Sequence[HtlcTransaction],
    extra_inputs: Sequence[TxInput] = (),
    extra_outputs: Sequence[TxOutput] = (),
) -> Transaction:
    """One unsigned transaction of several HTLC transactions and of inputs and outputs that pay the fee.

    HTLC transaction i keeps input i and output i, as its signature requires; the extra ones follow. ValueError without
    anchors, where remote's signature forbids it, or when lock times differ (a later one would break the signature of an
    earlier one).
    """
    if not all(item.commitment_format.has_anchors for item in htlc_transactions):
        raise ValueError("without anchors an HTLC transaction stands alone")
    locktimes = {item.transaction.locktime for item in htlc_transactions}
    if len(locktimes) != 1:
        raise ValueError(f"one lock time is needed, not {sorted(locktimes)}")
    inputs = (*(item.transaction.inputs[0] for item in htlc_transactions), *extra_inputs)
    outputs = (*(item.transaction.outputs[0] for item in htlc_transactions), *extra_outputs)
    return Transaction(inputs, outputs, locktimes.pop())


def second_stage_outpoint(transaction: Transaction, index: int = 0) -> Outpoint:
    """The outpoint of the delayed output of an HTLC transaction, combined or not."""
    return Outpoint(transaction.txid(), index)
