"""What an honest party says to its peer, given heights and neighbours, and what it concludes from what is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from boltspec.chain.enforcement import DURABLE, FULFIL_AT_ONCE
from boltspec.chain.overdue import may_still_show
from boltspec.chain.payments import Downstream, Progress, failed_upstream, is_for_us, is_owed, known_to, learned
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.world import ChainWorld
from boltspec.channel import Channel
from boltspec.htlc import LOCAL, Htlc, Removal, Stage
from boltspec.messages import (
    CommitmentSigned,
    Message,
    UpdateAddHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFulfillHtlc,
)
from boltspec.move import with_entry
from boltspec.rules import duty


def made_durable(world: ChainWorld, party: int) -> ChainWorld:
    """Return the world in which a party has written its state down.

    It does so before it lets a deadline pass, and before it shows a preimage or forwards an HTLC: with what it has
    received from its peer it would forget, in a crash, why it could.
    """
    talk = world.talk
    if talk is None or not talk.crashes or not duty(DURABLE):
        return world
    return replace(world, talk=talk._replace(durable=with_entry(talk.durable, party, talk.nodes[party])))


def may_send(world: ChainWorld, scenario: ChainScenario, party: int, message: Message) -> bool:
    """Say whether an honest party sends a message that its sender rules allow, given heights and neighbours."""
    assert world.talk is not None
    height = world.ledger.height
    match message:
        case UpdateAddHtlc():
            return height < message.cltv_expiry
        case CommitmentSigned():
            return not _commits_too_late(world, party)
        case UpdateFulfillHtlc():
            htlc = world.talk.nodes[party].htlcs.find(LOCAL.other, message.id)
            return htlc is not None and _may_fulfil(world, scenario, party, htlc)
        case UpdateFailHtlc() | UpdateFailMalformedHtlc():
            htlc = world.talk.nodes[party].htlcs.find(LOCAL.other, message.id)
            return htlc is not None and _may_give_back(world.payments[htlc.payment_hash])
        case _:
            return True


def _commits_too_late(world: ChainWorld, party: int) -> bool:
    """Say whether a signature would commit to an HTLC of the party's own offer that has expired meanwhile.

    AMBIGUOUS: late-signature: B02-forwarding-n-03 has the incoming HTLC failed by then, so the outgoing one must not
    become payable any more.
    """
    assert world.talk is not None
    height = world.ledger.height
    late = world.talk.nodes[party].htlcs.any(
        lambda htlc: htlc.offerer is LOCAL and htlc.added is Stage.PENDING and htlc.cltv_expiry <= height
    )
    return late and duty("B02-forwarding-n-03")


def _may_fulfil(world: ChainWorld, scenario: ChainScenario, party: int, htlc: Htlc) -> bool:
    progress = world.payments[htlc.payment_hash]
    if not progress.known[party] or not is_for_us(progress):
        return False
    return may_still_show(progress, htlc.cltv_expiry, scenario.timing, world.ledger.height)


def _may_give_back(progress: Progress) -> bool:
    return not is_owed(progress) and (progress.downstream is not Downstream.SENT or not duty("B02-forwarding-n-02"))


class Said(NamedTuple):
    """A message that a party has sent or received."""

    before: Channel
    """The party's state before it."""
    message: Message
    sending: bool


def after_message(world: ChainWorld, scenario: ChainScenario, party: int, said: Said) -> ChainWorld:
    """Return the world with what an honest party concludes from a message that it has sent or received."""
    assert world.talk is not None
    payments, before, sending = list(world.payments), said.before, said.sending
    given_back = tuple(_given_back(before, world.talk.nodes[party]))
    match said.message:
        case UpdateFulfillHtlc():
            world = made_durable(world, party) if sending else world
            htlc = before.htlcs.find(LOCAL.other if sending else LOCAL, said.message.id)
            if htlc is not None:
                payments[htlc.payment_hash] = _shown_preimage(world, scenario, party, htlc, sending)
        case UpdateFailHtlc() | UpdateFailMalformedHtlc() if sending:
            htlc = before.htlcs.find(LOCAL.other, said.message.id)
            if htlc is not None and payments[htlc.payment_hash].downstream is Downstream.OPEN:
                payments[htlc.payment_hash] = payments[htlc.payment_hash]._replace(downstream=Downstream.FAILED)
        case _:
            pass
    for htlc in given_back:
        payments[htlc.payment_hash] = failed_upstream(payments[htlc.payment_hash])
    return replace(world, payments=tuple(payments))


def _shown_preimage(world: ChainWorld, scenario: ChainScenario, party: int, htlc: Htlc, sending: bool) -> Progress:
    progress = world.payments[htlc.payment_hash]
    if sending:
        return progress._replace(disclosed=True)
    if not duty(FULFIL_AT_ONCE):
        return known_to(progress, party)
    return learned(progress, scenario.payments[htlc.payment_hash], party, world.ledger.height, scenario.timing)


def _given_back(before: Channel, after: Channel) -> Iterator[Htlc]:
    """Yield the HTLCs of the node's own offer whose failing has become irrevocable."""
    for htlc in before.htlcs.items:
        given_back = htlc.offerer is LOCAL and htlc.removed and htlc.removal is not Removal.FULFILL
        if given_back and after.htlcs.find(LOCAL, htlc.id) is None:
            yield htlc
