"""Failure messages: the table of codes, their data, and lenient reading (BOLT 4, Failure Messages)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.errors import OnionError
from boltwire.onion.failure_codec import decode_failure, encode_failure
from boltwire.onion.failures import (
    FAILURE_FIELDS,
    FailureCode,
    FailureFlag,
    FailureMessage,
    UnknownFailure,
    failure_flags,
)
from boltwire.tlv import TlvRecord

HASH = b"\xab" * 32
UPDATE = b"\x01\x02 a channel_update"
UPDATE_HEX = f"{len(UPDATE):04x}" + UPDATE.hex()

EXAMPLES: dict[FailureCode, tuple[int, dict[str, Any], str]] = {
    FailureCode.TEMPORARY_NODE_FAILURE: (0x2002, {}, ""),
    FailureCode.PERMANENT_NODE_FAILURE: (0x6002, {}, ""),
    FailureCode.REQUIRED_NODE_FEATURE_MISSING: (0x6003, {}, ""),
    FailureCode.INVALID_ONION_VERSION: (0xC004, {"sha256_of_onion": HASH}, HASH.hex()),
    FailureCode.INVALID_ONION_HMAC: (0xC005, {"sha256_of_onion": HASH}, HASH.hex()),
    FailureCode.INVALID_ONION_KEY: (0xC006, {"sha256_of_onion": HASH}, HASH.hex()),
    FailureCode.TEMPORARY_CHANNEL_FAILURE: (0x1007, {"channel_update": UPDATE}, UPDATE_HEX),
    FailureCode.PERMANENT_CHANNEL_FAILURE: (0x4008, {}, ""),
    FailureCode.REQUIRED_CHANNEL_FEATURE_MISSING: (0x4009, {}, ""),
    FailureCode.UNKNOWN_NEXT_PEER: (0x400A, {}, ""),
    FailureCode.AMOUNT_BELOW_MINIMUM: (
        0x100B,
        {"htlc_msat": 1000, "channel_update": UPDATE},
        "00000000000003e8" + UPDATE_HEX,
    ),
    FailureCode.FEE_INSUFFICIENT: (
        0x100C,
        {"htlc_msat": 2**64 - 1, "channel_update": UPDATE},
        "ffffffffffffffff" + UPDATE_HEX,
    ),
    FailureCode.INCORRECT_CLTV_EXPIRY: (
        0x100D,
        {"cltv_expiry": 500_000, "channel_update": UPDATE},
        "0007a120" + UPDATE_HEX,
    ),
    FailureCode.EXPIRY_TOO_SOON: (0x100E, {"channel_update": b""}, "0000"),
    FailureCode.INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS: (
        0x400F,
        {"htlc_msat": 100, "height": 800_000},
        "0000000000000064000c3500",
    ),
    FailureCode.FINAL_INCORRECT_CLTV_EXPIRY: (18, {"cltv_expiry": 500_000}, "0007a120"),
    FailureCode.FINAL_INCORRECT_HTLC_AMOUNT: (19, {"incoming_htlc_amt": 1000}, "00000000000003e8"),
    FailureCode.CHANNEL_DISABLED: (0x1014, {"disabled_flags": 0, "channel_update": UPDATE}, "0000" + UPDATE_HEX),
    FailureCode.EXPIRY_TOO_FAR: (21, {}, ""),
    FailureCode.INVALID_ONION_PAYLOAD: (0x4016, {"type": 546, "offset": 9}, "fd02220009"),
    FailureCode.MPP_TIMEOUT: (23, {}, ""),
    FailureCode.INVALID_ONION_BLINDING: (0xC018, {"sha256_of_onion": HASH}, HASH.hex()),
}


def test_every_code_has_an_example_and_a_row() -> None:
    assert set(EXAMPLES) == set(FailureCode) == set(FAILURE_FIELDS)


@pytest.mark.parametrize("code", FailureCode, ids=lambda code: code.name.lower())
def test_code_and_data(code: FailureCode) -> None:
    """B04-failure-messages-g-04, B04-failure-messages-t-11, B04-failure-messages-t-13, B04-failure-messages-t-15,
    B04-failure-messages-t-17, B04-failure-messages-t-20."""
    number, fields, data = EXAMPLES[code]
    message = FailureMessage(code=code, **fields)
    assert encode_failure(message).hex() == f"{number:04x}" + data
    assert decode_failure(encode_failure(message)) == message


WITH_DATA = [code for code in FailureCode if FAILURE_FIELDS[code]]


@pytest.mark.parametrize("code", WITH_DATA, ids=lambda code: code.name.lower())
def test_missing_data_is_refused_and_rejected(code: FailureCode) -> None:
    """B04-failure-messages-g-04: neither written nor read without its data."""
    with pytest.raises(ValueError, match="carries the fields"):
        FailureMessage(code=code)
    encoded = encode_failure(FailureMessage(code=code, **EXAMPLES[code][1]))
    for size in range(2, len(encoded)):
        with pytest.raises(OnionError) as caught:
            decode_failure(encoded[:size])
        assert caught.value.field in FAILURE_FIELDS[code]


def test_data_of_another_code_is_refused() -> None:
    with pytest.raises(ValueError, match="temporary_node_failure carries"):
        FailureMessage(code=FailureCode.TEMPORARY_NODE_FAILURE, height=1)


@pytest.mark.parametrize("data", [b"", b"\x20"])
def test_message_without_a_whole_code_is_rejected(data: bytes) -> None:
    with pytest.raises(OnionError, match="2 bytes"):
        decode_failure(data)


def test_records_behind_the_data() -> None:
    message = FailureMessage(code=FailureCode.MPP_TIMEOUT, tlvs=(TlvRecord(34001, b"\x80" * 3), TlvRecord(34002, b"")))
    assert decode_failure(encode_failure(message)) == message


@pytest.mark.parametrize("extra", ["00", "0201", "fd0001", "0500" + "0500", "ff"])
def test_extra_bytes_that_are_no_stream_are_ignored(extra: str) -> None:
    """B04-receiving-failures-o-01."""
    message = FailureMessage(code=FailureCode.UNKNOWN_NEXT_PEER)
    assert decode_failure(encode_failure(message) + bytes.fromhex(extra)) == message


@given(st.sampled_from(FailureCode), st.binary(max_size=80))
def test_extra_bytes_never_make_a_failure_unreadable(code: FailureCode, extra: bytes) -> None:
    """B04-receiving-failures-o-01."""
    message = FailureMessage(code=code, **EXAMPLES[code][1])
    read = decode_failure(encode_failure(message) + extra)
    assert isinstance(read, FailureMessage)
    assert (read.code, *(getattr(read, name) for name in FAILURE_FIELDS[code])) == (
        message.code,
        *(getattr(message, name) for name in FAILURE_FIELDS[code]),
    )


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_rejected(data: bytes) -> None:
    try:
        failure = decode_failure(data)
    except OnionError:
        return
    assert data.startswith(encode_failure(failure))


@pytest.mark.parametrize(
    ("code", "flags"),
    [
        (0x2002, FailureFlag.NODE),
        (0x6002, FailureFlag.NODE | FailureFlag.PERM),
        (0xC005, FailureFlag.BADONION | FailureFlag.PERM),
        (0x1007, FailureFlag.UPDATE),
        (0x0017, FailureFlag(0)),
        (0x4F11, FailureFlag.PERM),
    ],
)
def test_flags_of_known_and_unknown_codes(code: int, flags: FailureFlag) -> None:
    assert failure_flags(code) == flags


def test_flags_are_those_of_the_message() -> None:
    assert FailureCode.FEE_INSUFFICIENT.flags == FailureFlag.UPDATE


def test_unknown_code_is_kept_with_its_data() -> None:
    failure = decode_failure(b"\x40\x10rest")
    assert failure == UnknownFailure(0x4010, b"rest")
    assert encode_failure(failure) == b"\x40\x10rest"


@pytest.mark.parametrize("code", [0x2002, -1, 0x10000])
def test_unknown_failure_has_an_undefined_code(code: int) -> None:
    with pytest.raises(ValueError, match="undefined failure code"):
        UnknownFailure(code, b"")


@pytest.mark.parametrize(
    "fields",
    [{"htlc_msat": 2**64, "height": 1}, {"htlc_msat": 1, "height": 2**32}, {"htlc_msat": -1, "height": 1}],
)
def test_values_without_encoding_are_refused(fields: dict[str, Any]) -> None:
    message = FailureMessage(code=FailureCode.INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS, **fields)
    with pytest.raises(ValueError, match=r"htlc_msat|height"):
        encode_failure(message)
