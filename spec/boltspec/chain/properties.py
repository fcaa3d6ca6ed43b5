"""Properties of the chain world: what an honest party can count on, whatever its peer, the miners and the chain do.

Each is a predicate on a state, with the sentence that it checks. Those that speak of an end look at states in which
nothing can change any more by itself; in these every transaction of an honest party has been confirmed or overtaken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from boltspec.chain.bidding import is_fixed
from boltspec.chain.broadcasting import is_waiting, shown
from boltspec.chain.conditions import Kind, Use
from boltspec.chain.enforcement import Situation
from boltspec.chain.leaving import is_unsure, own_commitment
from boltspec.chain.ledger import HTLC_OUTPUTS, Claim, Confirmed, is_commitment, is_valid, offerer
from boltspec.chain.overdue import is_fulfilment_overdue, is_timeout_overdue
from boltspec.chain.payments import Upstream, is_for_us, is_owed
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.times import next_height
from boltspec.chain.transactions import Trimmed, side
from boltspec.chain.world import ChainWorld, Status, standing_of
from boltspec.units import Blocks, Sat, floor_to_sat

ANCHORS = (Kind.TO_LOCAL_ANCHOR, Kind.TO_REMOTE_ANCHOR)
SECOND_STAGE = (Kind.TIMED_OUT_HTLC, Kind.SUCCEEDED_HTLC)
BY_PREIMAGE = (Use.CLAIM_WITH_PREIMAGE, Use.HTLC_SUCCESS)
BY_TIMEOUT = (Use.CLAIM_EXPIRED, Use.HTLC_TIMEOUT)


@dataclass(frozen=True, slots=True)
class ChainProperty:
    """Holds in every reachable chain world."""

    name: str
    sentence: str
    holds: Callable[[ChainWorld, ChainScenario], bool]


def _honest(world: ChainWorld) -> Iterator[int]:
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


def _victim(world: ChainWorld) -> int | None:
    """Return the honest party whose peer has published a revoked commitment, if there is one."""
    closing = world.ledger.closing
    if closing is None or not is_commitment(closing) or world.corrupt[1 - closing.txid.seat]:
        return None
    other = 1 - closing.txid.seat
    return other if standing_of(world, other).case is Situation.REVOKED else None


def _slack(scenario: ChainScenario) -> Blocks:
    """Return how long an output may be there before an honest party's claim on it is confirmed."""
    undone = (scenario.timing.reorg_depth + Blocks(1)) * scenario.reorganisations
    return scenario.inclusion + undone + Blocks(scenario.evictions)


# --- punishment ---


def _thief_gets_nothing(world: ChainWorld, scenario: ChainScenario) -> bool:
    victim = _victim(world)
    if victim is None:
        return True
    if world.ledger.received[1 - victim] != Sat(0):
        return False
    if not is_over(world, scenario):
        return True
    return all(confirmed.coin.kind in ANCHORS for confirmed in world.ledger.unspent)


def _second_stage_is_punished(world: ChainWorld, scenario: ChainScenario) -> bool:
    if _victim(world) is None or world.hidden:
        return True
    # What is pinned is left until the delay is nearly over.
    delay = scenario.params.local.to_self_delay if scenario.pinned else Blocks(0)
    return all(
        confirmed.coin.kind not in SECOND_STAGE or world.ledger.height < confirmed.height + (_slack(scenario) + delay)
        for confirmed in world.ledger.unspent
    )


def _honest_is_not_punished(world: ChainWorld, scenario: ChainScenario) -> bool:
    return not any(world.ledger.punished[party] for party in (0, 1) if not world.corrupt[party])


def _honest_publishes_unrevoked(world: ChainWorld, scenario: ChainScenario) -> bool:
    closing = world.ledger.closing
    if closing is None or not is_commitment(closing) or world.corrupt[closing.txid.seat]:
        return True
    return not standing_of(world, 1 - closing.txid.seat).knows_secret


def _stale_state_stays_unpublished(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether no party that has lost data has published a commitment while it was not sure of it."""
    closing, talk = world.ledger.closing, world.talk
    if closing is None or talk is None or not is_commitment(closing) or world.corrupt[closing.txid.seat]:
        return True
    seat = closing.txid.seat
    return not (talk.restored[seat] and (talk.nodes[seat].behind or is_unsure(world, seat)))


# --- getting out ---


def _can_get_out(world: ChainWorld, scenario: ChainScenario) -> bool:
    if world.ledger.closing is not None or world.talk is None:
        return True
    return all(_has_exit(world, scenario, party) and _is_leaving(world, scenario, party) for party in _honest(world))


def _has_exit(world: ChainWorld, scenario: ChainScenario, party: int) -> bool:
    """Say whether the party holds a signed commitment that is valid now and not revoked."""
    assert world.talk is not None
    channel, held = world.talk.nodes[party], world.talk.history[party]
    transaction = own_commitment(scenario, party, held[-1])
    unrevoked = len(held) - 1 >= channel.local_revocations
    return transaction is not None and unrevoked and is_valid(world.ledger, transaction)


def _is_leaving(world: ChainWorld, scenario: ChainScenario, party: int) -> bool:
    """Say whether a party that has failed the channel has a transaction on its way that miners will take."""
    if world.status[party] is not Status.FAILED or world.hidden or world.evicted:
        return True
    if scenario.market is not None and (is_waiting(world, scenario) or _has_nothing(world, scenario, party)):
        return True
    return any(pooled.transaction.signer == party and pooled.pays_enough for pooled in world.pool)


def _has_nothing(world: ChainWorld, scenario: ChainScenario, party: int) -> bool:
    """Say whether a party has neither balance nor HTLC in its commitment: then there is no anchor of its own in it."""
    assert world.talk is not None
    transaction = own_commitment(scenario, party, world.talk.history[party][-1])
    return scenario.params.option_anchors and transaction is not None and is_fixed(transaction, option_anchors=True)


def _paid_exactly(world: ChainWorld, scenario: ChainScenario) -> bool:
    if not is_over(world, scenario):
        return True
    return all(payout(world, party) >= entitlement(world, scenario, party) for party in _honest(world))


def payout(world: ChainWorld, party: int) -> Sat:
    """Return what has reached a party's wallet, and what it paid on the way, trimmed HTLCs included."""
    closing = world.ledger.closing
    trimmed = () if closing is None else closing.trimmed
    lost = sum((entry.amount_sat for entry in trimmed if _is_due_to(world, entry, party)), Sat(0))
    return world.ledger.received[party] + world.ledger.charged[party] + lost


def _is_due_to(world: ChainWorld, entry: Trimmed, party: int) -> bool:
    """Say whether a party would have the money of an HTLC if that had an output."""
    progress = world.payments[entry.payment_hash]
    if party == entry.offerer:
        return not progress.known[party]
    return is_owed(progress)


def entitlement(world: ChainWorld, scenario: ChainScenario, party: int) -> Sat:
    """Return what a party must have in the end: its first balance, less what it has paid for, plus what it is owed.

    It has paid for a payment if it knows the preimage; it is owed one once it has shown the preimage or paid it on.
    """
    params = scenario.params
    pushed = floor_to_sat(scenario.push_msat)
    opener = params.opener is side(party)
    total = params.funding_satoshis - pushed if opener else pushed
    for payment, progress in zip(scenario.payments, world.payments, strict=True):
        amount = floor_to_sat(payment.amount_msat)
        if payment.offerer == party and progress.known[party]:
            total -= amount
        if payment.offerer != party and is_owed(progress):
            total += amount
    return total


def _owners_only(world: ChainWorld, scenario: ChainScenario) -> bool:
    ledger = world.ledger
    for owner in (0, 1):
        if ledger.punished[owner] and not standing_of(world, 1 - owner).knows_secret:
            return False
    return all(_is_rightful(world, scenario, claim) for claim in ledger.claims)


def _is_rightful(world: ChainWorld, scenario: ChainScenario, claim: Claim) -> bool:
    if claim.use in BY_PREIMAGE:
        return world.payments[claim.payment_hash].known[1 - claim.offerer]
    return claim.use is Use.REVOCATION or claim.height > scenario.payments[claim.payment_hash].cltv_expiry


def _mutual_preferred(world: ChainWorld, scenario: ChainScenario) -> bool:
    closing = world.ledger.closing
    if closing is None or world.agreed is None or not is_commitment(closing):
        return True
    return world.corrupt[closing.txid.seat]


# --- HTLCs ---


def _no_payout_race(world: ChainWorld, scenario: ChainScenario) -> bool:
    # What times out of a revoked commitment is taken in its second stage.
    victim = _victim(world)
    return not any(
        claim.use in BY_TIMEOUT
        and 1 - claim.offerer in _honest(world)
        and 1 - claim.offerer != victim
        and is_owed(world.payments[claim.payment_hash])
        for claim in world.ledger.claims
    )


def _forwarder_safe(world: ChainWorld, scenario: ChainScenario) -> bool:
    victim = _victim(world)
    for payment, progress in zip(scenario.payments, world.payments, strict=True):
        if payment.offerer == victim:
            # It has the whole channel for it.
            continue
        if progress.upstream is Upstream.LOST:
            return False
        if progress.upstream is Upstream.FAILED and progress.known[payment.offerer]:
            return False
    return True


def _timeout_deadline(world: ChainWorld, scenario: ChainScenario) -> bool:
    return _deadline(world, scenario, is_timeout_overdue)


def _fulfil_deadline(world: ChainWorld, scenario: ChainScenario) -> bool:
    return _deadline(world, scenario, is_fulfilment_overdue)


def _deadline(world: ChainWorld, scenario: ChainScenario, is_overdue: Callable[..., bool]) -> bool:
    talk = world.talk
    if talk is None or world.ledger.closing is not None or world.hidden:
        return True
    return not any(
        world.status[party] is Status.OPEN and is_overdue(talk.nodes[party], world, scenario)
        for party in _honest(world)
    )


def _reorg_stable(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether no incoming HTLC was failed whose outgoing one is (again) open on chain."""
    victim = _victim(world)
    for index, payment in enumerate(scenario.payments):
        if world.payments[index].upstream is not Upstream.FAILED or payment.offerer == victim:
            continue
        if any(_is_output_of(entry, payment.offerer, index) for entry in world.ledger.unspent):
            return False
        claims = [claim for claim in world.ledger.claims if claim.payment_hash == index]
        if any(claim.use in BY_PREIMAGE for claim in claims):
            return False
    return True


def _is_output_of(confirmed: Confirmed, seat: int, index: int) -> bool:
    coin = confirmed.coin
    if coin.kind not in HTLC_OUTPUTS or coin.htlc is None:
        return False
    return coin.htlc.payment_hash == index and offerer(coin) == seat


def _preimage_hidden(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether no claim in the pool shows a preimage that is not to be shown."""
    for pooled in world.pool:
        transaction = pooled.transaction
        if world.ledger.closing is None or world.hidden or world.corrupt[transaction.signer]:
            continue
        known = standing_of(world, transaction.signer)
        for index in shown(world, transaction):
            committed = index in known.committed or known.case is Situation.REVOKED
            if not (committed and is_for_us(world.payments[index])):
                return False
    return True


# --- the end ---


def _htlcs_resolved(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether every HTLC output whose offerer is honest is spent soon after its expiry."""
    if world.hidden:
        return True
    for confirmed in world.ledger.unspent:
        coin = confirmed.coin
        if coin.kind not in HTLC_OUTPUTS or coin.htlc is None or world.corrupt[offerer(coin)]:
            continue
        since = max(confirmed.height, coin.htlc.cltv_expiry)
        if world.ledger.height >= since + _slack(scenario) or is_over(world, scenario):
            return False
    return True


def _all_withdrawn(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether the delayed outputs of honest parties reach their wallets in time."""
    if world.hidden:
        return True
    for confirmed in world.ledger.unspent:
        coin = confirmed.coin
        if coin.kind not in (Kind.TO_LOCAL, *SECOND_STAGE) or world.corrupt[coin.seat]:
            continue
        delay = scenario.params.binding(side(coin.seat)).to_self_delay
        # It can be in the block ``delay`` above: an honest party broadcasts on the block before.
        late = world.ledger.height >= confirmed.height + (delay + _slack(scenario) - Blocks(1))
        if late or is_over(world, scenario):
            return False
    return True


def _force_close_ends(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether nothing is left open for an honest party at the end: no output, no incoming HTLC."""
    if not is_over(world, scenario):
        return True
    for party in _honest(world):
        if world.status[party] is not Status.CLOSED:
            return False
        known = standing_of(world, party)
        for index, payment in enumerate(scenario.payments):
            pending = world.payments[index].upstream is Upstream.PENDING
            if payment.offerer == party and pending and index in known.offered:
                return False
    return True


def _balanced(world: ChainWorld, scenario: ChainScenario) -> bool:
    ledger = world.ledger
    lying = sum((confirmed.coin.amount_sat for confirmed in ledger.unspent), Sat(0))
    return lying + ledger.received[0] + ledger.received[1] + ledger.fees_sat == scenario.params.funding_satoshis


PROPERTIES: tuple[ChainProperty, ...] = (
    ChainProperty("LedgerBalanced", "Outputs, wallets and fees add up to the funding output.", _balanced),
    ChainProperty(
        "PenaltySafety",
        "Who publishes a revoked commitment gets nothing, and its victim takes every output of it.",
        _thief_gets_nothing,
    ),
    ChainProperty(
        "SecondStagePenalty",
        "The second-stage outputs of a revoked commitment are taken as soon as they are there.",
        _second_stage_is_punished,
    ),
    ChainProperty("NoFalsePenalty", "An honest party's commitment is never punished.", _honest_is_not_punished),
    ChainProperty(
        "RevokedNotPublished", "An honest party never publishes a revoked commitment.", _honest_publishes_unrevoked
    ),
    ChainProperty(
        "StaleStateSafe",
        "Who has lost data publishes no commitment unless its peer has shown that it is not behind.",
        _stale_state_stays_unpublished,
    ),
    ChainProperty(
        "UnilateralExit",
        "While the channel is open each honest party holds a valid, unrevoked commitment, and miners take it.",
        _can_get_out,
    ),
    ChainProperty(
        "ExactPayout",
        "In the end an honest party has its balance plus the HTLCs that it won, less fees and what was trimmed.",
        _paid_exactly,
    ),
    ChainProperty(
        "MutualPreferred",
        "Who has agreed on a closing transaction publishes that, and not its commitment.",
        _mutual_preferred,
    ),
    ChainProperty(
        "OnlyOwnersSpend",
        "Outputs are spent by revocation only if revoked, with the preimage by who knows it, else after the expiry.",
        _owners_only,
    ),
    ChainProperty(
        "NoPayoutRace",
        "Once it has shown the preimage the recipient never loses the HTLC to a timeout.",
        _no_payout_race,
    ),
    ChainProperty(
        "ForwarderSafe", "Who pays for an outgoing HTLC has been able to claim the incoming one.", _forwarder_safe
    ),
    ChainProperty(
        "TimeoutDeadline",
        "The offerer of an HTLC has failed the channel when the timeout deadline is past.",
        _timeout_deadline,
    ),
    ChainProperty(
        "FulfilDeadline",
        "The recipient of an HTLC that it is owed has failed the channel when the fulfilment deadline is past.",
        _fulfil_deadline,
    ),
    ChainProperty(
        "PreimageHidden",
        "A preimage is shown on chain only by its payee or who has paid for it, for an HTLC that is there for good.",
        _preimage_hidden,
    ),
    ChainProperty("ReorgStable", "What an honest party took for resolved does not become open again.", _reorg_stable),
    ChainProperty(
        "ResolveAll", "The HTLC outputs of honest offerers are spent once they have expired.", _htlcs_resolved
    ),
    ChainProperty(
        "EventuallyWithdrawn",
        "The delayed outputs of an honest party are in its wallet as soon as the delay allows.",
        _all_withdrawn,
    ),
    ChainProperty(
        "ForceCloseEnds",
        "In the end no honest party waits for anything: it knows that the channel is closed and no HTLC is open.",
        _force_close_ends,
    ),
)
"""All properties of the chain world, in the order in which they are checked."""
