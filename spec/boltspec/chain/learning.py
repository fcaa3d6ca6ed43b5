"""What an honest party learns once the funding output is spent, and what that means for its incoming HTLCs."""

from __future__ import annotations

from dataclasses import replace

from boltspec.chain.conditions import Use
from boltspec.chain.enforcement import STOP, Standing, depth, fails_upstream, fulfils_missing, learns_from
from boltspec.chain.ledger import is_offered_in
from boltspec.chain.payments import Progress, failed_upstream, has_time, is_to_settle, learned, settled
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.world import ChainWorld, Status, standing_of
from boltspec.chain.worth import GIVE_UP, left_alone, timed_out_at
from boltspec.move import with_entry
from boltspec.rules import duty
from boltspec.units import Blocks


def after_closing(world: ChainWorld, scenario: ChainScenario, party: int) -> ChainWorld:
    """Return the world after a party has looked at a chain in which the funding output is spent."""
    if duty(STOP):
        world = replace(world, status=with_entry(world.status, party, Status.CLOSED))
    known = standing_of(world, party)
    payments = tuple(
        _told(world, scenario, party, known, index) if scenario.payments[index].offerer == party else progress
        for index, progress in enumerate(world.payments)
    )
    return world if payments == world.payments else replace(world, payments=payments)


def _told(world: ChainWorld, scenario: ChainScenario, party: int, known: Standing, index: int) -> Progress:
    """Return what the offerer of a payment makes of it, given what is confirmed."""
    progress, height, timing = world.payments[index], world.ledger.height, scenario.timing
    closing = world.ledger.closing
    assert closing is not None
    claims = [claim for claim in world.ledger.claims if (claim.offerer, claim.payment_hash) == (party, index)]
    if any(learns_from(known.case, claim, party) for claim in claims) and not progress.known[party]:
        progress = learned(progress, scenario.payments[index], party, height, timing)
    if index not in known.offered:
        return progress
    if (party, index) not in closing.outputs_for:
        if progress.known[party] and fulfils_missing(known.case):
            payment = scenario.payments[index]
            return progress if payment.incoming_away else settled(progress, payment, height, timing)
        ends = fails_upstream(known.case, depth(height, closing.height), timing.reorg_depth, missing=True)
        return failed_upstream(progress) if ends else progress
    if is_to_settle(progress, scenario.payments[index]):
        return progress
    for claim in claims:
        if claim.use in (Use.HTLC_TIMEOUT, Use.CLAIM_EXPIRED, Use.REVOCATION):
            deep = depth(height, claim.height)
            if fails_upstream(known.case, deep, timing.reorg_depth, missing=False):
                progress = failed_upstream(progress)
    return failed_upstream(progress) if _is_given_up(world, scenario, party, known, index) else progress


def _is_given_up(world: ChainWorld, scenario: ChainScenario, party: int, known: Standing, index: int) -> bool:
    """Say whether the party's HTLC has an output that is left alone, and could have been timed out for good by now."""
    height, reorg_depth = world.ledger.height, scenario.timing.reorg_depth
    return duty(GIVE_UP) and any(
        is_offered_in(entry, party, index)
        and fails_upstream(known.case, depth(height, timed_out_at(entry)), reorg_depth, missing=False)
        for entry in left_alone(world.ledger, known.case, scenario)
    )


def settled_in_time(world: ChainWorld, scenario: ChainScenario) -> ChainWorld:
    """Return the world in which preimages are enforced that can wait no longer for the peer on the incoming channel."""
    height, timing = world.ledger.height, scenario.timing
    return replace(
        world,
        payments=tuple(
            settled(progress, payment, height, timing)
            if is_to_settle(progress, payment) and not has_time(payment, height + Blocks(1), timing)
            else progress
            for payment, progress in zip(scenario.payments, world.payments, strict=True)
        ),
    )
