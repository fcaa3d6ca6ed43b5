"""Announcements and updates (BOLT 7): signatures, keys in order, flags, checksums."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.chains import BITCOIN_CHAIN_HASH, chain_hash
from boltwire.channel_update import (
    RelayPolicy,
    UpdatedChannel,
    checksum,
    direction,
    is_disabled,
    may_be_forwarded,
    unsigned_channel_update,
)
from boltwire.codec import encode_message
from boltwire.crc32c import crc32c
from boltwire.errors import MessageError
from boltwire.features import FeatureBits
from boltwire.gossip_signing import (
    Endpoint,
    complete_channel_announcement,
    sign_channel_announcement,
    sign_channel_update,
    sign_node_announcement,
    signed_digest,
    unsigned_channel_announcement,
    verify_announcement_signatures,
    verify_channel_announcement,
    verify_channel_update,
    verify_node_announcement,
)
from boltwire.hashes import sha256d
from boltwire.messages import ChannelAnnouncement, ChannelUpdate, NodeAnnouncement
from boltwire.scid import ShortChannelId
from boltwire.secp256k1 import GROUP_ORDER, PrivateKey
from boltwire.sender_rules import broken_sender_rules
from boltwire.tlv import TlvRecord

ALICE, BOB, ALICE_FUNDING, BOB_FUNDING = (PrivateKey(bytes((index,)) * 32) for index in (1, 2, 3, 4))
ALICE_END = Endpoint(ALICE.public_key.encoded, ALICE_FUNDING.public_key.encoded)
BOB_END = Endpoint(BOB.public_key.encoded, BOB_FUNDING.public_key.encoded)
SCID = ShortChannelId.of(539268, 845, 1)
CHANNEL_ID = bytes(32)
POLICY = RelayPolicy(40, 1, 1000, 10, 100)
FUTURE = (TlvRecord(65537, b"future"),)


def announced(**changes: object) -> ChannelAnnouncement:
    unsigned = unsigned_channel_announcement(BITCOIN_CHAIN_HASH, SCID, b"", (BOB_END, ALICE_END))
    unsigned = replace(unsigned, **changes)  # type: ignore[arg-type]
    of_alice = sign_channel_announcement(unsigned, CHANNEL_ID, ALICE, ALICE_FUNDING)
    of_bob = sign_channel_announcement(unsigned, CHANNEL_ID, BOB, BOB_FUNDING)
    first = unsigned.node_id_1 == ALICE_END.node_id
    return complete_channel_announcement(unsigned, *((of_alice, of_bob) if first else (of_bob, of_alice)))


def other_s(signature: bytes) -> bytes:
    """The same signature with the other S, which only a lax verifier accepts."""
    return signature[:32] + (GROUP_ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")


def test_channel_announcement_names_nodes_in_ascending_order_with_their_keys() -> None:
    """B07-channel-announcement-o-08 B07-channel-announcement-o-09 B07-channel-announcement-o-01
    B07-channel-announcement-o-02
    """
    for ends in ((ALICE_END, BOB_END), (BOB_END, ALICE_END)):
        message = unsigned_channel_announcement(chain_hash("bitcoin"), SCID, b"", ends)
        assert message.node_id_1 < message.node_id_2
        keys = {message.node_id_1: message.bitcoin_key_1, message.node_id_2: message.bitcoin_key_2}
        assert keys == dict(ends)
        assert message.chain_hash.hex() == "6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000"
        assert broken_sender_rules(message) == []


def test_channel_announcement_features_are_minimal() -> None:
    """B07-channel-announcement-o-13 B07-channel-announcement-o-14"""
    message = announced(features=FeatureBits().to_bytes())
    assert message.features == b""


@pytest.mark.parametrize("extension", [(), FUTURE])
def test_digest_covers_everything_after_the_signatures(extension: tuple[TlvRecord, ...]) -> None:
    """B07-channel-announcement-o-10 B07-node-announcement-o-05 B07-channel-update-o-06"""
    message = announced(unknown_tlvs=extension)
    assert signed_digest(message) == sha256d(encode_message(message)[2 + 256 :])
    node, channel = node_announcement(unknown_tlvs=extension), update(unknown_tlvs=extension)
    assert signed_digest(node) == sha256d(encode_message(node)[2 + 64 :])
    assert signed_digest(channel) == sha256d(encode_message(channel)[2 + 64 :])


def test_complete_channel_announcement_verifies() -> None:
    """B07-channel-announcement-o-11 B07-channel-announcement-o-12 B07-channel-announcement-r-01"""
    verify_channel_announcement(announced())
    verify_channel_announcement(announced(unknown_tlvs=FUTURE))


SIGNATURES = ["node_signature_1", "node_signature_2", "bitcoin_signature_1", "bitcoin_signature_2"]


@pytest.mark.parametrize("field", SIGNATURES)
@pytest.mark.parametrize("mangle", [lambda signature: bytes(64), other_s, lambda signature: b"\xff" * 64])
def test_each_signature_is_verified(field: str, mangle: Callable[[bytes], bytes]) -> None:
    """B07-channel-announcement-r-01"""
    message = announced()
    bad = replace(message, **{field: mangle(getattr(message, field))})  # type: ignore[arg-type]
    with pytest.raises(MessageError, match=f"channel_announcement.{field}: the signature is invalid"):
        verify_channel_announcement(bad)


@pytest.mark.parametrize(
    "change",
    [
        {"features": b"\1"},
        {"chain_hash": bytes(32)},
        {"short_channel_id": ShortChannelId(1)},
        {"unknown_tlvs": FUTURE},
        {"node_id_1": b"\x02" + b"\xff" * 32},
        {"bitcoin_key_2": ALICE_END.node_id},
    ],
)
def test_nothing_can_be_changed_after_signing(change: dict[str, object]) -> None:
    """B07-channel-announcement-r-01"""
    with pytest.raises(MessageError, match="invalid"):
        verify_channel_announcement(replace(announced(), **change))  # type: ignore[arg-type]


def test_announcement_signatures_of_each_end() -> None:
    """B07-announcement-signatures-r-02"""
    unsigned = unsigned_channel_announcement(BITCOIN_CHAIN_HASH, SCID, b"", (ALICE_END, BOB_END))
    of_bob = sign_channel_announcement(unsigned, CHANNEL_ID, BOB, BOB_FUNDING)
    verify_announcement_signatures(unsigned, of_bob, BOB_END.node_id)
    for field in ("node_signature", "bitcoin_signature"):
        bad = replace(of_bob, **{field: bytes(64)})  # type: ignore[arg-type]
        with pytest.raises(MessageError, match=f"announcement_signatures.{field}: the signature"):
            verify_announcement_signatures(unsigned, bad, BOB_END.node_id)
    with pytest.raises(MessageError, match="signature is invalid"):
        verify_announcement_signatures(unsigned, of_bob, ALICE_END.node_id)
    with pytest.raises(ValueError, match="not about a channel of this node"):
        verify_announcement_signatures(unsigned, of_bob, ALICE_FUNDING.public_key.encoded)


def node_announcement(**changes: object) -> NodeAnnouncement:
    message = NodeAnnouncement(
        signature=bytes(64),
        features=b"",
        timestamp=1,
        node_id=ALICE_END.node_id,
        rgb_color=b"\x01\x02\x03",
        alias=bytes(32),
        addresses=b"",
    )
    return sign_node_announcement(replace(message, **changes), ALICE)  # type: ignore[arg-type]


def test_node_announcement_signature() -> None:
    """B07-node-announcement-o-05 B07-node-announcement-r-06"""
    message = node_announcement()
    verify_node_announcement(message)
    for bad in (replace(message, timestamp=2), replace(message, node_id=BOB_END.node_id)):
        with pytest.raises(MessageError, match=r"node_announcement\.signature: the signature is invalid"):
            verify_node_announcement(bad)
    with pytest.raises(ValueError, match="not that of the announcement's node_id"):
        sign_node_announcement(message, BOB)


def test_node_announcement_of_an_invalid_node_id() -> None:
    """B07-node-announcement-r-03"""
    with pytest.raises(MessageError, match="the key is invalid"):
        verify_node_announcement(replace(node_announcement(), node_id=b"\x02" + b"\xff" * 32))


def channel(node: Endpoint = ALICE_END, peer: Endpoint = BOB_END) -> UpdatedChannel:
    return UpdatedChannel(BITCOIN_CHAIN_HASH, SCID, node.node_id, peer.node_id)


def update(**changes: object) -> ChannelUpdate:
    unsigned = replace(unsigned_channel_update(channel(), POLICY, 7), **changes)  # type: ignore[arg-type]
    return sign_channel_update(unsigned, ALICE)


def test_channel_update_signature() -> None:
    """B07-channel-update-o-06 B07-channel-update-r-06"""
    message = update()
    verify_channel_update(message, ALICE_END.node_id)
    bad = replace(message, signature=other_s(message.signature))
    for found, node_id in (
        (message, BOB_END.node_id),
        (replace(message, timestamp=8), ALICE_END.node_id),
        (bad, ALICE_END.node_id),
    ):
        with pytest.raises(MessageError, match=r"channel_update\.signature: the signature is invalid"):
            verify_channel_update(found, node_id)


def test_direction_follows_from_the_node_ids() -> None:
    """B07-channel-update-o-08 B07-channel-update-o-09"""
    announcement = unsigned_channel_announcement(BITCOIN_CHAIN_HASH, SCID, b"", (ALICE_END, BOB_END))
    for node, peer in ((ALICE_END, BOB_END), (BOB_END, ALICE_END)):
        found = unsigned_channel_update(channel(node, peer), POLICY, 7)
        assert (announcement.node_id_1, announcement.node_id_2)[direction(found)] == node.node_id


@pytest.mark.parametrize("disable", [True, False])
@pytest.mark.parametrize("private", [True, False])
def test_flags_and_fields_of_an_update(disable: bool, private: bool) -> None:
    """B07-channel-update-o-03 B07-channel-update-o-04 B07-channel-update-o-07 B07-channel-update-o-14
    B07-channel-update-o-15 B07-channel-update-o-20 B07-channel-update-o-21 B07-channel-update-o-22
    B07-channel-update-o-23 B07-channel-update-o-24
    """
    found = unsigned_channel_update(channel(), POLICY, 7, disable=disable, private=private)
    assert is_disabled(found) is disable
    assert may_be_forwarded(found) is not private
    assert found.message_flags == 1 + 2 * private
    assert found.channel_flags & ~3 == 0
    assert (found.chain_hash, found.short_channel_id, found.timestamp) == (BITCOIN_CHAIN_HASH, SCID, 7)
    assert (found.cltv_expiry_delta, found.htlc_minimum_msat, found.htlc_maximum_msat) == (40, 1, 1000)
    assert (found.fee_base_msat, found.fee_proportional_millionths) == (10, 100)
    assert broken_sender_rules(found) == []


def test_minimum_above_maximum_is_refused() -> None:
    """B07-channel-update-o-22"""
    RelayPolicy(1, 5, 5, 0, 0)
    with pytest.raises(ValueError, match="minimum 6 msat is above maximum 5 msat"):
        RelayPolicy(1, 6, 5, 0, 0)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
        (b"", 0),
    ],
)
def test_crc32c_examples_of_rfc_3720(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected


@given(st.integers(0, 2**32 - 1), st.binary(min_size=64, max_size=64))
def test_checksum_ignores_signature_and_timestamp_only(timestamp: int, signature: bytes) -> None:
    message = update()
    assert checksum(replace(message, timestamp=timestamp, signature=signature)) == checksum(message)
    for change in ({"fee_base_msat": 11}, {"channel_flags": 3}, {"chain_hash": bytes(32)}, {"unknown_tlvs": FUTURE}):
        assert checksum(replace(message, **change)) != checksum(message)
