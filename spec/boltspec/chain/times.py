"""When something can change: the heights at which a guard of the chain world changes its truth value.

Every guard compares the height with a sum of constants of the scenario and heights in the state. :func:`relevant` lists
these sums. Between two of them the same moves are possible and honest parties want the same, so a search may leap over
blocks in which nobody does anything.
"""

from __future__ import annotations

from collections.abc import Iterator

from boltspec.chain.conditions import CONDITIONS, Kind, Lock, relative_lock
from boltspec.chain.deadlines import fulfilment_deadline, timeout_deadline
from boltspec.chain.ledger import HTLC_OUTPUTS, Confirmed
from boltspec.chain.payments import Downstream, Upstream, is_to_settle, last_preimage
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.transactions import side
from boltspec.chain.world import ChainWorld
from boltspec.chain.worth import is_small, timed_out_at
from boltspec.units import Blocks, Height

ONE = Blocks(1)


def branch_length(undone: Blocks) -> Blocks:
    """Return how many blocks there must be in place of those that are undone: a branch wins when it is longer."""
    return undone + ONE


def next_height(world: ChainWorld, scenario: ChainScenario, leap: bool) -> Height | None:
    """Return the height at which the next block ends an idle time; ``None`` if nothing can change any more."""
    height = world.ledger.height
    coming = [at for at in relevant(world, scenario) if at > height]
    if not coming:
        return None
    return min(coming) if leap else height + ONE


def relevant(world: ChainWorld, scenario: ChainScenario) -> Iterator[Height]:
    """Yield the heights at which what is possible or wanted may change."""
    closing = world.ledger.closing
    if closing is None:
        yield scenario.horizon
    else:
        yield closing.height + scenario.timing.reorg_depth
    for confirmed in world.ledger.unspent:
        yield from _opening(confirmed, scenario)
        if confirmed.coin.kind in HTLC_OUTPUTS and is_small(confirmed.coin.amount_sat, scenario):
            yield timed_out_at(confirmed) + scenario.timing.reorg_depth
    for claim in world.ledger.claims:
        yield claim.height + scenario.timing.reorg_depth
    yield from _of_payments(world, scenario)


def _opening(confirmed: Confirmed, scenario: ChainScenario) -> Iterator[Height]:
    """Yield the heights on which the first block can be built that may hold a spend."""
    coin = confirmed.coin
    if coin.kind in (Kind.FUNDING, Kind.TO_LOCAL_ANCHOR, Kind.TO_REMOTE_ANCHOR):
        return
    delay = scenario.params.binding(side(coin.seat)).to_self_delay
    for way in CONDITIONS[coin.kind]:
        if way.expiry and coin.htlc is not None:
            yield coin.htlc.cltv_expiry
        if way.lock is not Lock.NONE:
            lock = relative_lock(way.lock, scenario.params.option_anchors, delay)
            yield confirmed.height + (lock - ONE)


def _of_payments(world: ChainWorld, scenario: ChainScenario) -> Iterator[Height]:
    timing = scenario.timing
    on_chain = {entry.coin.htlc.payment_hash for entry in world.ledger.unspent if entry.coin.htlc is not None}
    for index, (payment, progress) in enumerate(zip(scenario.payments, world.payments, strict=True)):
        if world.ledger.closing is None or index in on_chain:
            yield payment.cltv_expiry
            yield timeout_deadline(payment.cltv_expiry, timing)
            yield fulfilment_deadline(payment.cltv_expiry, timing)
            if progress.upstream is Upstream.PENDING and payment.incoming_expiry is not None:
                yield payment.incoming_expiry + (ONE - timing.reorg_depth * 2 - timing.confirmation)
        if payment.incoming_away and payment.incoming_expiry is not None and is_to_settle(progress, payment):
            yield payment.incoming_expiry + (-timing.reorg_depth * 2 - timing.confirmation)
        if progress.downstream in (Downstream.OPEN, Downstream.SENT) and payment.outgoing_expiry is not None:
            yield payment.outgoing_expiry
            yield last_preimage(payment.outgoing_expiry, timing) + ONE
