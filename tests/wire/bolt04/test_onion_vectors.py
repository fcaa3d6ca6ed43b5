"""The onion packets of BOLT 4's vectors: plain (onion-test) and with a blinded end (blinded-payment-onion-test)."""

import json
from pathlib import Path
from typing import Any

import pytest

from boltwire.bigsize import decode_bigsize
from boltwire.onion.blinded_path import BlindedPath, BlindedPathHop
from boltwire.onion.construction import OnionHop, construct_onion
from boltwire.onion.encrypted_data import EncryptedDataTlv, PaymentConstraints, PaymentRelay
from boltwire.onion.packet import PAYMENT_PAYLOADS_SIZE, OnionPacket
from boltwire.onion.payload import Payload
from boltwire.onion.payment import OpenedPayment, blinded_payment_hops, open_payment
from boltwire.onion.peeling import PeeledOnion, peel_onion
from boltwire.scid import ShortChannelId
from boltwire.secp256k1 import PrivateKey, PublicKey

FOLDER = Path(__file__).parents[2] / "vectors"
PLAIN: dict[str, Any] = json.loads((FOLDER / "bolt04_onion.json").read_text())
BLINDED: dict[str, Any] = json.loads((FOLDER / "bolt04_blinded_payment.json").read_text())

HOPS = range(5)


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


def unframed(payload: str) -> bytes:
    """The vectors' payloads have a length prefix."""
    data = octets(payload)
    length, start = decode_bigsize(data)
    assert len(data) == start + length
    return data[start:]


def plain_hops() -> list[OnionHop]:
    return [OnionHop(PublicKey(octets(hop["pubkey"])), unframed(hop["payload"])) for hop in PLAIN["hops"]]


def test_onion_packet_is_built() -> None:
    """B04-onion-message-w-02 shares this construction."""
    onion = construct_onion(plain_hops(), PrivateKey(octets(PLAIN["session_key"])), octets(PLAIN["associated_data"]))
    assert onion.packet.encode().hex() == PLAIN["onion_packet"]


def peel_plain_until(hop: int) -> PeeledOnion:
    packet = OnionPacket.decode(octets(PLAIN["onion_packet"]), PAYMENT_PAYLOADS_SIZE)
    for index in range(hop + 1):
        key = PrivateKey(octets(PLAIN["hops"][index]["privkey"]))
        peeled = peel_onion(packet, key, octets(PLAIN["associated_data"]))
        if peeled.next_packet is not None:
            packet = peeled.next_packet
    return peeled


@pytest.mark.parametrize("hop", HOPS)
def test_onion_packet_is_peeled(hop: int) -> None:
    peeled = peel_plain_until(hop)
    assert peeled.payload == unframed(PLAIN["hops"][hop]["payload"])
    assert (peeled.next_packet is None) == (hop == HOPS[-1])


def blinded_path() -> BlindedPath:
    route = BLINDED["build"]["blinded_route"]
    hops = [BlindedPathHop(octets(hop["blinded_node_id"]), octets(hop["encrypted_data"])) for hop in route["hops"]]
    return BlindedPath(octets(route["first_node_id"]), octets(route["first_path_key"]), tuple(hops))


def blinded_payment() -> list[OnionHop]:
    build = BLINDED["build"]
    alice = build["full_route"][0]
    payload = Payload.for_relay(
        alice["tlvs"]["amt_to_forward"],
        alice["tlvs"]["outgoing_cltv_value"],
        ShortChannelId.parse(alice["tlvs"]["outgoing_channel_id"]),
    )
    path = blinded_path()
    assert isinstance(path.first_node_id, bytes)
    own = [OnionHop(PublicKey(octets(alice["pubkey"])), payload.encode())]
    total = build["full_route"][-1]["tlvs"]["total_amount_msat"]
    introduction = PublicKey(path.first_node_id)
    return own + blinded_payment_hops(path, introduction, build["final_amount_msat"], build["final_cltv"], total)


@pytest.mark.parametrize("hop", HOPS)
def test_blinded_payment_payload_is_built(hop: int) -> None:
    """B04-payload-w-01, B04-payload-w-02, B04-payload-w-03, B04-payload-w-06, B04-payload-w-07, B04-payload-w-08,
    B04-route-blinding-d-02, B04-route-blinding-d-03, B04-route-blinding-d-06."""
    built, expected = blinded_payment()[hop], BLINDED["build"]["full_route"][hop]
    assert built.payload == unframed(expected["payload"])
    assert built.public_key.encoded.hex() == expected["pubkey"]


def test_blinded_payment_onion_packet_is_built() -> None:
    build = BLINDED["build"]
    key = PrivateKey(octets(build["session_key"]))
    onion = construct_onion(blinded_payment(), key, octets(build["associated_data"]))
    assert onion.packet.encode().hex() == build["onion_packet"]


def open_blinded(hop: int, path_key: bytes | None) -> OpenedPayment:
    vector = BLINDED["peel"]["hops"][hop]
    packet = OnionPacket.decode(octets(vector["onion"]), PAYMENT_PAYLOADS_SIZE)
    key = PrivateKey(octets(vector["node_privkey"]))
    return open_payment(packet, key, octets(BLINDED["build"]["associated_data"]), path_key)


def message_path_key(hop: int) -> bytes | None:
    """What came in update_add_htlc: hop 1 is the introduction node, and finds its path key in the payload."""
    return octets(BLINDED["peel"]["hops"][hop - 1]["next_path_key"]) if hop >= 2 else None


@pytest.mark.parametrize("hop", HOPS)
def test_blinded_payment_onion_packet_is_peeled(hop: int) -> None:
    """B04-payload-d-02, B04-payload-d-04, B04-onion-decryption-m-01, B04-onion-decryption-m-02,
    B04-onion-decryption-m-03, B04-onion-decryption-m-04."""
    opened = open_blinded(hop, message_path_key(hop))
    assert opened.payload.encode() == unframed(BLINDED["build"]["full_route"][hop]["payload"])
    if hop == HOPS[-1]:
        assert opened.next_packet is None
    else:
        assert opened.next_packet is not None
        assert opened.next_packet.encode().hex() == BLINDED["peel"]["hops"][hop + 1]["onion"]


@pytest.mark.parametrize("hop", HOPS[1:])
def test_blinded_payment_instructions_are_opened(hop: int) -> None:
    """B04-route-blinding-m-06 (hop 2 has an override), B04-route-blinding-m-07."""
    opened = open_blinded(hop, message_path_key(hop)).blinded
    assert opened is not None
    assert opened.next_path_key.hex() == BLINDED["peel"]["hops"][hop]["next_path_key"]
    expected = BLINDED["build"]["full_route"][hop]["tlvs"]["encrypted_recipient_data"]
    assert opened.data == encrypted_data_of(expected)


def encrypted_data_of(tlvs: dict[str, Any]) -> EncryptedDataTlv:
    relay = tlvs.get("payment_relay")
    scid = tlvs.get("short_channel_id")
    override = tlvs.get("next_path_key_override")
    return EncryptedDataTlv(
        padding=octets(tlvs["padding"]) if "padding" in tlvs else None,
        short_channel_id=None if scid is None else ShortChannelId.parse(scid),
        path_id=octets(tlvs["path_id"]) if "path_id" in tlvs else None,
        next_path_key_override=None if override is None else octets(override),
        payment_relay=None if relay is None else PaymentRelay(**{"fee_base_msat": 0, **relay}),
        payment_constraints=PaymentConstraints(**tlvs["payment_constraints"]),
        allowed_features=bytes(tlvs["allowed_features"]),
    )
