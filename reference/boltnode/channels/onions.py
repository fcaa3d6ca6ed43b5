"""Onions of payments over one channel: made for the peer, opened when they come from it (BOLT 4).

An onion that we make follows from a session key and a payload, which are stored, so that it is the same one whenever it
is sent again.
"""

from __future__ import annotations

import secrets
from contextlib import suppress

from boltnode.channels.record import ChannelRecord, OfferedHtlc, ReceivedHtlc, Unreadable
from boltwire import messages as wire
from boltwire.bolt11 import Invoice
from boltwire.errors import DecodeError
from boltwire.onion.construction import ConstructedOnion, OnionHop, construct_onion
from boltwire.onion.failure_codec import decode_failure, encode_failure
from boltwire.onion.failures import FailureMessage, UnknownFailure
from boltwire.onion.keys import NodeKey
from boltwire.onion.origin import read_failure
from boltwire.onion.packet import PAYMENT_PAYLOADS_SIZE, OnionPacket
from boltwire.onion.payload import Payload, PaymentData
from boltwire.onion.peeling import peel_onion
from boltwire.onion.rejection import InvalidOnionPayload, UnreadableOnionError
from boltwire.onion.return_packet import ReturnedFailure, create_failure
from boltwire.secp256k1 import CurveError, PrivateKey, PublicKey


def offer_for(htlc_id: int, invoice: Invoice, amount_msat: int, cltv_expiry: int) -> OfferedHtlc:
    """What goes with an HTLC that pays an invoice of the peer itself."""
    payload = Payload.for_final(
        amount_msat, cltv_expiry, PaymentData(invoice.payment_secret, amount_msat), invoice.payment_metadata
    )
    return OfferedHtlc(htlc_id, _session_key(), payload.encode())


def _session_key() -> bytes:
    while True:
        drawn = secrets.token_bytes(32)
        with suppress(CurveError):  # about once in 2^128 draws
            return PrivateKey(drawn).secret


def onion_of(htlc: OfferedHtlc, peer: bytes, payment_hash: bytes) -> ConstructedOnion:
    """The onion of an HTLC that we offer."""
    hop = OnionHop(PublicKey(peer), htlc.payload)
    return construct_onion([hop], PrivateKey(htlc.session_key), payment_hash)


def opened(message: wire.UpdateAddHtlc, key: NodeKey) -> ReceivedHtlc:
    """What an HTLC of the peer tells us, or what is wrong with its onion."""
    packet = OnionPacket.decode(message.onion_routing_packet, PAYMENT_PAYLOADS_SIZE)
    try:
        peeled = peel_onion(packet, key, message.payment_hash, message.blinded_path)
    except InvalidOnionPayload:
        # The onion is authentic, so that the payer can be told: by what is said of a payload that holds nothing.
        return ReceivedHtlc(message.id, key.ecdh(PublicKey(packet.public_key)), b"", is_final=True)
    except UnreadableOnionError as error:
        unreadable = Unreadable(packet.sha256(), int(error.code))
        return ReceivedHtlc(message.id, b"", b"", is_final=True, unreadable=unreadable)
    return ReceivedHtlc(message.id, peeled.shared_secret, peeled.payload, is_final=peeled.next_packet is None)


def failure_for(htlc: ReceivedHtlc, failure: FailureMessage) -> bytes:
    """The ``reason`` of ``update_fail_htlc``, for the payer alone."""
    return create_failure(htlc.shared_secret, encode_failure(failure)).reason


def failure_text(record: ChannelRecord, message: wire.UpdateFailHtlc) -> str:
    """Why the peer gave our HTLC back, in the BOLT's words."""
    ours = next((htlc for htlc in record.offered if htlc.id == message.id), None)
    if ours is None:
        return "no such HTLC"
    secret = PrivateKey(ours.session_key).ecdh(PublicKey(record.peer))
    report = read_failure((secret,), ReturnedFailure(message.reason))
    if report.failuremsg is None:
        return "a failure that cannot be read"
    try:
        return _words(decode_failure(report.failuremsg))
    except DecodeError as error:
        return f"a failure that makes no sense: {error}"


def _words(failure: FailureMessage | UnknownFailure) -> str:
    if isinstance(failure, UnknownFailure):
        return f"failure code {failure.code:#06x}"
    return failure.code.name.lower()
