"""Transactions as data (BOLT 3): what they spend and by which condition, what they make, their locks and their fee.

Left out is what only real bytes have: signatures, scripts, weights. A transaction is named by what it is for
(:class:`Txid`); the commitment transactions of a channel and all that spends them have one name each, since no two
different transactions with the same name can ever be valid.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from boltspec.chain.conditions import Condition, Kind, Use, relative_lock
from boltspec.commitment import Commitment, CommittedHtlc
from boltspec.fees import second_stage_fee
from boltspec.htlc import LOCAL, REMOTE, Side
from boltspec.outputs import Output, outputs
from boltspec.params import ANCHOR_SAT, Params
from boltspec.units import Blocks, Height, Sat, floor_to_sat

NOBODY = -1
"""The seat of what belongs to no single party."""
ANY_TIME = Height(-1)
"""The lock time of a transaction that fits into every block."""


class Form(IntEnum):
    """What a transaction is for."""

    FUNDING = 0
    CLOSING = 1
    COMMITMENT = 2
    SECOND_STAGE = 3
    """HTLC-timeout or HTLC-success."""
    CLAIM = 4
    """Takes outputs to a wallet: a sweep or a penalty."""
    FEE_BUMP = 5
    WALLET = 6
    """Has nothing to do with the channel: it made a coin of a party's wallet, or spends one."""


class Txid(NamedTuple):
    """The name of a transaction."""

    form: Form
    seat: int = NOBODY
    """Whose commitment it is or spends."""
    number: int = NOBODY
    """Number of that commitment."""
    output: int = NOBODY
    """Index of the commitment's output that it spends, directly or in the end."""


class Outpoint(NamedTuple):
    """A reference to an output."""

    txid: Txid
    vout: int = 0
    """Index of the output."""


class Coin(NamedTuple):
    """An output, and all that decides who can spend it."""

    kind: Kind
    amount_sat: Sat
    seat: int
    """Whose commitment it belongs to, or whose wallet it is in."""
    number: int = NOBODY
    """Number of that commitment."""
    htlc: CommittedHtlc | None = None
    second_stage_fee_sat: Sat = Sat(0)  # a plain integer
    """What the owner's second-stage transaction for it pays."""
    htlcs_signed: bool = True
    """The owner holds the peer's signature for that transaction."""


class Input(NamedTuple):
    """What a transaction spends."""

    outpoint: Outpoint
    use: Use
    sequence: Blocks
    """Relative lock."""


class Trimmed(NamedTuple):
    """An HTLC that is too small for an output: its amount is part of the fee."""

    payment_hash: int
    offerer: int
    """Seat of the party that had offered it."""
    amount_sat: Sat


class Transaction(NamedTuple):
    """A transaction."""

    txid: Txid
    inputs: tuple[Input, ...]
    outputs: tuple[Coin, ...]
    locktime: Height
    """Absolute lock: it fits into blocks above this height."""
    fee_sat: Sat
    """What inputs and outputs leave."""
    signer: int
    """Seat of the party that makes it valid."""
    charged: tuple[Sat, Sat] = (Sat(0), Sat(0))  # plain integers
    """What each party's balance pays for it: fee, anchors, its own main output if that is trimmed."""
    trimmed: tuple[Trimmed, ...] = ()
    """HTLCs that are in it and have no output."""


FUNDING_OUTPOINT = Outpoint(Txid(Form.FUNDING))


def side(seat: int) -> Side:
    """Return the side of a seat in constants that are seen from seat 0."""
    return LOCAL if seat == 0 else REMOTE


def funding_coin(params: Params) -> Coin:
    """Return the funding output."""
    return Coin(Kind.FUNDING, params.funding_satoshis, NOBODY)


def commitment_transaction(params: Params, owner: int, commitment: Commitment, htlcs_signed: bool) -> Transaction:
    """Return a commitment transaction of a party; ``params`` are seen from seat 0."""
    made = outputs(params, side(owner), commitment)
    coins = [_coin(params, owner, commitment, output, htlcs_signed) for output in made]
    coins += _anchors(params, owner, commitment.number, made)
    paid = sum((coin.amount_sat for coin in coins), Sat(0))
    return Transaction(
        txid=Txid(Form.COMMITMENT, owner, commitment.number),
        inputs=(Input(FUNDING_OUTPOINT, Use.COMMITMENT, Blocks(0)),),
        outputs=tuple(coins),
        locktime=ANY_TIME,
        fee_sat=params.funding_satoshis - paid,
        signer=owner,
        charged=_charged(owner, commitment, made),
        trimmed=_trimmed(owner, commitment, made),
    )


def closing_transaction(params: Params, balances: tuple[Sat, Sat], dust_limit: Sat, fee: Sat) -> Transaction:
    """Return the closing transaction that pays each party its balance, the opener less the fee.

    Outputs below the dust limit are left out (B03-legacy-closing-tx-s-01 to B03-legacy-closing-tx-s-03). How the two
    agree on a fee is not modelled here (:mod:`boltspec.closing`).
    """
    opener = 0 if params.opener is LOCAL else 1
    amounts = [balance - fee if seat == opener else balance for seat, balance in enumerate(balances)]
    coins = [Coin(Kind.WALLET, amount, seat) for seat, amount in enumerate(amounts) if amount >= dust_limit]
    paid = [sum((coin.amount_sat for coin in coins if coin.seat == seat), Sat(0)) for seat in (0, 1)]
    return Transaction(
        txid=Txid(Form.CLOSING),
        inputs=(Input(FUNDING_OUTPOINT, Use.CLOSING, Blocks(0)),),
        outputs=tuple(coins),
        locktime=ANY_TIME,
        fee_sat=params.funding_satoshis - paid[0] - paid[1],
        signer=NOBODY,
        charged=(balances[0] - paid[0], balances[1] - paid[1]),
    )


def _charged(owner: int, commitment: Commitment, made: tuple[Output, ...]) -> tuple[Sat, Sat]:
    """Return by how much each party's main output is below its balance."""
    mains = {output.kind: output.amount_sat for output in made if output.htlc is None}
    of_owner = floor_to_sat(commitment.to_owner_msat) - mains.get(Kind.TO_LOCAL, Sat(0))
    of_other = floor_to_sat(commitment.to_other_msat) - mains.get(Kind.TO_REMOTE, Sat(0))
    return (of_owner, of_other) if owner == 0 else (of_other, of_owner)


def _trimmed(owner: int, commitment: Commitment, made: tuple[Output, ...]) -> tuple[Trimmed, ...]:
    """Return the HTLCs without an output (B03-trimmed-outputs-b-06, B03-trimmed-outputs-b-08)."""
    there = {output.htlc for output in made}
    return tuple(
        Trimmed(htlc.payment_hash, owner if htlc.offered_by_owner else 1 - owner, floor_to_sat(htlc.amount_msat))
        for htlc in commitment.htlcs
        if htlc not in there
    )


def _coin(params: Params, owner: int, commitment: Commitment, output: Output, htlcs_signed: bool) -> Coin:
    kind, htlc = output.kind, output.htlc
    if htlc is None:
        return Coin(kind, output.amount_sat, owner, commitment.number)
    fee = second_stage_fee(params, commitment.feerate_per_kw, htlc.offered_by_owner)
    return Coin(kind, output.amount_sat, owner, commitment.number, htlc, fee, htlcs_signed)


def _anchors(params: Params, owner: int, number: int, made: tuple[Output, ...]) -> list[Coin]:
    """Return the anchor outputs: both, or without any HTLC only those of parties that have a main output."""
    if not params.option_anchors:
        return []
    kinds = {output.kind for output in made}
    anchors = ((Kind.TO_LOCAL, Kind.TO_LOCAL_ANCHOR), (Kind.TO_REMOTE, Kind.TO_REMOTE_ANCHOR))
    has_htlcs = any(output.htlc is not None for output in made)
    return [Coin(anchor, ANCHOR_SAT, owner, number) for main, anchor in anchors if has_htlcs or main in kinds]


def spending(params: Params, outpoint: Outpoint, coin: Coin, way: Condition, signer: int) -> Transaction:
    """Return the transaction by which a party spends one output in a given way.

    The input's relative lock is that of the condition: who waits for ``to_self_delay`` does not broadcast earlier
    (B05-local-commit-n-02, B05-local-commit-local-offers-n-06, B05-local-commit-remote-offers-l-06). Second-stage
    transactions move the money on to a delayed output, with anchors without a fee (B03-fee-calculation-b-01,
    B03-fee-calculation-b-03); all others move it to the signer's wallet. Claims
    pay their fee out of the wallet's other coins: what a claim brings is the amount of its output.
    """
    txid = outpoint.txid
    output = outpoint.vout if txid.form is Form.COMMITMENT else txid.output
    second_stage = way.leads_to is not Kind.WALLET
    fee = coin.second_stage_fee_sat if second_stage else Sat(0)
    made = (
        coin._replace(kind=way.leads_to, amount_sat=coin.amount_sat - fee)
        if second_stage
        else Coin(Kind.WALLET, coin.amount_sat, signer)
    )
    delay = params.binding(side(coin.seat)).to_self_delay
    spent = Input(outpoint, way.use, relative_lock(way.lock, params.option_anchors, delay))
    locktime = coin.htlc.cltv_expiry if way.expiry and coin.htlc is not None else ANY_TIME
    form = Form.SECOND_STAGE if second_stage else Form.CLAIM
    charged = (fee, Sat(0)) if coin.seat == 0 else (Sat(0), fee)
    return Transaction(Txid(form, coin.seat, coin.number, output), (spent,), (made,), locktime, fee, signer, charged)


def can_be_siphoned(params: Params, transaction: Transaction) -> bool:
    """Say whether an HTLC transaction pays a fee that its owner can turn to itself.

    With anchors the peer has signed only what the transaction takes from the HTLC output and where that goes
    (B05-htlc-tx-b-01). So the owner may add outputs, up to what is left for the fee: nothing, as it has to be.
    """
    return params.option_anchors and transaction.txid.form is Form.SECOND_STAGE and transaction.fee_sat > Sat(0)


def siphoned(transaction: Transaction) -> Transaction:
    """Return an HTLC transaction with one more output, by which its owner takes the fee."""
    fee = Coin(Kind.WALLET, transaction.fee_sat, transaction.signer)
    return transaction._replace(outputs=(*transaction.outputs, fee), fee_sat=Sat(0), charged=(Sat(0), Sat(0)))


def joined(transactions: tuple[Transaction, ...]) -> Transaction:
    """Return one transaction that does what several claims of one signer do: valid when all of them are."""
    first = transactions[0]
    return Transaction(
        txid=first.txid._replace(output=NOBODY),
        inputs=tuple(spent for entry in transactions for spent in entry.inputs),
        outputs=tuple(made for entry in transactions for made in entry.outputs),
        locktime=max(entry.locktime for entry in transactions),
        fee_sat=sum((entry.fee_sat for entry in transactions), Sat(0)),
        signer=first.signer,
    )
