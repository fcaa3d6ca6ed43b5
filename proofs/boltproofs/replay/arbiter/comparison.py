"""The model's ledger against the UTXO set: the same outputs, scripts, heights, payouts and fees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from boltchain.interface import Chain
from boltchain.transaction import OutPoint
from boltproofs.replay.arbiter.making import Maker
from boltproofs.replay.descendants import Descendants, Unspent, on_chain
from boltproofs.replay.disagreement import Disagreement
from boltproofs.replay.terms import Funding
from boltspec.chain.ledger import Ledger
from boltspec.chain.transactions import Outpoint
from boltspec.params import Params
from boltspec.scenario import NAMES


class Books(NamedTuple):
    """What there is to compare a ledger with."""

    chain: Chain
    funding: Funding
    params: Params
    maker: Maker
    descendants: Descendants
    payees: dict[bytes, int]
    """Scripts that pay one party alone, and which."""
    change: frozenset[bytes]
    """Scripts of coins that pay fees: what is there is no money of the channel."""
    bumped: set[Outpoint]
    """Anchors that were spent to bump a commitment, which the model leaves where they are."""


def compare(ledger: Ledger, books: Books, pending: Sequence[bytes]) -> None:
    """Raise :class:`Disagreement` unless ledger and UTXO set are the same, ``pending`` being the next block."""
    height = books.funding.real_height(ledger.height)
    if books.chain.height() != height:
        raise Disagreement("height", f"{height}", f"the chain is at {books.chain.height()}")
    descending = books.descendants.unspent(pending)
    unspent = {at: found for at, found in descending.items() if found.script_pubkey not in books.change}
    total = sum(found.amount_sat for found in unspent.values())
    for entry in ledger.unspent:
        real = on_chain(books.maker.outpoint(entry.outpoint))
        found = unspent.pop(real, None)
        if entry.outpoint in books.bumped:
            _require_gone(real, found)
            total += int(entry.coin.amount_sat)
            continue
        there = None if found is None else (found.amount_sat, found.height)
        if there != (int(entry.coin.amount_sat), books.funding.real_height(entry.height)):
            modelled = f"{entry.coin.amount_sat} sat since block {books.funding.real_height(entry.height)}"
            raise Disagreement(f"{entry.coin.kind.name.lower()} at {real}", modelled, f"{found}")
    _compare_payouts(ledger, books, unspent)
    fees = int(books.params.funding_satoshis) - total
    if fees != int(ledger.fees_sat):
        raise Disagreement("fees", f"{ledger.fees_sat} sat", f"{fees} sat")


def _require_gone(real: OutPoint, found: Unspent | None) -> None:
    if found is not None:
        raise Disagreement(f"the anchor at {real}", "that its owner has spent it to bump the commitment", f"{found}")


def _compare_payouts(ledger: Ledger, books: Books, unspent: dict[OutPoint, Unspent]) -> None:
    """What is left over is in the wallets: as much as the model says, to the satoshi."""
    received = [0, 0]
    for outpoint, found in unspent.items():
        party = books.payees.get(found.script_pubkey)
        if party is None:
            raise Disagreement("the UTXO set", "that this is all", f"there is also {outpoint}: {found.amount_sat} sat")
        received[party] += found.amount_sat
    for party, name in enumerate(NAMES):
        if received[party] != int(ledger.received[party]):
            raise Disagreement(f"what {name} received", f"{ledger.received[party]} sat", f"{received[party]} sat")
