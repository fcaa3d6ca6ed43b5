"""BOLT 2: quiescence and splicing."""

from typing import Annotated

from boltwire.fields import U8, U32, ChannelId, Flag, Point, Sha256, SignedSat64, Tlv
from boltwire.messages.base import Message, message


@message(2, bolt=2, section="stfu", feature="option_quiesce")
class Stfu(Message):
    """Wants the channel to become quiet; ``initiator`` is 1 from who starts, 0 in a reply."""

    channel_id: ChannelId
    initiator: U8


@message(80, bolt=2, section="the-splice_init-message", feature="option_splice")
class SpliceInit(Message):
    """Proposes a new funding transaction; a negative contribution takes money out of the channel."""

    channel_id: ChannelId
    funding_contribution_satoshis: SignedSat64
    funding_feerate_perkw: U32
    locktime: U32
    funding_pubkey: Point
    require_confirmed_inputs: Annotated[Flag, Tlv(2)] = False


@message(81, bolt=2, section="the-splice_ack-message", feature="option_splice")
class SpliceAck(Message):
    """Agrees to a new funding transaction."""

    channel_id: ChannelId
    funding_contribution_satoshis: SignedSat64
    funding_pubkey: Point
    require_confirmed_inputs: Annotated[Flag, Tlv(2)] = False


@message(77, bolt=2, section="the-splice_locked-message", feature="option_splice")
class SpliceLocked(Message):
    """The splice transaction is deep enough."""

    channel_id: ChannelId
    splice_txid: Sha256
