"""HTLCs: preimages and timeouts never cross, neither within the channel nor between it and its neighbours."""

from __future__ import annotations

from collections.abc import Iterator

from boltspec.chain.broadcasting import shown
from boltspec.chain.deadlines import fulfilment_deadline, is_past, timeout_deadline
from boltspec.chain.enforcement import Situation
from boltspec.chain.ledger import is_offered_in
from boltspec.chain.payments import Upstream, is_for_us, is_owed
from boltspec.chain.properties.property import BY_PREIMAGE, BY_TIMEOUT, ChainProperty, honest, victim_of
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.world import ChainWorld, Status, standing_of
from boltspec.chain.worth import is_small
from boltspec.commitment import CommittedHtlc
from boltspec.units import floor_to_sat


def _no_payout_race(world: ChainWorld, scenario: ChainScenario) -> bool:
    # What times out of a revoked commitment is taken in its second stage.
    victim = victim_of(world)
    return not any(
        claim.use in BY_TIMEOUT
        and 1 - claim.offerer in honest(world)
        and 1 - claim.offerer != victim
        and is_owed(world.payments[claim.payment_hash])
        and not _is_small(scenario, claim.payment_hash)
        for claim in world.ledger.claims
    )


def _is_small(scenario: ChainScenario, index: int) -> bool:
    """Say whether the output of a payment's HTLC is worth no claim: it may be lost."""
    return is_small(floor_to_sat(scenario.payments[index].amount_msat), scenario)


def _forwarder_safe(world: ChainWorld, scenario: ChainScenario) -> bool:
    victim = victim_of(world)
    for index, (payment, progress) in enumerate(zip(scenario.payments, world.payments, strict=True)):
        if payment.offerer == victim or _is_small(scenario, index):
            # A victim has the whole channel for it.
            continue
        if progress.upstream is Upstream.LOST:
            return False
        if progress.upstream is Upstream.FAILED and progress.known[payment.offerer]:
            return False
    return True


def _timeout_deadline(world: ChainWorld, scenario: ChainScenario) -> bool:
    height, timing = world.ledger.height, scenario.timing
    return not any(
        is_past(timeout_deadline(htlc.cltv_expiry, timing), height)
        for party in _talking(world)
        for htlc in _payable(world, party, offered=True)
    )


def _fulfil_deadline(world: ChainWorld, scenario: ChainScenario) -> bool:
    height, timing = world.ledger.height, scenario.timing
    return not any(
        is_owed(world.payments[htlc.payment_hash]) and is_past(fulfilment_deadline(htlc.cltv_expiry, timing), height)
        for party in _talking(world)
        for htlc in _payable(world, party, offered=False)
    )


def _talking(world: ChainWorld) -> Iterator[int]:
    """Yield the honest parties that have not given up on their peer, while nothing is on chain."""
    if world.talk is None or world.ledger.closing is not None or world.hidden:
        return
    yield from (party for party in honest(world) if world.status[party] is Status.OPEN)


def _payable(world: ChainWorld, party: int, *, offered: bool) -> Iterator[CommittedHtlc]:
    """Yield the HTLCs that a party has offered, or that were offered to it, in what may still be published.

    That is its own newest commitment and all of its peer's that are not revoked. They are read off what was signed, not
    off the books by which the party decides. What the peer has sent a secret of counts as revoked; what it was sent and
    denies to have is not looked at here.
    """
    assert world.talk is not None
    for owner, node in enumerate(world.talk.nodes):
        signed = [held.signature.signed for held in world.talk.history[owner] if held.signature.signed is not None]
        # By their own numbers: a liar may have had the same commitment signed twice, and may count it as two.
        open_ones = signed[-1:] if owner == party else [one for one in signed if one.number >= node.local_revocations]
        for one in open_ones:
            yield from (htlc for htlc in one.htlcs if (htlc.offered_by_owner is (owner == party)) is offered)


def _reorg_stable(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether no incoming HTLC was failed whose outgoing one is (again) open on chain."""
    victim = victim_of(world)
    for index, payment in enumerate(scenario.payments):
        if world.payments[index].upstream is not Upstream.FAILED or payment.offerer == victim:
            continue
        if _is_small(scenario, index):
            continue
        if any(is_offered_in(entry, payment.offerer, index) for entry in world.ledger.unspent):
            return False
        claims = [claim for claim in world.ledger.claims if claim.payment_hash == index]
        if any(claim.use in BY_PREIMAGE for claim in claims):
            return False
    return True


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


NO_PAYOUT_RACE = ChainProperty(
    "NoPayoutRace",
    "Once it has shown the preimage the recipient never loses the HTLC to a timeout.",
    _no_payout_race,
)
FORWARDER_SAFE = ChainProperty(
    "ForwarderSafe",
    "Who pays for an outgoing HTLC has been able to claim the incoming one.",
    _forwarder_safe,
)
TIMEOUT_DEADLINE = ChainProperty(
    "TimeoutDeadline",
    "The offerer of an HTLC has failed the channel when the timeout deadline is past.",
    _timeout_deadline,
)
FULFIL_DEADLINE = ChainProperty(
    "FulfilDeadline",
    "The recipient of an HTLC that it is owed has failed the channel when the fulfilment deadline is past.",
    _fulfil_deadline,
)
PREIMAGE_HIDDEN = ChainProperty(
    "PreimageHidden",
    "A preimage is shown on chain only by its payee or who has paid for it, for an HTLC that is there for good.",
    _preimage_hidden,
)
REORG_STABLE = ChainProperty(
    "ReorgStable",
    "What an honest party took for resolved does not become open again.",
    _reorg_stable,
)
