"""Blocks come and go, and the books follow: what they make, what they spend, and what they make impossible."""

from __future__ import annotations

from dataclasses import replace

from boltchain.block import Block, BlockRef
from boltchain.transaction import Transaction
from boltchain.wallet.coins import Status, WalletTransaction
from boltchain.wallet.state import WalletState


class OutOfOrder(ValueError):
    """A block does not follow on the wallet's position."""


def connect_block(state: WalletState, position: BlockRef, block: Block) -> None:
    """The best chain has `block` at `position` on top of the wallet's position. OutOfOrder if it does not fit there."""
    before = state.position
    if block.hash != position.hash or (before is not None and block.previous != before.hash):
        msg = f"block {position} does not build on the wallet's position {before}"
        raise OutOfOrder(msg)
    for transaction in block.transactions:
        _confirm(state, transaction, position.height)
    state.move(position)


def disconnect_block(state: WalletState, position: BlockRef, disconnected: BlockRef) -> None:
    """The wallet's position, `disconnected`, has left the best chain, which now ends at `position` or another branch.

    Its transactions wait again; a coinbase is gone, and all that descends from it.
    """
    if state.position != disconnected:
        msg = f"block {disconnected} is not the wallet's position {state.position}"
        raise OutOfOrder(msg)
    height = disconnected.height
    for entry in [entry for entry in state.transactions.values() if entry.height == height]:
        if entry.transaction.is_coinbase:
            state.drop_transaction(entry.txid)
    for entry in [entry for entry in state.transactions.values() if entry.height == height]:
        state.put_transaction(replace(entry, status=Status.SENT, height=None))
    for coin in list(state.coins.values()):
        if height in (coin.height, coin.spent_height):
            made = None if coin.height == height else coin.height
            spent = None if coin.spent_height == height else coin.spent_height
            state.put_coin(replace(coin, height=made, spent_height=spent))
    state.move(position)


def note_transaction(state: WalletState, transaction: Transaction) -> bool:
    """Enter an unconfirmed transaction that others made, if it touches the wallet; whether it does.

    Nothing happens if a known transaction spends the same.
    """
    conflict = any(state.spenders(used.previous) - {transaction.txid} for used in transaction.inputs)
    if transaction.txid in state.transactions or conflict or not _touches(state, transaction):
        return False
    _enter(state, WalletTransaction(transaction, Status.SENT))
    return True


def _confirm(state: WalletState, transaction: Transaction, height: int) -> None:
    if not transaction.is_coinbase:
        for used in transaction.inputs:
            for rival in state.spenders(used.previous) - {transaction.txid}:
                state.drop_transaction(rival)
    known = state.transactions.get(transaction.txid)
    if known is not None:
        # The block may hold it with other witnesses than those that were known.
        known = replace(known, transaction=transaction, status=Status.CONFIRMED, height=height)
        _enter(state, known)
    elif _touches(state, transaction):
        _enter(state, WalletTransaction(transaction, Status.CONFIRMED, height))


def _touches(state: WalletState, transaction: Transaction) -> bool:
    return any(used.previous in state.coins for used in transaction.inputs) or any(
        output.script_pubkey in state.scripts for output in transaction.outputs
    )


def _enter(state: WalletState, entry: WalletTransaction) -> None:
    state.put_transaction(entry)
    for used in entry.transaction.inputs:
        coin = state.coins.get(used.previous)
        if coin is not None:
            state.put_coin(replace(coin, spent_by=entry.txid, spent_height=entry.height))
    state.add_outputs(entry)
