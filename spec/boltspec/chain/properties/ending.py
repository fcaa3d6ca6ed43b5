"""Every close ends: HTLCs are resolved, delayed outputs withdrawn, and then nobody waits for anything."""

from __future__ import annotations

from boltspec.chain.conditions import Kind
from boltspec.chain.ledger import HTLC_OUTPUTS, offerer
from boltspec.chain.payments import Upstream
from boltspec.chain.properties.property import SECOND_STAGE, ChainProperty, honest, is_over, slack
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.transactions import side
from boltspec.chain.world import ChainWorld, Status, standing_of
from boltspec.chain.worth import is_small
from boltspec.units import Blocks


def _htlcs_resolved(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether every HTLC output whose offerer is honest is spent soon after its expiry."""
    if world.hidden:
        return True
    for confirmed in world.ledger.unspent:
        coin = confirmed.coin
        if coin.kind not in HTLC_OUTPUTS or coin.htlc is None or world.corrupt[offerer(coin)]:
            continue
        if is_small(coin.amount_sat, scenario):
            continue
        since = max(confirmed.height, coin.htlc.cltv_expiry)
        if world.ledger.height >= since + slack(scenario) or is_over(world, scenario):
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
        if is_small(coin.amount_sat, scenario):
            continue
        delay = scenario.params.binding(side(coin.seat)).to_self_delay
        # It can be in the block ``delay`` above: an honest party broadcasts on the block before.
        late = world.ledger.height >= confirmed.height + (delay + slack(scenario) - Blocks(1))
        if late or is_over(world, scenario):
            return False
    return True


def _force_close_ends(world: ChainWorld, scenario: ChainScenario) -> bool:
    """Say whether nothing is left open for an honest party at the end: no output, no incoming HTLC."""
    if not is_over(world, scenario):
        return True
    for party in honest(world):
        if world.status[party] is not Status.CLOSED:
            return False
        offered = {*standing_of(world, party).offered, *_confirmed_offers(world, party)}
        if any(world.payments[index].upstream is Upstream.PENDING for index in offered):
            return False
    return True


def _confirmed_offers(world: ChainWorld, party: int) -> set[int]:
    """Return the payments of a party that are in the transaction which spent the funding output, dust included.

    They are read off the chain: a party whose books have lost an HTLC must not leave the one that it came from open.
    """
    closing = world.ledger.closing
    assert closing is not None
    with_output = {index for seat, index in closing.outputs_for if seat == party}
    return with_output | {entry.payment_hash for entry in closing.trimmed if entry.offerer == party}


RESOLVE_ALL = ChainProperty(
    "ResolveAll",
    "The HTLC outputs of honest offerers are spent once they have expired, if they are worth it.",
    _htlcs_resolved,
)
EVENTUALLY_WITHDRAWN = ChainProperty(
    "EventuallyWithdrawn",
    "The delayed outputs of an honest party are in its wallet as soon as the delay allows, if they are worth it.",
    _all_withdrawn,
)
FORCE_CLOSE_ENDS = ChainProperty(
    "ForceCloseEnds",
    "In the end no honest party waits for anything: it knows that the channel is closed and no HTLC is open.",
    _force_close_ends,
)
