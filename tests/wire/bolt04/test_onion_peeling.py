"""Peeling onions: what makes a hop reject one, with which failure (BOLT 4, Onion Decryption)."""

import hmac
import pickle
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.bigsize import decode_bigsize, encode_bigsize
from boltwire.onion.failures import FailureCode, FailureMessage
from boltwire.onion.keys import KeyType, derive_key, hop_secrets
from boltwire.onion.packet import OnionPacket
from boltwire.onion.peeling import PeeledOnion, peel_onion
from boltwire.onion.rejection import (
    InvalidOnionBlinding,
    InvalidOnionHmac,
    InvalidOnionKey,
    InvalidOnionPayload,
    InvalidOnionVersion,
    UnreadableOnionError,
)
from boltwire.onion.stream import apply_stream
from boltwire.secp256k1 import PrivateKey, PublicKey

NODE = PrivateKey(sha256(b"reader").digest())
SESSION = PrivateKey(sha256(b"session").digest())
DATA = b"associated data"
SIZE = 1300
NOT_A_POINT = b"\x02" + bytes(32)


def crafted(start: bytes, payloads_size: int = SIZE) -> OnionPacket:
    """An authentic onion for NODE whose payload area begins, when revealed, with ``start``."""
    ((_, secret),) = hop_secrets(SESSION, [NODE.public_key])
    area = apply_stream(derive_key(KeyType.RHO, secret), start.ljust(payloads_size, b"\x55"))
    mac = hmac.digest(derive_key(KeyType.MU, secret), area + DATA, "sha256")
    return OnionPacket(0, SESSION.public_key.encoded, area, mac)


def framed(length: int) -> bytes:
    return encode_bigsize(length)


def rejection_of(packet: OnionPacket, path_key: bytes | None = None) -> UnreadableOnionError:
    with pytest.raises(UnreadableOnionError) as caught:
        peel_onion(packet, NODE, DATA, path_key)
    return caught.value


def test_crafted_onion_is_readable() -> None:
    """The nearest accepted case of all rejections below."""
    peeled = peel_onion(crafted(framed(5) + b"abcde" + bytes(32)), NODE, DATA)
    assert (peeled.payload, peeled.next_packet) == (b"abcde", None)


@pytest.mark.parametrize("version", [1, 2, 255])
def test_version_other_than_zero(version: int) -> None:
    """B04-onion-decryption-d-01."""
    packet = replace(crafted(framed(2)), version=version)
    error = rejection_of(packet)
    assert type(error) is InvalidOnionVersion
    assert error.report(packet) == FailureMessage(
        code=FailureCode.INVALID_ONION_VERSION, sha256_of_onion=sha256(packet.encode()).digest()
    )


@pytest.mark.parametrize("key", [bytes(33), NOT_A_POINT, b"\x04" + bytes(32), b"\xff" * 33])
def test_ephemeral_key_that_is_no_point(key: bytes) -> None:
    """B04-onion-decryption-d-02."""
    packet = replace(crafted(framed(2)), public_key=key)
    error = rejection_of(packet)
    assert type(error) is InvalidOnionKey
    assert error.report(packet).code is FailureCode.INVALID_ONION_KEY
    assert error.report(packet).sha256_of_onion == sha256(packet.encode()).digest()


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@given(st.integers(0, SIZE * 8 - 1))
def test_any_changed_bit_of_the_payload_area(bit: int) -> None:
    """B04-onion-decryption-d-06."""
    packet = crafted(framed(2) + bytes(34))
    packet = replace(packet, hop_payloads=flipped(packet.hop_payloads, bit))
    error = rejection_of(packet)
    assert type(error) is InvalidOnionHmac
    assert error.report(packet).code is FailureCode.INVALID_ONION_HMAC
    assert error.report(packet).sha256_of_onion == sha256(packet.encode()).digest()


@given(st.integers(0, 255))
def test_any_changed_bit_of_the_hmac(bit: int) -> None:
    """B04-onion-decryption-d-06."""
    packet = crafted(framed(2) + bytes(34))
    assert type(rejection_of(replace(packet, hmac=flipped(packet.hmac, bit)))) is InvalidOnionHmac


def test_other_associated_data() -> None:
    """B04-onion-decryption-d-06."""
    with pytest.raises(InvalidOnionHmac):
        peel_onion(crafted(framed(2) + bytes(34)), NODE, DATA + b"!")


def test_onion_for_another_node() -> None:
    """B04-onion-decryption-d-06."""
    with pytest.raises(InvalidOnionHmac):
        peel_onion(crafted(framed(2) + bytes(34)), PrivateKey(b"\x09" * 32), DATA)


def test_hmac_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """B04-onion-decryption-d-05: the verdict is that of the comparison which takes constant time, nothing else's."""
    packet = crafted(framed(2) + bytes(34))
    compared: list[tuple[Any, Any]] = []

    def never_equal(one: Any, other: Any) -> bool:
        compared.append((one, other))
        return False

    monkeypatch.setattr(hmac, "compare_digest", never_equal)
    assert type(rejection_of(packet)) is InvalidOnionHmac
    assert compared == [(packet.hmac, packet.hmac)]


BAD_LENGTHS = {
    # B04-onion-decryption-d-07
    "a length that is not minimal": b"\xfd\x00\xfc",
    "a length that is not minimal in 5 bytes": b"\xfe\x00\x00\xff\xff",
    # B04-onion-decryption-d-08
    "length 0, the former legacy format": b"\x00" + bytes(64),
    "length 1, reserved": b"\x01\x05" + bytes(32),
    # B04-onion-decryption-d-09
    "a payload one byte longer than twice the area": framed(2 * SIZE - 3 + 1),
    "the greatest length": b"\xff" * 9,
    # B04-onion-decryption-d-10
    "a payload up to the end": framed(2 * SIZE - 3),
    "a payload with one byte less behind it than an HMAC": framed(2 * SIZE - 3 - 31),
    # B04-onion-decryption-d-11
    "an HMAC up to the end": framed(2 * SIZE - 3 - 32),
    "an HMAC one byte beyond the area": framed(SIZE - 3 - 31),
}


@pytest.mark.parametrize("start", BAD_LENGTHS.values(), ids=BAD_LENGTHS)
def test_bad_payload_length(start: bytes) -> None:
    """B04-onion-decryption-d-07, B04-onion-decryption-d-08, B04-onion-decryption-d-09, B04-onion-decryption-d-10,
    B04-onion-decryption-d-11."""
    packet = crafted(start)
    error = rejection_of(packet)
    assert type(error) is InvalidOnionPayload
    assert error.field == "length"
    assert error.report(packet) == FailureMessage(code=FailureCode.INVALID_ONION_PAYLOAD, type=0, offset=0)


BAD_LENGTH_REASONS = {
    "not minimally encoded": b"\xfd\x00\xfc",
    "reserved": b"\x01",
    "overruns the onion": framed(2 * SIZE - 2),
    "no room for an HMAC": framed(2 * SIZE - 3),
    "uses up what follows": framed(SIZE - 3 - 31),
}


@pytest.mark.parametrize(("reason", "start"), BAD_LENGTH_REASONS.items(), ids=BAD_LENGTH_REASONS)
def test_each_bad_length_has_its_own_reason(reason: str, start: bytes) -> None:
    """B04-onion-decryption-d-07, B04-onion-decryption-d-08, B04-onion-decryption-d-09, B04-onion-decryption-d-10,
    B04-onion-decryption-d-11."""
    assert reason in rejection_of(crafted(start)).reason


def test_truncated_length() -> None:
    """B04-onion-decryption-d-07: three bytes are announced, two are there."""
    assert "truncated" in rejection_of(crafted(b"\xfd", payloads_size=1)).reason


@pytest.mark.parametrize("length", [2, SIZE - 3 - 32])
def test_shortest_and_longest_payload(length: int) -> None:
    """B04-onion-decryption-d-08, B04-onion-decryption-d-11: the nearest lengths that are accepted."""
    payload = b"\x33" * length
    assert peel_onion(crafted(framed(length) + payload + bytes(32)), NODE, DATA).payload == payload


def test_forwarded_onion() -> None:
    """B04-onion-decryption-m-01, B04-onion-decryption-m-02, B04-onion-decryption-m-03, B04-onion-decryption-m-04."""
    next_hmac = b"\x99" * 32
    packet = crafted(framed(2) + b"ab" + next_hmac)
    peeled = peel_onion(packet, NODE, DATA)
    following = peeled.next_packet
    assert following is not None
    factor = sha256(packet.public_key + peeled.shared_secret).digest()
    assert following.version == 0
    assert following.public_key == PublicKey(packet.public_key).multiply(factor).encoded
    assert following.hop_payloads.startswith(b"\x55" * (SIZE - 35))
    assert len(following.hop_payloads) == SIZE
    assert following.hmac == next_hmac


def test_path_key_makes_the_node_read_as_its_blinded_self() -> None:
    """Tweaking the ephemeral key, as done, equals tweaking the node's secret."""
    path_key = PrivateKey(b"\x11" * 32).public_key
    tweak = derive_key(KeyType.BLINDED_NODE_ID, NODE.ecdh(path_key))
    packet = crafted(framed(2) + b"ab" + bytes(32))
    blinded = NODE.multiply(tweak)
    ((_, secret),) = hop_secrets(SESSION, [blinded.public_key])
    area = apply_stream(derive_key(KeyType.RHO, secret), framed(2) + b"ab" + bytes(SIZE - 3))
    mac = hmac.digest(derive_key(KeyType.MU, secret), area, "sha256")
    packet = OnionPacket(0, SESSION.public_key.encoded, area, mac)
    by_path_key = peel_onion(packet, NODE, b"", path_key.encoded)
    assert by_path_key == peel_onion(packet, blinded, b"") == PeeledOnion(b"ab", secret, None)


def test_path_key_that_is_no_point() -> None:
    packet = crafted(framed(2) + bytes(34))
    error = rejection_of(packet, NOT_A_POINT)
    assert type(error) is InvalidOnionBlinding
    assert error.report(packet).code is FailureCode.INVALID_ONION_BLINDING
    assert error.report(packet).sha256_of_onion == sha256(packet.encode()).digest()


def test_version_is_judged_before_key_and_key_before_hmac() -> None:
    packet = replace(crafted(framed(0)), version=1, public_key=NOT_A_POINT, hmac=bytes(32))
    assert type(rejection_of(packet)) is InvalidOnionVersion
    packet = replace(packet, version=0)
    assert type(rejection_of(packet)) is InvalidOnionKey
    packet = replace(packet, public_key=SESSION.public_key.encoded)
    assert type(rejection_of(packet)) is InvalidOnionHmac


@given(st.binary(min_size=67, max_size=1400), st.none() | st.binary(min_size=33, max_size=33))
def test_any_bytes_are_peeled_or_rejected(data: bytes, path_key: bytes | None) -> None:
    with pytest.raises(UnreadableOnionError):
        peel_onion(OnionPacket.decode(data), NODE, DATA, path_key)


@given(st.binary(max_size=SIZE))
def test_any_authentic_payload_area_is_peeled_or_rejected(start: bytes) -> None:
    """What a malicious origin can do: everything inside the area is its own choice."""
    packet, area = crafted(start), start.ljust(SIZE, b"\x55")
    try:
        peeled = peel_onion(packet, NODE, DATA)
    except InvalidOnionPayload:
        return
    length, offset = decode_bigsize(area)
    assert peeled.payload == area[offset : offset + length]


def test_rejections_survive_pickling_and_context() -> None:
    error = InvalidOnionPayload("bad", offset=3, field="amount", tlv_type=2)
    for copy in (pickle.loads(pickle.dumps(error)), error.within("payload", 4)):
        assert (type(copy), copy.tlv_type, copy.reason) == (InvalidOnionPayload, 2, "bad")
    assert (error.within("payload", 4).offset, error.within("payload", 4).field) == (7, "payload.amount")


def test_only_ecdh_is_asked_of_the_node_key() -> None:
    """A signer that keeps the secret is enough."""

    class Signer:
        def ecdh(self, point: PublicKey) -> bytes:
            return NODE.ecdh(point)

    ask: Callable[..., PeeledOnion] = peel_onion
    assert ask(crafted(framed(2) + b"ab" + bytes(32)), Signer(), DATA).payload == b"ab"
