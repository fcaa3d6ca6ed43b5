"""What one node sees of its channel and of the chain, and what it does then: the specification as a node runs it.

A node knows its own books and what is confirmed, nothing else. This is a chain world in which it is party A and the
peer is corrupt, so nothing is assumed of the peer; its next step is that of an honest party there
(:mod:`boltspec.chain.honest`). Whoever runs a node names what it has in the words of the model and calls :func:`look`
after every block, and whenever it likes: the answer depends on nothing but the argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from boltspec.chain import enforcement, honest
from boltspec.chain.deadlines import Timing
from boltspec.chain.enforcement import WATCH, Standing, is_irrevocable, may_claim, standing
from boltspec.chain.leaving import Exits, way_out
from boltspec.chain.ledger import HTLC_OUTPUTS, Confirmed, Ledger, offerer
from boltspec.chain.overdue import must_fail
from boltspec.chain.payments import Progress, is_for_us
from boltspec.chain.scenario import ChainScenario, Payment
from boltspec.chain.transactions import Transaction
from boltspec.chain.world import ChainWorld, Status
from boltspec.chain.worth import left_alone, timed_out_at
from boltspec.channel import Channel
from boltspec.messages import CommitmentSigned
from boltspec.rules import duty
from boltspec.units import Blocks, Height, Sat

SELF = 0
"""The node's seat."""


@dataclass(frozen=True, slots=True)
class Sight:
    """All that a node's next step on chain depends on."""

    channel: Channel
    """Its books; ``payment_hash`` of an HTLC is the index of its payment."""
    status: Status
    ledger: Ledger
    timing: Timing
    payments: tuple[Payment, ...]
    progress: tuple[Progress, ...]
    """What is known of each payment."""
    held: CommitmentSigned | None = None
    """How the peer signed its newest commitment."""
    agreed: Transaction | None = None
    """The closing transaction that both have signed."""
    unsure: bool = False
    """It has lost data and not heard from its peer since."""
    uneconomical_satoshis: Sat = Sat(0)  # noqa: RUF009  # a plain integer
    """What an output must hold to be worth a claim of its own (:data:`boltspec.chain.worth.LEAST_WORTH`)."""
    batched: bool = False
    """It punishes all outputs in one transaction while there is time, and takes back what has expired in one."""


class Answer(NamedTuple):
    """What the node does."""

    status: Status
    progress: tuple[Progress, ...]
    wanted: tuple[Transaction, ...]
    """Transactions that it wants in the next block, where all of them are valid."""


def look(sight: Sight) -> Answer:
    """Return what an honest node does that sees this."""
    if not duty(WATCH):
        return Answer(sight.status, sight.progress, ())
    world, scenario = _world(sight)
    if sight.ledger.closing is None:
        overdue = must_fail(sight.channel, world, scenario)
        status = honest.while_unspent(sight.status, overdue=overdue)
        return Answer(status, sight.progress, _way_out(sight, scenario) if status is Status.FAILED else ())
    seen = honest.look(world, scenario)
    return Answer(seen.status[SELF], seen.payments, tuple(pooled.transaction for pooled in seen.pool))


def _way_out(sight: Sight, scenario: ChainScenario) -> tuple[Transaction, ...]:
    channel = sight.channel
    exits = Exits(channel, channel.local_commitment_number, sight.held, sight.agreed, sight.unsure)
    return way_out(sight.ledger, scenario, SELF, exits)


def is_resolved(sight: Sight, last: Height) -> bool:
    """Say whether nothing is left to watch: no output is open, and what came last, at a height, is irrevocable."""
    closing = sight.ledger.closing
    if closing is None or not is_irrevocable(sight.ledger.height, last):
        return False
    known = standing(sight.channel, closing, SELF)
    left = left_alone(sight.ledger, known.case, _world(sight)[1])
    return not any(
        enforcement.stays_open(known.case, entry.coin.kind, is_hopeless=_is_hopeless(sight, known, entry))
        for entry in sight.ledger.unspent
        if entry not in left or _is_awaited(sight, entry)
    )


def _is_awaited(sight: Sight, entry: Confirmed) -> bool:
    """Say whether the node may still learn something from the spend of an output that it leaves alone."""
    coin = entry.coin
    if coin.kind not in HTLC_OUTPUTS or offerer(coin) != SELF:
        return False
    return enforcement.depth(sight.ledger.height, timed_out_at(entry)) < sight.timing.reorg_depth


def _is_hopeless(sight: Sight, known: Standing, entry: Confirmed) -> bool:
    htlc = entry.coin.htlc
    if htlc is None or entry.coin.kind not in HTLC_OUTPUTS or offerer(entry.coin) == SELF:
        return False
    progress = sight.progress[htlc.payment_hash]
    claimable = progress.known[SELF] and may_claim(
        known.case, htlc.payment_hash in known.committed, is_for_us(progress)
    )
    return not claimable and sight.ledger.height >= htlc.cltv_expiry


def _world(sight: Sight) -> tuple[ChainWorld, ChainScenario]:
    """Return the world in which the node is A and its peer does whatever is possible."""
    closing = sight.ledger.closing
    world = ChainWorld(
        corrupt=(False, True),
        talk=None,
        status=(sight.status, Status.OPEN),
        payments=sight.progress,
        ledger=sight.ledger,
        standings=(None if closing is None else standing(sight.channel, closing, SELF), None),
    )
    scenario = ChainScenario(
        name="one node",
        title="what one node sees",
        params=sight.channel.params,
        payments=sight.payments,
        timing=sight.timing,
        inclusion=Blocks(1),
        horizon=Height(0),
        corrupt=(False, True),
        batched=sight.batched,
        uneconomical_satoshis=sight.uneconomical_satoshis,
    )
    return world, scenario
