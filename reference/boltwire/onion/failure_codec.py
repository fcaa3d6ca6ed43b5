"""Failure codec: failure messages as the bytes of ``failuremsg`` (BOLT 4, Failure Messages).

All integers are big-endian. The reader is lenient towards what is behind the prescribed data and towards codes that it
does not know, and strict about the rest.
"""

import struct
from collections.abc import Mapping
from typing import Final

from boltwire import wiretypes as wt
from boltwire.errors import OnionError, TlvError
from boltwire.onion.failures import FAILURE_FIELDS, FailureCode, FailureMessage, UnknownFailure
from boltwire.tlv import TlvRecord, decode_tlv_stream, encode_tlv_stream

_WIRE_TYPES: Final[Mapping[str, wt.WireType]] = {
    "sha256_of_onion": wt.bytes_type("sha256", 32),
    "htlc_msat": wt.integer_type("u64"),
    "cltv_expiry": wt.integer_type("u32"),
    "incoming_htlc_amt": wt.integer_type("u64"),
    "height": wt.integer_type("u32"),
    "disabled_flags": wt.integer_type("u16"),
    "type": wt.BigSizeType("bigsize"),
    "offset": wt.integer_type("u16"),
    "channel_update": wt.PrefixedBytes("u16 len, then len*byte"),
}
"""How the data of failure messages lie on the wire."""


def encode_failure(failure: FailureMessage | UnknownFailure) -> bytes:
    """The bytes of ``failuremsg``: code, data in the table's order (B04-failure-messages-g-04), TLV stream.

    ValueError naming a field that has no encoding.
    """
    code = struct.pack(">H", failure.code)
    if isinstance(failure, UnknownFailure):
        return code + failure.data
    fields = (_encode_field(name, getattr(failure, name)) for name in FAILURE_FIELDS[failure.code])
    return code + b"".join(fields) + encode_tlv_stream(failure.tlvs)


def _encode_field(name: str, value: object) -> bytes:
    try:
        return _WIRE_TYPES[name].encode(value)
    except (ValueError, TypeError, struct.error) as error:
        raise ValueError(f"{name}: {error}") from error


def decode_failure(failuremsg: bytes) -> FailureMessage | UnknownFailure:
    """The failure in ``failuremsg``; :class:`OnionError` if it is shorter than its code demands.

    AMBIGUOUS: bytes-after-failure-data: a TLV stream may follow the data, and any extra bytes must be ignored
    (B04-receiving-failures-o-01). What follows is returned as records if it is a TLV stream as a whole, and otherwise
    ignored.
    """
    if len(failuremsg) < 2:
        raise OnionError(
            "a failure message starts with a code of 2 bytes", offset=len(failuremsg), field="failure_code"
        )
    number = int.from_bytes(failuremsg[:2], "big")
    try:
        code = FailureCode(number)
    except ValueError:
        return UnknownFailure(number, failuremsg[2:])
    offset = 2
    fields: dict[str, object] = {}
    for name in FAILURE_FIELDS[code]:
        fields[name], offset = _decode_field(name, failuremsg, offset)
    return FailureMessage(code=code, tlvs=_records(failuremsg, offset), **fields)  # type: ignore[arg-type]  # by table


def _decode_field(name: str, data: bytes, offset: int) -> tuple[object, int]:
    try:
        value, end = _WIRE_TYPES[name].decode(data, offset)
    except TlvError as error:
        raise OnionError(error.reason, offset=error.offset, field=name) from error
    return value, end


def _records(data: bytes, offset: int) -> tuple[TlvRecord, ...]:
    try:
        return tuple(decode_tlv_stream(data, offset))
    except TlvError:
        return ()
