"""BOLT 2: opening a channel, version 1 (one funder) and version 2 (both may fund)."""

from typing import Annotated

from boltwire.fields import (
    U16,
    U32,
    Byte,
    Bytes32,
    ChainHash,
    ChannelId,
    Flag,
    Msat64,
    Point,
    Rest,
    Sat64,
    Scid,
    Sha256,
    Signature,
    Tlv,
)
from boltwire.messages.base import Message, message


@message(32, bolt=2, section="the-open_channel-message")
class OpenChannel(Message):
    """Proposes a channel that the sender funds; feerates are satoshi per 1000 weight, delays are blocks."""

    chain_hash: ChainHash
    temporary_channel_id: Bytes32
    funding_satoshis: Sat64
    push_msat: Msat64
    dust_limit_satoshis: Sat64
    max_htlc_value_in_flight_msat: Msat64
    channel_reserve_satoshis: Sat64
    htlc_minimum_msat: Msat64
    feerate_per_kw: U32
    to_self_delay: U16
    max_accepted_htlcs: U16
    funding_pubkey: Point
    revocation_basepoint: Point
    payment_basepoint: Point
    delayed_payment_basepoint: Point
    htlc_basepoint: Point
    first_per_commitment_point: Point
    channel_flags: Byte
    upfront_shutdown_script: Annotated[Rest | None, Tlv(0, "option_upfront_shutdown_script")] = None
    channel_type: Annotated[Rest | None, Tlv(1)] = None


@message(33, bolt=2, section="the-accept_channel-message")
class AcceptChannel(Message):
    """Accepts a channel, with the limits and keys of the fundee."""

    temporary_channel_id: Bytes32
    dust_limit_satoshis: Sat64
    max_htlc_value_in_flight_msat: Msat64
    channel_reserve_satoshis: Sat64
    htlc_minimum_msat: Msat64
    minimum_depth: U32
    to_self_delay: U16
    max_accepted_htlcs: U16
    funding_pubkey: Point
    revocation_basepoint: Point
    payment_basepoint: Point
    delayed_payment_basepoint: Point
    htlc_basepoint: Point
    first_per_commitment_point: Point
    upfront_shutdown_script: Annotated[Rest | None, Tlv(0, "option_upfront_shutdown_script")] = None
    channel_type: Annotated[Rest | None, Tlv(1)] = None


@message(34, bolt=2, section="the-funding_created-message")
class FundingCreated(Message):
    """Names the funding output and signs the fundee's first commitment."""

    temporary_channel_id: Bytes32
    funding_txid: Sha256
    funding_output_index: U16
    signature: Signature


@message(35, bolt=2, section="the-funding_signed-message")
class FundingSigned(Message):
    """Signs the funder's first commitment; from here on the channel has its channel_id."""

    channel_id: ChannelId
    signature: Signature


@message(36, bolt=2, section="the-channel_ready-message")
class ChannelReady(Message):
    """The funding transaction is deep enough; ``short_channel_id`` is an alias for the channel."""

    channel_id: ChannelId
    second_per_commitment_point: Point
    short_channel_id: Annotated[Scid | None, Tlv(1, "option_scid_alias")] = None


@message(64, bolt=2, section="the-open_channel2-message", feature="option_dual_fund")
class OpenChannel2(Message):
    """Proposes a channel that both peers may fund."""

    chain_hash: ChainHash
    temporary_channel_id: ChannelId
    funding_feerate_perkw: U32
    commitment_feerate_perkw: U32
    funding_satoshis: Sat64
    dust_limit_satoshis: Sat64
    max_htlc_value_in_flight_msat: Msat64
    htlc_minimum_msat: Msat64
    to_self_delay: U16
    max_accepted_htlcs: U16
    locktime: U32
    funding_pubkey: Point
    revocation_basepoint: Point
    payment_basepoint: Point
    delayed_payment_basepoint: Point
    htlc_basepoint: Point
    first_per_commitment_point: Point
    second_per_commitment_point: Point
    channel_flags: Byte
    upfront_shutdown_script: Annotated[Rest | None, Tlv(0, "option_upfront_shutdown_script")] = None
    channel_type: Annotated[Rest | None, Tlv(1)] = None
    require_confirmed_inputs: Annotated[Flag, Tlv(2)] = False


@message(65, bolt=2, section="the-accept_channel2-message", feature="option_dual_fund")
class AcceptChannel2(Message):
    """Accepts a channel that both peers may fund."""

    temporary_channel_id: ChannelId
    funding_satoshis: Sat64
    dust_limit_satoshis: Sat64
    max_htlc_value_in_flight_msat: Msat64
    htlc_minimum_msat: Msat64
    minimum_depth: U32
    to_self_delay: U16
    max_accepted_htlcs: U16
    funding_pubkey: Point
    revocation_basepoint: Point
    payment_basepoint: Point
    delayed_payment_basepoint: Point
    htlc_basepoint: Point
    first_per_commitment_point: Point
    second_per_commitment_point: Point
    upfront_shutdown_script: Annotated[Rest | None, Tlv(0, "option_upfront_shutdown_script")] = None
    channel_type: Annotated[Rest | None, Tlv(1)] = None
    require_confirmed_inputs: Annotated[Flag, Tlv(2)] = False
