"""What a property of the chain world is, and what several of them speak of.

Each is a predicate on a state, with the sentence that it checks. Those that speak of an end look at states in which
nothing can change any more by itself; in these every transaction of an honest party has been confirmed or overtaken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from boltspec.chain.broadcasting import is_waiting
from boltspec.chain.conditions import Kind, Use
from boltspec.chain.enforcement import Situation
from boltspec.chain.ledger import is_commitment
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.times import next_height
from boltspec.chain.world import ChainWorld, standing_of
from boltspec.units import Blocks

ANCHORS = (Kind.TO_LOCAL_ANCHOR, Kind.TO_REMOTE_ANCHOR)
"""Outputs that are worth nothing to a thief."""
SECOND_STAGE = (Kind.TIMED_OUT_HTLC, Kind.SUCCEEDED_HTLC)
"""What HTLC transactions pay to."""
BY_PREIMAGE = (Use.CLAIM_WITH_PREIMAGE, Use.HTLC_SUCCESS)
"""Spends that show a preimage."""
BY_TIMEOUT = (Use.CLAIM_EXPIRED, Use.HTLC_TIMEOUT)
"""Spends that wait for the expiry."""


@dataclass(frozen=True, slots=True)
class ChainProperty:
    """Holds in every reachable chain world."""

    name: str
    sentence: str
    holds: Callable[[ChainWorld, ChainScenario], bool]


def honest(world: ChainWorld) -> Iterator[int]:
    """Yield the honest parties, less those that have lost data: these depend on their peer's honesty."""
    restored = world.talk.restored if world.talk is not None else world.lost
    return (party for party in (0, 1) if not world.corrupt[party] and not restored[party])


def is_over(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether the channel is closed and time alone changes nothing any more."""
    if world.ledger.closing is None or world.ledger.filled or world.hidden:
        return False
    if is_waiting(world, scenario):
        return False
    return next_height(world, scenario, leap=True) is None


def victim_of(world: ChainWorld) -> int | None:
    """Return the honest party whose peer has published a revoked commitment, if there is one."""
    closing = world.ledger.closing
    if closing is None or not is_commitment(closing) or world.corrupt[1 - closing.txid.seat]:
        return None
    other = 1 - closing.txid.seat
    return other if standing_of(world, other).case is Situation.REVOKED else None


def slack(scenario: ChainScenario) -> Blocks:
    """Return how long an output may be there before an honest party's claim on it is confirmed."""
    undone = (scenario.timing.reorg_depth + Blocks(1)) * scenario.reorganisations
    return scenario.inclusion + undone + Blocks(scenario.evictions)
