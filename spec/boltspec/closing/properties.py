"""What must hold of a cooperative close, as predicates on the world of :mod:`boltspec.closing.world`.

Assumptions: both parties know the script that the other committed to when the channel was opened; a signature is valid
for one transaction only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from boltspec.closing.messages import FeeRange
from boltspec.closing.scenario import CloseScenario
from boltspec.closing.scripts import Script
from boltspec.closing.shutdown import is_committed_script, is_valid_script
from boltspec.closing.state import Closing, is_clean
from boltspec.closing.transaction import ClosingTx
from boltspec.closing.world import World
from boltspec.htlc import LOCAL, REMOTE
from boltspec.units import Sat, floor_to_sat

ROUNDS_WITH_RANGES = 3
"""Messages that settle a fee if both announce ranges (BOLT 2, Legacy Closing Negotiation)."""
NONE = Sat(0)


@dataclass(frozen=True, slots=True)
class CloseProperty:
    """Holds in every reachable world, or in every one in which nothing more can happen."""

    name: str
    sentence: str
    holds: Callable[[World, CloseScenario], bool]
    final: bool = False


def _honest(scenario: CloseScenario) -> Iterator[int]:
    return (party for party in (0, 1) if not scenario.corrupt[party])


def _all_honest(scenario: CloseScenario) -> bool:
    return not any(scenario.corrupt)


def exposed(world: World, party: int) -> frozenset[ClosingTx]:
    """Return the transactions that can come to spend the channel with the party's signature."""
    return world.witness[party].signatures.union(world.nodes[party].published)


def _own_scripts(scenario: CloseScenario, party: int) -> set[Script]:
    """Return where a party may want to be paid: if careless, anywhere."""
    upfront = scenario.upfront[party]
    if upfront is not None:
        return {upfront}
    anywhere = scenario.menu.scripts if scenario.careless else ()
    return {scenario.policies[party].script, *(bid.script for bid in scenario.bids[party]), *anywhere}


def _fees_of(scenario: CloseScenario, party: int) -> FeeRange:
    """Return the least and the most that a party is ready to pay as fee."""
    if scenario.features.option_simple_close:
        fees = [bid.fee_satoshis for bid in scenario.bids[party]]
        fees += scenario.menu.fees if scenario.careless else ()
        return FeeRange(min(fees, default=NONE), max(fees, default=NONE))
    return scenario.policies[party].fee_range if party == 0 else FeeRange(NONE, NONE)


# --- MutualCloseCorrect ---


def _nobody_is_cheated(world: World, scenario: CloseScenario) -> bool:
    return all(
        _is_fair(world.nodes[party], scenario, party, tx)
        for party in _honest(scenario)
        for tx in exposed(world, party)
    )


def _is_fair(node: Closing, scenario: CloseScenario, party: int, tx: ClosingTx) -> bool:
    """Say whether a party loses no more than the fee it is ready to pay, unless the rest is not worth an output."""
    own = floor_to_sat(node.channel.local_msat)
    scripts = _own_scripts(scenario, party)
    paid = sum((tx.paid_to(script) for script in scripts), NONE)
    least = own - _fees_of(scenario, party).max_fee_satoshis
    if paid > own or any(script.is_op_return for script in scripts):
        return paid <= own
    return paid >= least or (paid == NONE and least < _left_out_below(node))


def _left_out_below(node: Closing) -> Sat:
    """Return below which amount the party's own output may be missing."""
    if node.features.option_simple_close:
        return max(Sat(546), node.policy.uneconomical_satoshis)
    limits = node.channel.params
    return max(limits.local.dust_limit_satoshis, limits.remote.dust_limit_satoshis)


def _balances_are_kept(world: World, scenario: CloseScenario) -> bool:
    for party in _honest(scenario):
        node = world.nodes[party]
        owned = floor_to_sat(node.channel.local_msat) + floor_to_sat(node.channel.remote_msat)
        least_fee = _least_fee(scenario) if _all_honest(scenario) else NONE
        if any(tx.total_sat + least_fee > owned for tx in node.published):
            return False
    return True


def _least_fee(scenario: CloseScenario) -> Sat:
    """Return the least fee of a transaction that somebody may propose."""
    payers = [0, 1] if scenario.features.option_simple_close else [0]
    fees = [_fees_of(scenario, payer) for payer in payers if payers == [0] or scenario.careless or scenario.bids[payer]]
    return min((one.min_fee_satoshis for one in fees), default=NONE)


def _peer_is_paid(world: World, scenario: CloseScenario) -> bool:
    """Say whether a closer with less has offered no transaction that leaves the peer's output out."""
    for party in _honest(scenario):
        channel, own = world.nodes[party].channel, _own_scripts(scenario, party)
        less = channel.local_msat < channel.remote_msat
        offered = world.witness[party].offered if less else ()
        if any(all(payout.script in own for payout in tx.payouts) for tx in offered):
            return False
    return True


def _op_return_is_empty(world: World, scenario: CloseScenario) -> bool:
    payouts = (payout for party in _honest(scenario) for tx in exposed(world, party) for payout in tx.payouts)
    return all(payout.amount_sat == NONE for payout in payouts if payout.script.is_op_return)


def _published_is_signed_by_both(world: World, scenario: CloseScenario) -> bool:
    return all(
        world.witness[1 - party].signatures.issuperset(world.nodes[party].published) for party in _honest(scenario)
    )


def _both_publish_the_same(world: World, scenario: CloseScenario) -> bool:
    if not _all_honest(scenario) or world.over:
        return True
    first, second = (frozenset(node.published) for node in world.nodes)
    limits = scenario.params
    alike = limits.local.dust_limit_satoshis == limits.remote.dust_limit_satoshis
    # A signature that is lost with the connection leaves one of them with a transaction more.
    return first == second if alike and scenario.reconnections == 0 else True


def _published_is_relayed(world: World, scenario: CloseScenario) -> bool:
    for party in _honest(scenario):
        node = world.nodes[party]
        legacy = not node.features.option_simple_close
        judged = node.published if legacy or _all_honest(scenario) else ()
        if any(payout.is_dust for tx in judged for payout in tx.payouts):
            return False
        scripts = _own_scripts(scenario, party)
        unasked = frozenset(node.published) - world.witness[party].offered
        own = (payout for tx in unasked for payout in tx.payouts if payout.script in scripts)
        worth = (payout.amount_sat >= node.policy.uneconomical_satoshis or payout.script.is_op_return for payout in own)
        if not all(worth):
            return False
        if any(payout.is_dust for tx in exposed(world, party) for payout in tx.payouts if payout.script in scripts):
            return False
    return True


# --- CloseTerminates ---


def _fees_approach(world: World, scenario: CloseScenario) -> bool:
    """Say whether the distance between the two proposals, which is never negative, shrinks from one to the next."""
    for party in _honest(scenario):
        gaps = world.witness[party].gaps
        if any(later >= earlier for earlier, later in pairwise(gaps)):
            return False
    return True


def _ranges_settle_at_once(world: World, scenario: CloseScenario) -> bool:
    if any(world.witness[party].evaded for party in _honest(scenario)):
        return False
    if not all(policy.sends_fee_range for policy in scenario.policies):
        return True
    if any(world.witness[party].gaps for party in _honest(scenario)):
        return True  # the other has left its range out
    spoken = [world.witness[party].rounds for party in (0, 1)]
    if _all_honest(scenario):
        return sum(spoken) <= ROUNDS_WITH_RANGES
    return all(spoken[party] <= ROUNDS_WITH_RANGES - 1 - party for party in _honest(scenario))


def _nobody_waits_for_ever(world: World, scenario: CloseScenario) -> bool:
    if world.over:
        return True
    for party in _honest(scenario):
        node, witness = world.nodes[party], world.witness[party]
        waits = node.proposed is not None or witness.rounds or witness.disputed or world.progress[party].bids
        if (waits or _all_honest(scenario)) and not node.published:
            return False
    return True


def _agrees_if_possible(world: World, scenario: CloseScenario) -> bool:
    ranges = [policy.fee_range for policy in scenario.policies]
    negotiated = _all_honest(scenario) and not scenario.features.option_simple_close
    common = ranges[0].overlap(ranges[1])
    affordable = scenario.params.capacity_msat - scenario.push_msat
    possible = negotiated and common is not None and common.min_fee_satoshis <= floor_to_sat(affordable)
    return not (world.over and possible)


# --- HTLCs, updates, scripts, fees ---


def _signed_when_clean(world: World, scenario: CloseScenario) -> bool:
    return all(not exposed(world, party) or is_clean(world.nodes[party].channel) for party in _honest(scenario))


def _no_htlc_after_shutdown(world: World, scenario: CloseScenario) -> bool:
    for party in _honest(scenario):
        channel, witness = world.nodes[party].channel, world.witness[party]
        if witness.offers_at_shutdown not in (None, channel.next_local_htlc_id):
            return False
        if witness.offers_when_told not in (None, channel.next_local_htlc_id):
            return False
        if witness.taken_when_told not in (None, channel.next_remote_htlc_id):
            return False
    return True


def _shutdown_is_clean(world: World, scenario: CloseScenario) -> bool:
    return not any(world.witness[party].unsigned_at_shutdown for party in _honest(scenario))


def _one_shutdown(world: World, scenario: CloseScenario) -> bool:
    passed = (world.witness[party] for party in _honest(scenario))
    return all(max(witness.shutdowns, witness.shutdowns_taken) <= 1 for witness in passed)


def _scripts_are_committed(world: World, scenario: CloseScenario) -> bool:
    for party in _honest(scenario):
        node = world.nodes[party]
        if node.local_upfront is not None and node.local_script not in (None, node.local_upfront):
            return False
        if node.remote_script is not None and not is_committed_script(node, node.remote_script):
            return False
    return True


def _scripts_are_permitted(world: World, scenario: CloseScenario) -> bool:
    return all(
        script is None or is_valid_script(node, script) or node.policy.takes_old_scripts
        for node in (world.nodes[party] for party in _honest(scenario))
        for script in node.scripts
    )


def _last_script_counts(world: World, scenario: CloseScenario) -> bool:
    return all(world.nodes[party].remote_script == world.witness[party].heard for party in _honest(scenario))


def _fee_is_within_ranges(world: World, scenario: CloseScenario) -> bool:
    for party in _honest(scenario):
        node = world.nodes[party]
        if world.witness[party].strayed or (node.sent is not None and node.sent.fee_satoshis not in _bounds(node)):
            return False
    return True


def _bounds(node: Closing) -> FeeRange:
    """Return the fees that a node may sign: the fundee, who does not pay, lets the funder go higher."""
    ours = node.policy.fee_range
    balance = floor_to_sat(node.channel.settled_msat(LOCAL if node.is_opener else REMOTE))
    return ours if node.is_opener else FeeRange(ours.min_fee_satoshis, balance)


CLOSE_PROPERTIES: tuple[CloseProperty, ...] = (
    CloseProperty("NeverRejected", "An honest node never rejects a message of an honest node.",
                  lambda world, _: world.blame is None),
    CloseProperty("MutualCloseCorrect", "Nobody signs away more than the fee that it agreed to pay.",
                  _nobody_is_cheated),
    CloseProperty("FeePaid", "Outputs and fee are what both owned.", _balances_are_kept),
    CloseProperty("PeerPaid", "Who has less offers nothing that leaves the other's output out.", _peer_is_paid),
    CloseProperty("OpReturnEmpty", "An OP_RETURN output has no value.", _op_return_is_empty),
    CloseProperty("SignedByBoth", "What a node publishes carries a good signature of the other.",
                  _published_is_signed_by_both),
    CloseProperty("SameTransaction", "Both honest nodes publish the same closing transactions.",
                  _both_publish_the_same, final=True),
    CloseProperty("Relayed", "No dust is published by agreement, and no output that its owner deems worthless.",
                  _published_is_relayed),
    CloseProperty("FeesApproach", "Without ranges the distance between the proposals shrinks.", _fees_approach),
    CloseProperty("RangesSettle", "With ranges three messages settle the fee: what was announced is agreed to.",
                  _ranges_settle_at_once),
    CloseProperty("CloseTerminates", "Every negotiation ends: with a transaction, or in failure.",
                  _nobody_waits_for_ever, final=True),
    CloseProperty("CloseSucceeds", "Honest nodes whose fee ranges meet within the funder's means close cooperatively.",
                  _agrees_if_possible),
    CloseProperty("NoCloseWithHtlcs", "Nothing is signed for closing while an HTLC or a revocation is pending.",
                  _signed_when_clean),
    CloseProperty("NoUpdateAfterShutdown", "No HTLC is offered or taken after shutdown.", _no_htlc_after_shutdown),
    CloseProperty("CleanShutdown", "Who sends shutdown has signed for all its updates.", _shutdown_is_clean),
    CloseProperty("OneShutdown", "A node sends one shutdown in a connection, and takes one.", _one_shutdown),
    CloseProperty("UpfrontScriptKept", "Who committed to a script is paid to no other.", _scripts_are_committed),
    CloseProperty("PermittedScripts", "Only scripts of the permitted forms are named and taken.",
                  _scripts_are_permitted),
    CloseProperty("LastScriptCounts", "A node knows the last script that its peer named.", _last_script_counts),
    CloseProperty("ClosingFeeWithinRange", "The fee is within the range of who signs it, and of who is answered.",
                  _fee_is_within_ranges),
)
"""All of them."""
