"""BOLT 2: closing a channel together."""

from typing import Annotated

from boltwire.fields import U32, Blob, ChannelId, FeeRange, Sat64, Signature, Tlv
from boltwire.messages.base import Message, message

_SIMPLE_CLOSE = "closing-negotiation-closing_complete-and-closing_sig"


@message(38, bolt=2, section="closing-initiation-shutdown")
class Shutdown(Message):
    """No new HTLCs; closing pays the sender to ``scriptpubkey`` (see :mod:`boltwire.shutdown_script`)."""

    channel_id: ChannelId
    scriptpubkey: Blob


@message(40, bolt=2, section=_SIMPLE_CLOSE, feature="option_simple_close")
class ClosingComplete(Message):
    """A closing transaction whose fee the sender (the closer) pays, signed in one or two variants."""

    channel_id: ChannelId
    closer_scriptpubkey: Blob
    closee_scriptpubkey: Blob
    fee_satoshis: Sat64
    locktime: U32
    closer_output_only: Annotated[Signature | None, Tlv(1)] = None
    closee_output_only: Annotated[Signature | None, Tlv(2)] = None
    closer_and_closee_outputs: Annotated[Signature | None, Tlv(3)] = None


@message(41, bolt=2, section=_SIMPLE_CLOSE, feature="option_simple_close")
class ClosingSig(Message):
    """The closee's signature for one of the closer's variants."""

    channel_id: ChannelId
    closer_scriptpubkey: Blob
    closee_scriptpubkey: Blob
    fee_satoshis: Sat64
    locktime: U32
    closer_output_only: Annotated[Signature | None, Tlv(1)] = None
    closee_output_only: Annotated[Signature | None, Tlv(2)] = None
    closer_and_closee_outputs: Annotated[Signature | None, Tlv(3)] = None


@message(39, bolt=2, section="legacy-closing-negotiation-closing_signed")
class ClosingSigned(Message):
    """A closing transaction with a fee to agree on."""

    channel_id: ChannelId
    fee_satoshis: Sat64
    signature: Signature
    fee_range: Annotated[FeeRange | None, Tlv(1)] = None
