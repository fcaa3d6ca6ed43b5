"""Arrays in gossip queries (BOLT 7, Query Messages): an encoding type, then the items.

Type 0 is the plain array and the only one. Type 1 was zlib; it must not be used any more (B07-query-b-01), so that a
reader rejects it as it does any type it does not know: nothing is ever decompressed on behalf of a stranger.
"""

import struct
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from boltwire.bigsize import decode_bigsize, encode_bigsize
from boltwire.errors import MessageError, TlvError
from boltwire.fields import EncodedQueryFlags, EncodedTimestamps
from boltwire.scid import ShortChannelId

PLAIN: Final = 0
"""The encoding type of plain arrays."""

RETIRED_ZLIB: Final = 1
"""The encoding type that must not be used."""

_SCID: Final = struct.Struct(">Q")
_TIMESTAMPS: Final = struct.Struct(">II")


def encode_short_ids(scids: Iterable[ShortChannelId]) -> bytes:
    """``encoded_short_ids``: type byte and ascending scids, whole ones only.

    B07-query-scids-s-04, B07-query-scids-s-05. ValueError unless they ascend strictly.
    """
    ordered = list(scids)
    if any(after <= before for before, after in pairwise(ordered)):
        raise ValueError("short channel ids in a query are in ascending order")
    return bytes((PLAIN,)) + b"".join(map(_SCID.pack, ordered))


def decode_short_ids(data: bytes) -> tuple[ShortChannelId, ...]:
    """The scids in ``encoded_short_ids``; :class:`MessageError` for another encoding or a part of an scid.

    Their order is not enforced: the BOLT gives receivers no rule for it.
    """
    if not data:
        raise MessageError("the encoding type is missing", field="encoded_short_ids")
    _require_plain(data[0], "encoded_short_ids")
    if (len(data) - 1) % _SCID.size:
        raise MessageError(f"{len(data) - 1} bytes are no whole number of scids", field="encoded_short_ids")
    return tuple(ShortChannelId(value) for (value,) in _SCID.iter_unpack(data[1:]))


def _require_plain(encoding_type: int, field: str) -> None:
    if encoding_type == RETIRED_ZLIB:
        raise MessageError("encoding type 1 (zlib) is retired and must not be used", offset=0, field=field)
    if encoding_type != PLAIN:
        raise MessageError(f"unknown encoding type {encoding_type}", offset=0, field=field)


def encode_query_flags(flags: Sequence[int], scid_count: int) -> EncodedQueryFlags:
    """``query_flags``: one bit field per queried scid.

    B07-query-scids-s-09 (encoding type), B07-query-scids-s-10 (BigSize each), B07-query-scids-s-11 (as many as scids;
    ValueError otherwise).
    """
    if len(flags) != scid_count:
        raise ValueError(f"{len(flags)} query flags for {scid_count} short channel ids")
    return EncodedQueryFlags(PLAIN, b"".join(map(encode_bigsize, flags)))


def decode_query_flags(record: EncodedQueryFlags, scid_count: int) -> tuple[int, ...]:
    """The bit fields; :class:`MessageError` unless there is exactly one per scid."""
    _require_plain(record.encoding_type, "query_flags")
    flags: list[int] = []
    offset = 0
    while offset < len(record.encoded_query_flags):
        try:
            flag, offset = decode_bigsize(record.encoded_query_flags, offset)
        except TlvError as error:
            raise MessageError(error.reason, offset=error.offset, field="query_flags") from error
        flags.append(flag)
    if len(flags) != scid_count:
        raise MessageError(f"{len(flags)} flags for {scid_count} short channel ids", field="query_flags")
    return tuple(flags)


def encode_timestamps(pairs: Iterable[tuple[int, int]]) -> EncodedTimestamps:
    """``timestamps_tlv``: per channel the timestamps of the updates by node 1 and node 2, 0 where there is none."""
    return EncodedTimestamps(PLAIN, b"".join(_TIMESTAMPS.pack(*pair) for pair in pairs))


def decode_timestamps(record: EncodedTimestamps, scid_count: int) -> tuple[tuple[int, int], ...]:
    """Pairs of timestamps; :class:`MessageError` unless there is exactly one per scid."""
    _require_plain(record.encoding_type, "timestamps_tlv")
    if len(record.encoded_timestamps) != scid_count * _TIMESTAMPS.size:
        size = len(record.encoded_timestamps)
        raise MessageError(f"{size} bytes of timestamps for {scid_count} short channel ids", field="timestamps_tlv")
    return tuple(_TIMESTAMPS.iter_unpack(record.encoded_timestamps))
