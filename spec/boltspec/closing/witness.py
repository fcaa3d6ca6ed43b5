"""What a bystander remembers of two closing nodes, to judge them: history that no node needs to keep."""

from __future__ import annotations

from typing import NamedTuple

from boltspec.closing.messages import ClosingComplete, ClosingSig, ClosingSigned, Message, Shutdown
from boltspec.closing.scripts import Script
from boltspec.closing.state import Closing, has_uncommitted_updates
from boltspec.closing.transaction import ClosingTx
from boltspec.units import Sat


class Witness(NamedTuple):
    """What a bystander remembers of one party."""

    signatures: frozenset[ClosingTx] = frozenset()
    """Transactions for which the party has sent a signature that Bitcoin relays."""
    offered: frozenset[ClosingTx] = frozenset()
    """Those of them that it proposed in a ``closing_complete``."""
    heard: Script | None = None
    """The last script that reached the party and was accepted."""
    offers_at_shutdown: int | None = None
    """How many HTLCs it had offered when it sent ``shutdown``."""
    offers_when_told: int | None = None
    """How many HTLCs it had offered when the peer's ``shutdown`` arrived."""
    taken_when_told: int | None = None
    """How many HTLCs of the peer it had taken by then."""
    unsigned_at_shutdown: bool = False
    """It sent ``shutdown`` with updates that it had not signed for."""
    gaps: tuple[int, ...] = ()
    """How far the peer's fees without range were from its own, one after another."""
    rounds: int = 0
    """How many ``closing_signed`` it has sent in this connection."""
    strayed: bool = False
    """It has repeated a fee that lies outside the range which the peer gave with it."""
    evaded: bool = False
    """It has answered with another fee where it had to repeat the peer's."""
    disputed: bool = False
    """It has warned of a ``fee_range`` without overlap."""
    shutdowns: int = 0
    """How many ``shutdown`` it has sent in this connection."""
    shutdowns_taken: int = 0
    """How many ``shutdown`` of the peer it has taken in this connection."""


def noted_sending(witness: Witness, before: Closing, message: Message) -> Witness:
    """Return what the bystander remembers of a party that has sent a message."""
    witness = witness._replace(signatures=witness.signatures | _signed_in(message))
    if isinstance(message, Shutdown):
        witness = witness._replace(
            offers_at_shutdown=before.channel.next_local_htlc_id,
            unsigned_at_shutdown=witness.unsigned_at_shutdown or has_uncommitted_updates(before.channel),
            shutdowns=witness.shutdowns + 1,
        )
    if isinstance(message, ClosingComplete):
        witness = witness._replace(offered=witness.offered | _signed_in(message))
    if isinstance(message, ClosingSigned):
        witness = witness._replace(
            rounds=witness.rounds + 1,
            strayed=witness.strayed or _strays(before, message.fee_satoshis),
            evaded=witness.evaded or _evades(before, message.fee_satoshis),
        )
    return witness


def _evades(before: Closing, fee: Sat) -> bool:
    """Say whether a fee is not the one that the party has announced to accept, or has to confirm as the funder."""
    sent, received = before.sent, before.received
    if sent is None or received is None or sent.fee_range is None or fee == received.fee_satoshis:
        return False
    confirms = before.is_opener and received.fee_range is not None
    return confirms or received.fee_satoshis in sent.fee_range


def _strays(before: Closing, fee: Sat) -> bool:
    received = before.received
    if received is None or received.fee_range is None or fee != received.fee_satoshis:
        return False
    return fee not in received.fee_range


def _signed_in(message: Message) -> frozenset[ClosingTx]:
    """Return the transactions that the signatures in a message are good for."""
    match message:
        case ClosingSigned():
            found = [message.signature]
        case ClosingComplete() | ClosingSig():
            found = [signature for variant in message.tlvs.present if (signature := message.tlvs.of(variant))]
        case _:
            return frozenset()
    return frozenset(one.signed for one in found if one.signed is not None and one.low_s)


def noted_receiving(witness: Witness, before: Closing, message: Message) -> Witness:
    """Return what the bystander remembers of a party that has accepted a message."""
    match message:
        case Shutdown(script):
            return witness._replace(
                heard=script,
                shutdowns_taken=witness.shutdowns_taken + 1,
                offers_when_told=before.channel.next_local_htlc_id,
                taken_when_told=before.channel.next_remote_htlc_id,
            )
        case ClosingComplete():
            return witness._replace(heard=message.details.closer_scriptpubkey)
        case ClosingSigned(fee, _, None) if before.sent is not None and before.turn is not None:
            return witness._replace(gaps=(*witness.gaps, abs(int(fee) - int(before.sent.fee_satoshis))))
        case _:
            return witness
