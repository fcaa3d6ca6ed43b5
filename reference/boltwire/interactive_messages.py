"""Values in the messages of interactive transactions and splices (BOLT 2): serial ids, witnesses, the shared input."""

import secrets
from collections.abc import Collection, Mapping
from typing import Final

from boltwire.errors import MessageError, TransactionError
from boltwire.messages import Stfu, TxAddInput, TxSignatures
from boltwire.transaction import Outpoint, parse_transaction, parse_witness

MAX_SEQUENCE: Final = 0xFFFF_FFFD
"""Greatest nSequence that signals replaceability (B02-itx-add-input-s-03)."""


def has_own_parity(serial_id: int, *, initiator: bool) -> bool:
    """Whether a serial id may be used by the initiator (even) or by the other node (odd).

    B02-itx-add-input-i-01, B02-itx-add-input-j-01, B02-itx-add-output-i-01, B02-itx-add-output-j-01.
    """
    return serial_id % 2 == (0 if initiator else 1)


def fresh_serial_id(taken: Collection[int], *, initiator: bool) -> int:
    """A random serial id of the right parity that is not in ``taken``."""
    while True:
        found = secrets.randbits(63) << 1 | (0 if initiator else 1)
        if found not in taken:
            return found


def shared_input(channel_id: bytes, serial_id: int, funding: Outpoint, sequence: int = MAX_SEQUENCE) -> TxAddInput:
    """The input of a splice that spends the channel's funding output.

    B02-splice-add-input-i-02 (no parent transaction), B02-splice-add-input-i-03 (index of the funding output).
    """
    return TxAddInput(
        channel_id=channel_id,
        serial_id=serial_id,
        prevtx=b"",
        prevtx_vout=funding.vout,
        sequence=sequence,
        shared_input_txid=funding.txid,
    )


def check_add_input(message: TxAddInput) -> None:
    """Raise :class:`MessageError` for an input that ends the negotiation whatever came before.

    B02-itx-add-input-r-07: ``prevtx`` is no transaction; further that it lacks the spent output, or that it is missing
    although the input is not the shared one.
    """
    if not message.prevtx:
        if message.shared_input_txid is None:
            raise MessageError("no parent transaction and no shared input", field="tx_add_input.prevtx")
        return
    try:
        parent = parse_transaction(message.prevtx)
    except TransactionError as error:
        raise MessageError(f"no valid transaction: {error}", field="tx_add_input.prevtx") from error
    if message.prevtx_vout >= len(parent.outputs):
        reason = f"the parent transaction has {len(parent.outputs)} outputs"
        raise MessageError(reason, field="tx_add_input.prevtx_vout")


def tx_signatures(channel_id: bytes, txid: bytes, witnesses: Mapping[int, bytes]) -> TxSignatures:
    """The signatures of all own inputs, given their serialized witnesses by serial id.

    B02-itx-signatures-s-02 (ascending serial ids), B02-itx-signatures-s-03 (one per input).
    """
    ordered = tuple(witnesses[serial_id] for serial_id in sorted(witnesses))
    return TxSignatures(channel_id=channel_id, txid=txid, witnesses=ordered)


def check_witnesses(message: TxSignatures) -> None:
    """Raise :class:`MessageError` if a witness is malformed or empty (B02-itx-signatures-r-01)."""
    for index, data in enumerate(message.witnesses):
        field = f"tx_signatures.witnesses[{index}]"
        try:
            items = parse_witness(data)
        except TransactionError as error:
            raise MessageError(f"no witness: {error}", field=field) from error
        if not items:
            raise MessageError("the witness is empty", field=field)


def stfu(channel_id: bytes, *, replying: bool) -> Stfu:
    """Wants the channel ``channel_id`` to be quiet.

    B02-quiescence-s-04, B02-quiescence-s-05 (0 in a reply, else 1), B02-quiescence-s-06.
    """
    return Stfu(channel_id=channel_id, initiator=0 if replying else 1)
