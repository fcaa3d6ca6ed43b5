"""Answers to gossip queries (BOLT 7): splitting a range of blocks over several messages, and judging such answers."""

from collections.abc import Sequence
from typing import Final

from boltwire.errors import MessageError
from boltwire.gossip_arrays import encode_short_ids
from boltwire.messages import (
    GossipTimestampFilter,
    QueryChannelRange,
    QueryShortChannelIds,
    ReplyChannelRange,
    ReplyShortChannelIdsEnd,
)
from boltwire.scid import ShortChannelId

MAX_SCIDS_PER_REPLY: Final = 8000
"""Scids that fit into one reply beside its other fields: 64,001 bytes of 65,535."""


def query_channel_range(chain_hash: bytes, first_blocknum: int, number_of_blocks: int) -> QueryChannelRange:
    """A query for ``number_of_blocks`` blocks from ``first_blocknum`` on.

    B07-query-range-s-04; B07-query-range-s-05: at least one block, ValueError otherwise.
    """
    if number_of_blocks < 1:
        raise ValueError("a query covers at least one block")
    return QueryChannelRange(chain_hash=chain_hash, first_blocknum=first_blocknum, number_of_blocks=number_of_blocks)


def reply_channel_range(
    query: QueryChannelRange, scids: Sequence[ShortChannelId], per_reply: int = MAX_SCIDS_PER_REPLY
) -> list[ReplyChannelRange]:
    """The replies to ``query`` from all known ``scids`` of its chain (ascending), at most ``per_reply`` in each.

    The replies cover exactly the queried blocks: B07-query-range-r-04 (chain), B07-query-range-r-05 (as many blocks as
    the scids allow; a block with more of them than fit is split), B07-query-range-r-07 and B07-query-range-r-08 (the
    first), B07-query-range-r-09 (order), B07-query-range-r-11 (the last).
    AMBIGUOUS: sync-complete: by its indentation every reply sets ``sync_complete``; decided: the final one only
    (B07-query-range-r-10, B07-query-range-r-12).
    """
    end = query.first_blocknum + query.number_of_blocks
    wanted = [scid for scid in scids if query.first_blocknum <= scid.block_height < end]
    chunks = [wanted[at : at + per_reply] for at in range(0, len(wanted), per_reply)] or [[]]
    replies: list[ReplyChannelRange] = []
    first = query.first_blocknum
    for chunk, following in zip(chunks, [*chunks[1:], None], strict=True):
        stop = end if following is None else chunk[-1].block_height + 1
        replies.append(_reply(query.chain_hash, first, stop, chunk, final=following is None))
        first = min(stop, following[0].block_height) if following else stop
    return replies


def _reply(
    chain_hash: bytes, first: int, stop: int, scids: Sequence[ShortChannelId], *, final: bool
) -> ReplyChannelRange:
    return ReplyChannelRange(
        chain_hash=chain_hash,
        first_blocknum=first,
        number_of_blocks=stop - first,
        sync_complete=int(final),
        encoded_short_ids=encode_short_ids(scids),
    )


def check_range_reply(query: QueryChannelRange, previous: ReplyChannelRange | None, reply: ReplyChannelRange) -> bool:
    """Whether ``reply``, which follows ``previous`` (None for the first), is the last answer to ``query``.

    Raises :class:`MessageError` when it breaks a rule for who answers: B07-query-range-r-04, B07-query-range-r-07,
    B07-query-range-r-08, B07-query-range-r-09. The last one reaches the end of the queried blocks and is complete: the
    blocks alone do not tell (the last block may be split), nor does the flag (see :func:`reply_channel_range`).
    """
    stop = reply.first_blocknum + reply.number_of_blocks
    if reply.chain_hash != query.chain_hash:
        raise MessageError("the reply is about another chain", field="reply_channel_range.chain_hash")
    if previous is None and not reply.first_blocknum <= query.first_blocknum < stop:
        raise _out_of_range(f"the first reply covers {reply.first_blocknum} to {stop - 1}, not {query.first_blocknum}")
    if previous is not None and reply.first_blocknum < previous.first_blocknum:
        raise _out_of_range(f"the reply starts at {reply.first_blocknum}, before {previous.first_blocknum}")
    return bool(reply.sync_complete) and stop >= query.first_blocknum + query.number_of_blocks


def _out_of_range(reason: str) -> MessageError:
    return MessageError(reason, field="reply_channel_range.first_blocknum")


def reply_short_channel_ids_end(query: QueryShortChannelIds, *, up_to_date: bool) -> ReplyShortChannelIdsEnd:
    """The end of the answer to ``query``; ``up_to_date`` tells whether we keep up with the query's chain.

    B07-query-scids-r-21, B07-query-scids-r-22.
    """
    return ReplyShortChannelIdsEnd(chain_hash=query.chain_hash, full_information=int(up_to_date))


def gossip_timestamp_filter(
    chain_hash: bytes, first_timestamp: int, timestamp_range: int, *, peer_offers_gossip_queries: bool
) -> GossipTimestampFilter:
    """The gossip we want from a peer; nothing at all from one that has none to share (B07-timestamp-filter-s-02)."""
    if not peer_offers_gossip_queries:
        first_timestamp, timestamp_range = 0xFFFF_FFFF, 0
    return GossipTimestampFilter(
        chain_hash=chain_hash, first_timestamp=first_timestamp, timestamp_range=timestamp_range
    )
