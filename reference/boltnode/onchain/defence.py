"""One step of the defence: from record, notes and height to what is wanted, what follows, and what to remember.

No decision is taken here. The specification is asked what a node does that sees this; its answer is handed on in real
terms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from boltchain.transaction import Transaction as ChainTransaction
from boltnode.onchain.facts import (
    Closed,
    Fact,
    HtlcClaimed,
    HtlcFailed,
    MustFail,
    OutcomeUnknown,
    PreimageLearned,
    Resolved,
)
from boltnode.onchain.naming import SELF, Named
from boltnode.onchain.reading import Spender, Story, closing_model, read
from boltnode.onchain.record import ConfirmedSpend, Defended, Notes
from boltspec.chain.enforcement import is_irrevocable
from boltspec.chain.payments import Downstream, Progress, Upstream
from boltspec.chain.scenario import Payment
from boltspec.chain.sight import Answer, Sight, is_resolved, look
from boltspec.chain.transactions import Transaction
from boltspec.chain.world import Status
from boltspec.chain.worth import LEAST_WORTH
from boltspec.htlc import LOCAL, NO_PREIMAGE, REMOTE, Removal
from boltspec.messages import CommitmentSigned, Signature
from boltspec.units import Height, Sat
from boltwire.transaction import parse_transaction

NEVER: Final = Height(500_000_000)
"""When the incoming HTLC of a payment of our own expires: who asked for it can be told at any time."""

_NOT_MODELLED = (Spender.LATER, Spender.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from record, notes and height."""

    story: Story
    notes: Notes
    """To be stored before anything of the rest happens."""
    facts: tuple[Fact, ...]
    wanted: tuple[Transaction, ...]
    """The model's transactions that are to be in the next block."""
    sight: Sight | None
    """What the answer depends on; None for a spender that the model does not know."""


def step(record: Defended, notes: Notes, height: int) -> Step:
    """Take a step; the same whenever it is taken."""
    story = read(record, notes, height)
    if story.spender in _NOT_MODELLED:
        return Step(story, replace(notes, closed=True), tuple(_facts_of_stranger(record, story)), (), None)
    sight = _sight(record, notes, story)
    answer = look(sight)
    after = replace(
        notes,
        closed=notes.closed or answer.status is Status.CLOSED,
        shown=notes.shown | _shown(story, answer),
    )
    return Step(story, after, tuple(_facts(record, story, sight, answer)), answer.wanted, sight)


# --- following the chain ---


def after_block(record: Defended, notes: Notes, transactions: tuple[ChainTransaction, ...], height: int) -> Notes:
    """Notes with what a block on top of the chain holds of the channel."""
    watched = read(record, notes, height - 1).watched()
    for transaction in transactions:
        if transaction.is_coinbase or watched.isdisjoint(_spent(transaction.raw)):
            continue
        notes = replace(notes, spends=(*notes.spends, ConfirmedSpend(height, transaction.raw)))
        watched = read(record, notes, height).watched()
    return notes


def after_disconnection(notes: Notes, height: int) -> Notes:
    """Notes once the block of that height, the last one, is gone: what it held is open again."""
    return replace(notes, spends=tuple(spend for spend in notes.spends if spend.height < height))


def _spent(raw: bytes) -> Iterator[object]:
    return (entry.outpoint for entry in parse_transaction(raw).inputs)


# --- what the specification is told ---


def _sight(record: Defended, notes: Notes, story: Story) -> Sight:
    held = story.names.commitment(SELF, record.held.commitment)
    signature = Signature(held)
    closing = None if record.closing is None else closing_model(record, parse_transaction(record.closing))
    known = [(_payment(record, named), _progress(record, notes, named)) for _, named in _named(story)]
    return Sight(
        channel=story.names.channel(record.channel),
        status=Status.CLOSED if notes.closed else Status.FAILED if record.failed else Status.OPEN,
        ledger=story.ledger,
        timing=record.timing,
        payments=tuple(payment for payment, _ in known),
        progress=tuple(progress for _, progress in known),
        held=CommitmentSigned(signature, len(record.held.signatures.htlc_signature), signature),
        agreed=closing,
        unsure=record.unsure,
        uneconomical_satoshis=LEAST_WORTH,
    )


def _named(story: Story) -> Iterator[tuple[int, Named]]:
    yield from enumerate(story.names.entries)


def _payment(record: Defended, named: Named) -> Payment:
    expiry = record.incoming_expiry.get(named.id, NEVER) if named.offerer == SELF else None
    return Payment(named.offerer, named.amount_msat, named.cltv_expiry, incoming_expiry=expiry)


def _progress(record: Defended, notes: Notes, named: Named) -> Progress:
    """What is known of an HTLC's preimage, and what has been said of it."""
    htlc = record.channel.htlcs.find(LOCAL if named.offerer == SELF else REMOTE, named.id)
    if named.offerer == SELF:
        knows = htlc is not None and htlc.known_preimage != NO_PREIMAGE
        upstream = Upstream.NONE if htlc is None else Upstream.PENDING
        return Progress((knows, True), disclosed=False, upstream=upstream, downstream=Downstream.NONE)
    said = htlc is not None and bool(htlc.removed) and htlc.removal is Removal.FULFILL
    return Progress(
        (named.id in record.preimages, True),
        disclosed=said or named.id in notes.shown,
        upstream=Upstream.NONE,
        downstream=Downstream.FULFILLED if named.id in record.preimages else Downstream.NONE,
    )


# --- what follows from its answer ---


def _shown(story: Story, answer: Answer) -> frozenset[int]:
    """The HTLCs of the peer whose preimage is published, if not before then with what is wanted now."""
    return frozenset(
        named.id for index, named in _named(story) if named.offerer != SELF and answer.progress[index].disclosed
    )


def _facts(record: Defended, story: Story, sight: Sight, answer: Answer) -> Iterator[Fact]:
    if answer.status is not Status.OPEN and not record.failed:
        yield MustFail()
    yield from _closing_facts(story)
    for index, named in _named(story):
        # Nothing is closed together while there is an HTLC: what has become of those in an old record is not told.
        if story.spender is not Spender.MUTUAL:
            yield from _facts_of(story, answer, index, named)
    if is_resolved(sight, Height(story.last_height)) and _has_all(story):
        if story.spender is Spender.MUTUAL:
            yield from _lost(story)
        yield Resolved()


def _facts_of_stranger(record: Defended, story: Story) -> Iterator[Fact]:
    """What follows from a transaction that the model does not know."""
    if not record.failed:
        yield MustFail()
    yield from _closing_facts(story)
    for index, preimage in story.preimages.items():
        yield PreimageLearned(story.names.entries[index].id, preimage)
    if is_irrevocable(story.ledger.height, Height(story.last_height)) and _has_all(story):
        yield from _lost(story)
        yield Resolved()


def _lost(story: Story) -> Iterator[Fact]:
    """Of a channel whose record is older than its end: the HTLCs of ours whose preimage the chain has not shown."""
    for index, named in _named(story):
        if named.offerer == SELF and index not in story.preimages:
            yield OutcomeUnknown(named.id)


def _has_all(story: Story) -> bool:
    """Say whether every output is spent that pays a key of ours, is worth it, and that the model counts as received."""
    return all(entry.is_spent or Sat(entry.spend.amount_sat) < LEAST_WORTH for entry in story.own)


def _closing_facts(story: Story) -> Iterator[Fact]:
    if story.closing_txid is not None:
        yield Closed(story.spender, story.closing_txid, story.closing_height)


def _facts_of(story: Story, answer: Answer, index: int, named: Named) -> Iterator[Fact]:
    progress = answer.progress[index]
    if named.offerer != SELF:
        if index in story.taken:
            yield HtlcClaimed(named.id)
    elif progress.upstream is Upstream.FULFILLED and index in story.preimages:
        yield PreimageLearned(named.id, story.preimages[index])
    elif progress.upstream is Upstream.FAILED:
        yield HtlcFailed(named.id)
