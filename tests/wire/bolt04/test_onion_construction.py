"""Building onions: sizes, limits, secrets (BOLT 4, Packet Construction), and taking them apart again."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.errors import OnionError
from boltwire.onion.construction import ConstructedOnion, OnionHop, construct_onion
from boltwire.onion.packet import LARGE_PAYLOADS_SIZE, OVERHEAD, OnionPacket
from boltwire.onion.peeling import PeeledOnion, peel_onion
from boltwire.secp256k1 import GROUP_ORDER, PrivateKey

PAYMENT_HASH = sha256(b"payment hash").digest()


@dataclass
class Route:
    """Some nodes in a row, and an origin with a session key."""

    keys: list[PrivateKey]
    session_key: PrivateKey
    associated_data: bytes = PAYMENT_HASH

    def onion(self, payloads: Sequence[bytes] | None = None, payloads_size: int = 1300) -> ConstructedOnion:
        """By default every hop has a payload of another length."""
        chosen = [bytes((index,)) * (2 + index) for index in range(len(self.keys))] if payloads is None else payloads
        hops = [OnionHop(key.public_key, payload) for key, payload in zip(self.keys, chosen, strict=True)]
        return construct_onion(hops, self.session_key, self.associated_data, payloads_size)


def private_key(name: str) -> PrivateKey:
    return PrivateKey(sha256(name.encode()).digest())


def route(size: int) -> Route:
    return Route([private_key(f"node {index}") for index in range(size)], private_key("session"))


def peel_all(packet: OnionPacket, keys: Sequence[PrivateKey], associated_data: bytes) -> list[PeeledOnion]:
    layers: list[PeeledOnion] = []
    following: OnionPacket | None = packet
    for key in keys:
        assert following is not None
        layers.append(peel_onion(following, key, associated_data))
        following = layers[-1].next_packet
    assert following is None
    return layers


secrets = st.integers(1, GROUP_ORDER - 1).map(lambda value: PrivateKey(value.to_bytes(32, "big")))
payloads = st.lists(st.binary(min_size=2, max_size=120), min_size=1, max_size=8)


@given(st.data(), payloads, secrets, st.binary(max_size=40))
def test_every_hop_reads_its_payload_and_the_last_one_knows_that_it_is(
    data: st.DataObject, payloads: list[bytes], session_key: PrivateKey, associated_data: bytes
) -> None:
    keys = [data.draw(secrets) for _ in payloads]
    hops = [OnionHop(key.public_key, payload) for key, payload in zip(keys, payloads, strict=True)]
    onion = construct_onion(hops, session_key, associated_data)
    layers = peel_all(onion.packet, keys, associated_data)
    assert [layer.payload for layer in layers] == payloads
    assert tuple(layer.shared_secret for layer in layers) == onion.shared_secrets


@pytest.mark.parametrize(("hops", "payload_size"), [(1, 1265), (20, 32), (27, 15), (37, 2)])
def test_onion_is_filled_to_the_last_byte(hops: int, payload_size: int) -> None:
    """The payloads and their overheads take up to 1300 bytes: 37 hops when payloads are as small as they can be."""
    chosen = route(hops)
    onion = chosen.onion([b"\x07" * payload_size] * hops)
    layers = peel_all(onion.packet, chosen.keys, chosen.associated_data)
    assert [layer.payload for layer in layers] == [b"\x07" * payload_size] * hops


@pytest.mark.parametrize(("hops", "payload_size"), [(1, 1266), (20, 33), (38, 2)])
def test_payloads_that_do_not_fit_are_refused(hops: int, payload_size: int) -> None:
    with pytest.raises(ValueError, match="the onion has 1300"):
        route(hops).onion([b"\x07" * payload_size] * hops)


@pytest.mark.parametrize("payload", [b"", b"\x00"])
def test_reserved_payload_sizes_are_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="the least is 2"):
        route(2).onion([b"\x00\x00", payload])


def test_onion_without_hops_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one hop"):
        route(0).onion([])


def test_one_node_may_be_several_hops() -> None:
    """Equal hops are no reason to confuse them: the filler belongs to the last one only."""
    chosen = route(1)
    hop = OnionHop(chosen.keys[0].public_key, b"\x01\x02")
    onion = construct_onion([hop, hop, hop], PrivateKey(b"\x05" * 32), chosen.associated_data)
    assert len(peel_all(onion.packet, chosen.keys * 3, chosen.associated_data)) == 3


@pytest.mark.parametrize("payloads_size", [1300, LARGE_PAYLOADS_SIZE, 500])
def test_size_stays_the_same_at_every_hop(payloads_size: int) -> None:
    """B04-onion-decryption-m-01, B04-onion-decryption-m-03."""
    chosen = route(4)
    onion = chosen.onion(payloads_size=payloads_size)
    layers = peel_all(onion.packet, chosen.keys, chosen.associated_data)
    packets = [onion.packet, *(layer.next_packet for layer in layers[:-1])]
    assert {len(packet.encode()) for packet in packets if packet is not None} == {OVERHEAD + payloads_size}
    assert {packet.version for packet in packets if packet is not None} == {0}


def test_packets_of_neighbouring_hops_have_nothing_in_common() -> None:
    """Unlinkable: other ephemeral keys and HMACs, and payload areas that agree in chance bytes only."""
    chosen = route(5)
    onion = chosen.onion()
    layers = peel_all(onion.packet, chosen.keys, chosen.associated_data)
    packets = [onion.packet, *(layer.next_packet for layer in layers if layer.next_packet is not None)]
    assert len({packet.public_key for packet in packets}) == len({packet.hmac for packet in packets}) == 5
    for one, other in pairwise(packets):
        same = sum(a == b for a, b in zip(one.hop_payloads, other.hop_payloads, strict=True))
        assert same < 30  # 5 in the mean, among 1300


def test_end_of_the_payload_area_does_not_show_the_routes_length() -> None:
    """The area is filled with random-looking bytes before the first payload is put in: no run of zeros is left."""
    chosen = route(1)
    layers = peel_all(chosen.onion([b"\x00\x00"]).packet, chosen.keys, chosen.associated_data)
    assert layers[0].payload == b"\x00\x00"
    assert bytes(4) not in chosen.onion([b"\x00\x00"]).packet.hop_payloads


@given(st.binary(min_size=OVERHEAD + 1, max_size=200))
def test_packet_of_any_content_is_split_and_joined(data: bytes) -> None:
    assert OnionPacket.decode(data).encode() == data


@pytest.mark.parametrize("size", [0, 1, OVERHEAD])
def test_packet_without_payload_area_is_rejected(size: int) -> None:
    with pytest.raises(OnionError, match="67 or more bytes"):
        OnionPacket.decode(bytes(size))


@pytest.mark.parametrize("size", [1365, 1367])
def test_payment_packet_of_another_size_is_rejected(size: int) -> None:
    with pytest.raises(OnionError, match="has 1366 bytes"):
        OnionPacket.decode(bytes(size), 1300)


@pytest.mark.parametrize(
    ("version", "key", "area", "mac"), [(256, 33, 1, 32), (0, 32, 1, 32), (0, 33, 0, 32), (0, 33, 1, 31)]
)
def test_packet_of_impossible_sections_is_refused(version: int, key: int, area: int, mac: int) -> None:
    with pytest.raises(ValueError, match="onion"):
        OnionPacket(version, bytes(key), bytes(area), bytes(mac))
