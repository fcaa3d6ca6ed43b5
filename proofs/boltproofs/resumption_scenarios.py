"""Scenarios of lost connections: resumed by honest nodes, lied about by corrupt ones, after crashes."""

from __future__ import annotations

from dataclasses import replace

from boltproofs.scenario_parts import ANCHORS, FROM_A, FROM_B, HIGHER_FEERATE, LOWER_FEERATE, PUSH, ROOMY
from boltspec.scenario import FeeWish, Scenario, Wish
from boltspec.units import FeeratePerKw, Height, Msat

POOR_B = Msat(30_000_000)
"""B could offer nothing more than 20,000 sat of it: it keeps 10,000."""
MUCH_FROM_A = Wish(0, Msat(400_000_000), payment_hash=1, cltv_expiry=Height(6))
OUT_OF_GAIN = Wish(1, Msat(300_000_000), payment_hash=2, cltv_expiry=Height(7))
"""B can offer it once it has fulfilled A's HTLC."""
LOWEST_FEERATE = FeeWish(0, FeeratePerKw(253))
OUT_OF_SAVING = Wish(0, Msat(588_900_000), payment_hash=1, cltv_expiry=Height(6))
"""A has 600,000 sat, keeps 10,000, pays 660 for anchors: with a fee of 1,296 this is too much, with 327 it is not."""
PUSHED_TO_B = Msat(966_850_000)
"""A keeps 33,150 sat: 10,000 as reserve, 660 for anchors, and 10 more than the highest feerate asks for."""
HIGHEST_FEERATE = FeeWish(0, FeeratePerKw(20_000))
"""A commitment costs 22,480 sat at this feerate, 25,920 with an HTLC."""
ALL_OF_A = Wish(0, Msat(21_100_000), payment_hash=1, cltv_expiry=Height(6))
"""It leaves A 1,390 sat for the fee: enough with one HTLC (1,296), not with two (1,468)."""


def _honest() -> list[Scenario]:
    """Both parties are honest; the connection is lost."""
    base = Scenario("resume-a", "one HTLC from A, the connection is lost once", ANCHORS, PUSH, (FROM_A,),
                    disconnections=1)
    return [
        base,
        replace(base, name="resume-a-twice", title="one HTLC from A, the connection is lost twice", disconnections=2),
        replace(base, name="resume-fees", title="A raises the feerate, an HTLC from B, the connection is lost once",
                wishes=(HIGHER_FEERATE, FROM_B)),
        replace(base, name="resume", title="one HTLC from each side, the connection is lost once",
                wishes=(FROM_A, FROM_B)),
        replace(base, name="resume-gain", title="B offers A what A has gained, the connection is lost once",
                push_msat=POOR_B, wishes=(MUCH_FROM_A, OUT_OF_GAIN)),
        replace(base, name="resume-saving", title="A offers what a lower feerate has freed, one lost connection",
                params=ROOMY, wishes=(LOWEST_FEERATE, OUT_OF_SAVING)),
        replace(base, name="resume-crossing-fee", title="A raises the feerate as far as it can, an HTLC from B crosses",
                push_msat=PUSHED_TO_B, wishes=(HIGHEST_FEERATE, FROM_B)),
        replace(base, name="resume-crossing-offer", title="A offers all that it can, an HTLC from B crosses",
                params=ROOMY, push_msat=PUSHED_TO_B, wishes=(ALL_OF_A, FROM_B)),
        replace(base, name="careless-resume", title="one HTLC from A, a lost connection that tempts to lie",
                careless=True),
    ]


def _crashes() -> list[Scenario]:
    """Nodes that start again from what they had made durable, or from nothing."""
    base = Scenario("crash-a", "one HTLC from A, either party crashes once", ANCHORS, PUSH, (FROM_A,), crashes=1)
    return [
        base,
        replace(base, name="crash-fees", title="A raises the feerate, an HTLC from B, either party crashes once",
                wishes=(HIGHER_FEERATE, FROM_B)),
        replace(base, name="restore-b", title="one HTLC from B, either party loses its data once", crashes=0,
                restores=1, wishes=(FROM_B,)),
        replace(base, name="restore-fees", title="A changes the feerate twice, either party loses its data once",
                crashes=0, restores=1, wishes=(HIGHER_FEERATE, LOWER_FEERATE)),
    ]


def _liars() -> list[Scenario]:
    """One party is corrupt and lies about what it has."""
    base = Scenario("liar-resume-A", "A changes the feerate, a lost connection; A lies once", ANCHORS, PUSH,
                    (HIGHER_FEERATE,), corrupt=(True, False), abuses=1, disconnections=1)
    late = replace(base, name="liar-reestablish-A", title="A changes the feerate twice; it lies in channel_reestablish",
                   wishes=(HIGHER_FEERATE, LOWER_FEERATE), lies_about_state=True)
    offering = replace(base, name="liar-resume-htlc-A", title="one HTLC from A, a lost connection; A lies once",
                       wishes=(FROM_A,))
    return [
        base,
        replace(base, name="liar-resume-B", title="the same, B lies once", corrupt=(False, True)),
        late,
        replace(late, name="liar-reestablish-B", title="the same, B lies", corrupt=(False, True)),
        offering,
        replace(offering, name="liar-resume-htlc-B", title="the same, B lies once", corrupt=(False, True)),
    ]


RESUMPTION_SCENARIOS: tuple[Scenario, ...] = (*_honest(), *_crashes(), *_liars())
"""All of them."""
