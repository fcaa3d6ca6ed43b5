"""Claims about time lost to reorganisations: each costs its depth at most, whatever else happens.

A transaction that waits when the branches part waits in the new one as it did in the old, since it was broadcast to
all. One that was broadcast later is unknown there, and is broadcast again when the new branch is the longer one. Either
way it has ``inclusion`` blocks from then. So a reorganisation moves the height of the broadcast by its depth at most;
by induction ``n`` of them move it by ``n`` times the greatest depth, starting from none.

Where a transaction spends an output of another, as a claim on an HTLC does of the commitment, one and the same
reorganisation may undo both: it still costs its depth once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from boltproofs.security.claim import Claim, both
from boltproofs.security.numbers import Numbers, is_timed
from boltspec.chain.times import branch_length
from boltspec.units import Blocks


def cost_their_depth() -> Iterator[Claim]:
    """If a broadcast is late by no more than what was lost so far, it is late by R more after a reorganisation."""
    yield Claim(
        "a reorganisation delays a transaction by its depth at most",
        both(is_timed, _is_reorganisation, _is_late_by_what_was_lost),
        lambda numbers: _again(numbers, numbers.broadcast) <= numbers.failed + numbers.lost + numbers.reorg_depth,
    )
    yield Claim(
        "it delays the claim that follows a commitment by no more, whatever it undoes",
        both(is_timed, _is_reorganisation, _is_late_by_what_was_lost, _follows),
        lambda numbers: (
            _following_again(numbers) <= numbers.failed + numbers.inclusion + numbers.lost + numbers.reorg_depth
        ),
    )


def _is_reorganisation(numbers: Numbers) -> bool:
    return numbers.undone >= 1 and numbers.undone <= numbers.reorg_depth


def _is_late_by_what_was_lost(numbers: Numbers) -> bool:
    """The induction hypothesis: the transaction was wanted at ``failed``."""
    return numbers.failed <= numbers.broadcast and numbers.broadcast <= numbers.failed + numbers.lost


def _follows(numbers: Numbers) -> bool:
    """The first transaction was confirmed in time, and seen; the hypothesis about the one that follows it."""
    confirmed_in_time = numbers.broadcast < numbers.confirmed <= numbers.broadcast + numbers.inclusion
    seen = numbers.confirmed <= numbers.following
    return confirmed_in_time and seen and numbers.following <= numbers.failed + numbers.inclusion + numbers.lost


def _seen(numbers: Numbers) -> int:
    """Return the height at which honest parties see the new branch."""
    return numbers.fork + cast("int", branch_length(Blocks(numbers.undone)))


def _again(numbers: Numbers, broadcast: int) -> int:
    """Return when a transaction was broadcast, as far as the new branch is concerned."""
    return broadcast if numbers.fork >= broadcast else _seen(numbers)


def _following_again(numbers: Numbers) -> int:
    """Return when the one that follows is broadcast in the new branch, at the latest."""
    if numbers.fork >= numbers.confirmed:
        return _again(numbers, numbers.following)
    latest = _again(numbers, numbers.broadcast) + numbers.inclusion
    seen = _seen(numbers)
    return latest if latest >= seen else seen
