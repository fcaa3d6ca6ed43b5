"""What the two parties know of each payment, and what their neighbours have been told.

The neighbours are mocks, as free as honest or corrupt neighbours could be together within the bounds of time: the
outgoing channel may show the preimage until the last moment at which it could still do so on chain; the incoming one
takes a preimage only while it could be enforced there. Where the peer on the incoming channel is away, the preimage
waits for it, until the offerer goes on chain there itself.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from boltspec.chain.deadlines import Timing
from boltspec.chain.scenario import Payment
from boltspec.move import with_entry
from boltspec.units import Blocks, Height


class Upstream(IntEnum):
    """The incoming HTLC of an offerer that forwards."""

    NONE = 0
    """There is none: the offerer is the origin of the payment."""
    PENDING = 1
    FULFILLED = 2
    """The offerer has passed the preimage on in time."""
    FAILED = 3
    """The offerer has given it back."""
    LOST = 4
    """The preimage was learned when it could no longer be enforced."""


class Downstream(IntEnum):
    """The outgoing HTLC of a recipient that forwards."""

    NONE = 0
    """There is none: the recipient is the payee."""
    OPEN = 1
    """Not offered yet."""
    SENT = 2
    """Offered, and not resolved."""
    FULFILLED = 3
    """The recipient has paid and knows the preimage."""
    FAILED = 4
    """The recipient has it back, or never offers it."""


class Progress(NamedTuple):
    """How far a payment has come outside the channel's own books."""

    known: tuple[bool, bool]
    """Who knows the preimage."""
    disclosed: bool
    """An honest recipient has shown the preimage to its peer, or to the chain."""
    upstream: Upstream
    downstream: Downstream


def started(payment: Payment, corrupt: tuple[bool, bool]) -> Progress:
    """Return the progress of a payment in the initial world. A corrupt recipient knows every preimage."""
    recipient = 1 - payment.offerer
    forwards = payment.outgoing_expiry is not None
    known = corrupt[recipient] or not forwards or payment.own_invoice
    has_incoming = payment.incoming_expiry is not None and not corrupt[payment.offerer]
    return Progress(
        known=(known, False) if recipient == 0 else (False, known),
        disclosed=False,
        upstream=Upstream.PENDING if has_incoming else Upstream.NONE,
        downstream=Downstream.OPEN if forwards and not corrupt[recipient] else Downstream.NONE,
    )


def learned(progress: Progress, payment: Payment, seat: int, height: Height, timing: Timing) -> Progress:
    """Return the progress once the party in a seat has seen the preimage at some height.

    An offerer fulfils its incoming HTLC with it (B02-forwarding-n-05), if there is time to enforce that. If its peer
    there is away that has to wait (:func:`settled`).
    """
    progress = known_to(progress, seat)
    waits = payment.incoming_away and has_time(payment, height + Blocks(1), timing)
    return progress if seat != payment.offerer or waits else settled(progress, payment, height, timing)


def settled(progress: Progress, payment: Payment, height: Height, timing: Timing) -> Progress:
    """Return the progress once the offerer has passed on a preimage that it knows, or tried to."""
    if progress.upstream is not Upstream.PENDING:
        return progress
    in_time = has_time(payment, height, timing)
    return progress._replace(upstream=Upstream.FULFILLED if in_time else Upstream.LOST)


def has_time(payment: Payment, height: Height, timing: Timing) -> bool:
    """Say whether the incoming HTLC, if there is one, can still be enforced on chain when the chain has that height."""
    if payment.incoming_expiry is None:
        return False
    return height + timing.reorg_depth * 2 + timing.confirmation <= payment.incoming_expiry


def is_to_settle(progress: Progress, payment: Payment) -> bool:
    """Say whether the offerer knows the preimage and has not passed it on."""
    return progress.upstream is Upstream.PENDING and progress.known[payment.offerer]


def known_to(progress: Progress, seat: int) -> Progress:
    """Return the progress once the party in a seat knows the preimage, and has told nobody."""
    return progress._replace(known=with_entry(progress.known, seat, True))


def failed_upstream(progress: Progress) -> Progress:
    """Return the progress once the offerer has failed its incoming HTLC, if it still could."""
    return progress._replace(upstream=Upstream.FAILED) if progress.upstream is Upstream.PENDING else progress


def last_preimage(outgoing_expiry: Height, timing: Timing) -> Height:
    """Return the greatest height at which the outgoing channel can still show a preimage (BOLT 2, steps 1 to 3)."""
    return outgoing_expiry + timing.grace + timing.confirmation + timing.reorg_depth


def is_for_us(progress: Progress) -> bool:
    """Say whether the recipient is the payee, or has the preimage from its outgoing HTLC."""
    return progress.downstream in (Downstream.NONE, Downstream.FULFILLED)


def is_owed(progress: Progress) -> bool:
    """Say whether the recipient must be paid: it has shown the preimage, or paid for it."""
    return progress.disclosed or progress.downstream is Downstream.FULFILLED
