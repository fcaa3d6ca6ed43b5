"""Onion messages from sender to recipient and back along a reply path (BOLT 4, Onion Messages)."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.onion.blinded_path import BlindedPath, BlindedPathHop
from boltwire.onion.blinding import PathHop, seal
from boltwire.onion.construction import OnionHop, construct_onion
from boltwire.onion.encrypted_data import EncryptedDataTlv
from boltwire.onion.keys import KeyType, derive_key
from boltwire.onion.onion_message import (
    OnionmsgTlv,
    OutgoingOnionMessage,
    PeeledOnionMessage,
    create_onion_message,
    extend_path,
    peel_onion_message,
)
from boltwire.onion.packet import OnionPacket
from boltwire.onion.path_data import create_message_path
from boltwire.onion.peeling import peel_onion
from boltwire.onion.rejection import InvalidOnionBlinding, InvalidOnionHmac, InvalidOnionPayload, UnreadableOnionError
from boltwire.secp256k1 import PrivateKey
from boltwire.tlv import TlvRecord

NODES = [PrivateKey(sha256(f"node {index}".encode()).digest()) for index in range(6)]
SESSION = PrivateKey(sha256(b"onion session").digest())
PATH_SESSION = PrivateKey(sha256(b"path session").digest())
OWN_SESSION = PrivateKey(sha256(b"own session").digest())
REQUEST = OnionmsgTlv(invoice_request=b"a request")


def path_through(nodes: Sequence[PrivateKey], path_id: bytes = b"mine") -> BlindedPath:
    data = [EncryptedDataTlv(next_node_id=node.public_key.encoded) for node in nodes[1:]]
    data.append(EncryptedDataTlv(path_id=path_id))
    hops = [PathHop(node.public_key, tlv) for node, tlv in zip(nodes, data, strict=True)]
    return create_message_path(hops, PATH_SESSION)


def travel(message: OutgoingOnionMessage, nodes: Sequence[PrivateKey]) -> list[PeeledOnionMessage]:
    layers: list[PeeledOnionMessage] = []
    following: OutgoingOnionMessage | None = message
    for node in nodes:
        assert following is not None
        layers.append(peel_onion_message(following.packet, following.path_key, node))
        following = layers[-1].forward
    assert following is None
    return layers


@pytest.mark.parametrize("count", range(1, 6))
def test_message_arrives(count: int) -> None:
    """B04-onion-message-c-01, B04-onion-message-w-02, B04-onion-message-d-03, B04-onion-message-m-05,
    B04-route-blinding-d-02, B04-route-blinding-d-04, B04-route-blinding-d-06."""
    nodes = NODES[:count]
    layers = travel(create_onion_message(path_through(nodes), REQUEST, SESSION), nodes)
    assert [layer.data.next_node_id for layer in layers[:-1]] == [node.public_key.encoded for node in nodes[1:]]
    assert layers[-1].payload.invoice_request == b"a request"
    assert layers[-1].data.path_id == b"mine"


def test_relays_get_the_sealed_data_and_nothing_else() -> None:
    """B04-onion-message-w-06."""
    layers = travel(create_onion_message(path_through(NODES[:4]), REQUEST, SESSION), NODES[:4])
    assert [layer.payload.types for layer in layers] == [{4}, {4}, {4}, {4, 64}]


def test_packet_version_and_associated_data() -> None:
    """B04-onion-message-w-01, B04-onion-message-w-03: any associated data make the packet unreadable."""
    message = create_onion_message(path_through(NODES[:2]), REQUEST, SESSION)
    assert message.packet.version == message.packet.encode()[0] == 0
    assert peel_onion(message.packet, NODES[0], b"", message.path_key).next_packet is not None
    with pytest.raises(InvalidOnionHmac):
        peel_onion(message.packet, NODES[0], b"\x00", message.path_key)


@pytest.mark.parametrize(("request_size", "packet_size"), [(10, 1366), (1122, 1366), (1123, 32834), (32590, 32834)])
def test_packet_has_one_of_two_sizes(request_size: int, packet_size: int) -> None:
    """B04-onion-message-w-04."""
    message = create_onion_message(path_through(NODES[:2]), OnionmsgTlv(invoice_request=bytes(request_size)), SESSION)
    assert len(message.packet.encode()) == packet_size
    assert travel(message, NODES[:2])[-1].payload.invoice_request == bytes(request_size)


def test_message_that_fits_neither_size_is_refused() -> None:
    """B04-onion-message-w-04: unless the caller insists on a size."""
    request = OnionmsgTlv(invoice_request=bytes(32591))
    with pytest.raises(ValueError, match="the onion has 32768"):
        create_onion_message(path_through(NODES[:2]), request, SESSION)
    message = create_onion_message(path_through(NODES[:2]), request, SESSION, payloads_size=40000)
    assert travel(message, NODES[:2])[-1].payload.invoice_request == bytes(32591)


def test_message_through_own_hops_to_a_given_path() -> None:
    """B04-route-blinding-d-05, B04-route-blinding-m-06: the last own hop names the given path's first key."""
    given_path = path_through(NODES[2:5])
    path = extend_path([key.public_key for key in NODES[:2]], given_path, NODES[2].public_key, OWN_SESSION)
    assert path.first_node_id == NODES[0].public_key.encoded
    layers = travel(create_onion_message(path, REQUEST, SESSION), NODES[:5])
    assert layers[1].data.next_path_key_override == given_path.first_path_key
    assert layers[1].data.next_node_id == NODES[2].public_key.encoded
    assert layers[0].data.next_path_key_override is None
    assert layers[-1].payload.invoice_request == b"a request"


def test_path_extended_by_no_hops_is_the_same() -> None:
    path = path_through(NODES[:2])
    assert extend_path([], path, NODES[0].public_key, OWN_SESSION) == path


def test_reply_comes_back() -> None:
    """B04-onion-message-w-07, B04-onion-message-w-08, B04-onion-message-w-09, B04-onion-message-w-10,
    B04-onion-message-c-01: the recipient knows nothing but the reply path, and that is enough."""
    way_back = [NODES[3], NODES[4], NODES[0]]
    reply_path = path_through(way_back, path_id=b"secret of this question")
    question = replace(REQUEST, reply_path=reply_path)
    received = travel(create_onion_message(path_through(NODES[1:4]), question, SESSION), NODES[1:4])[-1]

    found = received.payload.reply_path
    assert found == reply_path
    assert found.first_node_id == NODES[3].public_key.encoded
    assert found.first_path_key == PATH_SESSION.public_key.encoded
    answer = create_onion_message(found, OnionmsgTlv(invoice=b"an invoice"), OWN_SESSION)
    assert answer.path_key == PATH_SESSION.public_key.encoded
    arrived = travel(answer, way_back)[-1]
    assert (arrived.payload.invoice, arrived.data.path_id) == (b"an invoice", b"secret of this question")


def test_no_reply_path_unless_one_is_given() -> None:
    """B04-onion-message-w-12."""
    received = travel(create_onion_message(path_through(NODES[:2]), REQUEST, SESSION), NODES[:2])[-1]
    assert received.payload.reply_path is None
    assert received.payload.types == {4, 64}


def authentic(payload: bytes) -> OutgoingOnionMessage:
    """A message of one hop that says ``payload``, whatever that is."""
    path_key = PATH_SESSION.public_key
    tweak = derive_key(KeyType.BLINDED_NODE_ID, NODES[0].ecdh(path_key))
    hop = OnionHop(NODES[0].public_key.multiply(tweak), payload)
    return OutgoingOnionMessage(path_key.encoded, construct_onion([hop], SESSION).packet)


SEALED = seal(EncryptedDataTlv(path_id=b"x").encode(), NODES[0].ecdh(PATH_SESSION.public_key))
GOOD = OnionmsgTlv(encrypted_recipient_data=SEALED)
BAD_PAYLOADS = {
    "no sealed data": (OnionmsgTlv(invoice=b"x").encode(), InvalidOnionBlinding),
    "sealed for another": (OnionmsgTlv(encrypted_recipient_data=SEALED[:-1] + b"\x00").encode(), InvalidOnionBlinding),
    "unknown even type": (replace(GOOD, unknown_tlvs=(TlvRecord(6, b""),)).encode(), InvalidOnionPayload),
    "reply path cut short": (b"\x02\x02\x02\x02" + GOOD.encode(), InvalidOnionPayload),
    "bytes behind the reply path": (
        b"\x02\x2c" + BlindedPath(b"\x02" * 33, b"\x03" * 33, ()).encode()[:43] + b"\x00" + GOOD.encode(),
        InvalidOnionPayload,
    ),
    "no stream": (b"\xff\xff\xff", InvalidOnionPayload),
}


@pytest.mark.parametrize(("payload", "error"), BAD_PAYLOADS.values(), ids=BAD_PAYLOADS)
def test_message_that_is_not_understood(payload: bytes, error: type[UnreadableOnionError]) -> None:
    message = authentic(payload)
    with pytest.raises(error):
        peel_onion_message(message.packet, message.path_key, NODES[0])


def test_message_that_is_just_understood() -> None:
    """The nearest accepted case: odd records of any type do no harm."""
    message = authentic(replace(GOOD, unknown_tlvs=(TlvRecord(5, b""), TlvRecord(2**40 + 1, b"x"))).encode())
    peeled = peel_onion_message(message.packet, message.path_key, NODES[0])
    assert peeled.data == EncryptedDataTlv(path_id=b"x")
    assert peeled.forward is None


@given(st.binary(min_size=67, max_size=1366))
def test_any_bytes_are_rejected_as_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableOnionError):
        peel_onion_message(OnionPacket.decode(data), PATH_SESSION.public_key.encoded, NODES[0])


@given(st.binary(min_size=2, max_size=200))
def test_any_payload_of_a_malicious_sender_is_read_or_rejected(payload: bytes) -> None:
    message = authentic(payload)
    try:
        peeled = peel_onion_message(message.packet, message.path_key, NODES[0])
    except UnreadableOnionError:
        return
    assert peeled.payload.encode() == payload


@pytest.mark.parametrize(
    "hops", [(), (BlindedPathHop(b"\x02" + bytes(32), b""),)], ids=["without hops", "with an invalid key"]
)
def test_path_that_cannot_be_used_is_refused(hops: tuple[BlindedPathHop, ...]) -> None:
    path = BlindedPath(NODES[0].public_key.encoded, PATH_SESSION.public_key.encoded, hops)
    with pytest.raises(ValueError, match=r"leads nowhere|not a point"):
        create_onion_message(path, REQUEST, SESSION)


def test_record_types_of_the_payload() -> None:
    payload = OnionmsgTlv(
        reply_path=path_through(NODES[:1]),
        encrypted_recipient_data=b"",
        invoice_request=b"",
        invoice=b"",
        invoice_error=b"",
    )
    assert payload.types == {2, 4, 64, 66, 68}
    assert OnionmsgTlv.decode(payload.encode()) == payload


def test_reply_path_that_is_no_blinded_path_is_refused() -> None:
    with pytest.raises(ValueError, match="reply_path: a blinded path is a BlindedPath"):
        OnionmsgTlv(reply_path="text").encode()  # type: ignore[arg-type]
