"""Payloads of payments and the data of blinded hops as TLV streams: fields, order, rejection with type and offset."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.onion.encrypted_data import EncryptedDataTlv, PaymentConstraints, PaymentRelay
from boltwire.onion.failures import FailureCode, FailureMessage
from boltwire.onion.onion_message import OnionmsgTlv
from boltwire.onion.packet import OnionPacket
from boltwire.onion.payload import Payload, PaymentData
from boltwire.onion.rejection import InvalidOnionBlinding, InvalidOnionPayload
from boltwire.scid import ShortChannelId
from boltwire.secp256k1 import PrivateKey
from boltwire.tlv import TlvRecord

POINT = PrivateKey(b"\x01" * 32).public_key.encoded
SECRET = b"\x5e" * 32
SCID = ShortChannelId.parse("700000x12x1")
ONION = OnionPacket(0, POINT, bytes(1300), bytes(32))

u16, u32, u64 = (st.integers(0, 2**bits - 1) for bits in (16, 32, 64))
scids = u64.map(ShortChannelId)
points = st.builds(lambda sign, x: bytes((sign,)) + x, st.sampled_from([2, 3]), st.binary(min_size=32, max_size=32))
unknown = st.lists(
    st.builds(TlvRecord, st.integers(1000, 2**63 - 1).map(lambda number: 2 * number + 1), st.binary(max_size=20)),
    max_size=3,
    unique_by=lambda record: record.type,
).map(lambda records: tuple(sorted(records)))

payloads = st.builds(
    Payload,
    amt_to_forward=st.none() | u64,
    outgoing_cltv_value=st.none() | u32,
    short_channel_id=st.none() | scids,
    payment_data=st.none() | st.builds(PaymentData, st.binary(min_size=32, max_size=32), u64),
    encrypted_recipient_data=st.none() | st.binary(max_size=60),
    current_path_key=st.none() | points,
    payment_metadata=st.none() | st.binary(max_size=60),
    total_amount_msat=st.none() | u64,
    unknown_tlvs=unknown,
)
data_tlvs = st.builds(
    EncryptedDataTlv,
    padding=st.none() | st.binary(max_size=300),
    short_channel_id=st.none() | scids,
    next_node_id=st.none() | points,
    path_id=st.none() | st.binary(max_size=60),
    next_path_key_override=st.none() | points,
    payment_relay=st.none() | st.builds(PaymentRelay, u16, u32, u32),
    payment_constraints=st.none() | st.builds(PaymentConstraints, u32, u64),
    allowed_features=st.none() | st.binary(max_size=9),
    unknown_tlvs=unknown,
)


@given(payloads)
def test_payload_round_trip(payload: Payload) -> None:
    assert Payload.decode(payload.encode()) == payload


@given(data_tlvs)
def test_encrypted_data_round_trip(data: EncryptedDataTlv) -> None:
    assert EncryptedDataTlv.decode(data.encode()) == data


@pytest.mark.parametrize("decode", [Payload.decode, EncryptedDataTlv.decode, OnionmsgTlv.decode])
@given(data=st.binary(max_size=120))
def test_any_bytes_are_read_or_rejected(decode: Callable[[bytes], Any], data: bytes) -> None:
    """What is read encodes to the same bytes: there is one encoding only."""
    try:
        value = decode(data)
    except InvalidOnionPayload:
        return
    assert value.encode() == data


def test_relay_payload() -> None:
    """B04-payload-w-07, B04-payload-w-08, B04-payload-w-09."""
    payload = Payload.for_relay(1000, 500_000, SCID)
    assert payload.encode().hex() == "0202" + "03e8" + "0403" + "07a120" + "0608" + SCID.to_bytes(8, "big").hex()
    assert payload.types == {2, 4, 6}


@pytest.mark.parametrize(
    ("payment_data", "metadata", "types"),
    [
        (None, None, {2, 4}),
        (PaymentData(SECRET, 2000), None, {2, 4, 8}),
        (PaymentData(SECRET, 2000), b"", {2, 4, 8, 16}),
        (None, b"meta", {2, 4, 16}),
    ],
)
def test_final_payload(payment_data: PaymentData | None, metadata: bytes | None, types: set[int]) -> None:
    """B04-payload-w-07, B04-payload-w-10, B04-payload-w-11, B04-payload-w-12, B04-payload-w-13, B04-payload-w-14,
    B04-last-node-payload-o-01, B04-last-node-payload-o-02, B04-last-node-payload-o-03, B04-mpp-w-10."""
    payload = Payload.for_final(1500, 500_000, payment_data, metadata)
    assert payload.types == types
    read = Payload.decode(payload.encode())
    assert (read.amt_to_forward, read.outgoing_cltv_value) == (1500, 500_000)
    assert (read.payment_data, read.payment_metadata) == (payment_data, metadata)


def test_metadata_has_no_limit_but_the_onion() -> None:
    """B04-payload-w-15."""
    payload = Payload.for_final(1, 2, PaymentData(SECRET, 1), bytes(1200))
    assert Payload.decode(payload.encode()).payment_metadata == bytes(1200)


@pytest.mark.parametrize(("path_key", "types"), [(None, {10}), (POINT, {10, 12})])
def test_blinded_relay_payload(path_key: bytes | None, types: set[int]) -> None:
    """B04-payload-w-01, B04-payload-w-02, B04-payload-w-06, B04-route-blinding-d-02."""
    payload = Payload.for_blinded_relay(b"sealed", path_key)
    assert payload.types == types
    assert payload.encrypted_recipient_data == b"sealed"
    assert payload.current_path_key == path_key


@pytest.mark.parametrize(("path_key", "types"), [(None, {2, 4, 10, 18}), (POINT, {2, 4, 10, 12, 18})])
def test_blinded_final_payload(path_key: bytes | None, types: set[int]) -> None:
    """B04-payload-w-01, B04-payload-w-03, B04-payload-w-06."""
    payload = Payload.for_blinded_final(b"sealed", 10, 20, 30, path_key)
    assert payload.types == types
    assert (payload.amt_to_forward, payload.outgoing_cltv_value, payload.total_amount_msat) == (10, 20, 30)


BAD_PAYLOADS = {
    "tu64 of nine bytes": ("0209" + "01" * 9, 2, 0),
    "tu64 with a leading zero": ("0202" + "0001", 2, 0),
    "tu32 of five bytes": ("020101" + "0405" + "01" * 5, 4, 3),
    "scid of seven bytes": ("020101" + "0607" + "01" * 7, 6, 3),
    "scid of nine bytes": ("0609" + "01" * 9, 6, 0),
    "payment_data without a whole secret": ("081f" + "01" * 31, 8, 0),
    "payment_data with a leading zero": ("0821" + "01" * 32 + "00", 8, 0),
    "path key of 32 bytes": ("0c20" + "02" * 32, 12, 0),
    "path key of another form": ("0c21" + "04" * 33, 12, 0),
    "unknown even type": ("020101" + "1400", 20, 3),
    "unknown even type of three bytes": ("020101" + "fd022200", 546, 3),
    "types out of order": ("040101" + "020101", 0, 3),
    "type twice": ("020101" + "020102", 0, 3),
    "value cut short": ("020401", 0, 2),
    "type that is not minimal": ("020101" + "fd000400", 0, 3),
}


@pytest.mark.parametrize(("text", "tlv_type", "offset"), BAD_PAYLOADS.values(), ids=BAD_PAYLOADS)
def test_bad_payload_names_record_and_offset(text: str, tlv_type: int, offset: int) -> None:
    """The failure message tells the origin what was not understood, and where."""
    with pytest.raises(InvalidOnionPayload) as caught:
        Payload.decode(bytes.fromhex(text))
    report = FailureMessage(code=FailureCode.INVALID_ONION_PAYLOAD, type=tlv_type, offset=offset)
    assert caught.value.report(ONION) == report


def test_unknown_odd_records_are_kept() -> None:
    payload = Payload.decode(bytes.fromhex("020101" + "fd022302beef"))
    assert payload.unknown_tlvs == (TlvRecord(547, b"\xbe\xef"),)
    assert payload.types == {2, 547}


BAD_DATA = {
    "relay without base fee's room": "0a05" + "01" * 5,
    "relay with five bytes of base fee": "0a0b" + "01" * 11,
    "constraints with a leading zero": "0c05" + "0101010100",
    "node id of 32 bytes": "0420" + "02" * 32,
    "unknown even type": "1000",
}


@pytest.mark.parametrize("text", BAD_DATA.values(), ids=BAD_DATA)
def test_bad_encrypted_data(text: str) -> None:
    with pytest.raises(InvalidOnionPayload):
        EncryptedDataTlv.decode(bytes.fromhex(text))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (Payload(amt_to_forward=2**64), "amt_to_forward"),
        (Payload(amt_to_forward=-1), "amt_to_forward"),
        (Payload(outgoing_cltv_value=2**32), "outgoing_cltv_value"),
        (Payload(current_path_key=b"\x02" * 32), "current_path_key"),
        (Payload(payment_data=PaymentData(b"short", 1)), "payment_data"),
        (Payload(unknown_tlvs=(TlvRecord(2, b""),), amt_to_forward=1), "TLV type 2 after type 2"),
    ],
)
def test_payload_without_encoding_is_refused(payload: Payload, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        payload.encode()


SEALED = Payload.for_blinded_relay(b"sealed")
INTRODUCTION = Payload.for_blinded_relay(b"sealed", POINT)
OTHER_POINT = PrivateKey(b"\x02" * 32).public_key.encoded


def test_path_key_from_the_message() -> None:
    """B04-payload-d-02."""
    assert SEALED.path_key(OTHER_POINT) == OTHER_POINT


def test_path_key_from_the_payload() -> None:
    """B04-payload-d-04."""
    assert INTRODUCTION.path_key(None) == POINT


def test_no_path_key_outside_of_a_blinded_path() -> None:
    assert Payload.for_relay(1, 2, SCID).path_key(None) is None


@pytest.mark.parametrize(
    ("payload", "message_path_key"),
    [
        (INTRODUCTION, OTHER_POINT),  # B04-payload-d-01
        (SEALED, None),  # B04-payload-d-03
        (Payload(current_path_key=POINT), None),  # B04-payload-d-13
        (Payload.for_relay(1, 2, SCID), OTHER_POINT),  # B04-payload-d-13
    ],
)
def test_two_path_keys_or_none_or_one_too_many(payload: Payload, message_path_key: bytes | None) -> None:
    """B04-payload-d-01, B04-payload-d-03, B04-payload-d-13."""
    with pytest.raises(InvalidOnionBlinding):
        payload.path_key(message_path_key)
