"""What the wallet knows: coins, and the transactions that made or spent them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from boltchain.faucet import COINBASE_MATURITY
from boltchain.transaction import OutPoint, Transaction, Txid
from boltchain.wallet.keys import KeyPath


@dataclass(frozen=True, slots=True)
class Coin:
    """An output that pays to a key of the wallet."""

    outpoint: OutPoint
    amount_sat: int
    path: KeyPath
    """The key that opens it."""
    height: int | None
    """Height of the block that holds its transaction; None while that waits."""
    coinbase: bool = False
    spent_by: Txid | None = None
    """The last known transaction that spends it, whether or not it is confirmed or was ever sent."""
    spent_height: int | None = None
    """Height of the block that holds the spending transaction; None while that waits."""
    reserve: bool = False
    """Set aside for raising fees: not used for anything else."""

    def mature(self, height: int) -> bool:
        """Whether it can be spent in the block above `height`: confirmed, and a coinbase deep enough."""
        return self.height is not None and (not self.coinbase or self.height + COINBASE_MATURITY <= height + 1)


class Status(StrEnum):
    """Where a transaction of the wallet stands."""

    PREPARED = "prepared"
    """Signed and stored, its coins are taken; it must not be sent yet."""
    SENT = "sent"
    """May have reached the network, and is to be sent again until it is confirmed."""
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class WalletTransaction:
    """A transaction that spends or makes coins of the wallet."""

    transaction: Transaction
    status: Status
    height: int | None = None
    """Height of its block, if it is confirmed."""
    fee_sat: int | None = None
    """Its fee; None for transactions that others made."""
    own: bool = False
    """Whether this wallet made it and all its inputs are coins of the wallet: nobody else can make it vanish."""
    label: str = ""
    """What its maker says that it is for."""
    change_vout: int | None = None
    """Which output is change, if one is."""
    reserve_vouts: tuple[int, ...] = ()
    """Which outputs are coins to be set aside for raising fees."""
    replaces: Txid | None = None
    """The transaction whose place it takes, with a higher fee."""

    @property
    def txid(self) -> Txid:
        """The transaction's id."""
        return self.transaction.txid


@dataclass(frozen=True, slots=True)
class Balance:
    """The wallet's money in satoshi; each coin counts in at most one of the fields.

    A payment that waits for a block shows with what it spends (`committed_sat`) and its change (`unconfirmed_sat`).
    """

    spendable_sat: int = 0
    """Confirmed and free."""
    unconfirmed_sat: int = 0
    """Waiting for a block."""
    immature_sat: int = 0
    """Coinbases that are not deep enough yet."""
    committed_sat: int = 0
    """Confirmed, and spent by a transaction that is prepared or waits for a block."""
    reserve_sat: int = 0
    """Confirmed, free, and set aside for raising fees."""
