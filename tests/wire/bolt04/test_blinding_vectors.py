"""BOLT 4's vectors for blinded paths (route-blinding-test) and onion messages (blinded-onion-message-onion-test).

Both paths consist of two parts made with a session key each, joined by ``next_path_key_override``.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from boltwire.codec import decode_message, encode_message
from boltwire.messages import OnionMessage
from boltwire.onion.blinded_path import BlindedPath, BlindedPathHop
from boltwire.onion.blinding import PathHop, blinded_private_key, create_blinded_path, unblind
from boltwire.onion.encrypted_data import EncryptedDataTlv, PaymentConstraints, PaymentRelay
from boltwire.onion.keys import HopSecret, KeyType, blinding_factor, derive_key, hop_secrets
from boltwire.onion.onion_message import OnionmsgTlv, create_onion_message, extend_path, peel_onion_message
from boltwire.onion.packet import OnionPacket
from boltwire.scid import ShortChannelId
from boltwire.secp256k1 import PrivateKey, PublicKey
from boltwire.tlv import TlvRecord

FOLDER = Path(__file__).parents[2] / "vectors"
BLINDING: dict[str, Any] = json.loads((FOLDER / "bolt04_blinding.json").read_text())
MESSAGE: dict[str, Any] = json.loads((FOLDER / "bolt04_onion_message.json").read_text())
NODES = ["bob", "carol", "dave", "eve"]
MESSAGE_NODES = ["alice", "bob", "carol", "dave"]


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


def optional_octets(tlvs: dict[str, Any], name: str) -> bytes | None:
    return octets(tlvs[name]) if name in tlvs else None


def encrypted_data(tlvs: dict[str, Any]) -> EncryptedDataTlv:
    """The data of one hop of either file, as the file lists them."""
    relay, constraints = tlvs.get("payment_relay"), tlvs.get("payment_constraints")
    features = tlvs.get("allowed_features")
    return EncryptedDataTlv(
        padding=optional_octets(tlvs, "padding"),
        short_channel_id=ShortChannelId.parse(tlvs["short_channel_id"]) if "short_channel_id" in tlvs else None,
        next_node_id=optional_octets(tlvs, "next_node_id"),
        path_id=optional_octets(tlvs, "path_id"),
        next_path_key_override=optional_octets(tlvs, "next_path_key_override"),
        payment_relay=None if relay is None else PaymentRelay(**{"fee_base_msat": 0, **relay}),
        payment_constraints=None if constraints is None else PaymentConstraints(**constraints),
        allowed_features=None if features is None else feature_bits(features),
        unknown_tlvs=tuple(TlvRecord(tlv["type"], octets(tlv["value"])) for tlv in tlvs.get("unknown", ())),
    )


def feature_bits(bits: list[int]) -> bytes:
    number = sum(1 << bit for bit in bits)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def blinding_hop(name: str) -> dict[str, Any]:
    return next(hop for hop in BLINDING["build"]["hops"] if hop["node"] == name)


def partial_path(first: str, second: str) -> BlindedPath:
    """One of the two parts of the path: its two hops, with the first one's session key."""
    hops = [blinding_hop(name) for name in (first, second)]
    path_hops = [PathHop(PublicKey(octets(hop["node_id"])), encrypted_data(hop["tlvs"])) for hop in hops]
    return create_blinded_path(path_hops, PrivateKey(octets(hops[0]["session_key"])))


def whole_path() -> BlindedPath:
    first, second = partial_path("bob", "carol"), partial_path("dave", "eve")
    return BlindedPath(first.first_node_id, first.first_path_key, first.path + second.path)


@pytest.mark.parametrize("name", NODES)
def test_encrypted_data_is_encoded(name: str) -> None:
    hop = blinding_hop(name)
    assert encrypted_data(hop["tlvs"]).encode().hex() == hop["encoded_tlvs"]


@pytest.mark.parametrize("name", NODES)
def test_encrypted_data_is_decoded(name: str) -> None:
    hop = blinding_hop(name)
    assert EncryptedDataTlv.decode(octets(hop["encoded_tlvs"])) == encrypted_data(hop["tlvs"])


@pytest.mark.parametrize("name", NODES)
def test_keys_of_a_path_hop(name: str) -> None:
    """B04-route-blinding-c-04, B04-route-blinding-c-06, B04-route-blinding-c-07, B04-route-blinding-c-08,
    B04-route-blinding-c-09."""
    pair = ("bob", "carol") if name in ("bob", "carol") else ("dave", "eve")
    session_key = PrivateKey(octets(blinding_hop(pair[0])["session_key"]))
    secrets = hop_secrets(session_key, (PublicKey(octets(blinding_hop(node)["node_id"])) for node in pair))
    secret = list(secrets)[pair.index(name)]
    hop = blinding_hop(name)
    assert secret.ephemeral_key.secret.hex() == hop["path_privkey"]
    assert secret.ephemeral_key.public_key.encoded.hex() == hop["path_key"]
    assert secret.shared_secret.hex() == hop["shared_secret"]
    assert derive_key(KeyType.RHO, secret.shared_secret).hex() == hop["rho"]


@pytest.mark.parametrize("name", NODES)
def test_hop_of_the_blinded_path(name: str) -> None:
    """B04-payload-c-12, B04-route-blinding-c-12, B04-route-blinding-c-13, B04-route-blinding-c-18."""
    built, hop = whole_path().path[NODES.index(name)], blinding_hop(name)
    assert built.blinded_node_id.hex() == hop["blinded_node_id"]
    assert built.encrypted_recipient_data.hex() == hop["encrypted_data"]


def test_blinded_path_as_a_whole() -> None:
    """B04-route-blinding-c-02, B04-route-blinding-c-05, B04-route-blinding-c-11."""
    route = BLINDING["route"]
    hops = tuple(BlindedPathHop(octets(h["blinded_node_id"]), octets(h["encrypted_data"])) for h in route["hops"])
    assert whole_path() == BlindedPath(octets(route["first_node_id"]), octets(route["first_path_key"]), hops)


@pytest.mark.parametrize("name", NODES)
def test_hop_is_unblinded(name: str) -> None:
    """B04-route-blinding-m-01, B04-route-blinding-m-03, B04-route-blinding-m-04, B04-route-blinding-m-06 (carol),
    B04-route-blinding-m-07."""
    case = next(hop for hop in BLINDING["unblind"]["hops"] if hop["node"] == name)
    sealed = octets(blinding_hop(name)["encrypted_data"])
    hop = unblind(sealed, octets(case["path_key"]), PrivateKey(octets(case["node_privkey"])))
    assert hop.data.encode().hex() == case["decrypted_data"]
    assert hop.next_path_key.hex() == case.get("next_path_key_override", case["next_path_key"])


@pytest.mark.parametrize("name", NODES)
def test_secret_behind_the_blinded_id(name: str) -> None:
    """B04-route-blinding-m-02."""
    case = next(hop for hop in BLINDING["unblind"]["hops"] if hop["node"] == name)
    key = blinded_private_key(PrivateKey(octets(case["node_privkey"])), octets(case["path_key"]))
    assert key.secret.hex() == case["blinded_privkey"]
    assert key.public_key.encoded.hex() == blinding_hop(name)["blinded_node_id"]


def message_hop(name: str) -> dict[str, Any]:
    return next(hop for hop in MESSAGE["build"]["hops"] if hop["node"] == name)


def node_ids() -> list[PublicKey]:
    return [PrivateKey(octets(hop["privkey"])).public_key for hop in MESSAGE["peel"]["hops"]]


def message_secret(name: str) -> HopSecret:
    """Alice is alone in the first part of the path, which the sender made; the rest is Dave's."""
    index = MESSAGE_NODES.index(name)
    start = 0 if index == 0 else 1
    key = PrivateKey(octets(message_hop(MESSAGE_NODES[start])["path_key_secret"]))
    return list(hop_secrets(key, node_ids()[start:]))[index - start]


@pytest.mark.parametrize("name", MESSAGE_NODES)
def test_message_data_is_encoded(name: str) -> None:
    hop = message_hop(name)
    assert encrypted_data(hop["tlvs"]).encode().hex() == hop["encoded_tlvs"]
    assert EncryptedDataTlv.decode(octets(hop["encoded_tlvs"])) == encrypted_data(hop["tlvs"])


@pytest.mark.parametrize("name", MESSAGE_NODES)
def test_keys_of_a_message_hop(name: str) -> None:
    secret, hop = message_secret(name), message_hop(name)
    assert secret.ephemeral_key.secret.hex() == hop["path_key_secret"]
    assert secret.ephemeral_key.public_key.encoded.hex() == hop["path_key"]
    assert secret.shared_secret.hex() == hop["shared_secret"]
    assert derive_key(KeyType.BLINDED_NODE_ID, secret.shared_secret).hex() == hop["blinding_factor"]
    assert derive_key(KeyType.RHO, secret.shared_secret).hex() == hop["rho"]


@pytest.mark.parametrize("name", MESSAGE_NODES)
def test_next_path_key_of_a_message_hop(name: str) -> None:
    secret, hop = message_secret(name), message_hop(name)
    tweak = blinding_factor(secret.ephemeral_key.public_key.encoded, secret.shared_secret)
    assert tweak.hex() == hop["path_key_tweak"]
    assert secret.ephemeral_key.multiply(tweak).secret.hex() == hop["next_path_key_secret"]


def test_path_from_the_sender_through_the_recipients_own() -> None:
    """B04-onion-message-c-01, B04-route-blinding-c-15, B04-route-blinding-d-05: Alice's data name Bob's path key."""
    alice, *others = MESSAGE_NODES
    data = [encrypted_data(message_hop(name)["tlvs"]) for name in others]
    hops = [PathHop(*hop) for hop in zip(node_ids()[1:], data, strict=True)]
    given = create_blinded_path(hops, PrivateKey(octets(message_hop("bob")["path_key_secret"])))
    key = PrivateKey(octets(message_hop(alice)["path_key_secret"]))
    assert extend_path(node_ids()[:1], given, node_ids()[1], key) == message_path()


def message_path() -> BlindedPath:
    route = MESSAGE["route"]
    hops = tuple(
        BlindedPathHop(octets(hop["blinded_node_id"]), octets(hop["encrypted_recipient_data"])) for hop in route["hops"]
    )
    return BlindedPath(octets(route["first_node_id"]), octets(route["first_path_key"]), hops)


def final_payload() -> OnionmsgTlv:
    unknown = MESSAGE["message"]["final_payload_tlvs"]["unknown"]
    return OnionmsgTlv(unknown_tlvs=tuple(TlvRecord(tlv["type"], octets(tlv["value"])) for tlv in unknown))


def test_onion_message_is_built() -> None:
    """B04-onion-message-w-01, B04-onion-message-w-02, B04-onion-message-w-03, B04-onion-message-w-06,
    B04-route-blinding-d-04, B04-route-blinding-d-06."""
    session_key = PrivateKey(octets(MESSAGE["build"]["session_key"]))
    message = create_onion_message(message_path(), final_payload(), session_key)
    assert message.packet.encode().hex() == MESSAGE["message"]["onion_packet"]
    assert message.path_key.hex() == MESSAGE["route"]["first_path_key"]


@pytest.mark.parametrize("name", MESSAGE_NODES)
def test_onion_message_is_peeled(name: str) -> None:
    """B04-onion-message-d-03, B04-onion-message-m-05."""
    index = MESSAGE_NODES.index(name)
    case = MESSAGE["peel"]["hops"][index]
    message = decode_message(octets(case["onion_message"]))
    assert isinstance(message, OnionMessage)
    onion = OnionPacket.decode(message.onion_message_packet)
    peeled = peel_onion_message(onion, message.path_key, PrivateKey(octets(case["privkey"])))

    assert peeled.data == encrypted_data(message_hop(name)["tlvs"])
    if peeled.forward is None:
        sealed = octets(case["payload_tlvs"]["encrypted_recipient_data"])
        unknown = final_payload().unknown_tlvs
        assert peeled.payload == OnionmsgTlv(encrypted_recipient_data=sealed, unknown_tlvs=unknown)
    else:
        assert peeled.data.next_node_id is not None
        assert peeled.data.next_node_id.hex() == case["next_node_id"]
        path_key, packet = peeled.forward.path_key, peeled.forward.packet.encode()
        following = OnionMessage(path_key=path_key, onion_message_packet=packet)
        assert encode_message(following).hex() == MESSAGE["peel"]["hops"][index + 1]["onion_message"]
    assert (peeled.forward is None) == (name == MESSAGE_NODES[-1])
