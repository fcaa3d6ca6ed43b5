"""The catalogue of known attacks that need one channel.

Where several rules are listed it takes all of them to be missing. Names are those that the attacks are known by; where
one has variants that other rules prevent they are entries of their own. What is not here: attacks by the bytes of a
signature (its S) or of a message, by many channels or payments at once, and such that no rule prevents.
"""

from __future__ import annotations

from dataclasses import replace

from boltproofs.attacks import Attack
from boltproofs.families import SCENARIOS
from boltspec.chain.presets import SCENARIOS as CHAIN_SCENARIOS
from boltspec.chain.presets import WITH_SHORT_DELTA
from boltspec.units import Blocks


def _missing(name: str, title: str, scenario: str, breaks: str, *rules: str) -> Attack:
    world = SCENARIOS[scenario]
    return Attack(name, title, world, breaks, frozenset(rules), world)


_SLOW = CHAIN_SCENARIOS["C1-A"]
ON_CHAIN: tuple[Attack, ...] = (
    _missing(
        "premature-forward",
        "forwarding before the incoming HTLC is irrevocably committed",
        "C3-A",
        "ExactPayout",
        "B02-forwarding-n-01",
    ),
    _missing(
        "premature-failback",
        "failing the incoming HTLC while the outgoing one can still be claimed",
        "C3-A",
        "ExactPayout",
        "B02-forwarding-n-02",
    ),
    Attack(
        "insufficient-cltv-delta",
        "one block too few between outgoing and incoming expiry",
        WITH_SHORT_DELTA,
        "ForwarderSafe",
        frozenset(),
        SCENARIOS["C3-B"],
    ),
    _missing(
        "late-fulfill-race",
        "not going on chain before the HTLC expires: both can claim it then",
        "C1-A",
        "NoPayoutRace",
        "B02-cltv-delta-u-04",
    ),
    _missing(
        "late-disclosure",
        "showing the preimage when it is too late to claim",
        "C1-A",
        "NoPayoutRace",
        "B02-cltv-delta-u-02",
    ),
    _missing(
        "cascade-force-close",
        "waiting for the peer after the outgoing HTLC has expired",
        "C3-B",
        "ForwarderSafe",
        "B02-cltv-delta-h-04",
    ),
    _missing(
        "invoice-preimage-leak",
        "the preimage of one's own invoice used for an HTLC that was to be forwarded",
        "C2-own-invoice-A",
        "PreimageHidden",
        "B05-local-commit-remote-offers-l-02",
    ),
    _missing(
        "revoked-second-stage-unswept",
        "the cheater escapes through its HTLC transaction",
        "C1-A",
        "SecondStagePenalty",
        "B05-revoked-commit-l-10",
    ),
    _missing(
        "penalty-batch-pin",
        "one penalty transaction for all outputs is kept from confirming",
        "C1-pinned-A",
        "PenaltySafety",
        "B05-revoked-commit-l-14",
    ),
    _missing(
        "replaced-penalty",
        "a penalty is not made anew after an HTLC transaction has spent one of its inputs",
        "C1-batched-A",
        "PenaltySafety",
        "B05-revoked-commit-l-16",
    ),
    _missing(
        "preimage-extraction",
        "the preimage on chain is not read",
        "C3-B",
        "ExactPayout",
        "B05-remote-commit-local-offers-l-01",
    ),
    _missing(
        "excessive-failback-remote",
        "an HTLC that is missing in the peer's commitment is failed although its preimage is known",
        "C3-away-B",
        "ForwarderSafe",
        "B05-remote-commit-local-offers-l-03",
    ),
    _missing(
        "reorg-commitment-switch",
        "not resolving again what a reorganisation has undone",
        "C1-reorganisation-B",
        "ResolveAll",
        "B05-general-n-03",
    ),
    _missing(
        "stale-state-broadcast",
        "a node restored from a backup publishes a revoked commitment",
        "C1-restore-B",
        "NoFalsePenalty",
        "B05-failing-channel-n-05",
    ),
    _missing(
        "anchor-cpfp-neglect",
        "a commitment that pays too little is not bumped",
        "C3-B",
        "ForwarderSafe",
        "B05-failing-channel-n-07",
    ),
    _missing(
        "chain-view-suppression",
        "the chain is not watched",
        "C1-A",
        "PenaltySafety",
        "B05-general-n-01",
    ),
    _missing(
        "watchtower-htlc-blindspot",
        "the penalty leaves out HTLC outputs",
        "C1-A",
        "PenaltySafety",
        "B05-revoked-commit-l-04",
        "B05-revoked-commit-l-05",
        "B05-revoked-commit-l-06",
        "B05-revoked-commit-l-07",
        "B05-revoked-commit-l-08",
    ),
    Attack(
        "slow-chain",
        "claims that take longer than the time kept for them, as when many want to get into few blocks",
        replace(_SLOW, name="C1-slow-A", inclusion=Blocks(3)),
        "NoPayoutRace",
        frozenset(),
        _SLOW,
    ),
)
"""Attacks on the chain, by who publishes what, and when."""

WITH_FEES: tuple[Attack, ...] = (
    _missing(
        "htlc-not-worth-its-timeout",
        "an HTLC output that costs more to take than it brings holds up the incoming HTLC",
        "C3-small-B",
        "ForceCloseEnds",
        "D05-general-n-07",
    ),
    _missing(
        "htlc-preimage-pinning",
        "a claim that is heavy and pays little keeps the timeout out of the mempool",
        "C3-pinning-B",
        "ForwarderSafe",
        "D05-general-n-04",
    ),
    _missing(
        "replacement-cycling",
        "a timeout is replaced by a claim, and that by something else; nobody broadcasts the timeout again",
        "C3-cycling-B",
        "ForwarderSafe",
        "D05-general-n-01",
    ),
    _missing(
        "replacement-cycling-of-a-success",
        "the same with a transaction of the victim that anybody can take apart",
        "C2-cycling-A",
        "NoPayoutRace",
        "B05-htlc-tx-l-01",
    ),
    _missing(
        "replacement-stalling",
        "one input of a batch is spent, and for the others the fee begins anew",
        "C5-stalling-B",
        "ForwarderSafe",
        "D05-general-n-05",
    ),
    _missing(
        "anchor-cpfp-never-raised",
        "the fee of a commitment stays what it was when miners ask for more",
        "C3-rising-B",
        "ForwarderSafe",
        "B05-failing-channel-n-08",
    ),
    _missing(
        "anchor-reserve-spent",
        "no coin is left to bump a commitment with",
        "C3-rising-B",
        "ForwarderSafe",
        "D05-general-n-06",
    ),
    _missing(
        "anchor-fee-siphon",
        "the fee of the cheater's own HTLC-timeout goes into its wallet",
        "C5-A",
        "PenaltySafety",
        "B03-fee-calculation-b-01",
    ),
    _missing(
        "anchor-fee-siphon-by-success",
        "the fee of the cheater's own HTLC-success goes into its wallet",
        "C5-B",
        "PenaltySafety",
        "B03-fee-calculation-b-03",
    ),
)
"""Attacks by fees and in the mempool."""

BY_MESSAGES: tuple[Attack, ...] = (
    _missing(
        "funding-output-unverified",
        "the funding output pays something else than what was agreed on",
        "open-public-only",
        "FundingVerified",
        "B02-channel-ready-s-01",
    ),
    _missing(
        "zero-conf-double-spend",
        "a stranger's unconfirmed funding transaction is relied upon",
        "open-untrusted-zeroconf",
        "ChannelBacked",
        "B02-open-channel-r-25",
    ),
    _missing(
        "all-dust-commitment",
        "a dust limit above the reserve: a balance may vanish from the commitment",
        "open-public-only",
        "ReserveAboveDust",
        "B02-open-channel-r-19",
    ),
    _missing(
        "htlc-slot-fee-ransom",
        "more HTLCs than a penalty transaction can take",
        "open-public-only",
        "LimitsSane",
        "B02-open-channel-r-16",
    ),
    _missing(
        "expiry-too-far",
        "a delay that locks the balance up for years",
        "open-private",
        "LimitsSane",
        "B02-open-channel-r-15",
    ),
    _missing(
        "revocation-secret-unchecked",
        "a wrong secret is taken for a revocation",
        "C1-liar-B",
        "PenaltySafety",
        "B02-revoke-and-ack-r-01",
    ),
    _missing(
        "missing-htlc-signature",
        "the old commitment is revoked for one whose HTLCs are not signed",
        "liar-A",
        "RevokeAfterNew",
        "B02-commitment-signed-r-02",
    ),
    _missing(
        "wrong-htlc-signature",
        "the same with signatures for something else",
        "liar-A",
        "RevokeAfterNew",
        "B02-commitment-signed-r-03",
    ),
    _missing(
        "reserve-depletion",
        "an offer that takes from the reserve: nothing is at stake for who cheats",
        "liar-reserve",
        "Reserve",
        "B02-adding-htlc-r-02",
    ),
    _missing(
        "fee-spike-stuck-channel",
        "no buffer for a higher feerate: the opener cannot pay for one more HTLC",
        "fee-spike-htlc",
        "OpenerCanPay",
        "B02-adding-htlc-s-03",
    ),
    _missing(
        "dust-exposure-flood",
        "a preimage is shown for dust beyond the limit",
        "liar-dust-local",
        "NoOverexposedFulfil",
        "B02-dust-exposure-r-02",
    ),
    _missing(
        "cross-peer-error-close",
        "an error about a channel that the peer has no part in",
        "corrupt-keeper",
        "OnlyNamedChannelsFail",
        "B01-error-warning-r-05",
    ),
)
"""Attacks by messages: what is wrong is said, and accepted."""

ATTACKS = (*ON_CHAIN, *WITH_FEES, *BY_MESSAGES)
"""The catalogue: attacks of which the search must find each."""
