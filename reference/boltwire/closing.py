"""Closing transactions: the channel ends in agreement (BOLT 3, Legacy Closing Transaction, Closing Transaction).

Both forms spend the funding output to at most one output per peer. In the legacy form (``closing_signed``) the funder
pays the fee and the signer drops what is below its own dust limit; in the simple form (``closing_complete``) the closer
pays, and signs up to two of three variants by name.

Transactions are unsigned; :mod:`boltwire.funding_spend` signs, checks and completes them.
"""

from dataclasses import dataclass
from enum import Enum

from boltwire.funding import FundingOutput
from boltwire.scripts import OP_RETURN
from boltwire.transaction import FINAL_SEQUENCE, RBF_SEQUENCE, Transaction, TxInput, TxOutput


class ClosingError(ValueError):
    """A fee that its payer cannot afford, or a closing transaction without outputs."""


@dataclass(frozen=True, slots=True)
class ClosingBalance:
    """What one peer is owed at the end, and the script that it wants to be paid to."""

    amount_msat: int
    script_pubkey: bytes


class ClosingVariant(Enum):
    """Which outputs a simple closing transaction has; the names are those of ``closing_tlvs``."""

    CLOSER_OUTPUT_ONLY = "closer_output_only"
    CLOSEE_OUTPUT_ONLY = "closee_output_only"
    CLOSER_AND_CLOSEE_OUTPUTS = "closer_and_closee_outputs"


def legacy_closing_transaction(
    funding: FundingOutput,
    signer: ClosingBalance,
    peer: ClosingBalance,
    *,
    fee_satoshis: int,
    signer_is_funder: bool,
    signer_dust_limit_satoshis: int,
    omit_signer: bool = False,
) -> Transaction:
    """The closing transaction that one node (the signer) signs for ``closing_signed``.

    ``omit_signer`` is the variant in which it gives up its own output (B03-legacy-closing-tx-s-04). Raises
    :class:`ClosingError` when the funder cannot pay the fee and when no output is left.
    """
    # Whole satoshis, rounded down: B03-legacy-closing-tx-s-01; the fee is the funder's: B03-legacy-closing-tx-s-02.
    signer_sat = signer.amount_msat // 1000 - (fee_satoshis if signer_is_funder else 0)
    peer_sat = peer.amount_msat // 1000 - (0 if signer_is_funder else fee_satoshis)
    if min(signer_sat, peer_sat) < 0:
        raise ClosingError(f"the funder cannot pay a fee of {fee_satoshis} sat")
    outputs = [] if omit_signer else [TxOutput(signer_sat, signer.script_pubkey)]
    outputs.append(TxOutput(peer_sat, peer.script_pubkey))
    # B03-legacy-closing-tx-s-03
    kept = [output for output in outputs if output.amount_sat >= signer_dust_limit_satoshis]
    return closing_transaction(funding, kept, FINAL_SEQUENCE, locktime=0)


def simple_closing_outputs(
    closer: ClosingBalance, closee: ClosingBalance, fee_satoshis: int
) -> tuple[TxOutput, TxOutput]:
    """The outputs of closer and closee, before any is left out: what dust and economy are judged by.

    Raises :class:`ClosingError` when the closer cannot pay the fee (B02-closing-complete-c-01,
    B02-closing-complete-k-01).
    """
    # Whole satoshis, rounded down: B03-closing-tx-s-01; the fee is the closer's: B03-closing-tx-s-02.
    closer_sat = closer.amount_msat // 1000 - fee_satoshis
    if closer_sat < 0:
        raise ClosingError(f"the closer cannot pay a fee of {fee_satoshis} sat")
    return _output(closer_sat, closer.script_pubkey), _output(closee.amount_msat // 1000, closee.script_pubkey)


def _output(amount_sat: int, script_pubkey: bytes) -> TxOutput:
    """An output; one that can never be spent gets nothing (B03-closing-tx-s-03)."""
    return TxOutput(0 if script_pubkey[:1] == OP_RETURN else amount_sat, script_pubkey)


def simple_closing_transaction(
    funding: FundingOutput,
    closer: ClosingBalance,
    closee: ClosingBalance,
    *,
    fee_satoshis: int,
    locktime: int,
    variant: ClosingVariant,
) -> Transaction:
    """One variant of the transaction of ``closing_complete``.

    ``funding``'s local and remote may be either peer. Raises :class:`ClosingError` when the closer cannot pay the fee.
    """
    closer_output, closee_output = simple_closing_outputs(closer, closee, fee_satoshis)
    outputs = {
        ClosingVariant.CLOSER_OUTPUT_ONLY: [closer_output],
        ClosingVariant.CLOSEE_OUTPUT_ONLY: [closee_output],
        ClosingVariant.CLOSER_AND_CLOSEE_OUTPUTS: [closer_output, closee_output],
    }[variant]
    return closing_transaction(funding, outputs, RBF_SEQUENCE, locktime)


def closing_transaction(funding: FundingOutput, outputs: list[TxOutput], sequence: int, locktime: int) -> Transaction:
    """Outputs in BOLT 3's order: by amount, then by script."""
    if not outputs:
        raise ClosingError("a closing transaction needs an output")
    outputs.sort(key=lambda output: (output.amount_sat, output.script_pubkey))
    return Transaction((TxInput(funding.outpoint, sequence),), tuple(outputs), locktime)
