"""What the rest of the node is told of a channel on chain: facts that may come again, and are the same then."""

from __future__ import annotations

from dataclasses import dataclass

from boltnode.onchain.reading import Spender


@dataclass(frozen=True, slots=True)
class MustFail:
    """A deadline is past, or the funding output is spent: nothing of the channel may be signed any more."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The funding output is spent in the best chain."""

    by: Spender
    txid: bytes
    height: int
    """Of the block."""


@dataclass(frozen=True, slots=True)
class PreimageLearned:
    """The peer has taken an HTLC that we offered: it is paid."""

    htlc_id: int
    preimage: bytes


@dataclass(frozen=True, slots=True)
class HtlcFailed:
    """An HTLC that we offered is ours again, or has no output and never will, and no reorganisation changes that."""

    htlc_id: int


@dataclass(frozen=True, slots=True)
class OutcomeUnknown:
    """What has become of an HTLC that we offered is not to be learned: data was lost, and the channel is resolved."""

    htlc_id: int


@dataclass(frozen=True, slots=True)
class HtlcClaimed:
    """An HTLC that the peer offered: the transaction by which we take it is confirmed."""

    htlc_id: int


@dataclass(frozen=True, slots=True)
class Resolved:
    """Nothing of the channel is left to watch."""


Fact = MustFail | Closed | PreimageLearned | HtlcFailed | OutcomeUnknown | HtlcClaimed | Resolved
