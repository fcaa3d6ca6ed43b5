"""What an honest party does when it looks at the chain: it learns, gives up on its peer, and broadcasts.

Everything here is a function of the party's own books and of what is confirmed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from boltspec.chain.bidding import NEVER_LOWER, Wallets, is_unsettled, placed, still_possible
from boltspec.chain.conditions import Condition, Use, first_block
from boltspec.chain.deadlines import fulfilment_deadline, is_past, timeout_deadline
from boltspec.chain.enforcement import (
    AGAIN,
    DURABLE,
    FULFIL_AT_ONCE,
    FULFILLER_DEADLINE,
    INVALIDATED,
    OFFERER_DEADLINE,
    OUTDATED,
    PREFER_MUTUAL,
    PUBLISH,
    REBROADCAST,
    SECURITY_DELAY,
    SEPARATE,
    STOP,
    TOO_LATE,
    WATCH,
    Situation,
    Standing,
    depth,
    fails_upstream,
    fulfils_missing,
    learns_from,
    may_claim,
    pays_enough,
    publish_commitment,
    resolution,
)
from boltspec.chain.ledger import HTLC_OUTPUTS, Confirmed, is_valid
from boltspec.chain.mempool import Market, Pooled
from boltspec.chain.payments import (
    Downstream,
    Progress,
    failed_upstream,
    has_time,
    is_for_us,
    is_to_settle,
    known_to,
    learned,
    settled,
)
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.transactions import Transaction, commitment_transaction, joined, side, spending
from boltspec.chain.world import ChainWorld, Status, standing_of, ways, with_entry
from boltspec.channel import Channel, Link
from boltspec.commitment import View, is_in
from boltspec.htlc import LOCAL, Htlc, Removal, Stage
from boltspec.messages import (
    CommitmentSigned,
    Message,
    UpdateAddHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFulfillHtlc,
)
from boltspec.rules import duty
from boltspec.units import Blocks, Height
from boltspec.verdict import Accepted

UNREVOKED = (View.LOCAL_LATEST, View.REMOTE_LATEST, View.REMOTE_PREVIOUS)
"""Commitments that somebody can publish without punishment.

AMBIGUOUS: unrevoked-commitment: the peer's previous commitment counts as current until it is revoked."""


def look(world: ChainWorld, scenario: ChainScenario) -> ChainWorld:
    """Return the world after every honest party has looked at the newest block."""
    for party in (0, 1):
        if not world.corrupt[party] and world.status[party] is not Status.FORGOTTEN and duty(WATCH):
            world = _seen(made_durable(world, party), scenario, party)
    if any(payment.incoming_away for payment in scenario.payments):
        world = _settled_in_time(world, scenario)
    return broadcast(world, scenario)


def made_durable(world: ChainWorld, party: int) -> ChainWorld:
    """Return the world in which a party has written its state down.

    It does so before it lets a deadline pass, and before it shows a preimage or forwards an HTLC: with what it has
    received from its peer it would forget, in a crash, why it could.
    """
    talk = world.talk
    if talk is None or not talk.crashes or not duty(DURABLE):
        return world
    durable = (talk.nodes[0], talk.durable[1]) if party == 0 else (talk.durable[0], talk.nodes[1])
    return replace(world, talk=talk._replace(durable=durable))


def _seen(world: ChainWorld, scenario: ChainScenario, party: int) -> ChainWorld:
    if world.ledger.closing is not None:
        return _after_closing(world, scenario, party)
    if world.status[party] is Status.CLOSED:
        return replace(world, status=with_entry(world.status, party, while_unspent(world.status[party], overdue=False)))
    return give_up(world, scenario, party)


def while_unspent(status: Status, *, overdue: bool) -> Status:
    """Return what a party does with the channel while it sees the funding output unspent."""
    if status is Status.CLOSED and duty(AGAIN):
        return Status.FAILED  # a reorganisation has brought the funding output back
    return Status.FAILED if status is Status.OPEN and overdue else status


# --- deadlines ---


def give_up(world: ChainWorld, scenario: ChainScenario, party: int) -> ChainWorld:
    """Return the world in which a party has failed the channel if it must."""
    assert world.talk is not None
    if world.status[party] is Status.OPEN and must_fail(world.talk.nodes[party], world, scenario):
        status = while_unspent(Status.OPEN, overdue=True)
        return broadcast(replace(world, status=with_entry(world.status, party, status)), scenario)
    return world


def must_fail(channel: Channel, world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether the node has to fail the channel now: a deadline of an HTLC is past."""
    return (is_timeout_overdue(channel, world, scenario) and all(map(duty, OFFERER_DEADLINE))) or (
        is_fulfilment_overdue(channel, world, scenario) and all(map(duty, FULFILLER_DEADLINE))
    )


def is_timeout_overdue(channel: Channel, world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether the timeout deadline of an HTLC that the node has offered is past."""
    height, timing = world.ledger.height, scenario.timing
    return channel.htlcs.any(
        lambda htlc: (
            htlc.offerer is LOCAL
            and is_past(timeout_deadline(htlc.cltv_expiry, timing), height)
            and any(is_in(htlc, view) for view in UNREVOKED)
        )
    )


def is_fulfilment_overdue(channel: Channel, world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether the fulfilment deadline of an HTLC is past that the node must be paid for."""
    height, timing = world.ledger.height, scenario.timing
    return channel.htlcs.any(
        lambda htlc: (
            htlc.offerer is not LOCAL
            and is_owed(world.payments[htlc.payment_hash])
            and is_past(fulfilment_deadline(htlc.cltv_expiry, timing), height)
            and any(is_in(htlc, view) for view in UNREVOKED)
        )
    )


def is_owed(progress: Progress) -> bool:
    """Say whether the recipient must be paid: it has shown the preimage, or paid for it."""
    return progress.disclosed or progress.downstream is Downstream.FULFILLED


# --- what it learns ---


def _after_closing(world: ChainWorld, scenario: ChainScenario, party: int) -> ChainWorld:
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
            return progress if scenario.payments[index].incoming_away else _passed_on(progress, scenario, index, height)
        ends = fails_upstream(known.case, depth(height, closing.height), timing.reorg_depth, missing=True)
        return failed_upstream(progress) if ends else progress
    if is_to_settle(progress, scenario.payments[index]):
        return progress
    for claim in claims:
        if claim.use in (Use.HTLC_TIMEOUT, Use.CLAIM_EXPIRED, Use.REVOCATION):
            deep = depth(height, claim.height)
            if fails_upstream(known.case, deep, timing.reorg_depth, missing=False):
                progress = failed_upstream(progress)
    return progress


def _passed_on(progress: Progress, scenario: ChainScenario, index: int, height: Height) -> Progress:
    return settled(progress, scenario.payments[index], height, scenario.timing)


def _settled_in_time(world: ChainWorld, scenario: ChainScenario) -> ChainWorld:
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


# --- what it broadcasts ---


def broadcast(world: ChainWorld, scenario: ChainScenario) -> ChainWorld:
    """Return the world with the transactions in the pool that honest parties want confirmed now."""
    if scenario.market is not None:
        return _bid(world, scenario, scenario.market)
    waited = {pooled.transaction.txid: pooled.waited for pooled in world.pool}
    pool, payments = [], list(world.payments)
    for party in _watching(world):
        for transaction in wanted(world, scenario, party):
            if transaction.txid in world.evicted and not duty(REBROADCAST):
                continue
            enough = pays_enough(transaction.txid.form, scenario.params.option_anchors)
            pool.append(Pooled(transaction, enough, waited.get(transaction.txid, Blocks(0))))
            for index in shown(world, transaction):
                payments[index] = payments[index]._replace(disclosed=True)
    evicted = () if duty(REBROADCAST) else world.evicted
    return replace(world, pool=tuple(sorted(pool)), payments=tuple(payments), evicted=evicted)


def _watching(world: ChainWorld) -> Iterator[int]:
    for party in (0, 1):
        if not world.corrupt[party] and world.status[party] is not Status.FORGOTTEN and duty(WATCH):
            yield party


def _bid(world: ChainWorld, scenario: ChainScenario, market: Market) -> ChainWorld:
    """Return the world after honest parties have broadcast what they want, for what they offer."""
    wishes = [transaction for party in _watching(world) for transaction in wanted(world, scenario, party)]
    payments = list(world.payments)
    for index in {index for transaction in wishes for index in shown(world, transaction)}:
        payments[index] = payments[index]._replace(disclosed=True)
    pool, bids = placed(still_possible(world.pool, world.ledger), world.bids, wallets(world, scenario, market), wishes)
    return replace(world, pool=pool, bids=bids, payments=tuple(payments))


def wallets(world: ChainWorld, scenario: ChainScenario, market: Market) -> Wallets:
    """Return what the parties bid with."""
    remember = world.reorganisations > 0 and duty(NEVER_LOWER)
    return Wallets(market, scenario.params.option_anchors, world.coins, remember)


def shown(world: ChainWorld, transaction: Transaction) -> Iterator[int]:
    """Yield the payments whose preimage a transaction shows."""
    for spent in transaction.inputs:
        if spent.use in (Use.CLAIM_WITH_PREIMAGE, Use.HTLC_SUCCESS):
            for confirmed in world.ledger.unspent:
                if confirmed.outpoint == spent.outpoint and confirmed.coin.htlc is not None:
                    yield confirmed.coin.htlc.payment_hash


def wanted(world: ChainWorld, scenario: ChainScenario, party: int) -> list[Transaction]:
    """Return the transactions that an honest party wants in the next block: all of them are valid there."""
    if world.ledger.closing is None:
        return _exit(world, scenario, party) if world.status[party] is Status.FAILED else []
    known = standing_of(world, party)
    claims = [
        spending(scenario.params, confirmed.outpoint, confirmed.coin, way, party)
        for confirmed in world.ledger.unspent
        if (way := taken(world, scenario, party, known, confirmed)) is not None
    ]
    if scenario.batched and known.case is Situation.REMOTE:
        return _together(claims)
    if scenario.batched and known.case is Situation.REVOKED and len(claims) > 1:
        if _was_invalidated(world) and not duty(INVALIDATED):
            return []
        return claims if _is_delay_ending(world, scenario) and duty(SEPARATE) else [joined(tuple(claims))]
    return claims


def _together(claims: list[Transaction]) -> list[Transaction]:
    """Return one transaction for all HTLCs that are taken back, and the others."""
    expired = tuple(claim for claim in claims if claim.inputs[0].use is Use.CLAIM_EXPIRED)
    others = [claim for claim in claims if claim not in expired]
    return [*others, joined(expired)] if expired else others


def _is_delay_ending(world: ChainWorld, scenario: ChainScenario) -> bool:
    closing = world.ledger.closing
    assert closing is not None
    delay = scenario.params.binding(side(closing.txid.seat)).to_self_delay
    return world.ledger.height >= closing.height + (delay - SECURITY_DELAY)


def _was_invalidated(world: ChainWorld) -> bool:
    return any(claim.use in (Use.HTLC_TIMEOUT, Use.HTLC_SUCCESS) for claim in world.ledger.claims)


def _exit(world: ChainWorld, scenario: ChainScenario, party: int) -> list[Transaction]:
    """Return the transaction by which a party leaves the channel, if it may publish one."""
    assert world.talk is not None
    if world.agreed is not None and duty(PREFER_MUTUAL):
        return [world.agreed._replace(signer=party)]
    channel, held = world.talk.nodes[party], world.talk.history[party]
    number = len(held) - 1
    if not may_leave(channel, number, unsure=is_unsure(world, party)):
        return []
    transaction = own_commitment(scenario, party, held[number])
    return [transaction] if transaction is not None and is_valid(world.ledger, transaction) else []


def may_leave(channel: Channel, number: int, *, unsure: bool) -> bool:
    """Say whether a party that has failed the channel publishes its commitment of that number.

    ``unsure``: it has lost data and not heard from its peer since.
    """
    if unsure and duty(OUTDATED):
        return False
    return duty(PUBLISH) and isinstance(publish_commitment(channel, number), Accepted)


def is_unsure(world: ChainWorld, party: int) -> bool:
    """Say whether a party has lost data and not heard from its peer since."""
    talk = world.talk
    return talk is not None and talk.restored[party] and talk.nodes[party].link in (Link.DOWN, Link.SENT)


def own_commitment(scenario: ChainScenario, party: int, held: CommitmentSigned) -> Transaction | None:
    """Return the commitment transaction that a message made valid; ``None`` if it signs nothing."""
    signed = held.signature.signed
    if signed is None:
        return None
    return commitment_transaction(scenario.params, party, signed, held.htlc_signatures.covers(signed))


def taken(
    world: ChainWorld, scenario: ChainScenario, party: int, known: Standing, confirmed: Confirmed
) -> Condition | None:
    """Return the way in which an honest party takes an output in the next block, if it does."""
    possible = tuple(ways(world, party, confirmed))
    if not possible or (confirmed.outpoint in world.reopened and not duty(AGAIN)):
        return None

    def can_use(way: Condition) -> bool:
        if way not in possible or not is_open(scenario, confirmed, way, world.ledger.height):
            return False
        return not way.preimage or _may_show(world, scenario, known, confirmed)

    return resolution(known.case, confirmed.coin.kind, can_use)


def is_open(scenario: ChainScenario, confirmed: Confirmed, way: Condition, height: Height) -> bool:
    """Say whether the chain's locks allow a way in the block that is built on ``height``."""
    transaction = spending(scenario.params, confirmed.outpoint, confirmed.coin, way, confirmed.coin.seat)
    return first_block(confirmed.height, transaction.inputs[0].sequence, transaction.locktime) <= height + Blocks(1)


def _may_show(world: ChainWorld, scenario: ChainScenario, known: Standing, confirmed: Confirmed) -> bool:
    htlc = confirmed.coin.htlc
    assert htlc is not None
    assert confirmed.coin.kind in HTLC_OUTPUTS
    progress = world.payments[htlc.payment_hash]
    if not may_claim(known.case, htlc.payment_hash in known.committed, is_for_us(progress)):
        return False
    late = is_past(fulfilment_deadline(htlc.cltv_expiry, scenario.timing), world.ledger.height)
    return is_owed(progress) or not late or not duty(TOO_LATE)


def is_waiting(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether a transaction of an honest party is in the mempool, or will be again with the next block."""
    if scenario.market is not None:
        return is_unsettled(world.pool, world.bids, wallets(world, scenario, scenario.market))
    if any(pooled.pays_enough for pooled in world.pool):
        return True
    return bool(world.evicted) and duty(REBROADCAST)


# --- what it says ---


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
    late = is_past(fulfilment_deadline(htlc.cltv_expiry, scenario.timing), world.ledger.height)
    return is_owed(progress) or not late or not duty(TOO_LATE)


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
