"""BOLT 2: building a transaction together, for version 2 channels and splices."""

from typing import Annotated

from boltwire.fields import (
    U32,
    U64,
    Blob,
    ChannelId,
    Flag,
    Sat64,
    Sha256,
    Signature,
    SignedSat64,
    Tlv,
    Witnesses,
)
from boltwire.messages.base import Message, message

_EITHER = "option_dual_fund|option_splice"


@message(66, bolt=2, section="the-tx_add_input-message", feature=_EITHER)
class TxAddInput(Message):
    """Adds an input; ``prevtx`` is empty for the funding output of the channel that is spliced."""

    channel_id: ChannelId
    serial_id: U64
    prevtx: Blob
    prevtx_vout: U32
    sequence: U32
    shared_input_txid: Annotated[Sha256 | None, Tlv(0, "option_splice")] = None


@message(67, bolt=2, section="the-tx_add_output-message", feature=_EITHER)
class TxAddOutput(Message):
    """Adds an output."""

    channel_id: ChannelId
    serial_id: U64
    sats: Sat64
    script: Blob


@message(68, bolt=2, section="the-tx_remove_input-and-tx_remove_output-messages", feature=_EITHER)
class TxRemoveInput(Message):
    """Takes back an input of one's own."""

    channel_id: ChannelId
    serial_id: U64


@message(69, bolt=2, section="the-tx_remove_input-and-tx_remove_output-messages", feature=_EITHER)
class TxRemoveOutput(Message):
    """Takes back an output of one's own."""

    channel_id: ChannelId
    serial_id: U64


@message(70, bolt=2, section="the-tx_complete-message", feature=_EITHER)
class TxComplete(Message):
    """Nothing to add; two in succession end the construction."""

    channel_id: ChannelId


@message(71, bolt=2, section="the-tx_signatures-message", feature=_EITHER)
class TxSignatures(Message):
    """The witnesses of one's own inputs, by ascending serial id."""

    channel_id: ChannelId
    txid: Sha256
    witnesses: Witnesses
    shared_input_signature: Annotated[Signature | None, Tlv(0, "option_splice")] = None


@message(72, bolt=2, section="the-tx_init_rbf-message", feature=_EITHER)
class TxInitRbf(Message):
    """Starts over with a higher feerate (satoshi per 1000 weight)."""

    channel_id: ChannelId
    locktime: U32
    feerate: U32
    funding_output_contribution: Annotated[SignedSat64 | None, Tlv(0)] = None
    require_confirmed_inputs: Annotated[Flag, Tlv(2)] = False


@message(73, bolt=2, section="the-tx_ack_rbf-message", feature=_EITHER)
class TxAckRbf(Message):
    """Agrees to start over."""

    channel_id: ChannelId
    funding_output_contribution: Annotated[SignedSat64 | None, Tlv(0)] = None
    require_confirmed_inputs: Annotated[Flag, Tlv(2)] = False


@message(74, bolt=2, section="the-tx_abort-message", feature=_EITHER)
class TxAbort(Message):
    """Gives up the negotiation; ``data`` says why and may be empty (B02-itx-abort-s-03)."""

    channel_id: ChannelId
    data: Blob
