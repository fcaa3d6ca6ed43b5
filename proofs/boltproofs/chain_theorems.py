"""Theorems about what happens on chain, one output at a time.

A claim is plain Python over the specification's own functions, with numbers as arguments: a premise and a goal. The
prover evaluates both on unknown numbers and asks whether the goal can fail where the premise holds; a counterexample is
evaluated again with plain numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from boltspec.channel import Channel, opened
from boltspec.commitment import CommittedHtlc
from boltspec.enforcement import knows_secret, publish_commitment, resolution, situation
from boltspec.htlc import LOCAL, REMOTE
from boltspec.ledger import Confirmed, is_open
from boltspec.outputs import PATHS, Kind, Need, Output, Path, Spender
from boltspec.params import MAINNET_LIMITS, Params
from boltspec.units import Blocks, FeeratePerKw, Height, Msat, Sat
from boltspec.verdict import Accepted


class Numbers(NamedTuple):
    """What the claims are about: all unsigned, all unknown."""

    number: int
    """Number of the commitment that is published."""
    local_revocations: int
    local_commitment_number: int
    remote_revocations: int
    remote_secrets: int
    revealed: int
    """How many of its own secrets the node has revealed, counted from commitment 0 on."""
    peer_secrets: int
    """How many of the node's secrets its peer can derive."""
    confirmed: int
    """Height at which the output was confirmed."""
    height: int
    """Height of the block that the next one is built on."""
    cltv_expiry: int
    to_self_delay: int
    reaction: int
    """Within how many blocks the honest node's claim is confirmed."""
    knows_preimage: int
    """Not zero if the honest node knows the HTLC's preimage."""


@dataclass(frozen=True)
class Claim:
    """For all numbers: if the premise holds, so does the goal."""

    label: str
    premise: Callable[[Numbers], bool]
    goal: Callable[[Numbers], bool]


@dataclass(frozen=True)
class ChainTheorem:
    """A property on chain, as a number of claims."""

    name: str
    sentence: str
    claims: tuple[Claim, ...]
    fails_without: tuple[str, ...]
    lemmas: tuple[str, ...]
    """Names of the inductive theorems that provide the premises."""
    unbounded: tuple[str, ...]
    condition: str = ""
    """A condition on the parameters, in words."""
    tight: Claim | None = None
    """The claim that must *fail* where the condition is just missed: the condition is exact."""


ANY_PARAMS = Params(Sat(1_000_000), LOCAL, FeeratePerKw(1_000), True, MAINNET_LIMITS, MAINNET_LIMITS)
"""Constants on which no claim depends."""


def _channel(numbers: Numbers) -> Channel:
    return replace(
        opened(ANY_PARAMS),
        local_revocations=numbers.local_revocations,
        local_commitment_number=numbers.local_commitment_number,
        remote_revocations=numbers.remote_revocations,
        remote_secrets=numbers.remote_secrets,
    )


def _confirmed(numbers: Numbers, kind: Kind) -> Confirmed:
    htlc = CommittedHtlc(kind is Kind.OFFERED_HTLC, 0, Msat(0), 0, Height(numbers.cltv_expiry))
    return Confirmed(Output(kind, Sat(0), htlc), Height(numbers.confirmed))


def _is_open(numbers: Numbers, kind: Kind, path: Path) -> bool:
    return is_open(path, _confirmed(numbers, kind), Height(numbers.height), Blocks(numbers.to_self_delay))


def _revoked_in_chain(numbers: Numbers) -> bool:
    """The peer's commitment was revoked, we hold all secrets (SecretsHeld), and our claim is still in time."""
    return (
        numbers.number < numbers.remote_revocations
        and numbers.remote_secrets == numbers.remote_revocations
        and numbers.confirmed <= numbers.height + 1
        and numbers.height + 1 <= numbers.confirmed + numbers.reaction
    )


def _victim_takes(kind: Kind) -> Callable[[Numbers], bool]:
    def goal(numbers: Numbers) -> bool:
        channel = _channel(numbers)

        def can_use(path: Path) -> bool:
            if path.spender is not Spender.OTHER:
                return False
            if path.need is Need.SECRET and not knows_secret(channel, numbers.number):
                return False
            if path.need is Need.PREIMAGE and numbers.knows_preimage == 0:
                return False
            return _is_open(numbers, kind, path)

        return resolution(situation(channel, REMOTE, numbers.number), kind, can_use) is not None

    return goal


def _thief_is_too_late(kind: Kind) -> Callable[[Numbers], bool]:
    def goal(numbers: Numbers) -> bool:
        for path in PATHS[kind]:
            if path.spender is Spender.OWNER and path.leads_to not in PUNISHABLE and _is_open(numbers, kind, path):
                return False
        return True

    return goal


PUNISHABLE = (Kind.TO_LOCAL, Kind.OFFERED_HTLC, Kind.RECEIVED_HTLC, Kind.TIMED_OUT_HTLC, Kind.SUCCEEDED_HTLC)
"""Every output that the owner of a commitment can lay hands on, at both stages."""


def _in_time(numbers: Numbers) -> bool:
    return _revoked_in_chain(numbers) and numbers.reaction < numbers.to_self_delay


def _just_too_slow(numbers: Numbers) -> bool:
    return _revoked_in_chain(numbers) and numbers.reaction == numbers.to_self_delay


def _published(numbers: Numbers) -> bool:
    """The node publishes one of its own commitments."""
    return isinstance(publish_commitment(_channel(numbers), numbers.number), Accepted)


def _published_to_ignorant_peer(numbers: Numbers) -> bool:
    """The node publishes one of its own commitments, and its peer knows no more than was revealed to it.

    RevealsSuperseded and MonotoneNumbers: whatever was revealed belongs to a commitment that is given up.
    That nobody can derive a secret which was not revealed is cryptography and assumed (BOLT 3).
    """
    known = numbers.peer_secrets <= numbers.revealed and numbers.revealed <= numbers.local_revocations
    return known and _published(numbers)


def _peer_has_no_secret(numbers: Numbers) -> bool:
    peer = replace(opened(ANY_PARAMS.mirrored()), remote_secrets=numbers.peer_secrets)
    return not knows_secret(peer, numbers.number)


def _not_revoked(numbers: Numbers) -> bool:
    return numbers.number >= numbers.local_revocations


CHAIN_THEOREMS: tuple[ChainTheorem, ...] = (
    ChainTheorem(
        name="FirstLedgerPenalty",
        sentence="The same on the first ledger: the victim takes every output at once, the thief never before.",
        claims=tuple(
            claim
            for kind in PUNISHABLE
            for claim in (
                Claim(f"the victim takes {kind}", _in_time, _victim_takes(kind)),
                Claim(f"the thief cannot take {kind} in time", _in_time, _thief_is_too_late(kind)),
            )
        ),
        fails_without=(
            "B05-general-n-01",
            "B05-revoked-commit-l-03",
            "B05-revoked-commit-l-04",
            "B05-revoked-commit-l-07",
            "B05-revoked-commit-l-10",
            "B05-revoked-commit-l-11",
        ),
        lemmas=("SecretsHeld", "Conservation"),
        unbounded=("heights", "delays", "past states", "HTLCs"),
        condition="the victim's claim confirms within fewer than to_self_delay blocks",
        tight=Claim("a victim as slow as the delay", _just_too_slow, _thief_is_too_late(Kind.TO_LOCAL)),
    ),
    ChainTheorem(
        name="NoFalsePenalty",
        sentence="The peer cannot punish a commitment that an honest node publishes: it does not have the secret.",
        claims=(Claim("the peer lacks the secret", _published_to_ignorant_peer, _peer_has_no_secret),),
        fails_without=("B02-revoke-and-ack-n-01",),
        lemmas=("RevealsSuperseded", "MonotoneNumbers"),
        unbounded=("commitment numbers",),
    ),
    ChainTheorem(
        name="RevokedNotPublished",
        sentence="An honest node never publishes a revoked commitment.",
        claims=(Claim("what is published is not revoked", _published, _not_revoked),),
        fails_without=("B02-revoke-and-ack-n-01",),
        lemmas=(),
        unbounded=("commitment numbers",),
    ),
)
