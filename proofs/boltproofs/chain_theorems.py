"""Theorems about what an honest node publishes.

A claim is plain Python over the specification's own functions, with numbers as arguments: a premise and a goal. The
prover evaluates both on unknown numbers and asks whether the goal can fail where the premise holds; a counterexample is
evaluated again with plain numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from boltspec.channel import Channel, opened
from boltspec.enforcement import knows_secret, publish_commitment
from boltspec.htlc import LOCAL
from boltspec.params import MAINNET_LIMITS, Params
from boltspec.units import FeeratePerKw, Sat
from boltspec.verdict import Accepted


class Numbers(NamedTuple):
    """What the claims are about: all unsigned, all unknown."""

    number: int
    """Number of the commitment that is published."""
    local_revocations: int
    local_commitment_number: int
    revealed: int
    """How many of its own secrets the node has revealed, counted from commitment 0 on."""
    peer_secrets: int
    """How many of the node's secrets its peer can derive."""


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


ANY_PARAMS = Params(Sat(1_000_000), LOCAL, FeeratePerKw(1_000), True, MAINNET_LIMITS, MAINNET_LIMITS)
"""Constants on which no claim depends."""


def _channel(numbers: Numbers) -> Channel:
    return replace(
        opened(ANY_PARAMS),
        local_revocations=numbers.local_revocations,
        local_commitment_number=numbers.local_commitment_number,
    )


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
