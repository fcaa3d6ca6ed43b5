"""Scenes: worlds of the specification around one output or one HTLC, with unknown numbers in them.

The honest party has seat 0, its corrupt peer seat 1. Only names are fixed (the number in the name of a commitment, the
payment hash): no step compares them with anything but themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from boltproofs.security.numbers import Numbers
from boltspec import world as dance
from boltspec.chain.claims import is_open
from boltspec.chain.conditions import Condition, Kind
from boltspec.chain.enforcement import Standing, standing
from boltspec.chain.honest import look
from boltspec.chain.ledger import HTLC_OUTPUTS, Claim, Closing, Confirmed, Ledger
from boltspec.chain.payments import Downstream, Progress, Upstream
from boltspec.chain.scenario import ChainScenario, Payment
from boltspec.chain.transactions import Coin, Form, Outpoint, Transaction, Txid
from boltspec.chain.world import ChainWorld, Status, initial, ways
from boltspec.channel import Channel, opened
from boltspec.commitment import CommittedHtlc
from boltspec.htlc import LOCAL, REMOTE, Htlc, Stage
from boltspec.htlcs import Htlcs
from boltspec.params import MAINNET_LIMITS, Params
from boltspec.units import Blocks, FeeratePerKw, Height, Msat, Sat

HONEST, PEER = 0, 1
"""Seats."""
SECOND_STAGE = (Kind.TIMED_OUT_HTLC, Kind.SUCCEEDED_HTLC)
OWNED = (Kind.TO_LOCAL, *HTLC_OUTPUTS, *SECOND_STAGE)
"""Every output that the owner of a commitment can lay hands on, at both stages."""


class Shape(NamedTuple):
    """What is enumerated rather than unknown about a scene."""

    kind: Kind
    owner: int
    """Seat of the owner of the commitment."""
    option_anchors: bool = True
    downstream: Downstream = Downstream.NONE
    """What the recipient of the HTLC is to do with it."""
    upstream: Upstream = Upstream.NONE
    reopened: bool = False
    """The output was spent once, by a transaction that a reorganisation has undone."""
    evicted: bool = False
    """The spend of it was driven out of the mempool."""

    @property
    def offered_by_owner(self) -> bool:
        """Whether the HTLC of the output was offered by the owner of the commitment."""
        return self.kind in (Kind.OFFERED_HTLC, Kind.TIMED_OUT_HTLC)

    @property
    def offerer(self) -> int:
        """Seat of the party that offered the HTLC."""
        return self.owner if self.offered_by_owner else 1 - self.owner


class Scene(NamedTuple):
    """A world, what was agreed on before, and the output in question."""

    world: ChainWorld
    scenario: ChainScenario
    confirmed: Confirmed


def params_of(numbers: Numbers, option_anchors: bool = True) -> Params:
    """Return constants of a channel with the unknown delay, dust limit and feerate."""
    limits = replace(
        MAINNET_LIMITS,
        to_self_delay=Blocks(numbers.to_self_delay),
        dust_limit_satoshis=Sat(numbers.dust_limit_satoshis),
    )
    return Params(Sat(1_000_000), LOCAL, FeeratePerKw(numbers.feerate_per_kw), option_anchors, limits, limits)


def scenario_of(numbers: Numbers, shape: Shape) -> ChainScenario:
    """Return the scenario of a scene: the honest party against its peer, with the unknown bounds of time."""
    incoming = Height(numbers.incoming_expiry) if shape.upstream is not Upstream.NONE else None
    outgoing = Height(numbers.cltv_expiry) if shape.downstream is not Downstream.NONE else None
    payment = Payment(shape.offerer, Msat(numbers.amount_msat), Height(numbers.cltv_expiry), incoming, outgoing)
    return ChainScenario(
        name="scene",
        title="one output",
        params=params_of(numbers, shape.option_anchors),
        payments=(payment,),
        timing=numbers.timing,
        inclusion=Blocks(numbers.inclusion),
        horizon=Height(numbers.height),
        corrupt=(False, True),
    )


def channels(numbers: Numbers, htlc: Htlc | None = None) -> tuple[Channel, Channel]:
    """Return both nodes' books, as far as the chain asks for them; the HTLC is the honest party's own view of it."""
    ours = replace(
        opened(params_of(numbers)),
        local_revocations=numbers.local_revocations,
        local_commitment_number=numbers.local_commitment_number,
        remote_revocations=numbers.remote_revocations,
        remote_commitment_number=numbers.remote_commitment_number,
        remote_secrets=numbers.remote_secrets,
        htlcs=Htlcs(() if htlc is None else (htlc,)),
    )
    peers = replace(opened(params_of(numbers).mirrored()), remote_secrets=numbers.peer_secrets)
    return ours, peers


def _htlc(numbers: Numbers, shape: Shape) -> Htlc:
    """Return the HTLC in the honest party's books."""
    offerer = LOCAL if shape.offerer == HONEST else REMOTE
    added = Stage.IRREVOCABLE if numbers.committed != 0 else Stage.ACK_COMMITTED
    return Htlc(offerer, 0, Msat(numbers.amount_msat), 0, Height(numbers.cltv_expiry), added)


def progress_of(numbers: Numbers, shape: Shape) -> Progress:
    """Return what is known of the payment outside the channel."""
    return Progress(
        known=(numbers.knows != 0, numbers.peer_knows != 0),
        disclosed=numbers.owed != 0,
        upstream=shape.upstream,
        downstream=shape.downstream,
    )


def after_closing(
    numbers: Numbers, shape: Shape, claims: tuple[Claim, ...] = (), missing: bool = False, spent: bool = False
) -> Scene:
    """Return a scene after a commitment was confirmed, with one of its outputs in it.

    What each party makes of the closing is computed from its books by the specification. ``missing``: the HTLC has no
    output in the commitment. ``spent``: its output is gone, ``claims`` say how.
    """
    scenario = scenario_of(numbers, shape)
    name = Txid(Form.COMMITMENT, shape.owner, 0)
    held = CommittedHtlc(shape.offered_by_owner, 0, Msat(numbers.amount_msat), 0, Height(numbers.cltv_expiry))
    is_htlc = shape.kind in (*HTLC_OUTPUTS, *SECOND_STAGE)
    coin = Coin(
        shape.kind,
        Sat(numbers.amount_msat),
        shape.owner,
        0,
        held if is_htlc else None,
        Sat(numbers.second_stage_fee_sat),
    )
    txid = Txid(Form.SECOND_STAGE, shape.owner, 0, 0) if shape.kind in SECOND_STAGE else name
    confirmed = Confirmed(Outpoint(txid), coin, Height(numbers.confirmed))
    closing = Closing(
        name._replace(number=numbers.number), Height(numbers.confirmed), () if missing else ((shape.offerer, 0),)
    )
    world = ChainWorld(
        corrupt=scenario.corrupt,
        talk=None,
        status=(Status.OPEN, Status.OPEN),
        payments=(progress_of(numbers, shape),),
        ledger=Ledger(Height(numbers.height), () if missing or spent else (confirmed,), closing, claims=claims),
        standings=standings(numbers, shape, closing),
        reopened=(confirmed.outpoint,) if shape.reopened else (),
    )
    if shape.evicted:
        world = replace(world, evicted=tuple(pooled.transaction.txid for pooled in look(world, scenario).pool))
    return Scene(world, scenario, confirmed)


def standings(numbers: Numbers, shape: Shape, closing: Closing) -> tuple[Standing, Standing]:
    """Return what each party makes of the closing, by its own books."""
    ours, peers = channels(numbers, _htlc(numbers, shape))
    return standing(ours, closing, HONEST), standing(peers, closing, PEER)


def while_open(numbers: Numbers, shape: Shape, htlc: Htlc | None, **talk: Any) -> tuple[ChainWorld, ChainScenario]:
    """Return a world in which the funding output is unspent and the honest party holds its first commitment."""
    scenario = scenario_of(numbers, shape)
    started = dance.initial(scenario.talk(scenario.corrupt))
    ours = replace(started.nodes[HONEST], htlcs=Htlcs(() if htlc is None else (htlc,)))
    world = initial(scenario)
    ledger = replace(world.ledger, height=Height(numbers.height))
    changed = started._replace(nodes=(replace(ours, **talk), started.nodes[PEER]))
    return replace(world, talk=changed, ledger=ledger, payments=(progress_of(numbers, shape),)), scenario


# --- what the two parties do ---


def all_by_honest(world: ChainWorld, scenario: ChainScenario) -> list[Transaction]:
    """Return what the honest party has in the mempool once it has looked at the chain, as far as miners take it."""
    pool = look(world, scenario).pool
    return [pooled.transaction for pooled in pool if pooled.pays_enough and pooled.transaction.signer == HONEST]


def broadcast_by_honest(world: ChainWorld, scenario: ChainScenario) -> Transaction | None:
    """Return the first of these transactions, if there is one."""
    return next(iter(all_by_honest(world, scenario)), None)


def open_to_peer(scene: Scene) -> Iterator[Condition]:
    """Yield the ways in which the peer could spend the output in the next block."""
    for way in ways(scene.world, PEER, scene.confirmed):
        if is_open(scene.scenario, scene.confirmed, way, scene.world.ledger.height):
            yield way
