"""Blinded paths: making them by the rules, their bytes, and a hop's way of opening its part (Route Blinding)."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.errors import OnionError
from boltwire.onion.blinded_path import BlindedPath, BlindedPathHop
from boltwire.onion.blinding import (
    TAG_SIZE,
    PathHop,
    UnblindedHop,
    blinded_private_key,
    create_blinded_path,
    seal,
    unblind,
)
from boltwire.onion.construction import OnionHop, construct_onion
from boltwire.onion.encrypted_data import EncryptedDataTlv, PaymentConstraints, PaymentRelay
from boltwire.onion.keys import KeyType, derive_key, hop_secrets, next_key
from boltwire.onion.path_data import create_message_path, create_payment_path, padded
from boltwire.onion.payload import Payload
from boltwire.onion.payment import blinded_payment_hops, open_payment
from boltwire.onion.rejection import InvalidOnionBlinding, InvalidOnionPayload
from boltwire.primitives import ScidDirection
from boltwire.scid import ShortChannelId
from boltwire.secp256k1 import PrivateKey
from boltwire.tlv import TlvRecord

NODES = [PrivateKey(sha256(f"node {index}".encode()).digest()) for index in range(5)]
SESSION = PrivateKey(sha256(b"path session").digest())
ONION_SESSION = PrivateKey(sha256(b"onion session").digest())
HASH = sha256(b"payment").digest()
RELAY = PaymentRelay(40, 100, 1000)
CONSTRAINTS = PaymentConstraints(800_000, 1)
NOT_A_POINT = b"\x02" + bytes(32)


def relaying(index: int) -> EncryptedDataTlv:
    return EncryptedDataTlv(
        short_channel_id=ShortChannelId.of(1, 1, index), payment_relay=RELAY, payment_constraints=CONSTRAINTS
    )


def payment_hops(count: int) -> list[PathHop]:
    data = [relaying(index) for index in range(count - 1)] + [EncryptedDataTlv(path_id=b"\x77" * 32)]
    return [PathHop(key.public_key, tlv) for key, tlv in zip(NODES, data, strict=False)]


def message_hops(count: int) -> list[PathHop]:
    data = [EncryptedDataTlv(next_node_id=key.public_key.encoded) for key in NODES[1:count]]
    data.append(EncryptedDataTlv(path_id=b"mine"))
    return [PathHop(key.public_key, tlv) for key, tlv in zip(NODES, data, strict=False)]


def unblind_all(path: BlindedPath, keys: Sequence[PrivateKey]) -> list[UnblindedHop]:
    path_key = path.first_path_key
    opened: list[UnblindedHop] = []
    for hop, key in zip(path.path, keys, strict=True):
        opened.append(unblind(hop.encrypted_recipient_data, path_key, key))
        path_key = opened[-1].next_path_key
    return opened


@pytest.mark.parametrize("count", range(1, 6))
def test_every_hop_opens_its_own_data(count: int) -> None:
    """B04-payload-c-01, B04-payload-c-12, B04-route-blinding-m-01, B04-route-blinding-m-04,
    B04-route-blinding-m-07: the creator, at the end, has data as well."""
    hops = payment_hops(count)
    path = create_payment_path(hops, SESSION)
    assert len(path.path) == count
    opened = unblind_all(path, NODES[:count])
    assert [replace(hop.data, padding=None) for hop in opened] == [hop.data for hop in hops]


def test_path_shows_no_node_but_the_first() -> None:
    """B04-route-blinding-c-02, B04-route-blinding-c-05, B04-route-blinding-c-10, B04-route-blinding-c-11,
    B04-route-blinding-c-13."""
    path = create_payment_path(payment_hops(4), SESSION)
    encoded = path.encode()
    assert path.first_node_id == NODES[0].public_key.encoded
    assert path.first_path_key == SESSION.public_key.encoded
    for secret, _ in hop_secrets(SESSION, [key.public_key for key in NODES[:4]]):
        assert secret.secret not in encoded
    for index, key in enumerate(NODES[:4]):
        assert path.path[index].blinded_node_id != key.public_key.encoded
        assert index == 0 or key.public_key.encoded not in encoded


def test_hops_and_creator_derive_the_same_keys() -> None:
    """B04-route-blinding-c-04, B04-route-blinding-c-06, B04-route-blinding-c-08, B04-route-blinding-c-09,
    B04-route-blinding-m-01, B04-route-blinding-m-07."""
    path_key = SESSION.public_key
    for node, (ephemeral, secret) in zip(NODES, hop_secrets(SESSION, [key.public_key for key in NODES]), strict=True):
        assert ephemeral.public_key == path_key
        assert node.ecdh(path_key) == secret
        assert next_key(path_key, secret) == path_key.multiply(sha256(path_key.encoded + secret).digest())
        path_key = next_key(path_key, secret)


def test_blinded_id_belongs_to_the_nodes_blinded_secret() -> None:
    """B04-route-blinding-c-12, B04-route-blinding-m-02."""
    path = create_blinded_path(payment_hops(3), SESSION)
    path_key = path.first_path_key
    for hop, node in zip(path.path, NODES, strict=False):
        assert blinded_private_key(node, path_key).public_key.encoded == hop.blinded_node_id
        path_key = unblind(hop.encrypted_recipient_data, path_key, node).next_path_key


def test_data_are_sealed_with_rho_and_zero_nonce() -> None:
    """B04-route-blinding-c-07, B04-route-blinding-c-18, B04-route-blinding-m-03: another secret does not open them."""
    path_key = SESSION.public_key.encoded
    secret = NODES[0].ecdh(SESSION.public_key)
    data = EncryptedDataTlv(path_id=b"x")
    sealed = seal(data.encode(), secret)
    assert len(sealed) == len(data.encode()) + TAG_SIZE
    assert unblind(sealed, path_key, NODES[0]).data == data
    assert derive_key(KeyType.RHO, secret) != secret
    with pytest.raises(InvalidOnionBlinding):
        unblind(seal(data.encode(), sha256(secret).digest()), path_key, NODES[0])


def test_override_replaces_the_next_path_key() -> None:
    """B04-route-blinding-c-15, B04-route-blinding-m-06."""
    other = NODES[4].public_key.encoded
    hops = payment_hops(2)
    hops[0] = replace(hops[0], data=replace(hops[0].data, next_path_key_override=other))
    path = create_payment_path(hops, SESSION)
    opened = unblind(path.path[0].encrypted_recipient_data, path.first_path_key, NODES[0])
    assert opened.next_path_key == opened.data.next_path_key_override == other


def test_fresh_session_key_gives_an_unrelated_path() -> None:
    """B04-route-blinding-c-03: everything in the path depends on the session key."""
    one, other = (create_payment_path(payment_hops(3), key) for key in (SESSION, ONION_SESSION))
    assert one.first_path_key != other.first_path_key
    for first, second in zip(one.path, other.path, strict=True):
        assert first.blinded_node_id != second.blinded_node_id
        assert first.encrypted_recipient_data != second.encrypted_recipient_data


@pytest.mark.parametrize(
    ("index", "change", "rule"),
    [
        (1, {"payment_relay": None}, "payment_relay"),  # B04-payload-c-02
        (0, {"short_channel_id": None}, "one successor"),  # B04-payload-c-03
        (1, {"next_node_id": NODES[2].public_key.encoded}, "one successor"),  # B04-payload-c-03
        (0, {"payment_constraints": None}, "payment_constraints"),  # B04-payload-c-05
        (2, {"allowed_features": b"\x01"}, "allowed_features"),  # B04-payload-c-08
    ],
)
def test_payment_path_that_breaks_a_rule_is_refused(index: int, change: dict[str, bytes | None], rule: str) -> None:
    """B04-payload-c-02, B04-payload-c-03, B04-payload-c-05, B04-payload-c-08."""
    hops = payment_hops(3)
    data = replace(hops[index].data, **change)  # type: ignore[arg-type]
    hops[index] = replace(hops[index], data=data)
    with pytest.raises(ValueError, match=f"hop {index} .*{rule}"):
        create_payment_path(hops, SESSION)


@pytest.mark.parametrize("change", [{"payment_constraints": CONSTRAINTS}, {"allowed_features": b""}, {}])
def test_what_a_payment_paths_last_hop_may_have(change: dict[str, object]) -> None:
    """B04-payload-c-04, B04-payload-c-08: constraints, and features if they are the empty set."""
    hops = payment_hops(2)
    hops[1] = replace(hops[1], data=replace(hops[1].data, **change))  # type: ignore[arg-type]
    path = create_payment_path(hops, SESSION)
    assert replace(unblind_all(path, NODES[:2])[1].data, padding=None) == hops[1].data


@pytest.mark.parametrize("with_node_id", [False, True])
def test_successor_of_a_payment_path_by_channel_or_node(with_node_id: bool) -> None:
    """B04-payload-c-03: the nearest accepted cases."""
    hops = payment_hops(2)
    if with_node_id:
        data = replace(hops[0].data, short_channel_id=None, next_node_id=NODES[1].public_key.encoded)
        hops[0] = replace(hops[0], data=data)
    assert len(create_payment_path(hops, SESSION).path) == 2


@pytest.mark.parametrize(
    ("index", "change", "rule"),
    [
        (1, {"payment_relay": RELAY}, "no payment fields"),  # B04-onion-message-c-02
        (2, {"payment_constraints": CONSTRAINTS}, "no payment fields"),  # B04-onion-message-c-02
        (0, {"next_node_id": None}, "one successor"),  # B04-onion-message-c-03
    ],
)
def test_message_path_that_breaks_a_rule_is_refused(index: int, change: dict[str, object], rule: str) -> None:
    """B04-onion-message-c-02, B04-onion-message-c-03."""
    hops = message_hops(3)
    hops[index] = replace(hops[index], data=replace(hops[index].data, **change))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"hop {index} .*{rule}"):
        create_message_path(hops, SESSION)


def test_path_without_hops_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one hop"):
        create_blinded_path([], SESSION)


@given(st.lists(st.integers(0, 600), min_size=1, max_size=5))
def test_padding_makes_all_data_equally_long(sizes: list[int]) -> None:
    """B04-route-blinding-c-17."""
    hops = [
        PathHop(key.public_key, EncryptedDataTlv(path_id=bytes(size), padding=b"old"))
        for key, size in zip(NODES, sizes, strict=False)
    ]
    after = padded(hops)
    lengths = {len(hop.data.encode()) for hop in after}
    longest = max(len(replace(hop.data, padding=None).encode()) for hop in hops)
    assert len(lengths) == 1
    assert longest <= lengths.pop() <= longest + 2 * len(hops)  # each hop rules out two sizes at most
    assert [replace(hop.data, padding=b"old") for hop in after] == [hop.data for hop in hops]


@pytest.mark.parametrize(("gap", "growth"), [(0, 0), (1, 2), (2, 0), (254, 0), (255, 2), (256, 2), (257, 0)])
def test_gaps_that_no_record_fills(gap: int, growth: int) -> None:
    """A record of padding has 2 to 254 bytes, or 257 and more; else all streams grow a little."""
    small, large = (EncryptedDataTlv(unknown_tlvs=(TlvRecord(99, bytes(size)),)) for size in (300, 300 + gap))
    after = padded([PathHop(NODES[0].public_key, small), PathHop(NODES[1].public_key, large)])
    sizes = [len(hop.data.encode()) for hop in after]
    assert sizes == [len(large.encode()) + growth] * 2


def test_least_common_size_of_several_hops() -> None:
    """Gaps of 0, 1 and 254 bytes: with one byte more, or two, some gap is one that no record fills."""
    streams = [EncryptedDataTlv(unknown_tlvs=(TlvRecord(99, bytes(size)),)) for size in (600, 599, 346)]
    after = padded([PathHop(node.public_key, data) for node, data in zip(NODES, streams, strict=False)])
    assert [len(hop.data.encode()) for hop in after] == [len(streams[0].encode()) + 3] * 3


def changed(data: bytes, index: int) -> bytes:
    return data[:index] + bytes((data[index] ^ 1,)) + data[index + 1 :]


@given(st.integers(0, 1000))
def test_any_damage_to_sealed_data_is_noticed(position: int) -> None:
    """B04-payload-d-06."""
    path = create_payment_path(payment_hops(2), SESSION)
    sealed = path.path[0].encrypted_recipient_data
    with pytest.raises(InvalidOnionBlinding, match="not sealed for this node"):
        unblind(changed(sealed, position % len(sealed)), path.first_path_key, NODES[0])


@pytest.mark.parametrize("size", [0, 15])
def test_sealed_data_shorter_than_a_tag(size: int) -> None:
    """B04-payload-d-06."""
    with pytest.raises(InvalidOnionBlinding):
        unblind(bytes(size), SESSION.public_key.encoded, NODES[0])


def test_another_node_or_path_key_does_not_open_the_data() -> None:
    """B04-payload-d-06, B04-route-blinding-m-01."""
    path = create_payment_path(payment_hops(2), SESSION)
    sealed = path.path[0].encrypted_recipient_data
    with pytest.raises(InvalidOnionBlinding):
        unblind(sealed, path.first_path_key, NODES[1])
    with pytest.raises(InvalidOnionBlinding):
        unblind(sealed, NODES[3].public_key.encoded, NODES[0])


@pytest.mark.parametrize("path_key", [NOT_A_POINT, b"", bytes(33)])
def test_path_key_that_is_no_point(path_key: bytes) -> None:
    sealed = create_payment_path(payment_hops(2), SESSION).path[0].encrypted_recipient_data
    with pytest.raises(InvalidOnionBlinding):
        unblind(sealed, path_key, NODES[0])
    with pytest.raises(InvalidOnionBlinding):
        blinded_private_key(NODES[0], path_key)


@pytest.mark.parametrize("content", ["1000", "0609", "040102"])
def test_sealed_data_that_are_not_understood(content: str) -> None:
    """Unknown even type, cut short, malformed: the error says where, inside the sealed data."""
    secret = NODES[0].ecdh(SESSION.public_key)
    with pytest.raises(InvalidOnionBlinding) as caught:
        unblind(seal(bytes.fromhex(content), secret), SESSION.public_key.encoded, NODES[0])
    assert isinstance(caught.value.__cause__, InvalidOnionPayload)
    assert (caught.value.field or "").startswith("encrypted_recipient_data")


def test_blinded_payment_from_payer_to_recipient() -> None:
    """B04-payload-w-01, B04-payload-w-02, B04-payload-w-03, B04-payload-w-06, B04-payload-d-02, B04-payload-d-04,
    B04-route-blinding-d-02, B04-route-blinding-d-03, B04-route-blinding-d-06: one plain hop, then a path of three."""
    path = create_payment_path(payment_hops(3), SESSION)
    payer_hop = PrivateKey(b"\x21" * 32)
    first = Payload.for_relay(1100, 800_100, ShortChannelId.of(1, 2, 3))
    hops = [OnionHop(payer_hop.public_key, first.encode())]
    hops += blinded_payment_hops(path, NODES[0].public_key, 1000, 800_000, 5000)
    packet = construct_onion(hops, ONION_SESSION, HASH).packet

    opened = open_payment(packet, payer_hop, HASH)
    assert (opened.payload, opened.blinded) == (first, None)
    path_key: bytes | None = None
    for index, node in enumerate(NODES[:3]):
        assert opened.next_packet is not None
        opened = open_payment(opened.next_packet, node, HASH, path_key)
        assert opened.blinded is not None
        assert replace(opened.blinded.data, padding=None) == payment_hops(3)[index].data
        path_key = opened.blinded.next_path_key
    assert opened.next_packet is None
    assert (opened.payload.amt_to_forward, opened.payload.total_amount_msat) == (1000, 5000)


def test_blinded_payment_to_the_introduction_node_itself() -> None:
    """A path of one hop: its payload has the path key and the amounts."""
    path = create_payment_path(payment_hops(1), SESSION)
    hops = blinded_payment_hops(path, NODES[0].public_key, 1000, 800_000, 1000)
    opened = open_payment(construct_onion(hops, ONION_SESSION, HASH).packet, NODES[0], HASH)
    assert opened.payload.types == {2, 4, 10, 12, 18}
    assert opened.blinded is not None
    assert opened.blinded.data.path_id == b"\x77" * 32


def test_blinded_payment_needs_hops() -> None:
    empty = BlindedPath(NODES[0].public_key.encoded, SESSION.public_key.encoded, ())
    with pytest.raises(ValueError, match="leads nowhere"):
        blinded_payment_hops(empty, NODES[0].public_key, 1, 1, 1)


points = st.builds(lambda sign, x: bytes((sign,)) + x, st.sampled_from([2, 3]), st.binary(min_size=32, max_size=32))
node_references = points | st.builds(ScidDirection, st.integers(0, 1), st.integers(0, 2**64 - 1).map(ShortChannelId))
paths = st.builds(
    BlindedPath,
    node_references,
    points,
    st.lists(st.builds(BlindedPathHop, points, st.binary(max_size=40)), max_size=4).map(tuple),
)


@given(paths)
def test_blinded_path_round_trip(path: BlindedPath) -> None:
    assert BlindedPath.decode(path.encode()) == path


@given(paths, st.data())
def test_blinded_path_cut_short_or_too_long_is_rejected(path: BlindedPath, data: st.DataObject) -> None:
    encoded = path.encode()
    with pytest.raises(OnionError):
        BlindedPath.decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))])
    with pytest.raises(OnionError, match="too many"):
        BlindedPath.decode(encoded + b"\x00")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_path_or_rejected(data: bytes) -> None:
    try:
        path = BlindedPath.decode(data)
    except OnionError:
        return
    assert path.encode() == data


def test_path_of_256_hops_has_no_encoding() -> None:
    hop = BlindedPathHop(NODES[0].public_key.encoded, b"")
    path = BlindedPath(NODES[0].public_key.encoded, NODES[0].public_key.encoded, (hop,) * 256)
    with pytest.raises(ValueError, match="at most 255"):
        path.encode()
    assert len(BlindedPath.decode(replace(path, path=path.path[1:]).encode()).path) == 255
