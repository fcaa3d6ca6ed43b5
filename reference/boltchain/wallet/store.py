"""Where a wallet is kept: rows of text, which the caller stores as it likes.

A row has a key and a value (JSON). The wallet hands over every change before it uses what the change stands for, all
rows of a change at once; `save` must make them durable together, or have them join a transaction that the caller makes
durable before anything leaves the process. Private keys and the seed are never in a row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from boltchain.block import BlockRef
from boltchain.transaction import OutPoint, Txid, display, from_display, parse_transaction
from boltchain.wallet.coins import Coin, Status, WalletTransaction
from boltchain.wallet.keys import KeyPath


class WalletStore(Protocol):
    """Durable rows. `save` raises if it cannot keep them; the wallet then stops for good."""

    def load(self) -> Mapping[str, str]:
        """All rows, as the last successful saves left them."""

    def save(self, changes: Mapping[str, str | None]) -> None:
        """Set the rows to their new values, None removing a row: all of them or none."""


class MemoryStore:
    """Rows that live as long as this object: for tests and experiments."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        """The rows."""

    def load(self) -> Mapping[str, str]:
        """All rows."""
        return dict(self.rows)

    def save(self, changes: Mapping[str, str | None]) -> None:
        """Set and remove rows."""
        for key, value in changes.items():
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value


COIN, TRANSACTION, NEXT_INDEX = "coin/", "transaction/", "next/"
"""What the keys of rows begin with."""

POSITION = "position"
"""Key of the row with the block that the wallet has reached."""


def coin_key(outpoint: OutPoint) -> str:
    """Key of a coin's row."""
    return f"{COIN}{outpoint}"


def coin_row(coin: Coin) -> str:
    """A coin as a row's value."""
    return json.dumps(
        {
            "amount_sat": coin.amount_sat,
            "path": str(coin.path),
            "height": coin.height,
            "coinbase": coin.coinbase,
            "spent_by": None if coin.spent_by is None else display(coin.spent_by),
            "spent_height": coin.spent_height,
            "reserve": coin.reserve,
        }
    )


def read_coin(key: str, value: str) -> Coin:
    """A coin from its row."""
    txid, vout = key.removeprefix(COIN).split(":")
    row: dict[str, Any] = json.loads(value)
    return Coin(
        OutPoint(Txid(from_display(txid)), int(vout)),
        row["amount_sat"],
        KeyPath.parse(row["path"]),
        row["height"],
        row["coinbase"],
        None if row["spent_by"] is None else Txid(from_display(row["spent_by"])),
        row["spent_height"],
        row["reserve"],
    )


def transaction_key(txid: Txid) -> str:
    """Key of a transaction's row."""
    return f"{TRANSACTION}{display(txid)}"


def transaction_row(entry: WalletTransaction) -> str:
    """A transaction as a row's value."""
    return json.dumps(
        {
            "raw": entry.transaction.raw.hex(),
            "status": entry.status,
            "height": entry.height,
            "fee_sat": entry.fee_sat,
            "own": entry.own,
            "label": entry.label,
            "change_vout": entry.change_vout,
            "reserve_vouts": list(entry.reserve_vouts),
            "replaces": None if entry.replaces is None else display(entry.replaces),
        }
    )


def read_transaction(value: str) -> WalletTransaction:
    """A transaction from its row."""
    row: dict[str, Any] = json.loads(value)
    return WalletTransaction(
        parse_transaction(bytes.fromhex(row["raw"])),
        Status(row["status"]),
        row["height"],
        row["fee_sat"],
        row["own"],
        row["label"],
        row["change_vout"],
        tuple(row["reserve_vouts"]),
        None if row["replaces"] is None else Txid(from_display(row["replaces"])),
    )


def position_row(position: BlockRef) -> str:
    """A position as a row's value."""
    return json.dumps({"height": position.height, "hash": display(position.hash)})


def read_position(value: str) -> BlockRef:
    """A position from its row."""
    row = json.loads(value)
    return BlockRef(row["height"], from_display(row["hash"]))
