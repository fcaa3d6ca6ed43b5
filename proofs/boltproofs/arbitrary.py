"""Arbitrary states and messages: what the theorems quantify over."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import product
from typing import Any

import z3

from boltproofs.collection import Population, SymbolicHtlcs
from boltproofs.execution import Unsupported, searching
from boltproofs.groups import Group, forms
from boltproofs.symbolic import SymBool, SymInt
from boltspec.channel import Channel, Link
from boltspec.feerates import Feerates, FeeUpdate
from boltspec.htlc import Side, Stage
from boltspec.messages import (
    ChannelReestablish,
    CommitmentSigned,
    Message,
    RevokeAndAck,
    UpdateAddHtlc,
    UpdateFailHtlc,
    UpdateFailMalformedHtlc,
    UpdateFee,
    UpdateFulfillHtlc,
)
from boltspec.params import Limits, Params, UpdatePolicy


@dataclass(frozen=True)
class ConnectionLost:
    """In place of a message: the connection is lost."""


@dataclass(frozen=True)
class SentAgain:
    """In place of a message: all that was owed after the connection was lost has been sent again."""


Input = Message | ConnectionLost | SentAgain
"""What a step is handed."""


@dataclass(frozen=True)
class Case:
    """What is enumerated rather than symbolic: who opened the channel and which commitment format it has."""

    opener: Side
    option_anchors: bool

    def __str__(self) -> str:
        return f"opener {self.opener.name.lower()}, {'anchors' if self.option_anchors else 'static_remotekey'}"


CASES = tuple(Case(*case) for case in product(Side, (True, False)))


def unknown(name: str) -> Any:
    """Return an unknown integer."""
    return SymInt(z3.Int(name))


@dataclass(frozen=True, eq=False)
class UnknownSignature:
    """A signature that is valid or not for the one commitment that a step checks it against."""

    name: str

    def covers(self, commitment: object) -> SymBool:
        """Say whether it is valid: unknown."""
        # It might be valid for one commitment and not for another, and whether the two are equal is not known.
        if searching().memory.setdefault(("signed", self.name), commitment) is not commitment:
            raise Unsupported("a signature is checked against two commitments")
        return SymBool(z3.Bool(self.name))


def arbitrary_limits(name: str) -> Limits:
    """Return unknown limits."""
    return Limits(**{field.name: unknown(f"{name}.{field.name}") for field in fields(Limits)})


def arbitrary_params(case: Case) -> Params:
    """Return unknown constants of a channel."""
    return Params(
        funding_satoshis=unknown("funding_satoshis"),
        opener=case.opener,
        feerate_per_kw=unknown("feerate_per_kw"),
        option_anchors=case.option_anchors,
        local=arbitrary_limits("local"),
        remote=arbitrary_limits("remote"),
        policy=UpdatePolicy(**{field.name: unknown(f"policy.{field.name}") for field in fields(UpdatePolicy)}),
    )


NUMBERS = (
    "next_local_htlc_id",
    "next_remote_htlc_id",
    "local_commitment_number",
    "local_revocations",
    "remote_commitment_number",
    "remote_revocations",
    "remote_secrets",
)
"""The counters of a channel."""
FLAGS = ("signed_last", "owes_commitment", "owes_revocation", "behind", "signed")
"""What is true or false of a channel."""


def arbitrary_feerates() -> Feerates:
    """Return unknown feerates at every stage, set by unknown messages."""
    stages = [stage for stage in Stage if stage is not Stage.ABSENT]
    newest: Any = tuple(
        FeeUpdate(unknown(f"fee.{stage.name}.number"), unknown(f"fee.{stage.name}.feerate")) for stage in stages
    )
    return Feerates(newest)


def arbitrary_channel(case: Case, groups: tuple[Group, ...], link: Link = Link.UP) -> Channel:
    """Return an unknown channel state with any number of HTLCs of the given groups."""
    htlcs: Any = SymbolicHtlcs(tuple(Population(group, group.member) for group in groups))
    flags: dict[str, Any] = {name: SymBool(z3.Bool(name)) for name in FLAGS}
    return Channel(
        params=arbitrary_params(case),
        local_msat=unknown("local_msat"),
        remote_msat=unknown("remote_msat"),
        feerates=arbitrary_feerates(),
        htlcs=htlcs,
        link=link,
        **{name: unknown(name) for name in NUMBERS},
        **flags,
    )


def arbitrary_groups() -> tuple[Group, ...]:
    """Return a group of unknown size for every form of HTLC."""
    return tuple(Group.of("htlcs", form) for form in forms())


def domain(channel: Channel, message: Input | None = None) -> list[z3.BoolRef]:
    """Return what the types say: fields of the protocol are unsigned."""
    params = channel.params
    unsigned: list[Any] = [params.funding_satoshis, params.feerate_per_kw]
    unsigned += [getattr(limits, entry.name) for limits in (params.local, params.remote) for entry in fields(Limits)]
    unsigned += [getattr(params.policy, entry.name) for entry in fields(UpdatePolicy)]
    unsigned += [getattr(channel, name) for name in NUMBERS]
    unsigned += [number for update in channel.feerates.newest for number in update]
    if isinstance(message, UpdateAddHtlc):
        unsigned += [message.id, message.amount_msat, message.cltv_expiry]
    elif isinstance(message, UpdateFulfillHtlc | UpdateFailHtlc):
        unsigned += [message.id]
    elif isinstance(message, UpdateFailMalformedHtlc):
        unsigned += [message.id, message.failure_code]
    elif isinstance(message, UpdateFee):
        unsigned += [message.feerate_per_kw]
    elif isinstance(message, CommitmentSigned):
        unsigned += [message.num_htlcs]
    elif isinstance(message, ChannelReestablish):
        unsigned += [message.next_commitment_number, message.next_revocation_number]
    facts = [value.term >= 0 for value in unsigned]
    htlcs: Any = channel.htlcs
    for population in htlcs.populations:
        facts += population.group.facts()
    return facts


def arbitrary_message(kind: type) -> Input:
    """Return an unknown message of a type: whatever a peer may send."""
    if kind in (ConnectionLost, SentAgain):
        return kind()
    if kind is ChannelReestablish:
        return ChannelReestablish(**{entry.name: unknown(f"message.{entry.name}") for entry in fields(kind)})
    if kind is UpdateAddHtlc:
        names = ("id", "amount_msat", "payment_hash", "cltv_expiry")
        return UpdateAddHtlc(**{name: unknown(f"message.{name}") for name in names})
    if kind is UpdateFulfillHtlc:
        return UpdateFulfillHtlc(unknown("message.id"), unknown("message.payment_preimage"))
    if kind is UpdateFailHtlc:
        return UpdateFailHtlc(unknown("message.id"))
    if kind is UpdateFailMalformedHtlc:
        return UpdateFailMalformedHtlc(unknown("message.id"), unknown("message.failure_code"))
    if kind is UpdateFee:
        return UpdateFee(unknown("message.feerate_per_kw"))
    if kind is CommitmentSigned:
        signature: Any = UnknownSignature("message.signature.valid")
        htlc_signatures: Any = UnknownSignature("message.htlc_signatures.valid")
        return CommitmentSigned(signature, unknown("message.num_htlcs"), htlc_signatures)
    if kind is RevokeAndAck:
        return RevokeAndAck(unknown("message.per_commitment_secret"))
    raise ValueError(f"no message of the dance: {kind}")
