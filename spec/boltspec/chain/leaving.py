"""How an honest party leaves the channel: by what both have agreed on, or by its newest commitment if it may."""

from __future__ import annotations

from typing import NamedTuple

from boltspec.chain.enforcement import OUTDATED, PREFER_MUTUAL, PUBLISH, publish_commitment
from boltspec.chain.ledger import Ledger, is_valid
from boltspec.chain.scenario import ChainScenario
from boltspec.chain.transactions import Transaction, commitment_transaction
from boltspec.chain.world import ChainWorld
from boltspec.channel import Channel, Link
from boltspec.messages import CommitmentSigned
from boltspec.rules import duty
from boltspec.verdict import Accepted


class Exits(NamedTuple):
    """What a party has to leave the channel with."""

    channel: Channel
    number: int
    """Of its newest commitment."""
    held: CommitmentSigned | None
    """How the peer signed that."""
    agreed: Transaction | None
    """The closing transaction that both have signed."""
    unsure: bool
    """It has lost data and not heard from its peer since."""


def exits(world: ChainWorld, party: int) -> Exits:
    """Return what a party of the world has to leave the channel with."""
    assert world.talk is not None
    held = world.talk.history[party]
    return Exits(world.talk.nodes[party], len(held) - 1, held[-1], world.agreed, is_unsure(world, party))


def way_out(ledger: Ledger, scenario: ChainScenario, party: int, exits: Exits) -> tuple[Transaction, ...]:
    """Return the transaction by which a party leaves the channel, if it may publish one."""
    if exits.agreed is not None and duty(PREFER_MUTUAL):
        return (exits.agreed._replace(signer=party),)
    if exits.held is None or not may_leave(exits.channel, exits.number, unsure=exits.unsure):
        return ()
    transaction = own_commitment(scenario, party, exits.held)
    return (transaction,) if transaction is not None and is_valid(ledger, transaction) else ()


def may_leave(channel: Channel, number: int, *, unsure: bool) -> bool:
    """Say whether a party that has failed the channel publishes its commitment of that number.

    ``unsure``: it has lost data and not heard from its peer since.
    """
    if unsure and duty(OUTDATED):
        return False
    return duty(PUBLISH) and isinstance(publish_commitment(channel, number), Accepted)


def is_unsure(world: ChainWorld, party: int) -> bool:
    """Say whether a party has lost data and not heard from its peer since."""
    talk = world.talk
    return talk is not None and talk.restored[party] and not has_heard(talk.nodes[party])


def has_heard(channel: Channel) -> bool:
    """Say whether the peer has sent ``channel_reestablish`` in this connection: it shows whether we are behind."""
    return channel.link not in (Link.DOWN, Link.SENT)


def own_commitment(scenario: ChainScenario, party: int, held: CommitmentSigned) -> Transaction | None:
    """Return the commitment transaction that a message made valid; ``None`` if it signs nothing."""
    signed = held.signature.signed
    if signed is None:
        return None
    return commitment_transaction(scenario.params, party, signed, held.htlc_signatures.covers(signed))
