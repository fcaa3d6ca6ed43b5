"""The feerate of a channel and its way through the two commitments (BOLT 2, ``update_fee``).

A change of the feerate is an update like any other: made by the opener, it goes through the five stages of
:class:`boltspec.htlc.Stage`. Unlike an HTLC it is never removed, only replaced by a newer one. So all that matters is
which is the newest that has come *at least* to a stage; an event of the dance that moves updates from one stage to the
next makes the newest of the one also the newest of the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from boltspec.htlc import ADVANCES, Event, Side, Stage
from boltspec.units import FeeratePerKw


class FeeUpdate(NamedTuple):
    """A feerate, and the message that set it."""

    number: int
    """Counts the ``update_fee`` messages of the channel; 0 stands for the feerate that it was opened with."""
    feerate_per_kw: FeeratePerKw


@dataclass(frozen=True, slots=True)
class Feerates:
    """The feerates of a channel, seen from one node."""

    newest: tuple[FeeUpdate, FeeUpdate, FeeUpdate, FeeUpdate, FeeUpdate]
    """For each stage from ``PENDING`` on the newest update that has come at least that far."""

    def at(self, stage: Stage) -> FeeUpdate:
        """Return the newest update that has come at least to this stage."""
        return self.newest[stage - 1]

    def with_newest(self, stage: Stage, update: FeeUpdate) -> Feerates:
        """Return the feerates with another newest update at one stage."""
        first, second, third, fourth, fifth = (
            update if entry is stage else self.at(entry) for entry in Stage if entry is not Stage.ABSENT
        )
        return Feerates((first, second, third, fourth, fifth))


def constant(feerate_per_kw: FeeratePerKw) -> Feerates:
    """Return the feerates of a channel that has just been opened."""
    update = FeeUpdate(0, feerate_per_kw)
    return Feerates((update, update, update, update, update))


def propose(feerates: Feerates, feerate_per_kw: FeeratePerKw) -> Feerates:
    """Return the feerates after an ``update_fee``."""
    number = feerates.at(Stage.PENDING).number + 1
    return feerates.with_newest(Stage.PENDING, FeeUpdate(number, feerate_per_kw))


def advance_fee(feerates: Feerates, event: Event, opener: Side) -> Feerates:
    """Move the opener's fee updates one stage on where the event says so."""
    before, after = ADVANCES[event, opener]
    return feerates.with_newest(after, feerates.at(before))


def fee_is_moved_by(feerates: Feerates, event: Event, opener: Side) -> bool:
    """Say whether the event moves a fee update, be it one to the same feerate."""
    before, after = ADVANCES[event, opener]
    return feerates.at(before).number != feerates.at(after).number


def forget_pending(feerates: Feerates) -> Feerates:
    """Return the feerates without an ``update_fee`` that no commitment includes yet."""
    return feerates.with_newest(Stage.PENDING, feerates.at(Stage.COMMITTED))
