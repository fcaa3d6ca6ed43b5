"""Transactions that both peers build: bytes, weights and fees (BOLT 2, Interactive Transaction Construction; BOLT 3).

Who may send what when is the specification's business; here is what comes of it. Each input and output has the serial
id that its contributor gave it: even ids are the initiator's, odd ones the non-initiator's. The transaction has both in
the order of their ids.

Each peer pays for what it contributed, the initiator for the common fields as well. A peer's witnesses count with what
they weigh, but at least 107 each; fees are rounded up, so that the agreed feerate is reached.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from boltwire.errors import TransactionError
from boltwire.scripts import is_witness_program
from boltwire.secp256k1 import SIGNATURE_SIZE, CurveError, signature_from_der
from boltwire.sighash import SIGHASH_ALL
from boltwire.transaction import (
    RBF_SEQUENCE,
    Outpoint,
    Transaction,
    TxInput,
    TxOutput,
    parse_transaction,
    serialize_witness,
)
from boltwire.weights import COMMON_WEIGHT, FUNDING_WITNESS_WEIGHT, INPUT_WEIGHT, output_weight
from boltwire.witnesses import Witness

MINIMUM_WITNESS_WEIGHT = 107
"""What the witness of an input weighs at least, for the fee: that of p2wpkh with a short signature."""

MAX_INPUTS = 252
"""Most inputs of the transaction: their number takes one byte."""

MAX_OUTPUTS = 252
"""Most outputs of the transaction: their number takes one byte."""

MAX_STANDARD_TX_WEIGHT = 400_000
"""Weight beyond which nodes do not relay a transaction."""


class Contributor(Enum):
    """Who added an input or output; the value is the parity of its serial id."""

    INITIATOR = 0
    NON_INITIATOR = 1


@dataclass(frozen=True, slots=True)
class InteractiveInput:
    """An input as added by ``tx_add_input``, with the output that it spends."""

    serial_id: int
    outpoint: Outpoint
    spent: TxOutput
    sequence: int = RBF_SEQUENCE
    is_shared: bool = False
    """Whether it is the funding output of the channel that is spliced, which both peers sign."""

    @property
    def contributor(self) -> Contributor:
        """Who added it."""
        return Contributor(self.serial_id & 1)


@dataclass(frozen=True, slots=True)
class InteractiveOutput:
    """An output as added by ``tx_add_output``."""

    serial_id: int
    output: TxOutput

    @property
    def contributor(self) -> Contributor:
        """Who added it."""
        return Contributor(self.serial_id & 1)


def read_prevtx(serial_id: int, prevtx: bytes, prevtx_vout: int, sequence: int) -> InteractiveInput:
    """The input that a ``tx_add_input`` with a ``prevtx`` adds.

    Raises :class:`TransactionError` when the sequence does not signal replaceability (B02-itx-add-input-r-02), when
    ``prevtx`` is not a transaction (B02-itx-add-input-r-07) or has no output ``prevtx_vout`` (B02-itx-add-input-r-08),
    and when that output is not segwit, so that a change of the input's script would change the transaction's id
    (B02-itx-add-input-r-09).
    """
    if sequence > RBF_SEQUENCE:
        raise TransactionError(f"{sequence:#010x} does not signal replaceability", field="sequence")
    try:
        previous = parse_transaction(prevtx)
    except TransactionError as error:
        raise error.within("prevtx") from error
    if prevtx_vout >= len(previous.outputs):
        raise TransactionError(
            f"prevtx has {len(previous.outputs)} outputs, none at {prevtx_vout}", field="prevtx_vout"
        )
    spent = previous.outputs[prevtx_vout]
    if not is_witness_program(spent.script_pubkey):
        raise TransactionError(f"output {prevtx_vout} is not a segwit output", field="prevtx")
    return InteractiveInput(serial_id, Outpoint(previous.txid(), prevtx_vout), spent, sequence)


@dataclass(frozen=True, slots=True)
class InteractiveTransaction:
    """All that both peers added and did not remove, by ascending serial id; made by :func:`assemble`."""

    inputs: tuple[InteractiveInput, ...]
    outputs: tuple[InteractiveOutput, ...]
    transaction: Transaction
    """Without witnesses."""

    def inputs_of(self, contributor: Contributor) -> tuple[InteractiveInput, ...]:
        """The inputs that one peer added."""
        return tuple(item for item in self.inputs if item.contributor is contributor)

    def outputs_of(self, contributor: Contributor) -> tuple[InteractiveOutput, ...]:
        """The outputs that one peer added."""
        return tuple(item for item in self.outputs if item.contributor is contributor)

    def shared_index(self) -> int | None:
        """Position of the shared input in the transaction; None if there is none."""
        return next((index for index, item in enumerate(self.inputs) if item.is_shared), None)

    def spent(self) -> dict[Outpoint, TxOutput]:
        """The outputs that the inputs spend, as taproot signatures need them."""
        return {item.outpoint: item.spent for item in self.inputs}


def assemble(
    inputs: Sequence[InteractiveInput], outputs: Sequence[InteractiveOutput], locktime: int
) -> InteractiveTransaction:
    """The transaction of all contributions, in any order (B02-itx-add-input-b-01, B02-itx-add-output-b-02).

    Raises :class:`TransactionError` for a serial id or outpoint that occurs twice (B02-itx-add-input-r-10,
    B02-itx-add-output-r-04, B02-itx-add-input-r-06), for no or more than 252 inputs or outputs
    (B02-itx-complete-r-05, B02-itx-complete-r-06), and for more than the standard weight (B02-itx-complete-r-07).
    """
    _require_count(len(inputs), len({item.serial_id for item in inputs}), MAX_INPUTS, "inputs")
    _require_count(len(inputs), len({item.outpoint for item in inputs}), MAX_INPUTS, "inputs")
    _require_count(len(outputs), len({item.serial_id for item in outputs}), MAX_OUTPUTS, "outputs")
    sorted_inputs = tuple(sorted(inputs, key=lambda item: item.serial_id))
    sorted_outputs = tuple(sorted(outputs, key=lambda item: item.serial_id))
    transaction = Transaction(
        tuple(TxInput(item.outpoint, item.sequence) for item in sorted_inputs),
        tuple(item.output for item in sorted_outputs),
        locktime,
    )
    whole = InteractiveTransaction(sorted_inputs, sorted_outputs, transaction)
    weight = sum(contribution_weight(whole, contributor) for contributor in Contributor)
    if weight > MAX_STANDARD_TX_WEIGHT:
        raise TransactionError(f"an estimated weight of {weight} is not standard", field="weight")
    return whole


def _require_count(count: int, distinct: int, most: int, field: str) -> None:
    if distinct != count:
        raise TransactionError("a serial id or outpoint occurs twice", field=field)
    if not 1 <= count <= most:
        raise TransactionError(f"there must be 1 to {most}, not {count}", field=field)


def contribution_weight(
    whole: InteractiveTransaction, contributor: Contributor, witness_weights: Sequence[int] = ()
) -> int:
    """The weight that one peer pays for: its inputs with witnesses, its outputs, and the initiator the common fields.

    ``witness_weights`` are those of the peer's own inputs, as far as known; without them the minimum counts.

    AMBIGUOUS: shared-input-witness: BOLT 3 does not say what the witness of a shared input counts for; here it is that
    of two signatures, on top of the others, and the initiator pays it with the input.
    """
    inputs = whole.inputs_of(contributor)
    shared = sum(item.is_shared for item in inputs)
    witnesses = max(MINIMUM_WITNESS_WEIGHT * (len(inputs) - shared), sum(witness_weights))
    outputs = sum(output_weight(len(item.output.script_pubkey)) for item in whole.outputs_of(contributor))
    common = COMMON_WEIGHT if contributor is Contributor.INITIATOR else 0
    return common + INPUT_WEIGHT * len(inputs) + witnesses + shared * FUNDING_WITNESS_WEIGHT + outputs


def contribution_fee(feerate_per_kw: int, weight: int) -> int:
    """The least fee in satoshis that reaches the agreed feerate for a weight: rounded up."""
    return -(-feerate_per_kw * weight // 1000)


def paid_fee(
    whole: InteractiveTransaction, contributor: Contributor, funding_contribution_sat: int, funding_script: bytes
) -> int:
    """What one peer pays: its inputs less its outputs less its share of the funding output; negative if it takes more.

    ``funding_contribution_sat`` is what it adds to the channel (negative when it takes out, in a splice). The funding
    output (the one with ``funding_script``) and the shared input are both peers', whoever added them
    (B02-itx-complete-r-03); a fee below zero breaks B02-itx-complete-r-02, one below :func:`contribution_fee` breaks
    B02-itx-complete-r-04 or B02-itx-complete-j-01.
    """
    added = sum(item.spent.amount_sat for item in whole.inputs_of(contributor) if not item.is_shared)
    taken = sum(
        item.output.amount_sat for item in whole.outputs_of(contributor) if item.output.script_pubkey != funding_script
    )
    return added - taken - funding_contribution_sat


def apply_witnesses(
    whole: InteractiveTransaction,
    witnesses: Mapping[Contributor, Sequence[Witness]],
    shared_witness: Witness | None = None,
) -> Transaction:
    """The signed transaction from the witnesses of both ``tx_signatures``.

    Each peer's witnesses are those of its inputs by ascending serial id (B02-itx-signatures-s-02), without the shared
    input, whose witness comes from both peers' ``shared_input_signature``. Raises :class:`TransactionError` when there
    are too few or too many (B02-itx-signatures-r-02) and for an empty one (B02-itx-signatures-r-01).
    """
    transaction = whole.transaction
    remaining = {contributor: list(witnesses.get(contributor, ())) for contributor in Contributor}
    shared = [] if shared_witness is None else [shared_witness]
    for index, item in enumerate(whole.inputs):
        source = shared if item.is_shared else remaining[item.contributor]
        if not source:
            raise TransactionError(f"the witness of input {item.serial_id} is missing", field="witnesses")
        witness = source.pop(0)
        if not witness:
            raise TransactionError(f"the witness of input {item.serial_id} is empty", field="witnesses")
        transaction = transaction.with_witness(index, witness)
    if shared or any(remaining.values()):
        raise TransactionError("there are more witnesses than inputs", field="witnesses")
    return transaction


def witness_stack_weight(witness: Witness) -> int:
    """Weight of an actual witness, for :func:`contribution_weight`."""
    return len(serialize_witness(witness))


def signs_everything(spent: TxOutput, witness: Witness) -> bool:
    """Whether no signature in a peer's witness has another sighash type than ``SIGHASH_ALL`` (B02-itx-signatures-r-05).

    Items that are DER and one byte are taken for signatures, and so is the single item of a taproot key path.

    AMBIGUOUS: taproot-default-sighash: a taproot signature of 64 bytes has no sighash type and signs everything; it
    passes.
    """
    is_taproot = spent.script_pubkey[:2] == b"\x51\x20" and len(spent.script_pubkey) == 34
    if is_taproot and len(witness) == 1:
        return len(witness[0]) == SIGNATURE_SIZE or witness[0][SIGNATURE_SIZE:] == bytes((SIGHASH_ALL,))
    return all(item[-1] == SIGHASH_ALL for item in witness if _is_der(item[:-1]))


def _is_der(item: bytes) -> bool:
    try:
        signature_from_der(item)
    except CurveError:
        return False
    return True
