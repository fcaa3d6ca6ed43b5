"""Onions of received HTLCs: what is read, and the answer to one that cannot be read or must not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boltnode.channels.onions import opened
from boltnode.channels.record import Unreadable
from boltspec.rules import without
from boltwire.messages import UpdateAddHtlc
from boltwire.onion.construction import OnionHop, construct_onion
from boltwire.onion.failures import FailureCode
from boltwire.onion.keys import KeyType, derive_key
from boltwire.onion.packet import OnionPacket
from boltwire.onion.payload import Payload, PaymentData
from boltwire.secp256k1 import PrivateKey, PublicKey

KEY, SESSION, PATH = (PrivateKey(bytes([number]) * 32) for number in (1, 2, 3))
PAYLOAD = Payload.for_final(10_000, 1_024, PaymentData(b"\5" * 32, 10_000)).encode()


def packet_for(node: PublicKey) -> OnionPacket:
    return construct_onion([OnionHop(node, PAYLOAD)], SESSION, bytes(32)).packet


RIGHT = packet_for(KEY.public_key)


def adding(packet: OnionPacket, path_key: bytes | None = None) -> UpdateAddHtlc:
    return UpdateAddHtlc(
        channel_id=bytes(32), id=4, amount_msat=10_000, payment_hash=bytes(32), cltv_expiry=1_024,
        onion_routing_packet=packet.encode(), blinded_path=path_key,
    )  # fmt: skip


def test_onion_for_us_is_read() -> None:
    entry = opened(adding(RIGHT), KEY)
    assert (entry.id, entry.payload, entry.is_final, entry.unreadable) == (4, PAYLOAD, True, None)
    assert len(entry.shared_secret) == 32


@pytest.mark.parametrize(
    ("packet", "code"),
    [
        (replace(RIGHT, version=1), FailureCode.INVALID_ONION_VERSION),
        (replace(RIGHT, public_key=b"\5" * 33), FailureCode.INVALID_ONION_KEY),
        (replace(RIGHT, hmac=bytes(32)), FailureCode.INVALID_ONION_HMAC),
    ],
)
def test_one_that_cannot_be_read_is_answered_with_the_code_for_it(packet: OnionPacket, code: FailureCode) -> None:
    assert opened(adding(packet), KEY).unreadable == Unreadable(packet.sha256(), code)
    path_key = PATH.public_key.encoded
    blinded = Unreadable(packet.sha256(), FailureCode.INVALID_ONION_BLINDING)
    assert opened(adding(packet, path_key), KEY).unreadable == blinded


def test_plain_payload_that_comes_with_a_path_key_is_not_taken() -> None:
    """B04-payload-d-13, though it is encrypted as if for a hop of a blinded path."""
    tweak = derive_key(KeyType.BLINDED_NODE_ID, KEY.ecdh(PATH.public_key))
    packet = packet_for(KEY.public_key.multiply(tweak))
    message = adding(packet, PATH.public_key.encoded)
    blinded = Unreadable(packet.sha256(), FailureCode.INVALID_ONION_BLINDING)
    assert opened(message, KEY).unreadable == blinded
    with without(frozenset({"D04-payload-z-01"})):
        assert opened(message, KEY).payload == PAYLOAD, "it could be read"


def test_path_key_that_is_no_point_is_a_path_key() -> None:
    blinded = Unreadable(RIGHT.sha256(), FailureCode.INVALID_ONION_BLINDING)
    assert opened(adding(RIGHT, b"\5" * 33), KEY).unreadable == blinded
