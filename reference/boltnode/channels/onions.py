"""Onions of payments over one channel: made for the peer, opened when they come from it (BOLT 4).

An onion that we make follows from a session key and a payload, which are stored, so that it is the same one whenever it
is sent again.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import Final

from boltnode.channels.record import ChannelRecord, OfferedHtlc, ReceivedHtlc, Unreadable
from boltspec.onion import Fault, Malformed, Onion, judge_onion
from boltwire import messages as wire
from boltwire.bolt11 import Invoice
from boltwire.errors import DecodeError
from boltwire.onion.construction import ConstructedOnion, OnionHop, construct_onion
from boltwire.onion.failure_codec import decode_failure, encode_failure
from boltwire.onion.failures import FailureCode, FailureMessage, UnknownFailure
from boltwire.onion.keys import NodeKey
from boltwire.onion.origin import read_failure
from boltwire.onion.packet import PAYMENT_PAYLOADS_SIZE, OnionPacket
from boltwire.onion.payload import Payload, PaymentData
from boltwire.onion.peeling import peel_onion
from boltwire.onion.rejection import (
    InvalidOnionHmac,
    InvalidOnionKey,
    InvalidOnionPayload,
    InvalidOnionVersion,
    UnreadableOnionError,
)
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


FAULTS: Final = {InvalidOnionVersion: Fault.VERSION, InvalidOnionKey: Fault.KEY, InvalidOnionHmac: Fault.HMAC}
"""What makes an onion unreadable, in the specification's words."""


def opened(message: wire.UpdateAddHtlc, key: NodeKey) -> ReceivedHtlc:
    """What an HTLC of the peer tells us, or how it is answered if its onion is not to be read."""
    packet = OnionPacket.decode(message.onion_routing_packet, PAYMENT_PAYLOADS_SIZE)
    try:
        found = _peeled(message, packet, key)
        fault = None
    except UnreadableOnionError as error:
        # A path key that is no point has no fault of its own: that there is one is all that counts.
        found, fault = ReceivedHtlc(message.id, b"", b"", is_final=True), FAULTS.get(type(error))
    verdict = judge_onion(Onion(fault, has_path_key=message.blinded_path is not None))
    if isinstance(verdict, Malformed):
        unreadable = Unreadable(packet.sha256(), int(FailureCode[verdict.failure.name]))
        return ReceivedHtlc(message.id, b"", b"", is_final=True, unreadable=unreadable)
    return found


def _peeled(message: wire.UpdateAddHtlc, packet: OnionPacket, key: NodeKey) -> ReceivedHtlc:
    try:
        peeled = peel_onion(packet, key, message.payment_hash, message.blinded_path)
    except InvalidOnionPayload:
        # The onion is authentic, so that the payer can be told: by what is said of a payload that holds nothing.
        return ReceivedHtlc(message.id, key.ecdh(PublicKey(packet.public_key)), b"", is_final=True)
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
