"""Known attacks that need one channel, each found again by search from the rule that is missing.

An attack is data: its usual name, the rules that are switched off, the world in which it is looked for, and the
property whose violation is the loss. Nothing of the run is written down. That the rules are what prevents it is part of
the check: with them on the same search ends without a violation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from boltproofs.explorer.search import Result, Verdict, search
from boltspec.chain.presets import SCENARIOS, WITH_SHORT_DELTA
from boltspec.chain.scenario import ChainScenario
from boltspec.units import Blocks


@dataclass(frozen=True, slots=True)
class Attack:
    """A known attack."""

    name: str
    title: str
    scenario: ChainScenario
    property: str
    """What it breaks."""
    without: frozenset[str]
    """The rules that are missing; none if it is a condition on constants that is not met."""
    remedy: ChainScenario
    """Where the search must find nothing with the rules on: the same world, unless constants are at fault."""


def _missing(name: str, title: str, scenario: str, breaks: str, *rules: str) -> Attack:
    world = SCENARIOS[scenario]
    return Attack(name, title, world, breaks, frozenset(rules), world)


_SLOW = SCENARIOS["C1-A"]
ATTACKS: tuple[Attack, ...] = (
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
        "replacement-cycling",
        "a transaction that was driven out of the mempool is not broadcast again",
        "C3-eviction-A",
        "PenaltySafety",
        "D05-general-n-01",
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
"""The catalogue: attacks of which the search must find each."""


@dataclass(frozen=True, slots=True)
class AttackFound:
    """What came of looking for an attack."""

    attack: Attack
    weakened: Result
    """The search without the rules."""
    guarded: Result
    """The search with every rule on."""

    @property
    def holds(self) -> bool:
        """The attack is found without the rules, and with them there is none."""
        return self.weakened.verdict is Verdict.VIOLATED and self.guarded.verdict is Verdict.HOLDS

    def to_json(self) -> dict[str, object]:
        """Return it as a JSON object."""
        trace = self.weakened.trace
        return {
            "name": self.attack.name,
            "title": self.attack.title,
            "without": sorted(self.attack.without),
            "scenario": self.attack.scenario.name,
            "property": self.attack.property,
            "found": self.weakened.verdict is Verdict.VIOLATED,
            "moves": None if trace is None else [str(move) for move in trace.moves],
            "prevented": self.guarded.verdict is Verdict.HOLDS,
        }


def look_for(attacks: Iterable[Attack] = ATTACKS) -> tuple[AttackFound, ...]:
    """Look for attacks, each in its weakened world and in the one that prevents it."""
    return tuple(
        AttackFound(
            attack,
            search(attack.scenario, without=attack.without, asked={attack.property}),
            search(attack.remedy, asked={attack.property}),
        )
        for attack in attacks
    )
