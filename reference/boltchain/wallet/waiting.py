"""Payments that wait for a block: what is sent again, what can be replaced, whose change is safe."""

from __future__ import annotations

from boltchain.transaction import Transaction, Txid, display
from boltchain.wallet.coins import Coin, Status, WalletTransaction
from boltchain.wallet.draft import FINAL
from boltchain.wallet.state import WalletState, replaced


def known(state: WalletState, txid: Txid) -> WalletTransaction:
    """A transaction that the wallet has to do with. LookupError if it has not."""
    state.check_running()
    entry = state.transactions.get(txid)
    if entry is None:
        msg = f"the wallet knows no transaction {display(txid)}"
        raise LookupError(msg)
    return entry


def replaceable(state: WalletState, txid: Txid) -> WalletTransaction:
    """A payment that another one can take the place of. LookupError if it is unknown, ValueError that says why not."""
    entry = known(state, txid)
    if entry.status is not Status.SENT or entry.fee_sat is None:
        msg = f"{display(txid)} is no payment of this wallet that waits for a block: it is {entry.status}"
        raise ValueError(msg)
    if txid in replaced(state, by=(Status.PREPARED, Status.SENT)):
        msg = f"{display(txid)} was replaced already: raise the fee of its replacement"
        raise ValueError(msg)
    if all(used.sequence >= FINAL for used in entry.transaction.inputs):
        msg = f"{display(txid)} was made to keep its id: let a child pay for it"
        raise ValueError(msg)
    if any(coin.spent_by is not None for coin in state.made_by(entry.transaction)):
        msg = f"an output of {display(txid)} is spent already: raise the fee of what spends it"
        raise ValueError(msg)
    return entry


def is_own_change(state: WalletState, coin: Coin) -> bool:
    """Whether an unconfirmed coin comes from a payment that nobody else can undo."""
    entry = state.transactions.get(coin.outpoint.txid)
    if entry is None or not entry.own or entry.status is not Status.SENT:
        return False
    return entry.txid not in replaced(state, by=(Status.PREPARED, Status.SENT))


def own_coins(state: WalletState, transaction: Transaction) -> tuple[Coin, ...]:
    """The coins of the wallet that a transaction spends."""
    spent = (state.coins.get(used.previous) for used in transaction.inputs)
    return tuple(coin for coin in spent if coin is not None)


def to_send(state: WalletState) -> list[bytes]:
    """Transactions that may leave and that no block holds, parents before children."""
    outdated = replaced(state)
    waiting = {
        entry.txid: entry.transaction
        for entry in state.transactions.values()
        if entry.status is Status.SENT and entry.txid not in outdated
    }
    ordered: dict[Txid, Transaction] = {}
    while len(ordered) < len(waiting):
        for txid, transaction in waiting.items():
            parents = {used.previous.txid for used in transaction.inputs} & waiting.keys()
            if parents <= ordered.keys():
                ordered[txid] = transaction
    return [transaction.raw for transaction in ordered.values()]
