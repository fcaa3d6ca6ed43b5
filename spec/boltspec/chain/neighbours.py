"""What the mocked neighbours do: an outgoing HTLC is offered, paid or given back; an incoming one is fulfilled late.

They are as free as honest or corrupt neighbours could be within the bounds of time (:mod:`boltspec.chain.payments`).
"""

from __future__ import annotations

from dataclasses import replace

from boltspec.chain.honest import look
from boltspec.chain.payments import Downstream, is_to_settle, last_preimage, learned, settled
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.speaking import made_durable
from boltspec.chain.world import ChainWorld, Reached, Status
from boltspec.htlc import REMOTE, Stage
from boltspec.move import Move
from boltspec.rules import duty


def neighbours(world: ChainWorld, scenario: ChainScenario) -> Reached:
    """Yield the moves of outgoing channels."""
    for index, payment in enumerate(scenario.payments):
        progress, recipient = world.payments[index], 1 - payment.offerer
        if world.corrupt[recipient] or payment.outgoing_expiry is None:
            continue
        if progress.downstream is Downstream.OPEN and _may_forward(world, scenario, index):
            yield _neighbour(world, scenario, index, "forward", Downstream.SENT)
        if progress.downstream is Downstream.SENT:
            yield _neighbour(world, scenario, index, "given back", Downstream.FAILED)
            if world.ledger.height <= last_preimage(payment.outgoing_expiry, scenario.timing):
                yield _neighbour(world, scenario, index, "paid on", Downstream.FULFILLED)


def settlements(world: ChainWorld, scenario: ChainScenario) -> Reached:
    """A peer on an incoming channel is there again, and is given the preimage that was waiting for it."""
    for index, (payment, progress) in enumerate(zip(scenario.payments, world.payments, strict=True)):
        if payment.incoming_away and is_to_settle(progress, payment):
            done = settled(progress, payment, world.ledger.height, scenario.timing)
            payments = (*world.payments[:index], done, *world.payments[index + 1 :])
            yield Move(payment.offerer, "settle", str(index)), replace(world, payments=payments)


def _neighbour(
    world: ChainWorld, scenario: ChainScenario, index: int, what: str, state: Downstream
) -> tuple[Move, ChainWorld]:
    payment, progress = scenario.payments[index], world.payments[index]._replace(downstream=state)
    recipient = 1 - payment.offerer
    if state is Downstream.FULFILLED:
        progress = learned(progress, payment, recipient, world.ledger.height, scenario.timing)
    payments = (*world.payments[:index], progress, *world.payments[index + 1 :])
    world = replace(world, payments=payments)
    if state is Downstream.SENT:
        world = made_durable(world, recipient)
    return Move(recipient, what, str(index)), look(world, scenario)


def _may_forward(world: ChainWorld, scenario: ChainScenario, index: int) -> bool:
    """Say whether the recipient may offer the outgoing HTLC.

    B02-forwarding-n-01: not before the incoming one is irrevocably committed. B02-forwarding-n-03: not if less than
    ``cltv_expiry_delta`` is left of it, which the outgoing expiry says.
    """
    payment, recipient = scenario.payments[index], 1 - scenario.payments[index].offerer
    if world.talk is None or world.status[recipient] is not Status.OPEN:
        return False
    assert payment.outgoing_expiry is not None
    if world.ledger.height >= payment.outgoing_expiry and duty("B02-forwarding-n-03"):
        return False
    return world.talk.nodes[recipient].htlcs.any(
        lambda htlc: (
            htlc.offerer is REMOTE
            and htlc.payment_hash == index
            and not htlc.removed
            and (htlc.added is Stage.IRREVOCABLE or not duty("B02-forwarding-n-01"))
        )
    )
