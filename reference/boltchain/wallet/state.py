"""The wallet's books: rows in memory, each change of which is handed to the store before anybody relies on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from boltchain.block import BlockRef
from boltchain.transaction import OutPoint, Transaction, Txid
from boltchain.wallet.coins import Coin, Status, WalletTransaction
from boltchain.wallet.keys import Branch, KeyKind, KeyPath, WalletKeys
from boltchain.wallet.store import (
    COIN,
    NEXT_INDEX,
    POSITION,
    TRANSACTION,
    WalletStore,
    coin_key,
    coin_row,
    position_row,
    read_coin,
    read_position,
    read_transaction,
    transaction_key,
    transaction_row,
)

LOOKAHEAD = 20
"""Addresses beyond the last issued one that are watched, so that a wallet made anew from its seed finds its coins."""


class WalletStopped(Exception):
    """The store failed once: what is in memory is ahead of it, and nothing may be signed any more."""


class WalletState:
    """Coins, transactions and indices by key, and the scripts that are watched."""

    def __init__(self, keys: WalletKeys, store: WalletStore) -> None:
        self.keys = keys
        """The keys of the wallet."""
        self.coins: dict[OutPoint, Coin] = {}
        """All outputs that ever paid to the wallet, spent ones included."""
        self.transactions: dict[Txid, WalletTransaction] = {}
        """All transactions that spend or make coins."""
        self.position: BlockRef | None = None
        """The block that the wallet has reached; None before the first."""
        self.scripts: dict[bytes, KeyPath] = {}
        """Watched scripts."""
        self._script_of: dict[KeyPath, bytes] = {}
        self._spenders: dict[OutPoint, set[Txid]] = {}
        self._next: dict[tuple[KeyKind, Branch], int] = {}
        self._watched: dict[tuple[KeyKind, Branch], int] = {}
        self._store = store
        self._changes: dict[str, str | None] = {}
        self._stopped = False
        self._load()

    # --- reading

    def script(self, coin: Coin) -> bytes:
        """The script that a coin pays to."""
        return self._script_of[coin.path]

    def next_index(self, kind: KeyKind, branch: Branch) -> int:
        """The lowest index that was never issued."""
        return self._next.get((kind, branch), 0)

    def spenders(self, outpoint: OutPoint) -> set[Txid]:
        """The known transactions that spend an outpoint, whether it is a coin or not."""
        return self._spenders.get(outpoint, set())

    def made_by(self, transaction: Transaction) -> list[Coin]:
        """The coins that a transaction makes, as far as they are in the books."""
        outpoints = (OutPoint(transaction.txid, vout) for vout in range(len(transaction.outputs)))
        return [self.coins[outpoint] for outpoint in outpoints if outpoint in self.coins]

    # --- changing

    def put_coin(self, coin: Coin) -> None:
        """Set a coin's row."""
        self.coins[coin.outpoint] = coin
        self._changes[coin_key(coin.outpoint)] = coin_row(coin)

    def drop_coin(self, outpoint: OutPoint) -> None:
        """Remove a coin's row."""
        del self.coins[outpoint]
        self._changes[coin_key(outpoint)] = None

    def put_transaction(self, entry: WalletTransaction) -> None:
        """Set a transaction's row."""
        self._enter(entry)
        self._changes[transaction_key(entry.txid)] = transaction_row(entry)

    def drop_transaction(self, txid: Txid) -> None:
        """Forget a transaction that can no longer confirm, the coins that it makes, and all that spends those.

        The coins that it spends are free again, unless another known transaction spends them.
        """
        entry = self.transactions.pop(txid, None)
        if entry is None:
            return
        self._changes[transaction_key(txid)] = None
        for vout in range(len(entry.transaction.outputs)):
            for spender in list(self.spenders(outpoint := OutPoint(txid, vout))):
                self.drop_transaction(spender)
            if outpoint in self.coins:
                self.drop_coin(outpoint)
        for used in entry.transaction.inputs:
            spenders = self._spenders.get(used.previous, set())
            spenders.discard(txid)
            self._free(used.previous, txid, spenders)

    def _free(self, outpoint: OutPoint, txid: Txid, others: Iterable[Txid]) -> None:
        coin = self.coins.get(outpoint)
        if coin is not None and coin.spent_by == txid:
            self.put_coin(replace(coin, spent_by=next(iter(others), None), spent_height=None))

    def add_outputs(self, entry: WalletTransaction) -> None:
        """Enter the outputs that pay to the wallet as coins, or bring the known ones to the transaction's height."""
        for vout, output in enumerate(entry.transaction.outputs):
            path = self.scripts.get(output.script_pubkey)
            if path is None:
                continue
            outpoint = OutPoint(entry.txid, vout)
            known = self.coins.get(outpoint)
            coinbase, reserve = entry.transaction.is_coinbase, vout in entry.reserve_vouts
            fresh = Coin(outpoint, output.amount_sat, path, entry.height, coinbase, reserve=reserve)
            self.put_coin(fresh if known is None else replace(known, height=entry.height))
            self.issue(path)

    def issue(self, path: KeyPath) -> None:
        """Note that an address is in use: it and those before it are never given out again."""
        branch = path.kind, path.branch
        if path.index < self._next.get(branch, 0):
            return
        self._next[branch] = path.index + 1
        self._changes[f"{NEXT_INDEX}{path.kind}/{int(path.branch)}"] = str(path.index + 1)
        self._watch(*branch)

    def move(self, position: BlockRef) -> None:
        """Set the block that the wallet has reached."""
        self.position = position
        self._changes[POSITION] = position_row(position)

    def save(self) -> None:
        """Hand all changes since the last call to the store. If it fails, the wallet stops for good."""
        self.check_running()
        changes, self._changes = self._changes, {}
        if not changes:
            return
        try:
            self._store.save(changes)
        except BaseException:
            self._stopped = True
            raise

    def check_running(self) -> None:
        """WalletStopped if the store has failed."""
        if self._stopped:
            msg = "the wallet's storage failed before; restart from what is stored"
            raise WalletStopped(msg)

    def _load(self) -> None:
        for kind in KeyKind:
            for branch in Branch:
                self._watch(kind, branch)
        for key, value in self._store.load().items():
            if key.startswith(COIN):
                coin = read_coin(key, value)
                self.coins[coin.outpoint] = coin
            elif key.startswith(TRANSACTION):
                self._enter(read_transaction(value))
            elif key.startswith(NEXT_INDEX):
                kind_name, branch_number = key.removeprefix(NEXT_INDEX).split("/")
                self._next[KeyKind(kind_name), Branch(int(branch_number))] = int(value)
                self._watch(KeyKind(kind_name), Branch(int(branch_number)))
            elif key == POSITION:
                self.position = read_position(value)
            else:
                msg = f"unknown row in the wallet's storage: {key!r}"
                raise ValueError(msg)

    def _enter(self, entry: WalletTransaction) -> None:
        self.transactions[entry.txid] = entry
        if not entry.transaction.is_coinbase:
            for used in entry.transaction.inputs:
                self._spenders.setdefault(used.previous, set()).add(entry.txid)

    def _watch(self, kind: KeyKind, branch: Branch) -> None:
        """Watch all scripts up to the lookahead."""
        end = self.next_index(kind, branch) + LOOKAHEAD
        for index in range(self._watched.get((kind, branch), 0), end):
            path = KeyPath(kind, branch, index)
            self._script_of[path] = self.keys.script(path)
            self.scripts[self._script_of[path]] = path
        self._watched[kind, branch] = end


def replaced(state: WalletState, *, by: tuple[Status, ...] = (Status.SENT,)) -> set[Txid]:
    """The transactions whose place a replacement of one of these statuses takes."""
    replacements = (entry for entry in state.transactions.values() if entry.status in by)
    return {entry.replaces for entry in replacements if entry.replaces is not None}
