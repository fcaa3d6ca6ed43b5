"""The theorems: which property, resting on which lemmas, and which rules it would fail without.

An inductive theorem says: the property holds of a channel that has just been opened, and every step that an honest node
takes, whatever message the application or the peer hands it, preserves it. The structural invariants
(:data:`STRUCTURE`) are lemmas of all.

That theorems use each other as lemmas is no circle. A lemma is always assumed of the state *before* a step, never of
the one after it, and every lemma is a channel property with a theorem of its own. Take all theorems that a theorem
rests on, directly or not, itself included, and call the conjunction of their properties I. Each of them is shown of a
channel that has just been opened with nothing assumed, so I holds there; each is shown after every step from
assumptions that are parts of I, so I before a step gives I after it. By induction on the number of steps I holds in
every state. If one of them is not proved the argument fails for all that rest on it, which is why the prover withdraws
those (``boltproofs.verify``). A step property is no part of I: it is shown for each single step that starts in a state
where I holds, and nothing in the induction assumes it. The theorems on chain may use both.

Assumed besides: what the types say, that counters and amounts are unsigned. It is part of the induction as well
(``boltproofs.induction.pose_untyped``), for messages it is what the wire format can express.

*Refuted* means that a step leads from a state with all assumptions to one without the property. Such a state need not
be reachable; whether it is, a search tells. ``fails_without`` is not taken on trust: the prover switches each of these
rules off and demands a counterexample that the plain interpreter confirms.
"""

from __future__ import annotations

from dataclasses import dataclass

from boltspec.properties import accounting, affordability, persistence, reconnection, revocation
from boltspec.properties.property import ChannelProperty, LossProperty, StepProperty

STRUCTURE: tuple[ChannelProperty, ...] = (
    accounting.STAGE_ORDER,
    accounting.ONE_UNACKED_COMMIT,
    accounting.UNCOMMITTED_LAST,
)
"""Invariants that every proof may use: what combinations of stages and numbers exist at all."""


@dataclass(frozen=True)
class InductiveTheorem:
    """A property of one node that holds whatever its peer does."""

    goal: ChannelProperty | StepProperty | LossProperty
    fails_without: tuple[str, ...]
    lemmas: tuple[ChannelProperty, ...] = ()
    """Beside :data:`STRUCTURE` and, for a channel property, itself."""

    @property
    def name(self) -> str:
        """Name of the property."""
        return self.goal.name


INDUCTIVE: tuple[InductiveTheorem, ...] = (
    InductiveTheorem(
        accounting.CONSERVATION, ("B02-adding-htlc-r-02", "D02-adding-htlc-s-01"), (accounting.NON_NEGATIVE,)
    ),
    InductiveTheorem(
        accounting.NON_NEGATIVE,
        ("B02-adding-htlc-r-02", "D02-adding-htlc-s-01", "B02-removing-htlc-r-01", "D02-removing-htlc-s-01"),
    ),
    InductiveTheorem(
        accounting.FEE_AFFORDABLE,
        (
            "B02-adding-htlc-s-01",
            "B02-adding-htlc-s-02",
            "B02-adding-htlc-r-02",
            "B02-update-fee-r-03",
            "D02-update-fee-s-01",
        ),
    ),
    InductiveTheorem(
        affordability.FEERATES_REASONABLE,
        ("B02-update-fee-e-01", "B02-update-fee-r-01", "B02-update-fee-r-02", "D02-update-fee-s-02"),
    ),
    InductiveTheorem(affordability.FEE_SPIKE_BUFFER, ("B02-adding-htlc-s-03",)),
    InductiveTheorem(affordability.AFFORDABLE_TO_OPENER, ("B02-adding-htlc-s-04",)),
    InductiveTheorem(
        affordability.DUST_EXPOSURE,
        ("B02-dust-exposure-h-01", "B02-dust-exposure-h-03", "B02-update-fee-s-01", "B02-update-fee-s-03"),
    ),
    InductiveTheorem(affordability.NO_OVEREXPOSED_FULFIL, ("B02-dust-exposure-r-02", "B02-dust-exposure-r-04")),
    InductiveTheorem(accounting.RESERVE, ("B02-adding-htlc-r-02", "D02-adding-htlc-s-01")),
    InductiveTheorem(accounting.STAGE_ORDER, ("B02-removing-htlc-n-03", "B02-removing-htlc-r-01")),
    InductiveTheorem(
        accounting.ONE_UNACKED_COMMIT,
        (
            "D02-commitment-signed-s-01",
            "D02-commitment-signed-r-01",
            "D02-revoke-and-ack-s-01",
            "D02-revoke-and-ack-r-01",
        ),
    ),
    InductiveTheorem(accounting.LIMITS_HOLD, ("B02-adding-htlc-s-08", "B02-adding-htlc-s-09", "B02-adding-htlc-r-03")),
    InductiveTheorem(
        accounting.TERMS_LAWFUL,
        (
            "B02-adding-htlc-s-05",
            "B02-adding-htlc-s-06",
            "B02-adding-htlc-s-07",
            "B02-adding-htlc-r-01",
            "B02-adding-htlc-r-04",
        ),
    ),
    InductiveTheorem(
        accounting.UNCOMMITTED_LAST, ("B02-adding-htlc-s-11", "B02-adding-htlc-r-07"), (accounting.IDS_BELOW_NEXT,)
    ),
    InductiveTheorem(
        accounting.IDS_BELOW_NEXT, ("B02-adding-htlc-s-11", "B02-adding-htlc-r-07"), (accounting.UNCOMMITTED_LAST,)
    ),
    InductiveTheorem(
        accounting.MONOTONE_NUMBERS, ("B02-adding-htlc-s-10", "B02-adding-htlc-s-11", "B02-adding-htlc-r-07")
    ),
    InductiveTheorem(accounting.NO_EMPTY_COMMIT, ("B02-commitment-signed-s-01",)),
    InductiveTheorem(accounting.FULFIL_PROVES, ("B02-removing-htlc-r-02", "D02-removing-htlc-s-02")),
    InductiveTheorem(
        revocation.REVOKE_AFTER_NEW,
        ("B02-commitment-signed-r-01", "B02-commitment-signed-r-02", "B02-commitment-signed-r-03"),
    ),
    InductiveTheorem(revocation.REVEALS_SUPERSEDED, ("B02-revoke-and-ack-s-01",)),
    InductiveTheorem(revocation.SECRETS_HELD, ("B02-revoke-and-ack-r-01",)),
    InductiveTheorem(persistence.DURABLE_BEFORE_SENT, ("D02-retransmission-n-01",)),
    InductiveTheorem(
        reconnection.SPEAKS_ONCE_RESUMED,
        (
            "B02-retransmission-n-06",
            "D02-retransmission-s-02",
            "D02-retransmission-s-03",
            "D02-retransmission-r-02",
            "D02-retransmission-s-01",
            "D02-retransmission-r-01",
        ),
    ),
    InductiveTheorem(
        reconnection.OWES_WHAT_IS_LACKING,
        (
            "B02-retransmission-n-13",
            "B02-retransmission-n-16",
            "B02-retransmission-r-05",
            "B02-retransmission-n-12",
            "B02-retransmission-n-14",
        ),
    ),
    InductiveTheorem(reconnection.UNCOMMITTED_FORGOTTEN, ("B02-retransmission-n-02",)),
)
