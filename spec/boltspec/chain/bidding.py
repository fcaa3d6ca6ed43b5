"""Paying for a place in a block: what feerate an honest party offers, and with which coins of its wallet.

It begins with an estimate and raises it block by block until the transaction is confirmed, up to what is at stake: a
pin, or a full mempool, is a matter of price. With ``option_anchors`` commitments are paid for by a child that spends an
anchor, HTLC transactions by an input that is added to them; either takes a coin of the wallet, which comes back as
change when it is confirmed. So a wallet keeps coins in reserve. Claims pay out of what they claim.

All this is switched on by ``scenario.market``; without it a transaction that pays at all pays enough.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from boltspec.chain.conditions import Kind
from boltspec.chain.enforcement import REBROADCAST, pays_enough
from boltspec.chain.ledger import Ledger, find
from boltspec.chain.mempool import Market, Pool, Pooled, is_admitted, submitted
from boltspec.chain.transactions import Form, Outpoint, Transaction, Txid
from boltspec.rules import duty
from boltspec.units import Blocks

RAISE: dict[Form, str] = {Form.COMMITMENT: "B05-failing-channel-n-08"}
RAISE_CLAIM = "D05-general-n-03"
"""The duty to raise the fee of what is not confirmed: of a commitment, and of all that follows it."""
AT_STAKE = "D05-general-n-04"
"""The duty to go up to what is at stake, if need be: whatever else is in the slot is replaced."""
NEVER_LOWER = "D05-general-n-05"
"""The duty not to begin anew when a transaction has to be made anew: what has been offered for an input remains."""
RESERVE = "D05-general-n-06"
"""The duty to keep coins for fees while a channel may need them."""


class Bid(NamedTuple):
    """What a party offers for some inputs."""

    signer: int
    form: Form
    outpoints: tuple[Outpoint, ...]
    step: int
    """Index of the feerate among the market's bids."""
    is_fixed: bool = False
    """Nothing can be added to what was agreed on."""
    sent: bool = False
    """The transaction has been broadcast with that feerate."""


Bids: TypeAlias = tuple[Bid, ...]


class Wallets(NamedTuple):
    """What parties bid, and with what."""

    market: Market
    option_anchors: bool
    coins: tuple[int, int]
    """How many coins each party has left."""
    remember: bool = False
    """What was bid for a transaction that something else has overtaken may matter again after a reorganisation."""

    def feerate(self, bid: Bid) -> int:
        """Return the feerate of a bid: what was agreed on where nothing can be added, which has to be enough."""
        if bid.is_fixed:
            return self.market.asked
        return self.market.bids[bid.step] if pays_enough(bid.form, self.option_anchors) else 0


def coin(seat: int, index: int) -> Outpoint:
    """Return the name of a coin of a wallet."""
    return Outpoint(Txid(Form.WALLET, seat), index)


def is_fixed(transaction: Transaction, option_anchors: bool) -> bool:
    """Say whether nothing can be added to the fee that was agreed on.

    With anchors that is a commitment in which its owner has nothing, neither balance nor HTLC: there is no anchor of
    its own in it.
    """
    match transaction.txid.form:
        case Form.COMMITMENT:
            return not any(output.kind is Kind.TO_LOCAL_ANCHOR for output in transaction.outputs)
        case Form.SECOND_STAGE:
            return not option_anchors
        case form:
            return form is Form.CLOSING


def needs_coin(transaction: Transaction, option_anchors: bool) -> bool:
    """Say whether a transaction is paid for with the help of a coin."""
    takes_coins = transaction.txid.form in (Form.COMMITMENT, Form.SECOND_STAGE)
    return takes_coins and not is_fixed(transaction, option_anchors)


def bid_for(bids: Iterable[Bid], transaction: Transaction, option_anchors: bool) -> Bid:
    """Return what a party offers now, given what it has offered before."""
    outpoints, signer = _outpoints(transaction), transaction.signer
    before = [bid for bid in bids if bid.signer == signer and not set(outpoints).isdisjoint(bid.outpoints)]
    for bid in before:
        if bid.outpoints == outpoints:
            return bid
    steps = [bid.step for bid in before] if before and duty(NEVER_LOWER) else []
    fixed = is_fixed(transaction, option_anchors)
    return Bid(signer, transaction.txid.form, outpoints, max(steps, default=0), fixed)


def _outpoints(transaction: Transaction) -> tuple[Outpoint, ...]:
    return tuple(spent.outpoint for spent in transaction.inputs)


def raised(bid: Bid, market: Market) -> Bid:
    """Return what a party offers once another block has come without the transaction."""
    if not bid.sent or bid.is_fixed or bid.step + 1 == len(market.bids) or not duty(RAISE.get(bid.form, RAISE_CLAIM)):
        return bid
    if market.bids[bid.step] >= market.asked and not duty(AT_STAKE):
        return bid
    return bid._replace(step=bid.step + 1, sent=False)


def placed(pool: Pool, bids: Bids, wallets: Wallets, wanted: Iterable[Transaction]) -> tuple[Pool, Bids]:
    """Return the mempool and the bids once honest parties have broadcast what they want confirmed."""
    now = []
    for transaction in sorted(wanted, key=_urgency):
        bid = bid_for(bids, transaction, wallets.option_anchors)
        entry = _entry(pool, bid, transaction, wallets)
        if entry is None:
            continue
        now.append(bid._replace(sent=True))
        if not bid.sent or (entry not in pool and duty(REBROADCAST)):
            pool = submitted(pool, entry)
    if wallets.remember:
        wanted_now = {bid.outpoints for bid in now}
        now += [bid._replace(sent=False) for bid in bids if bid.outpoints not in wanted_now]
    return pool, tuple(sorted(now))


def _urgency(transaction: Transaction) -> int:
    """Return the height that a transaction has to be confirmed by, as far as it decides who gets a coin first."""
    return min((int(coin.htlc.cltv_expiry) for coin in transaction.outputs if coin.htlc is not None), default=0)


def _entry(pool: Pool, bid: Bid, transaction: Transaction, wallets: Wallets) -> Pooled | None:
    """Return the transaction as it is broadcast; ``None`` if there is no coin left to pay for it."""
    coins: tuple[Outpoint, ...] = ()
    if needs_coin(transaction, wallets.option_anchors):
        free = _free_coin(pool, transaction, wallets.coins[bid.signer])
        if free is None:
            return None
        coins = (free,)
    feerate = wallets.feerate(bid)
    enough = feerate >= wallets.market.asked
    return Pooled(transaction, enough, Blocks(0), feerate, len(transaction.inputs), coins)


def _free_coin(pool: Pool, transaction: Transaction, coins: int) -> Outpoint | None:
    """Return the coin that pays for a transaction already, or one that pays for none."""
    taken = {name for entry in pool if entry.transaction.signer == transaction.signer for name in entry.coins}
    paying = [entry.coins for entry in pool if entry.transaction == transaction]
    free = [coin(transaction.signer, index) for index in range(coins)]
    return paying[0][0] if paying else next((name for name in free if name not in taken), None)


def still_possible(pool: Pool, ledger: Ledger) -> Pool:
    """Return what is left of a mempool after a block: transactions of the channel whose inputs are unspent."""
    return tuple(
        entry
        for entry in pool
        if entry.transaction.inputs
        and all(find(ledger, spent.outpoint) is not None for spent in entry.transaction.inputs)
    )


def is_unsettled(pool: Pool, bids: Bids, wallets: Wallets) -> bool:
    """Say whether the next block changes something: it confirms a transaction, or a party will offer more, or anew."""
    if any(entry.pays_enough for entry in pool) or any(raised(bid, wallets.market) != bid for bid in bids):
        return True
    return any(bid.sent and _comes_back(pool, bid, wallets) for bid in bids)


def _comes_back(pool: Pool, bid: Bid, wallets: Wallets) -> bool:
    """Say whether a transaction that was driven out of the mempool will be broadcast anew, and be taken."""
    if any(entry.transaction.signer == bid.signer and _outpoints(entry.transaction) == bid.outpoints for entry in pool):
        return False
    admitted = is_admitted(pool, frozenset(bid.outpoints), wallets.feerate(bid), len(bid.outpoints))
    return admitted and duty(REBROADCAST)
