"""Gossip queries (BOLT 7): vectors, arrays, ranges split over several replies.

Five of the BOLT's ten vectors use zlib, which the BOLT has since forbidden. Here the messages that carry such arrays
are read and written unchanged, and the arrays themselves are rejected.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boltwire.chains import chain_hash
from boltwire.codec import decode_message, encode_message
from boltwire.errors import MessageError
from boltwire.gossip_arrays import (
    decode_query_flags,
    decode_short_ids,
    decode_timestamps,
    encode_query_flags,
    encode_short_ids,
    encode_timestamps,
)
from boltwire.messages import (
    ChannelUpdateChecksums,
    EncodedQueryFlags,
    EncodedTimestamps,
    GossipTimestampFilter,
    Message,
    QueryChannelRange,
    QueryShortChannelIds,
    ReplyChannelRange,
)
from boltwire.query_replies import (
    MAX_SCIDS_PER_REPLY,
    check_range_reply,
    gossip_timestamp_filter,
    query_channel_range,
    reply_channel_range,
    reply_short_channel_ids_end,
)
from boltwire.scid import ShortChannelId

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "bolt07_queries.json").read_text())
PLAIN = [case for case in VECTORS["cases"] if not case["uses_zlib"]]
ZLIB = [case for case in VECTORS["cases"] if case["uses_zlib"]]
CHAIN = chain_hash("regtest")


def rebuilt(row: dict[str, Any]) -> Message:
    """The vector's message, made from its decoded fields."""
    chain = bytes.fromhex(row["chain_hash"])
    scids = [ShortChannelId.parse(text) for text in row.get("short_channel_ids", {"scids": []})["scids"]]
    match row["type"]:
        case "query_channel_range":
            return QueryChannelRange(
                chain_hash=chain,
                first_blocknum=row["first_blocknum"],
                number_of_blocks=row["number_of_blocks"],
                query_option=row.get("query_option_flags"),
            )
        case "query_short_channel_ids":
            return QueryShortChannelIds(chain_hash=chain, encoded_short_ids=encode_short_ids(scids))
        case _:
            timestamps, checksums = row.get("timestamps"), row.get("checksums")
            return ReplyChannelRange(
                chain_hash=chain,
                first_blocknum=row["first_blocknum"],
                number_of_blocks=row["number_of_blocks"],
                sync_complete=row["sync_complete"],
                encoded_short_ids=encode_short_ids(scids),
                timestamps_tlv=timestamps and encode_timestamps(map(tuple, timestamps["values"])),
                checksums_tlv=checksums and tuple(ChannelUpdateChecksums(*pair) for pair in checksums),
            )


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case["id"])
def test_plain_vector(case: dict[str, Any]) -> None:
    """B07-query-scids-s-04 B07-query-scids-s-05"""
    data = bytes.fromhex(case["hex"])
    message = decode_message(data)
    assert message == rebuilt(case["message"])
    assert encode_message(message) == data
    if isinstance(message, ReplyChannelRange | QueryShortChannelIds):
        listed = case["message"]["short_channel_ids"]["scids"]
        assert [str(scid) for scid in decode_short_ids(message.encoded_short_ids)] == listed
        if isinstance(message, ReplyChannelRange) and message.timestamps_tlv:
            found = decode_timestamps(message.timestamps_tlv, len(listed))
            assert [list(pair) for pair in found] == case["message"]["timestamps"]["values"]


@pytest.mark.parametrize("case", ZLIB, ids=lambda case: case["id"])
def test_zlib_vector_is_carried_but_not_read(case: dict[str, Any]) -> None:
    """B07-query-b-01"""
    data = bytes.fromhex(case["hex"])
    message = decode_message(data)
    assert encode_message(message) == data
    assert isinstance(message, ReplyChannelRange | QueryShortChannelIds)
    with pytest.raises(MessageError, match="zlib"):
        read_arrays(message)


def read_arrays(message: ReplyChannelRange | QueryShortChannelIds) -> None:
    count = len(decode_short_ids(message.encoded_short_ids))
    if isinstance(message, QueryShortChannelIds) and message.query_flags:
        decode_query_flags(message.query_flags, count)


def test_no_encoder_writes_the_retired_encoding() -> None:
    """B07-query-b-01 B07-query-scids-s-04 B07-query-scids-s-09"""
    assert encode_short_ids([ShortChannelId(1)])[0] == 0
    assert encode_query_flags([1], 1).encoding_type == 0
    assert encode_timestamps([(1, 2)]).encoding_type == 0


scid_sets = st.sets(st.integers(0, 2**64 - 1).map(ShortChannelId), max_size=20).map(sorted)


@given(scid_sets)
def test_scid_arrays_round_trip(scids: list[ShortChannelId]) -> None:
    """B07-query-scids-s-04 B07-query-scids-s-05"""
    data = encode_short_ids(scids)
    assert len(data) == 1 + 8 * len(scids)
    assert list(decode_short_ids(data)) == scids


@pytest.mark.parametrize(
    ("data", "reason"), [(b"", "type is missing"), (b"\2", "unknown encoding type 2"), (b"\0" + bytes(9), "9 bytes")]
)
def test_malformed_scid_arrays(data: bytes, reason: str) -> None:
    """B07-query-scids-s-05"""
    with pytest.raises(MessageError, match=reason):
        decode_short_ids(data)


def test_scids_are_written_in_ascending_order() -> None:
    for scids in ([2, 1], [1, 1]):
        with pytest.raises(ValueError, match="ascending"):
            encode_short_ids(map(ShortChannelId, scids))


@given(st.lists(st.integers(0, 2**64 - 1), max_size=10))
def test_query_flags_round_trip(flags: list[int]) -> None:
    """B07-query-scids-s-09 B07-query-scids-s-10 B07-query-scids-s-11"""
    assert decode_query_flags(encode_query_flags(flags, len(flags)), len(flags)) == tuple(flags)


def test_query_flags_take_a_byte_each_and_one_per_scid() -> None:
    """B07-query-scids-s-10 B07-query-scids-s-11"""
    record = encode_query_flags([1, 2, 4], 3)
    assert record == EncodedQueryFlags(0, bytes([1, 2, 4]))
    with pytest.raises(ValueError, match="3 query flags for 2"):
        encode_query_flags([1, 2, 4], 2)
    with pytest.raises(MessageError, match="3 flags for 4"):
        decode_query_flags(record, 4)
    with pytest.raises(MessageError, match="not minimally encoded"):
        decode_query_flags(EncodedQueryFlags(0, bytes.fromhex("fd0001")), 1)
    with pytest.raises(MessageError, match="unknown encoding type 7"):
        decode_query_flags(EncodedQueryFlags(7, b"\1"), 1)


def test_timestamps_come_in_pairs_per_scid() -> None:
    record = encode_timestamps([(1, 0), (2**32 - 1, 5)])
    assert decode_timestamps(record, 2) == ((1, 0), (2**32 - 1, 5))
    for count, change in ((1, b""), (2, b"\0")):
        with pytest.raises(MessageError, match=f"bytes of timestamps for {count}"):
            decode_timestamps(EncodedTimestamps(0, record.encoded_timestamps + change), count)


heights = st.integers(0, 60)
sorted_scids = st.sets(st.builds(ShortChannelId.of, heights, st.integers(0, 3), st.integers(0, 1)), max_size=40).map(
    sorted
)


@given(sorted_scids, heights, st.integers(1, 70), st.integers(1, 5))
def test_replies_cover_the_query(scids: list[ShortChannelId], first: int, count: int, per_reply: int) -> None:
    """B07-query-range-r-04 B07-query-range-r-05 B07-query-range-r-07 B07-query-range-r-08 B07-query-range-r-09
    B07-query-range-r-10 B07-query-range-r-11 B07-query-range-r-12 B07-query-range-s-03 B07-query-range-s-04
    """
    query = query_channel_range(CHAIN, first, count)
    replies = reply_channel_range(query, scids, per_reply)
    previous = None
    for reply in replies:
        assert check_range_reply(query, previous, reply) is (reply is replies[-1])
        assert reply.sync_complete == (reply is replies[-1])
        covered = range(reply.first_blocknum, reply.first_blocknum + reply.number_of_blocks)
        found = decode_short_ids(reply.encoded_short_ids)
        assert len(found) <= per_reply
        assert all(scid.block_height in covered for scid in found)
        previous = reply
    received = [scid for reply in replies for scid in decode_short_ids(reply.encoded_short_ids)]
    assert received == [scid for scid in scids if first <= scid.block_height < first + count]


def test_largest_reply_fits_into_a_message() -> None:
    """B07-query-range-r-05"""
    scids = [ShortChannelId.of(1, index, 0) for index in range(MAX_SCIDS_PER_REPLY + 1)]
    one, two = reply_channel_range(query_channel_range(CHAIN, 0, 10), scids)
    assert len(encode_message(one)) <= 65535
    assert (one.first_blocknum, one.number_of_blocks, two.first_blocknum, two.number_of_blocks) == (0, 2, 1, 9)


def test_query_at_the_end_of_all_blocks() -> None:
    query = query_channel_range(CHAIN, 2**32 - 1, 2**32 - 1)
    (reply,) = reply_channel_range(query, [])
    assert decode_message(encode_message(reply)) == reply


def test_query_covers_a_block_at_least() -> None:
    """B07-query-range-s-05"""
    with pytest.raises(ValueError, match="at least one block"):
        query_channel_range(CHAIN, 1, 0)


@pytest.mark.parametrize(
    ("previous", "first", "count", "chain", "reason"),
    [
        (None, 10, 5, bytes(32), "another chain"),
        (None, 11, 5, CHAIN, "covers 11 to 15, not 10"),
        (None, 5, 5, CHAIN, "covers 5 to 9, not 10"),
        (12, 11, 5, CHAIN, "starts at 11, before 12"),
    ],
)
def test_replies_that_break_the_rules(previous: int | None, first: int, count: int, chain: bytes, reason: str) -> None:
    """B07-query-range-r-04 B07-query-range-r-07 B07-query-range-r-08 B07-query-range-r-09"""

    def reply(first: int, count: int, chain: bytes = CHAIN) -> ReplyChannelRange:
        return ReplyChannelRange(
            chain_hash=chain, first_blocknum=first, number_of_blocks=count, sync_complete=0, encoded_short_ids=b"\0"
        )

    query = query_channel_range(CHAIN, 10, 10)
    with pytest.raises(MessageError, match=reason):
        check_range_reply(query, None if previous is None else reply(previous, 1), reply(first, count, chain))
    assert check_range_reply(query, None, replace(reply(10, 10), sync_complete=1))
    assert not check_range_reply(query, None, reply(10, 10))
    assert not check_range_reply(query, None, replace(reply(10, 9), sync_complete=1))


@pytest.mark.parametrize("up_to_date", [True, False])
def test_end_of_scid_replies(up_to_date: bool) -> None:
    """B07-query-scids-r-21 B07-query-scids-r-22 B07-query-scids-s-03"""
    query = QueryShortChannelIds(chain_hash=CHAIN, encoded_short_ids=b"\0")
    end = reply_short_channel_ids_end(query, up_to_date=up_to_date)
    assert (end.chain_hash, end.full_information) == (CHAIN, int(up_to_date))


def test_filter_asks_nothing_of_a_peer_without_gossip() -> None:
    """B07-timestamp-filter-s-01 B07-timestamp-filter-s-02"""
    wanted = gossip_timestamp_filter(CHAIN, 5, 10, peer_offers_gossip_queries=True)
    assert wanted == GossipTimestampFilter(chain_hash=CHAIN, first_timestamp=5, timestamp_range=10)
    nothing = gossip_timestamp_filter(CHAIN, 5, 10, peer_offers_gossip_queries=False)
    assert (nothing.chain_hash, nothing.first_timestamp, nothing.timestamp_range) == (CHAIN, 0xFFFFFFFF, 0)
