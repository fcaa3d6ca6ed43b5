"""Balance security, and the properties of one node on chain that it is made of.

**Balance security.** For every strategy of the peer, every schedule within R, G and S and every crash point: an honest
party ends with at least its balance plus the HTLCs that it won, less its own fees and what was trimmed.

Made precise: the honest party's books say what it is entitled to (:mod:`~boltproofs.security.sums`). Whichever
commitment is confirmed, it is worth at least that, as far as it is not revoked. Each of its outputs that makes up this
worth reaches the honest party's wallet (:mod:`~boltproofs.security.enforcement_claims`), unless its peer shows a
preimage, which is passed on in time (:mod:`~boltproofs.security.upstream_claims`). Amounts shrink by fee, anchors,
trimming and rounding only (:mod:`~boltproofs.security.payout_claims`). If the commitment is revoked, all of its outputs
are the honest party's. It can always leave, and leaves in time (:mod:`~boltproofs.security.exit_claims`). After a crash
the same holds (:mod:`~boltproofs.security.crash`).

Assumed: signatures and hashes are perfect; miners and reorganisations keep to the bounds of
:mod:`~boltproofs.security.numbers`; the wallet has coins, so that an honest party's transactions can pay what miners
ask for. The signer's view of a commitment is the holder's (SameView, which is searched). A node that has lost data
depends on its peer: of it is only shown that it is not punished.

What is taken off where a *revoked* commitment is confirmed: fees, anchors and trimmed HTLCs of that commitment, whoever
paid for them. They can be more than the cheater has left in the channel; then its victim is short of the difference.
The reserve, the bound on dust exposure and the greatest feerate that is accepted keep that small; they do not exclude
it.
"""

from __future__ import annotations

from boltproofs.security import (
    crash,
    enforcement_claims,
    exit_claims,
    payout_claims,
    reorganisation_claims,
    sums,
    upstream_claims,
)
from boltproofs.security import wellformed_claims as wellformed
from boltproofs.security.conditions import DELAY, DELTA, FORWARDER_MARGIN, PAYEE_MARGIN
from boltproofs.security.theorem import Outside, SecurityTheorem, Subsumed
from boltspec.chain.enforcement import (
    BUMP_COMMITMENT,
    BUMP_HTLC,
    FULFIL_AT_ONCE,
    FULFILLER_DEADLINE,
    OFFERER_DEADLINE,
    OUTDATED,
    PUBLISH,
    REBROADCAST,
    RESOLVE,
    TOO_LATE,
    WATCH,
)

BROADCAST = (WATCH, REBROADCAST)

# --- rules ---

PENALTIES = (
    "B05-revoked-commit-l-03",
    "B05-revoked-commit-l-04",
    "B05-revoked-commit-l-06",
    "B05-revoked-commit-l-09",
    "B05-revoked-commit-l-10",
    "B05-revoked-commit-l-11",
)
WITHDRAWALS = (
    "B05-local-commit-n-01",
    "B05-local-commit-n-04",
    "B05-local-commit-n-05",
    "B05-local-commit-local-offers-n-04",
    "B05-local-commit-local-offers-n-05",
    "B05-local-commit-remote-offers-l-03",
    "B05-local-commit-remote-offers-l-05",
)
REFUNDS = (
    "B05-local-commit-local-offers-n-02",
    "B05-remote-commit-l-01",
    "B05-remote-commit-l-04",
    "B05-remote-commit-local-offers-l-02",
)
CLAIMS = (
    "B05-local-commit-remote-offers-l-01",
    "B05-remote-commit-l-05",
    "B05-remote-commit-remote-offers-l-01",
)
SECRECY = (
    "B05-local-commit-remote-offers-l-02",
    "B05-local-commit-remote-offers-l-04",
    "B05-remote-commit-remote-offers-l-02",
    TOO_LATE,
)
UPSTREAM = (
    "B05-local-commit-local-offers-n-01",
    "B05-local-commit-local-offers-n-03",
    "B05-local-commit-local-offers-n-07",
    "B05-local-commit-local-offers-n-08",
    "B05-remote-commit-local-offers-l-01",
    "B05-remote-commit-local-offers-l-03",
    "B05-remote-commit-local-offers-l-04",
    "B05-revoked-commit-l-12",
    "B02-forwarding-n-02",
    FULFIL_AT_ONCE,
)
AGAIN = "B05-general-n-03"
NOT_REVOKED = "B02-revoke-and-ack-n-01"

SUBSUMED = (
    Subsumed("B05-revoked-commit-l-05", ("B05-revoked-commit-l-04",), "it is seized, with or without a preimage"),
    Subsumed(
        "B05-revoked-commit-l-07", ("B05-revoked-commit-l-08",), "the output is reclaimed after the expiry instead"
    ),
    Subsumed("B05-revoked-commit-l-08", ("B05-revoked-commit-l-07",), "the output is seized at once"),
)
"""BOLT 5 offers several ways to the same output and asks for all of them."""

LOCKED = "the script's lock makes it so: a spend that comes earlier is not valid"
OUTSIDE = (
    Outside("B05-failing-channel-n-03", "no step forgets a channel: that a node is tempted to is searched"),
    Outside("B05-failing-channel-b-01", "it is B05-general-n-02, which is refuted"),
    Outside("B05-local-commit-n-02", LOCKED),
    Outside("B05-local-commit-local-offers-n-06", LOCKED),
    Outside("B05-local-commit-remote-offers-l-06", LOCKED),
    Outside("B05-remote-commit-l-06", "what is said to the user moves no money"),
    Outside("B05-general-requirements-n-01", "what is said to the user moves no money"),
    Outside("B05-revoked-commit-l-01", "it is B02-revoke-and-ack-n-01, which is refuted"),
    Outside("B05-htlc-tx-l-01", "miners take what pays enough: how it is kept from them is searched, in the mempool"),
)

HEIGHTS = ("heights", "delays", "R, G, S", "past states", "HTLCs")
EVERYTHING = (*HEIGHTS, "amounts", "feerates", "reorganisations")

SECURITY_THEOREMS: tuple[SecurityTheorem, ...] = (
    SecurityTheorem(
        name="BalanceSecurity",
        sentence="Whatever its peer does, an honest party ends with at least its balance plus the HTLCs that it won, "
        "less its own fees and what was trimmed.",
        groups=(
            exit_claims.has_exit,
            exit_claims.is_never_revoked,
            exit_claims.is_never_punished,
            exit_claims.is_never_outdated,
            exit_claims.gives_up_on_timeout,
            exit_claims.gives_up_on_fulfilment,
            enforcement_claims.is_recovered,
            enforcement_claims.is_penalty_remade,
            enforcement_claims.is_withdrawn,
            enforcement_claims.is_refunded,
            enforcement_claims.is_claimed,
            enforcement_claims.is_kept_secret,
            upstream_claims.is_passed_on,
            upstream_claims.is_not_failed_early,
            upstream_claims.is_given_back,
            upstream_claims.is_fulfilled_though_missing,
            upstream_claims.has_time,
            payout_claims.pays_balance,
            payout_claims.pays_htlcs,
            reorganisation_claims.cost_their_depth,
        ),
        obligations=(sums.obligations, crash.obligations),
        fails_without=(
            *BROADCAST,
            RESOLVE,
            AGAIN,
            PUBLISH,
            OUTDATED,
            BUMP_COMMITMENT,
            *BUMP_HTLC,
            *OFFERER_DEADLINE,
            *FULFILLER_DEADLINE,
            NOT_REVOKED,
            "B02-retransmission-r-03",
            *PENALTIES,
            "B05-revoked-commit-l-16",
            *WITHDRAWALS,
            *REFUNDS,
            *CLAIMS,
            *SECRECY,
            *UPSTREAM,
        ),
        lemmas=(
            "Conservation",
            "NonNegative",
            "FeeAffordable",
            "FulfilProves",
            "MonotoneNumbers",
            "RevokeAfterNew",
            "RevealsSuperseded",
            "SecretsHeld",
            "DurableBeforeSent",
        ),
        conditions=(DELAY, PAYEE_MARGIN, FORWARDER_MARGIN, DELTA),
        subsumed=SUBSUMED,
        outside=OUTSIDE,
        unbounded=EVERYTHING,
    ),
    SecurityTheorem(
        name="PenaltySafety",
        sentence="Every output of a revoked commitment is the victim's to take at once, and never the thief's before.",
        groups=(enforcement_claims.is_punished,),
        fails_without=(*BROADCAST, RESOLVE, AGAIN, *PENALTIES, "B05-revoked-commit-l-07"),
        lemmas=("SecretsHeld", "Conservation"),
        conditions=(DELAY,),
        unbounded=HEIGHTS,
    ),
    SecurityTheorem(
        name="RevokedNotPublished",
        sentence="An honest party never publishes a revoked commitment.",
        groups=(exit_claims.is_never_revoked,),
        fails_without=(NOT_REVOKED,),
        lemmas=("RevokeAfterNew",),
        unbounded=("commitment numbers",),
    ),
    SecurityTheorem(
        name="NoFalsePenalty",
        sentence="The peer cannot punish a commitment that an honest party publishes: it does not have the secret.",
        groups=(exit_claims.is_never_punished,),
        fails_without=(NOT_REVOKED,),
        lemmas=("RevokeAfterNew", "RevealsSuperseded", "MonotoneNumbers"),
        unbounded=("commitment numbers",),
    ),
    SecurityTheorem(
        name="UnilateralExit",
        sentence="From opening on, an honest party alone has a signed, unrevoked commitment that miners take.",
        groups=(exit_claims.has_exit,),
        fails_without=(*BROADCAST, PUBLISH, BUMP_COMMITMENT),
        lemmas=("RevokeAfterNew",),
        unbounded=HEIGHTS,
    ),
    SecurityTheorem(
        name="TimeoutDeadline",
        sentence="The offerer of an HTLC has failed the channel when the timeout deadline is past.",
        groups=(exit_claims.gives_up_on_timeout,),
        fails_without=(WATCH, *OFFERER_DEADLINE),
        lemmas=("StageOrder",),
        unbounded=HEIGHTS,
    ),
    SecurityTheorem(
        name="FulfilDeadline",
        sentence="Who is owed an HTLC has failed the channel when the fulfilment deadline is past.",
        groups=(exit_claims.gives_up_on_fulfilment,),
        fails_without=(WATCH, *FULFILLER_DEADLINE),
        lemmas=("StageOrder",),
        unbounded=HEIGHTS,
    ),
    SecurityTheorem(
        name="NoPayoutRace",
        sentence="Who has shown a preimage gets the HTLC, whichever commitment the peer publishes, and when.",
        groups=(enforcement_claims.is_claimed, enforcement_claims.is_kept_secret, exit_claims.gives_up_on_fulfilment),
        fails_without=(*BROADCAST, RESOLVE, AGAIN, *BUMP_HTLC, *CLAIMS, *SECRECY, *FULFILLER_DEADLINE),
        lemmas=("StageOrder", "SecretsHeld", "RevealsSuperseded", "MonotoneNumbers"),
        conditions=(PAYEE_MARGIN, FORWARDER_MARGIN),
        unbounded=HEIGHTS,
    ),
    SecurityTheorem(
        name="EventuallyWithdrawn",
        sentence="The delayed outputs of an honest party reach its wallet after the delay, its offers after expiry.",
        groups=(enforcement_claims.is_withdrawn, enforcement_claims.is_refunded),
        fails_without=(*BROADCAST, RESOLVE, AGAIN, *BUMP_HTLC, *WITHDRAWALS, *REFUNDS),
        lemmas=("RevealsSuperseded", "MonotoneNumbers"),
        unbounded=HEIGHTS,
        notes={"by": "to_self_delay + inclusion + n*R after confirmation; max(confirmation, expiry) + inclusion + n*R"},
    ),
    SecurityTheorem(
        name="ExactPayout",
        sentence="Whichever unrevoked commitment is confirmed, it is worth the balance plus what was won.",
        groups=(payout_claims.pays_balance, payout_claims.pays_htlcs, enforcement_claims.is_claimed),
        obligations=(sums.obligations,),
        fails_without=CLAIMS,
        lemmas=("StageOrder", "OneUnackedCommit", "FulfilProves", "FeeAffordable"),
        conditions=(PAYEE_MARGIN, FORWARDER_MARGIN),
        unbounded=EVERYTHING,
    ),
    SecurityTheorem(
        name="ForwarderOnChain",
        sentence="Who pays for an outgoing HTLC on chain passes the preimage on in time; who gives back pays no more.",
        groups=(
            upstream_claims.is_passed_on,
            upstream_claims.is_not_failed_early,
            upstream_claims.is_given_back,
            upstream_claims.is_fulfilled_though_missing,
            upstream_claims.has_time,
        ),
        fails_without=(WATCH, *UPSTREAM),
        lemmas=("SecretsHeld", "RevealsSuperseded"),
        conditions=(DELTA,),
        unbounded=HEIGHTS,
    ),
    SecurityTheorem(
        name="TxWellFormed",
        sentence="A commitment with 483 HTLCs each way and the penalty that takes all of it are standard.",
        groups=(wellformed.is_within_weight, wellformed.has_no_dust),
        fails_without=(
            "D02-open-channel-s-01",
            "B02-open-channel-r-16",
            "B02-open-channel-s-20",
            "B02-open-channel-r-20",
        ),
        lemmas=("LimitsHold",),
        conditions=(wellformed.MOST_HTLCS,),
        unbounded=("amounts", "feerates", "dust limits"),
    ),
)
"""All of them. ``BalanceSecurity`` rests on none of the others: its claims are its own."""
