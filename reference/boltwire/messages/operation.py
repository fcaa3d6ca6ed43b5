"""BOLT 2: normal operation: HTLCs, fees, commitments, revocation, and picking up again after a reconnection."""

from typing import Annotated

from boltwire.fields import (
    U16,
    U32,
    U64,
    AttributionData,
    Blob,
    Bytes32,
    ChannelId,
    CurrentFundingLocked,
    Msat64,
    NextFunding,
    OnionPacket,
    Point,
    Sha256,
    Signature,
    Signatures,
    Tlv,
)
from boltwire.messages.base import Message, message

_REMOVING = "removing-an-htlc-update_fulfill_htlc-update_fail_htlc-and-update_fail_malformed_htlc"


@message(128, bolt=2, section="adding-an-htlc-update_add_htlc")
class UpdateAddHtlc(Message):
    """Offers an HTLC; ``blinded_path`` is the path key of a blinded route (BOLT 4)."""

    channel_id: ChannelId
    id: U64
    amount_msat: Msat64
    payment_hash: Sha256
    cltv_expiry: U32
    onion_routing_packet: OnionPacket
    blinded_path: Annotated[Point | None, Tlv(0, "option_route_blinding")] = None


@message(130, bolt=2, section=_REMOVING)
class UpdateFulfillHtlc(Message):
    """Claims an HTLC with the preimage of its payment hash."""

    channel_id: ChannelId
    id: U64
    payment_preimage: Bytes32
    attribution_data: Annotated[AttributionData | None, Tlv(1, "option_attribution_data")] = None


@message(131, bolt=2, section=_REMOVING)
class UpdateFailHtlc(Message):
    """Gives an HTLC back; ``reason`` is encrypted for the payer (BOLT 4)."""

    channel_id: ChannelId
    id: U64
    reason: Blob
    attribution_data: Annotated[AttributionData | None, Tlv(1, "option_attribution_data")] = None


@message(135, bolt=2, section=_REMOVING)
class UpdateFailMalformedHtlc(Message):
    """Gives an HTLC back whose onion could not be read, so that no reason could be encrypted."""

    channel_id: ChannelId
    id: U64
    sha256_of_onion: Sha256
    failure_code: U16


@message(127, bolt=2, section="batching-channel-messages", feature="option_splice")
class StartBatch(Message):
    """The next ``batch_size`` messages belong together."""

    channel_id: ChannelId
    batch_size: U16
    message_type: Annotated[U16 | None, Tlv(1)] = None


@message(132, bolt=2, section="committing-updates-so-far-commitment_signed")
class CommitmentSigned(Message):
    """Signs the peer's next commitment and its HTLC transactions, in the order of the outputs."""

    channel_id: ChannelId
    signature: Signature
    htlc_signature: Signatures
    funding_txid: Annotated[Sha256 | None, Tlv(1, "option_splice")] = None


@message(133, bolt=2, section="completing-the-transition-to-the-updated-state-revoke_and_ack")
class RevokeAndAck(Message):
    """Gives up the old commitment and provides the point for the one after the next."""

    channel_id: ChannelId
    per_commitment_secret: Bytes32
    next_per_commitment_point: Point


@message(134, bolt=2, section="updating-fees-update_fee")
class UpdateFee(Message):
    """Sets the feerate of commitments, in satoshi per 1000 weight."""

    channel_id: ChannelId
    feerate_per_kw: U32


@message(136, bolt=2, section="message-retransmission")
class ChannelReestablish(Message):
    """The first message about a channel on a new connection: what the sender has got so far.

    ``my_current_per_commitment_point`` carries no meaning (B02-retransmission-r-01); that it has the form of a point is
    checked all the same, as a receiver may (B02-retransmission-r-02).
    """

    channel_id: ChannelId
    next_commitment_number: U64
    next_revocation_number: U64
    your_last_per_commitment_secret: Bytes32
    my_current_per_commitment_point: Point
    next_funding: Annotated[NextFunding | None, Tlv(1)] = None
    my_current_funding_locked: Annotated[CurrentFundingLocked | None, Tlv(5, "option_splice")] = None
