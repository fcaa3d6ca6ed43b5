"""What an honest party does when it looks at the chain: it learns, gives up on its peer, and broadcasts.

Everything here is a function of the party's own books and of what is confirmed. Each of the three is a module:
:mod:`boltspec.chain.learning`, :mod:`boltspec.chain.overdue`, :mod:`boltspec.chain.broadcasting`.
"""

from __future__ import annotations

from dataclasses import replace

from boltspec.chain.broadcasting import broadcast, is_watching
from boltspec.chain.enforcement import AGAIN
from boltspec.chain.learning import after_closing, settled_in_time
from boltspec.chain.overdue import must_fail
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.speaking import made_durable
from boltspec.chain.world import ChainWorld, Status
from boltspec.move import with_entry
from boltspec.rules import duty


def look(world: ChainWorld, scenario: ChainScenario) -> ChainWorld:
    """Return the world after every honest party has looked at the newest block."""
    for party in (0, 1):
        if is_watching(world, party):
            world = _seen(made_durable(world, party), scenario, party)
    if any(payment.incoming_away for payment in scenario.payments):
        world = settled_in_time(world, scenario)
    return broadcast(world, scenario)


def _seen(world: ChainWorld, scenario: ChainScenario, party: int) -> ChainWorld:
    if world.ledger.closing is not None:
        return after_closing(world, scenario, party)
    if world.status[party] is Status.CLOSED:
        return replace(world, status=with_entry(world.status, party, while_unspent(world.status[party], overdue=False)))
    return give_up(world, scenario, party)


def while_unspent(status: Status, *, overdue: bool) -> Status:
    """Return what a party does with the channel while it sees the funding output unspent."""
    if status is Status.CLOSED and duty(AGAIN):
        return Status.FAILED  # a reorganisation has brought the funding output back
    return Status.FAILED if status is Status.OPEN and overdue else status


def give_up(world: ChainWorld, scenario: ChainScenario, party: int) -> ChainWorld:
    """Return the world in which a party has failed the channel if it must."""
    assert world.talk is not None
    if world.status[party] is Status.OPEN and must_fail(world.talk.nodes[party], world, scenario):
        status = while_unspent(Status.OPEN, overdue=True)
        return broadcast(replace(world, status=with_entry(world.status, party, status)), scenario)
    return world
