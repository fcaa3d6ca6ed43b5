"""What the defence of a channel knows: the channel's durable record, and notes of its own on the chain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from boltnode.channels.record import Held
from boltspec.chain.deadlines import Timing
from boltspec.channel import Channel
from boltspec.commitment import Commitment
from boltspec.units import Blocks, Height
from boltwire.channel_terms import ChannelTerms
from boltwire.claims import Claimant
from boltwire.per_commitment_secrets import SecretStore
from boltwire.secp256k1 import PublicKey

TIMING: Final = Timing(reorg_depth=Blocks(2), grace=Blocks(2), confirmation=Blocks(12))
"""R, G and S as in BOLT 2's worked example (cltv_expiry_delta Selection): 18 blocks to fulfil, 34 between hops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defended:
    """A channel whose funding output is confirmed. Names of payment hashes as in :mod:`boltwire.channel_terms`."""

    label: str
    """Names the channel in what the wallet remembers."""
    channel: Channel
    """Its books as they are durable."""
    failed: bool
    """The channel has failed: our commitment is to be published."""
    terms: ChannelTerms
    claimant: Claimant
    point: Callable[[int], PublicKey]
    """Our per-commitment point of a number."""
    held: Held
    """Our newest commitment, and what the peer signed for it."""
    remote_points: Mapping[int, PublicKey]
    """The peer's points of commitments that it has not revoked, by number."""
    secrets: SecretStore
    """What the peer has revealed."""
    signed_for_peer: Callable[[int], Commitment | None]
    """What we signed for the peer under a number; None if nothing is known of it."""
    preimages: Mapping[int, bytes]
    """Of HTLCs that the peer offered, by id: those that we have decided to claim. We are owed them from then on: the
    invoice counts as paid, and its user delivers."""
    incoming_expiry: Mapping[int, Height] = field(default_factory=dict)
    """Of HTLCs that we offered to forward others, by id: when the incoming one expires."""
    closing: bytes | None = None
    """The closing transaction with both signatures, serialized."""
    own_scripts: frozenset[bytes] = frozenset()
    """Where closing transactions pay us."""
    peer_scripts: frozenset[bytes] = frozenset()
    """Where closing transactions pay the peer."""
    sweep_script: bytes
    """Where we take outputs to."""
    funding_height: int
    timing: Timing = TIMING
    unsure: bool = False
    """We may have lost data, and the peer has not shown yet whether we have."""


@dataclass(frozen=True, slots=True)
class ConfirmedSpend:
    """A confirmed transaction that spends an output of the channel."""

    height: int
    raw: bytes
    """Serialized, with witnesses."""


@dataclass(frozen=True, slots=True)
class Notes:
    """What the defence remembers of a channel; stored before anything follows from it."""

    spends: tuple[ConfirmedSpend, ...] = ()
    """In the order of the chain."""
    closed: bool = False
    """The funding output was seen spent, be it on a chain that is gone."""
    shown: frozenset[int] = frozenset()
    """HTLCs of the peer, by id, whose preimage we have published."""
    failed: frozenset[int] = frozenset()
    """HTLCs of ours, by id, whose payments were told that they have failed: once, for they may be made again."""
