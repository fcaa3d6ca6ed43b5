"""Several commitment_signed as one (BOLT 2, Batching channel messages), for channels with pending splices."""

from collections.abc import Sequence
from enum import Enum
from typing import Final

from boltwire.messages import CommitmentSigned, Message, StartBatch

MIN_BATCH_SIZE: Final = 2
"""A smaller batch is none."""
MAX_BATCH_SIZE: Final = 20
"""A larger batch would let a peer queue too much."""


def batch(commitments: Sequence[CommitmentSigned]) -> list[Message]:
    """``start_batch`` and the signatures of one commitment number on all active funding transactions.

    B02-batching-s-01, B02-batching-s-02 (2 to 20 of them), B02-batching-s-03 (message type), B02-commitment-signed-s-10
    (each names its funding transaction); ValueError if the signatures are not of one channel, or not that many.
    """
    if not MIN_BATCH_SIZE <= len(commitments) <= MAX_BATCH_SIZE:
        raise ValueError(f"a batch has {MIN_BATCH_SIZE} to {MAX_BATCH_SIZE} messages, not {len(commitments)}")
    if len({message.channel_id for message in commitments}) != 1:
        raise ValueError("the messages of a batch are about one channel")
    if any(message.funding_txid is None for message in commitments):
        raise ValueError("each message of a batch names its funding transaction")
    type_ = CommitmentSigned.layout.type
    start = StartBatch(channel_id=commitments[0].channel_id, batch_size=len(commitments), message_type=type_)
    return [start, *commitments]


class BatchReaction(Enum):
    """What to do about a received ``start_batch``."""

    GROUP = "process the next batch_size messages together"
    IGNORE = "process the following messages one by one"
    IGNORE_AND_WARN = "process the following messages one by one, and warn"
    FAIL = "warn and close the connection, or fail the channel"


def reaction_to(message: StartBatch) -> BatchReaction:
    """The reaction that BOLT 2 prescribes.

    B02-batching-r-01 and B02-batching-r-02 (size below two), B02-batching-r-03 (above twenty), B02-batching-r-06 (type
    missing or not commitment_signed). AMBIGUOUS: batch-size-or-type: several may apply; decided: the size is
    judged first, as in the BOLT.
    """
    if message.batch_size < MIN_BATCH_SIZE:
        return BatchReaction.IGNORE_AND_WARN
    if message.batch_size > MAX_BATCH_SIZE:
        return BatchReaction.FAIL
    if message.message_type != CommitmentSigned.layout.type:
        return BatchReaction.IGNORE
    return BatchReaction.GROUP
