"""TLV streams: the extensible records of BOLT 1 (Type-Length-Value Format).

A record is a BigSize type, a BigSize length and that many bytes of value; a stream is a concatenation of records with
strictly increasing types. This module knows the structure only: what a value means, and which types are known, is the
business of the namespace that a stream belongs to (see :func:`require_known`).
"""

from collections.abc import Container, Iterable
from typing import NamedTuple

from boltwire.bigsize import decode_bigsize, encode_bigsize
from boltwire.errors import TlvError


class TlvRecord(NamedTuple):
    """One record of a TLV stream."""

    type: int
    """0..2^64-1; types from 2^16 up are free for custom records, odd ones may be ignored by who does not know them."""
    value: bytes
    """The bytes of the record, without type and length."""


def encode_tlv_stream(records: Iterable[TlvRecord]) -> bytes:
    """The bytes of ``records``, which must be in strictly increasing order of type.

    B01-tlv-s-01, B01-tlv-s-02 (order, no duplicates; ValueError otherwise), B01-tlv-s-03 (shortest type and length).
    """
    parts: list[bytes] = []
    previous = -1
    for type_, value in records:
        if type_ <= previous:
            raise ValueError(f"TLV type {type_} after type {previous}: types must strictly increase")
        previous = type_
        parts += (encode_bigsize(type_), encode_bigsize(len(value)), value)
    return b"".join(parts)


def decode_tlv_stream(data: bytes, offset: int = 0, end: int | None = None) -> list[TlvRecord]:
    """The records between ``offset`` and ``end`` (default: the end of ``data``), structure only.

    Raises :class:`TlvError` for an overlong or truncated type or length (B01-tlv-r-02), types that do not strictly
    increase (B01-tlv-r-03) and a value that runs past the end (B01-tlv-r-04). No bytes left means that the stream is
    complete (B01-tlv-r-01). Types are not judged here: see :func:`require_known`.
    """
    if end is not None and end < len(data):
        data = data[:end]
    records: list[TlvRecord] = []
    previous = -1
    size = len(data)
    while offset < size:
        record, offset = _decode_record(data, offset, previous)
        previous = record.type
        records.append(record)
    return records


def _decode_record(data: bytes, start: int, previous: int) -> tuple[TlvRecord, int]:
    """The record at ``start``, which follows one of type ``previous``, and the offset after it."""
    type_, offset = decode_bigsize(data, start)
    if type_ <= previous:
        raise TlvError(f"TLV type {type_} after type {previous}: types must strictly increase", offset=start)
    length, offset = decode_bigsize(data, offset)
    stop = offset + length
    if stop > len(data):
        raise TlvError(f"TLV type {type_} announces {length} bytes, {len(data) - offset} are left", offset=offset)
    return TlvRecord(type_, data[offset:stop]), stop


def require_known(records: Iterable[TlvRecord], known: Container[int]) -> None:
    """Raise :class:`TlvError` at the first even type that is not in ``known`` (B01-tlv-r-08).

    Unknown odd types pass: their reader skips them (B01-tlv-r-09).
    """
    for record in records:
        if record.type % 2 == 0 and record.type not in known:
            raise TlvError(f"unknown even TLV type {record.type}")
