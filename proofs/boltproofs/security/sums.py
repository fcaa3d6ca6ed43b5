"""Any number of HTLCs: whichever commitment is confirmed, it is worth to an honest party what it is entitled to.

What an honest party is entitled to (:func:`entitled`) is a matter of its own books, not of who publishes what: its
settled balance, less the HTLCs that it offered and whose preimage it knows, plus those that it received and must be
paid for. A commitment pays a balance and leaves HTLCs pending; of these the honest party wins its own offers unless the
preimage is shown, and what it is owed (:mod:`boltproofs.security.enforcement_claims`). The sum is never less than the
entitlement: in each of the commitments that can be confirmed unrevoked, with any number of HTLCs at any stages.

It holds of each HTLC, so it holds of the sum (``boltproofs.collection``). HTLCs that were removed irrevocably are part
of the settled balance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import z3

from boltproofs.arbitrary import CASES
from boltproofs.execution import DEFINED, paths
from boltproofs.formulas import conjunction, disjunction
from boltproofs.induction import settle
from boltproofs.security.exit_claims import CURRENT
from boltproofs.solving import QUERY_TIMEOUT_MS
from boltproofs.symbolic import formula_of
from boltspec.channel import Channel
from boltspec.commitment import NOTHING, View, change, is_in
from boltspec.htlc import LOCAL, Htlc, Removal, Stage
from boltspec.units import Msat

Owed = Callable[[Htlc], bool]


def is_paid_for(htlc: Htlc) -> bool:
    """Say whether an HTLC that the honest party offered is paid: it knows the preimage, so it is paid upstream."""
    return htlc.removal is Removal.FULFILL or htlc.known_preimage == htlc.payment_hash


def owed_if_fulfilled(htlc: Htlc) -> bool:
    """Say whether a received HTLC is owed: the honest party has shown the preimage to its peer."""
    return htlc.removal is Removal.FULFILL


def owed_if_committed(htlc: Htlc) -> bool:
    """Say whether a received HTLC may be owed at all: it may be shown on chain, or paid on.

    Only when the peer is irrevocably committed (B02-forwarding-n-01, B05-local-commit-remote-offers-l-04,
    B05-remote-commit-remote-offers-l-02), and not once it was given back (B02-forwarding-n-02).
    """
    return htlc.removal is Removal.FULFILL or (htlc.removal is Removal.NONE and htlc.added is Stage.IRREVOCABLE)


OWED: tuple[tuple[str, Owed], ...] = (("fulfilled", owed_if_fulfilled), ("committed", owed_if_committed))
"""The fewest and the most received HTLCs that can be owed. It is shown of each in either case, so of any choice."""


def entitled(htlc: Htlc, is_owed: Owed) -> Msat:
    """Return what an HTLC adds to what the honest party is entitled to, beside its settled balance."""
    if htlc.offerer is LOCAL:
        return -htlc.amount_msat if is_paid_for(htlc) else NOTHING
    return htlc.amount_msat if is_owed(htlc) else NOTHING


def won(htlc: Htlc, view: View, is_owed: Owed) -> Msat:
    """Return what the honest party wins on chain of an HTLC, if that view of its books is confirmed."""
    if not is_in(htlc, view):
        return NOTHING
    wins = not is_paid_for(htlc) if htlc.offerer is LOCAL else is_owed(htlc)
    return htlc.amount_msat if wins else NOTHING


def surplus(channel: Channel, view: View, is_owed: Owed) -> Any:
    """Return by how much the commitment is worth more than the entitlement; the settled balance is part of both."""
    return channel.htlcs.total(
        lambda htlc: change(htlc, LOCAL, view) + won(htlc, view, is_owed) - entitled(htlc, is_owed), NOTHING
    )


def obligations() -> Iterator[tuple[str, z3.Solver]]:
    """Yield what has to be impossible: that some commitment is worth less, in any state that the structure allows."""
    for case in CASES:
        setting = settle(case, QUERY_TIMEOUT_MS)
        for view in CURRENT:
            for name, is_owed in OWED:
                yield (
                    f"{view.name.lower()} is worth the entitlement ({case}, {name})",
                    _posed(setting.solver, setting.channel, view, is_owed),
                )


def _posed(known: z3.Solver, channel: Channel, view: View, is_owed: Owed) -> z3.Solver:
    solver = z3.Solver()
    solver.set(timeout=QUERY_TIMEOUT_MS)
    solver.add(known.assertions())
    ways, assumed = [], []
    for worth, run in paths(lambda: surplus(channel, view, is_owed) >= NOTHING, solver):
        ways.append(conjunction([*run.conditions, formula_of(worth)]))
        assumed += run.assumptions
    solver.add(DEFINED.facts)
    solver.add(assumed)
    solver.add(z3.Not(disjunction(ways)))
    return solver
