"""Whose the money is: everybody has in the end what is due to it, and no output is spent by anybody else."""

from __future__ import annotations

from boltspec.chain.conditions import Use
from boltspec.chain.ledger import Claim
from boltspec.chain.payments import is_owed
from boltspec.chain.properties.property import BY_PREIMAGE, ChainProperty, honest, is_over
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.transactions import Trimmed, side
from boltspec.chain.world import ChainWorld, standing_of
from boltspec.chain.worth import is_small
from boltspec.units import Sat, floor_to_sat


def _balanced(world: ChainWorld, scenario: ChainScenario) -> bool:
    ledger = world.ledger
    lying = sum((confirmed.coin.amount_sat for confirmed in ledger.unspent), Sat(0))
    return lying + ledger.received[0] + ledger.received[1] + ledger.fees_sat == scenario.params.funding_satoshis


def _paid_exactly(world: ChainWorld, scenario: ChainScenario) -> bool:
    if not is_over(world, scenario):
        return True
    return all(payout(world, party) >= entitlement(world, scenario, party) for party in honest(world))


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

    It has paid for a payment if it knows the preimage; it is owed one once it has shown the preimage or paid it on. One
    that is not worth a claim may stay where it is.
    """
    params = scenario.params
    pushed = floor_to_sat(scenario.push_msat)
    opener = params.opener is side(party)
    total = params.funding_satoshis - pushed if opener else pushed
    for payment, progress in zip(scenario.payments, world.payments, strict=True):
        amount = floor_to_sat(payment.amount_msat)
        small = is_small(amount, scenario)
        if payment.offerer == party and (progress.known[party] or small):
            total -= amount
        if payment.offerer != party and is_owed(progress) and not small:
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


LEDGER_BALANCED = ChainProperty(
    "LedgerBalanced",
    "Outputs, wallets and fees add up to the funding output.",
    _balanced,
)
EXACT_PAYOUT = ChainProperty(
    "ExactPayout",
    "In the end an honest party has its balance plus the HTLCs that it won, less fees and what was trimmed.",
    _paid_exactly,
)
ONLY_OWNERS_SPEND = ChainProperty(
    "OnlyOwnersSpend",
    "Outputs are spent by revocation only if revoked, with the preimage by who knows it, else after the expiry.",
    _owners_only,
)
