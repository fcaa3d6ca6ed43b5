"""The ledger: what is confirmed of one channel, block by block.

It holds the unspent outputs, what has reached the wallets, and what the claims on HTLCs have shown. A transaction
enters the block that is being built on ``height`` (:func:`confirm`); :func:`mine` closes that block. So a child may
follow its parent within a block, unless it has a relative lock. A ledger is a small value: to undo blocks is to return
to an earlier one.

Outputs that pay a wallet's key at once (``to_remote``, all that sweeps and penalties make) count as received when they
are confirmed: nothing is left to decide about them.
AMBIGUOUS: to-remote-resolved: so does ``to_remote`` with anchors, although it has a lock of one block.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from boltspec.chain.conditions import Kind, Use, first_block
from boltspec.chain.transactions import FUNDING_OUTPOINT, Coin, Form, Outpoint, Transaction, Trimmed, Txid, funding_coin
from boltspec.params import Params
from boltspec.units import Blocks, Height, Sat

HTLC_OUTPUTS = (Kind.OFFERED_HTLC, Kind.RECEIVED_HTLC)
NOTHING = (Sat(0), Sat(0))


class Confirmed(NamedTuple):
    """An unspent output in the chain."""

    outpoint: Outpoint
    coin: Coin
    height: Height
    """Height of the block that confirmed it."""


class Claim(NamedTuple):
    """An HTLC output was spent."""

    payment_hash: int
    offerer: int
    """Seat of the party that had offered the HTLC."""
    use: Use
    height: Height
    """Height of the block that confirmed the spend."""


class Closing(NamedTuple):
    """The transaction that spent the funding output."""

    txid: Txid
    height: Height
    """Height of the block that confirmed it."""
    outputs_for: tuple[tuple[int, int], ...] = ()
    """The HTLCs that have an output: offerer's seat and payment hash."""
    trimmed: tuple[Trimmed, ...] = ()
    """The HTLCs that have none, being too small."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The chain, as far as one channel is concerned."""

    height: Height
    """Height of the last closed block."""
    unspent: tuple[Confirmed, ...]
    """In the order of their outpoints."""
    closing: Closing | None = None
    """``None`` while the funding output is unspent."""
    received: tuple[Sat, Sat] = NOTHING
    """What has reached each party's wallet."""
    charged: tuple[Sat, Sat] = NOTHING
    """What each party's balance had to pay on the way: fees, anchors, a main output that was trimmed."""
    fees_sat: Sat = Sat(0)  # noqa: RUF009  # a plain integer
    """What went to the miners, out of the channel's money."""
    claims: tuple[Claim, ...] = ()
    punished: tuple[bool, bool] = (False, False)
    """Whose outputs have been taken by revocation."""
    filled: bool = False
    """There are transactions in the block that is being built."""


def opened(params: Params, height: Height) -> Ledger:
    """Return the ledger with the funding output in it."""
    return Ledger(height, (Confirmed(FUNDING_OUTPOINT, funding_coin(params), height),))


def find(ledger: Ledger, outpoint: Outpoint) -> Confirmed | None:
    """Return the unspent output that an outpoint refers to, if there is one."""
    return next((entry for entry in ledger.unspent if entry.outpoint == outpoint), None)


def is_valid(ledger: Ledger, transaction: Transaction) -> bool:
    """Say whether a transaction fits into the block that is being built: its inputs are there, its locks are open."""
    for spent in transaction.inputs:
        confirmed = find(ledger, spent.outpoint)
        if confirmed is None:
            return False
        if first_block(confirmed.height, spent.sequence, transaction.locktime) > ledger.height + Blocks(1):
            return False
    return True


def confirm(ledger: Ledger, transaction: Transaction) -> Ledger:
    """Put a valid transaction into the block that is being built.

    ValueError if an input is missing; whether the locks are open is for :func:`is_valid` to say.
    """
    spent = [find(ledger, entry.outpoint) for entry in transaction.inputs]
    if None in spent:
        raise ValueError(f"an input of {transaction.txid} is missing")
    height = ledger.height + Blocks(1)
    gone = {entry.outpoint for entry in transaction.inputs}
    made = [Confirmed(Outpoint(transaction.txid, i), coin, height) for i, coin in enumerate(transaction.outputs)]
    unspent = [entry for entry in ledger.unspent if entry.outpoint not in gone]
    unspent += [entry for entry in made if payee(entry.coin) is None]
    return replace(
        ledger,
        unspent=tuple(sorted(unspent)),
        closing=_closing(transaction, height) if FUNDING_OUTPOINT in gone else ledger.closing,
        received=_added(ledger.received, _received(transaction)),
        charged=_added(ledger.charged, transaction.charged),
        fees_sat=ledger.fees_sat + transaction.fee_sat,
        claims=tuple(sorted({*ledger.claims, *_claims(ledger, transaction, height)})),
        punished=_punished(ledger, transaction),
        filled=True,
    )


def payee(coin: Coin) -> int | None:
    """Return whose wallet an output pays at once, if it does."""
    if coin.kind is Kind.WALLET:
        return coin.seat
    return 1 - coin.seat if coin.kind is Kind.TO_REMOTE else None


def mine(ledger: Ledger, height: Height | None = None) -> Ledger:
    """Close the block that is being built; up to ``height``, if that is given, empty blocks follow."""
    return replace(ledger, height=ledger.height + Blocks(1) if height is None else height, filled=False)


def _closing(transaction: Transaction, height: Height) -> Closing:
    return Closing(
        transaction.txid,
        height,
        tuple(sorted(_htlc(coin) for coin in transaction.outputs if coin.kind in HTLC_OUTPUTS)),
        transaction.trimmed,
    )


def _htlc(coin: Coin) -> tuple[int, int]:
    assert coin.htlc is not None
    return offerer(coin), coin.htlc.payment_hash


def offerer(coin: Coin) -> int:
    """Return the seat that had offered the HTLC of an output."""
    assert coin.htlc is not None
    return coin.seat if coin.htlc.offered_by_owner else 1 - coin.seat


def is_offered_in(confirmed: Confirmed, seat: int, payment_hash: int) -> bool:
    """Say whether an output is that of an HTLC with this payment hash that was offered by the party in a seat."""
    coin = confirmed.coin
    if coin.kind not in HTLC_OUTPUTS or coin.htlc is None:
        return False
    return coin.htlc.payment_hash == payment_hash and offerer(coin) == seat


def _received(transaction: Transaction) -> tuple[Sat, Sat]:
    totals = [Sat(0), Sat(0)]
    for coin in transaction.outputs:
        party = payee(coin)
        if party is not None:
            totals[party] += coin.amount_sat
    return totals[0], totals[1]


def _added(one: tuple[Sat, Sat], other: tuple[Sat, Sat]) -> tuple[Sat, Sat]:
    return one[0] + other[0], one[1] + other[1]


def _claims(ledger: Ledger, transaction: Transaction, height: Height) -> list[Claim]:
    claims = []
    for spent in transaction.inputs:
        confirmed = find(ledger, spent.outpoint)
        assert confirmed is not None
        if confirmed.coin.kind in HTLC_OUTPUTS:
            claims.append(Claim(_htlc(confirmed.coin)[1], offerer(confirmed.coin), spent.use, height))
    return claims


def _punished(ledger: Ledger, transaction: Transaction) -> tuple[bool, bool]:
    if not any(spent.use is Use.REVOCATION for spent in transaction.inputs):
        return ledger.punished
    owner = 1 - transaction.signer
    return (True, ledger.punished[1]) if owner == 0 else (ledger.punished[0], True)


def is_commitment(closing: Closing | None) -> bool:
    """Say whether the funding output was spent by a commitment transaction."""
    return closing is not None and closing.txid.form is Form.COMMITMENT
