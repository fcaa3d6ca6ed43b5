"""The exact conditions on delays and expiry margins, when BOLT 2's numbers meet them, and what is just below.

``n`` is how many reorganisations there are, each as deep as R at most; ``inclusion`` is within how many blocks a
transaction is confirmed. BOLT 2's S is for a commitment and a claim that spends it: twice that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from boltproofs.security import enforcement_claims, upstream_claims
from boltproofs.security.boundary import COMMITTED, FORWARDED, FULFILLED, REVOKED, Boundary, Corner
from boltproofs.security.claim import Condition
from boltproofs.security.enforcement_claims import failed_at_deadline, failed_when_learned
from boltspec.chain.conditions import Kind


def _corners(breaks: str, holds: Corner, missed: Callable[[Corner], Corner]) -> Boundary:
    return Boundary(breaks, holds, missed(holds))


DELAY = Condition(
    name="to_self_delay",
    text="to_self_delay > inclusion + n*R, for n reorganisations",
    needed_by=enforcement_claims.thief_is_late(Kind.TO_LOCAL),
    just_missed=lambda numbers: numbers.to_self_delay == numbers.inclusion + numbers.lost,
    run=_corners(
        "PenaltySafety",
        Corner(reorganisations=1, to_self_delay=3, prelude=REVOKED),
        lambda corner: replace(corner, to_self_delay=2),
    ),
)

_SHAPE, _PUBLISHED, _ = enforcement_claims.received()[0]

PAYEE_MARGIN = Condition(
    name="fulfilment deadline",
    text="2R+G+S >= 2*inclusion + n*R",
    enough="with S >= 2*inclusion, as BOLT 2 means it, true for two reorganisations; G is to spare",
    needed_by=enforcement_claims.offerer_is_late(_SHAPE, _PUBLISHED, failed_at_deadline),
    just_missed=lambda numbers: numbers.fulfilment == numbers.race - 1,
    run=_corners(
        "NoPayoutRace",
        Corner(reorganisations=3, grace=1, honest=1, prelude=FULFILLED),
        lambda corner: replace(corner, grace=0),
    ),
)

FORWARDER_MARGIN = Condition(
    name="what a forwarder has left",
    text="2R+S >= 2*inclusion + n*R",
    enough="with S >= 2*inclusion true for two reorganisations",
    needed_by=enforcement_claims.offerer_is_late(
        _SHAPE._replace(downstream=enforcement_claims.PAID_ON), _PUBLISHED, failed_when_learned
    ),
    just_missed=lambda numbers: numbers.forwarder_margin == numbers.race - 1,
    run=_corners(
        "NoPayoutRace",
        # The last moment to be paid on, by the outgoing expiry, is when 2R+S blocks are left.
        Corner(reorganisations=1, confirmation=1, outgoing_expiry=7, honest=1, prelude=FORWARDED),
        lambda corner: replace(corner, confirmation=0, outgoing_expiry=9),
    ),
)

DELTA = Condition(
    name="cltv_expiry_delta",
    text="cltv_expiry_delta >= G + 2*inclusion + n*R + 2R + S",
    enough="3R+2G+2S of BOLT 2 is enough where R + G + S >= 2*inclusion + n*R, so for one reorganisation always",
    needed_by=upstream_claims.last_comes_in_time(*upstream_claims.OFFERED[0]),
    just_missed=lambda numbers: numbers.incoming_expiry + 1
    == numbers.cltv_expiry + numbers.grace + numbers.race + numbers.forwarder_margin,
    run=_corners(
        "ForwarderSafe",
        Corner(reorganisations=1, cltv_expiry=5, incoming_expiry=12, prelude=COMMITTED),
        lambda corner: replace(corner, incoming_expiry=11),
    ),
)
